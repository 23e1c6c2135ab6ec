declare const octets: unique symbol;

/**
 * Bytes as text, one character for each: what is written as `latin1`. Such texts join without a copy, and a socket
 * takes short ones faster than buffers. Text as people read it is none, so a type of its own keeps the two apart.
 */
export type Octets = string & { readonly [octets]: true };

/** The UTF-8 of a text. */
export function utf8(text: string): Octets {
  return (Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString("latin1")) as Octets;
}

/** The text whose UTF-8 it is; what is none becomes U+FFFD. */
export function textOfOctets(octets: Octets): string {
  return Buffer.from(octets, "latin1").toString();
}

/** Bytes as they are. */
export function octetsOf(bytes: Uint8Array): Octets {
  if (bytes.length === 0) return "" as Octets;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as Octets;
}

/** One behind the other. */
export function join(first: Octets, second: Octets): Octets {
  return (first + second) as Octets;
}

export function bytesOf(text: Octets): Buffer {
  return Buffer.from(text, "latin1");
}
