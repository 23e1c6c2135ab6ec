import { randomInt } from "node:crypto";

const FIRST = 100;

/** How long to pause before the next attempt: longer each time, and never as long as all others do. */
export class BackOff {
  readonly #longest: number;
  #rounds = 0;

  /** @param longest in ms */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Half of the pause is fixed, so that it is one; half is chance, so that servers do not come all at once. */
  next(): number {
    const pause = Math.min(FIRST * 2 ** this.#rounds++, this.#longest);
    return (pause * randomInt(500, 1001)) / 1000;
  }

  reset(): void {
    this.#rounds = 0;
  }
}
