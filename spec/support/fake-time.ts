import type { Time } from "#lib/clock/time.js";

/** Time that passes when it is told to. Callbacks of a stalled process come late, and once. */
export class FakeTime implements Time {
  #now = 0;
  #timer: { readonly ms: number; readonly callback: () => void; due: number } | undefined;

  /** The interval of the one timer that runs. */
  get interval(): number | undefined {
    return this.#timer?.ms;
  }

  now(): number {
    return this.#now;
  }

  every(ms: number, callback: () => void): () => void {
    const timer = { ms, callback, due: this.#now + ms };
    this.#timer = timer;
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  }

  /** Lets time pass with every callback in its time. */
  pass(ms: number): void {
    const end = this.#now + ms;
    while (this.#timer && this.#timer.due <= end) {
      this.#now = this.#timer.due;
      this.#ring();
    }
    this.#now = end;
  }

  /** Lets time pass in which nothing runs; what was due runs once, at the end. */
  stall(ms: number): void {
    this.#now += ms;
    if (this.#timer && this.#timer.due <= this.#now) this.#ring();
  }

  #ring(): void {
    const timer = this.#timer!;
    timer.due = this.#now + timer.ms;
    timer.callback();
  }
}
