import type { Clock } from "../../clock/clock.js";

/** Gives a sign of life whenever nothing was written for so long. */
export class LifeSigns {
  readonly #clock: Clock;
  readonly #ms: number;
  #wroteAt = 0;
  #stop: (() => void) | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** @param beat writes one, and says so by `wrote` */
  start(beat: () => void): void {
    this.wrote();
    this.#wait(this.#ms, beat);
  }

  /** Something was written. It costs no timer: the one that waits finds that it is early. */
  wrote(): void {
    this.#wroteAt = this.#clock.now();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #wait(ms: number, beat: () => void): void {
    this.#stop = this.#clock.after(ms, () => {
      const left = this.#wroteAt + this.#ms - this.#clock.now();
      if (left >= 1) {
        this.#wait(left, beat);
        return;
      }
      this.#wait(this.#ms, beat);
      beat();
    });
  }
}
