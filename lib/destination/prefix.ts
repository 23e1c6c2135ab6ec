/**
 * Whether a destination is under a prefix. A prefix ends where a name ends:
 * `/topic` has `/topic/a` and `/topic.a`, and not `/topics/a`, which is a slip
 * of the pen.
 */
export function isUnder(prefix: string, destination: string): boolean {
  if (!destination.startsWith(prefix)) return false;
  const { length } = prefix;
  return !isOfName(destination.charCodeAt(length)) || !isOfName(prefix.charCodeAt(length - 1));
}

/** A letter or a digit; NaN, which stands behind the end, is neither. */
function isOfName(code: number): boolean {
  return (
    (code > 0x2f && code < 0x3a) ||
    (code > 0x40 && code < 0x5b) ||
    (code > 0x60 && code < 0x7b) ||
    code > 0x7f
  );
}
