const NOTHING = new Uint8Array(0);

/**
 * Turns a stream of texts into bytes of UTF-8. Clients cut text without regard for surrogate pairs, so half a
 * pair at the end waits for the other half.
 */
export class TextBytes {
  #half = "";

  encode(text: string): Uint8Array {
    if (text === "") return NOTHING;

    const whole = this.#half + text;
    this.#half = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.slice(-1) : "";
    return Buffer.from(this.#half === "" ? whole : whole.slice(0, -1));
  }
}

/** Bytes of UTF-8 as text, without copying them first. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
