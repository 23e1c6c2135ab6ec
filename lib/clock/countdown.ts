/** A time that is over once, and may be made shorter. */
export class Countdown {
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  #end = () => {};
  #at = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param ms from now on; its timer keeps the process alive */
  constructor(ms: number) {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.shorten(ms);
  }

  /** Lets it be over in so many ms, if it would last longer. */
  shorten(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#at) return;
    this.#at = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#end, ms);
  }

  /** Nobody waits for it any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
