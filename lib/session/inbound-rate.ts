/** How long frames may be held back without a pause before the client is given up, in ms. */
const PATIENCE = 10_000;

/** Lets so many frames of one session pass each second, a second's worth of which may come at once. */
export class InboundRate {
  readonly #limit: number;
  #allowance: number;
  #refilledAt: number;
  #held = false;
  /** Since when frames have been held back in each tick. */
  #heldSince: number | undefined;

  constructor(limit: number, now: number) {
    this.#limit = limit;
    this.#allowance = limit;
    this.#refilledAt = now;
  }

  /** Whether a frame is held back until the next tick. */
  get holds(): boolean {
    return this.#held;
  }

  /** Takes leave for one more frame now. Gives whether it may pass; if not, frames are held back until the next tick. */
  take(): boolean {
    if (this.#allowance >= 1) this.#allowance--;
    else this.#held = true;
    return !this.#held;
  }

  /** For each tick of the clock. Returns whether the client is past being slowed down. */
  refill(now: number): boolean {
    this.#heldSince = this.#held ? (this.#heldSince ?? this.#refilledAt) : undefined;
    this.#held = false;

    const earned = (this.#limit * (now - this.#refilledAt)) / 1000;
    this.#allowance = Math.min(this.#allowance + earned, this.#limit);
    this.#refilledAt = now;
    return this.#heldSince !== undefined && now - this.#heldSince > PATIENCE;
  }
}
