/** How long a client may go on sending faster than it may, in ms, while it is slowed down. */
const PATIENCE = 10_000;

/** Counts one session's frames against so many each second, a second's worth of which may come at once. */
export class InboundRate {
  readonly #limit: number;
  #allowance: number;
  #refilledAt: number;
  /** Since when the allowance was used up between any two ticks. */
  #exceededSince: number | undefined;

  constructor(limit: number, now: number) {
    this.#limit = limit;
    this.#allowance = limit;
    this.#refilledAt = now;
  }

  /** Whether the session should not be read from for now. */
  get exhausted(): boolean {
    return this.#allowance < 0;
  }

  take(): void {
    // Frames of one read come together: the client learns of the limit only afterwards.
    this.#allowance = Math.max(this.#allowance - 1, -this.#limit);
  }

  /** For each tick of the clock. Returns whether the client is past being slowed down. */
  refill(now: number): boolean {
    if (this.exhausted) this.#exceededSince ??= this.#refilledAt;
    else this.#exceededSince = undefined;

    const earned = (this.#limit * (now - this.#refilledAt)) / 1000;
    this.#allowance = Math.min(this.#allowance + earned, this.#limit);
    this.#refilledAt = now;
    return this.#exceededSince !== undefined && now - this.#exceededSince > PATIENCE;
  }
}
