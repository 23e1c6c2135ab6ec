import { PayloadError } from "./json-texts.js";

const AMPERSAND = "&".charCodeAt(0);
const EQUALS = "=".charCodeAt(0);
const PLUS = "+".charCodeAt(0);
const PERCENT = "%".charCodeAt(0);
const SPACE = " ".charCodeAt(0);

/**
 * Reads one field of a form (`application/x-www-form-urlencoded`) piece by piece, in any slices, and keeps
 * nothing of it. If it is there twice, the first counts.
 */
export class FormField {
  readonly #field: string;
  #place: "name" | "value" | "other value" | "behind the value" = "name";
  /** No more of a name than tells whether it is the field's. */
  #name = "";
  /** Of `%` and its two digits: how many digits are to come, and what those say that have. */
  #digits = 0;
  #code = 0;

  constructor(field: string) {
    this.#field = field;
  }

  /**
   * Returns what this piece has of the field's value.
   *
   * @throws PayloadError when `%` has no two digits behind it
   */
  read(piece: Buffer): Buffer {
    const value = Buffer.allocUnsafe(piece.length);
    let length = 0;
    for (const octet of piece) {
      if (this.#place !== "value" || octet === AMPERSAND) this.#step(octet);
      else if (this.#digits > 0) length = this.#digit(octet, value, length);
      else if (octet === PERCENT) this.#digits = 2;
      else value[length++] = octet === PLUS ? SPACE : octet;
    }
    return value.subarray(0, length);
  }

  /** Takes one octet outside of the value. */
  #step(octet: number): void {
    if (octet === AMPERSAND) {
      this.#place = this.#place === "name" || this.#place === "other value" ? "name" : "behind the value";
      this.#name = "";
    } else if (this.#place !== "name") {
      return;
    } else if (octet === EQUALS) {
      this.#place = this.#name === this.#field ? "value" : "other value";
    } else if (this.#name.length <= this.#field.length) {
      this.#name += String.fromCharCode(octet);
    }
  }

  #digit(octet: number, value: Buffer, length: number): number {
    const digit = Number.parseInt(String.fromCharCode(octet), 16);
    if (Number.isNaN(digit)) throw new PayloadError("Broken form encoding.");

    this.#code = (this.#code % 16) * 16 + digit;
    this.#digits--;
    if (this.#digits > 0) return length;
    value[length] = this.#code;
    return length + 1;
  }
}
