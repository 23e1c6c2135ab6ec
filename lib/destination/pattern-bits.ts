/** One of any kind, and any number of them. */
export const ONE = Symbol("one");
export const MANY = Symbol("many");

/** A part of a pattern: a text that stands for itself, a wildcard for one or for many, or a test. */
export type PatternItem = string | typeof ONE | typeof MANY | { accepts(text: string): boolean };

/** A bit for each place of a pattern, and one for its end. */
export type Bits = Uint32Array;

/**
 * A pattern of characters, or of segments. All ways to read it are followed at
 * once, as bits of a few words: whatever the pattern is, each character costs
 * the same.
 */
export class PatternBits {
  /** Its places: all but the gaps that stand for many. */
  readonly length: number;
  /** For what stands for itself, and for all else: at which places it may stand. */
  readonly #exact = new Map<string, Bits>();
  readonly #open: Bits;
  readonly #deciding: { readonly place: number; accepts(text: string): boolean }[] = [];
  /** Before which places any number may be passed over. */
  readonly #gaps: Bits;

  constructor(items: readonly PatternItem[]) {
    const places = items.filter((item) => item !== MANY);
    this.length = places.length;
    this.#open = this.#none();
    this.#gaps = this.#none();

    let place = 0;
    for (const item of items) {
      if (item === MANY) setBit(this.#gaps, place);
      else place++;
    }
    for (const [at, item] of places.entries()) {
      if (item === ONE) setBit(this.#open, at);
      else if (typeof item === "object")
        this.#deciding.push({ place: at, accepts: (text) => item.accepts(text) });
    }
    for (const [at, item] of places.entries()) {
      if (typeof item !== "string") continue;
      const bits = this.#exact.get(item) ?? this.#open.slice();
      setBit(bits, at);
      this.#exact.set(item, bits);
    }
  }

  /** Whether a whole text fits, given as what the pattern is made of. */
  test(items: Iterable<string>): boolean {
    const here = this.begin();
    for (const item of items) if (!this.step(here, item)) return false;
    return this.isEnd(here);
  }

  /** Where one stands before the first. */
  begin(): Bits {
    const here = this.#none();
    setBit(here, 0);
    return here;
  }

  /** Goes on by one; `false` when there is no way. */
  step(here: Bits, item: string): boolean {
    let accepted = this.#exact.get(item) ?? this.#open;
    for (const { place, accepts } of this.#deciding) {
      if (!hasBit(here, place) || hasBit(accepted, place) || !accepts(item)) continue;
      if (accepted === this.#open || accepted === this.#exact.get(item)) accepted = accepted.slice();
      setBit(accepted, place);
    }
    return this.#advance(here, accepted);
  }

  /** Goes on by something that may stand at the places for which `fits` says so. */
  stepWhere(here: Bits, fits: (place: number) => boolean): boolean {
    const accepted = this.#none();
    for (let place = 0; place < this.length; place++) {
      if (hasBit(here, place) && fits(place)) setBit(accepted, place);
    }
    return this.#advance(here, accepted);
  }

  /** Goes on by one that may be anything: only where all may stand. */
  stepOpen(here: Bits): boolean {
    return this.#advance(here, this.#open);
  }

  /** Goes on by any number of any kind, as another pattern may have: they may be whatever is wanted here. */
  stepMany(here: Bits): boolean {
    let reached = false;
    for (let place = 0; place <= this.length; place++) {
      reached ||= hasBit(here, place);
      if (reached) setBit(here, place);
    }
    return reached;
  }

  /** Goes on by any number that may be anything: only where a gap is. */
  stepGaps(here: Bits): boolean {
    return this.#advance(here, this.#none());
  }

  isEnd(here: Bits): boolean {
    return hasBit(here, this.length);
  }

  hasGap(place: number): boolean {
    return hasBit(this.#gaps, place);
  }

  #advance(here: Bits, accepted: Bits): boolean {
    let carry = 0;
    let alive = 0;
    for (let word = 0; word < here.length; word++) {
      const now = here[word] as number;
      const stepped = now & (accepted[word] as number);
      here[word] = (stepped << 1) | carry | (now & (this.#gaps[word] as number));
      carry = stepped >>> 31;
      alive |= here[word] as number;
    }
    return alive !== 0;
  }

  #none(): Bits {
    return new Uint32Array((this.length >>> 5) + 1);
  }
}

/** Whether a place has been reached. */
export function hasBit(bits: Bits, at: number): boolean {
  return ((bits[at >>> 5] as number) & (1 << (at & 31))) !== 0;
}

function setBit(bits: Bits, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] as number) | (1 << (at & 31));
}
