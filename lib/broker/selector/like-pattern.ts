import { type SelectorToken, unreadable } from "./token.js";

/** So many characters a pattern of LIKE has at most. */
const LIKE_LIMIT = 128;

/**
 * A pattern of SQL's LIKE: `%` is any characters, `_` is one. All ways to read
 * it are followed at once, as bits of a few words, so that each character of a
 * text costs the same whatever the pattern is.
 */
export class LikePattern {
  readonly #length: number;
  /** For a character, and for all others: at which places of the pattern it may stand. */
  readonly #places = new Map<string, Uint32Array>();
  readonly #elsewhere: Uint32Array;
  /** At which places any characters may be passed over. */
  readonly #gaps: Uint32Array;

  /** @param characters of the pattern, without escapes; `undefined` for `_`, `null` for `%` */
  constructor(characters: readonly (string | undefined | null)[]) {
    const fixed = characters.filter((character) => character !== null);
    this.#length = fixed.length;
    this.#elsewhere = this.#bits();
    this.#gaps = this.#bits();

    let place = 0;
    for (const character of characters) {
      if (character === null) set(this.#gaps, place);
      else if (character === undefined) set(this.#elsewhere, place++);
      else place++;
    }
    for (const [at, character] of fixed.entries()) {
      if (character === undefined) continue;
      const places = this.#places.get(character) ?? this.#elsewhere.slice();
      set(places, at);
      this.#places.set(character, places);
    }
  }

  test(text: string): boolean {
    const here = this.#bits();
    set(here, 0);
    for (const character of text) {
      const places = this.#places.get(character) ?? this.#elsewhere;
      let carry = 0;
      let alive = 0;
      for (let word = 0; word < here.length; word++) {
        const now = here[word] as number;
        const stepped = now & (places[word] as number);
        here[word] = (stepped << 1) | carry | (now & (this.#gaps[word] as number));
        carry = stepped >>> 31;
        alive |= here[word] as number;
      }
      if (alive === 0) return false;
    }
    return ((here[this.#length >>> 5] as number) & (1 << (this.#length & 31))) !== 0;
  }

  /** One bit for each place, and one for the end. */
  #bits(): Uint32Array {
    return new Uint32Array((this.#length >>> 5) + 1);
  }
}

function set(bits: Uint32Array, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] as number) | (1 << (at & 31));
}

/** Reads what stands behind LIKE. @throws MessageDeliveryError when it is too long, or escapes what needs none */
export function likePattern({ value, at }: SelectorToken, escaping: string | undefined): LikePattern {
  const given = [...value];
  if (given.length > LIKE_LIMIT) throw unreadable(`LIKE has more than ${LIKE_LIMIT} characters`, at);

  const characters: (string | undefined | null)[] = [];
  for (let i = 0; i < given.length; i++) {
    const character = given[i] as string;
    if (character === escaping) {
      const escaped = given[++i];
      if (escaped !== "%" && escaped !== "_" && escaped !== escaping) {
        throw unreadable("ESCAPE stands before something else than % or _", at);
      }
      characters.push(escaped);
    } else characters.push(character === "%" ? null : character === "_" ? undefined : character);
  }
  return new LikePattern(characters);
}
