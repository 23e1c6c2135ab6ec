import type { Clock } from "./clock.js";

/** A time that is over once, and may be made shorter. */
export class Countdown {
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  #end = () => {};
  #at = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  #stop = () => {};

  /** @param ms from now on; until then the process is kept alive */
  constructor(ms: number, clock: Clock) {
    this.#clock = clock;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.shorten(ms);
  }

  /** Lets it be over in so many ms, if it would last longer. */
  shorten(ms: number): void {
    const at = this.#clock.now() + ms;
    if (at >= this.#at) return;
    this.#at = at;
    this.#stop();
    this.#stop = this.#clock.after(ms, this.#end, true);
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#stop();
  }
}
