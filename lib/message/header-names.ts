/** Names to look for among headers, whatever blanks stand around them: clients and brokers trim what they read. */
export class HeaderNames {
  /** By their lengths: most names are none of them, and have not even the length of one. */
  readonly #byLength: (readonly string[] | undefined)[] = [];

  constructor(names: Iterable<string>) {
    for (const name of names) this.#byLength[name.length] = [...(this.#byLength[name.length] ?? []), name];
  }

  /** Whether one of them stands in a text from here to there. */
  isIn(text: string, from: number, to: number): boolean {
    // Every header of every frame is asked about: nearly all end here.
    const first = text.charCodeAt(from);
    const last = text.charCodeAt(to - 1);
    const isPlain = first > 0x20 && first < 0x80 && last > 0x20 && last < 0x80;
    if (isPlain && this.#byLength[to - from] === undefined) return false;

    let start = from;
    let end = to;
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    const names = this.#byLength[end - start];
    return names?.some((name) => text.startsWith(name, start)) === true;
  }
}

/** For JavaScript all white space is one, for Java all up to the space. */
function isBlank(code: number): boolean {
  return code <= 0x20 || (code > 0x7f && String.fromCharCode(code).trim() === "");
}
