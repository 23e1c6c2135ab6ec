/** A client's messages cannot be read. The error's text is the answer to the client. */
export class PayloadError extends Error {
  override name = "PayloadError";
}

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);
const LETTER_U = "u".charCodeAt(0);
const COMMA = ",".charCodeAt(0);
const OPEN = "[".charCodeAt(0);
const CLOSE = "]".charCodeAt(0);

/** The place in the text, which decides about the character that may come next, besides blanks. */
type Place =
  | "before the array"
  | "first text or end"
  | "text"
  | "in a text"
  | "comma or end"
  | "behind the array";

/**
 * Reads a JSON array of strings piece by piece, in any slices, and keeps nothing of it but half an escape: a
 * body of any length costs the memory of its pieces.
 */
export class JsonTexts {
  #place: Place = "before the array";
  /** The beginning of an escape whose end has not come. */
  #rest = "";

  /**
   * Returns what the strings in this piece hold, joined.
   *
   * @throws PayloadError when it is no array of strings
   */
  read(piece: string): string {
    const json = this.#rest + piece;
    this.#rest = "";
    // Without their quotes the strings are one: to parse that costs far less than each of them.
    let texts = "";
    let at = 0;
    while (at < json.length) {
      if (this.#place !== "in a text") {
        this.#step(json.charCodeAt(at++));
        continue;
      }
      const end = endOfText(json, at);
      texts += json.slice(at, end);
      if (json.charCodeAt(end) !== QUOTE) {
        this.#rest = json.slice(end);
        break;
      }
      this.#place = "comma or end";
      at = end + 1;
    }
    return unescaped(texts);
  }

  /** @throws PayloadError when the array is not whole */
  end(): void {
    if (this.#place !== "behind the array") throw this.#fault();
  }

  /** Takes one character that is in no string. */
  #step(character: number): void {
    if (isBlank(character)) return;

    const place = placeAfter(this.#place, character);
    if (place === undefined) throw this.#fault();
    this.#place = place;
  }

  #fault(): PayloadError {
    return this.#place === "before the array" ? new PayloadError("Payload expected.") : broken();
  }
}

function placeAfter(place: Place, character: number): Place | undefined {
  switch (place) {
    case "before the array":
      return character === OPEN ? "first text or end" : undefined;
    case "comma or end":
      return character === COMMA ? "text" : character === CLOSE ? "behind the array" : undefined;
    case "first text or end":
      return character === QUOTE ? "in a text" : character === CLOSE ? "behind the array" : undefined;
    case "text":
      return character === QUOTE ? "in a text" : undefined;
    case "in a text":
    case "behind the array":
      return undefined;
  }
}

/** Where the text's closing quote is; or what is whole of it ends: before half an escape, else with the piece. */
function endOfText(json: string, from: number): number {
  let at = from;
  while (at < json.length) {
    const character = json.charCodeAt(at);
    if (character === QUOTE) return at;

    const length = character !== BACKSLASH ? 1 : json.charCodeAt(at + 1) === LETTER_U ? 6 : 2;
    if (at + length > json.length) return at;
    at += length;
  }
  return at;
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x09 || character === 0x0a || character === 0x0d;
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw broken();
  }
}

function broken(): PayloadError {
  return new PayloadError("Broken JSON encoding.");
}
