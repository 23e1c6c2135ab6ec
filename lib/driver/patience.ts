import { randomInt } from "node:crypto";

/** How long an answer is waited for, in ms. */
const ANSWERS_WITHIN = 4_000;
/** The pauses between two tries, in ms: twice as long each time. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2_000;

/** No answer came in time. */
export class SilenceError extends Error {
  override name = "SilenceError";
}

/**
 * Settles as the promise does, if that is in time.
 *
 * @param beyond ms that it may take besides, since that is what it was asked for
 */
export function answered<T>(promise: Promise<T>, beyond = 0): Promise<T> {
  return new Promise((resolve, reject) => {
    // Twice half of the time: when this process stood still, the answer has come meanwhile and is read in between.
    let timer = setTimeout(
      () => {
        timer = setTimeout(
          () => reject(new SilenceError(`No answer came within ${ANSWERS_WITHIN} ms`)),
          ANSWERS_WITHIN / 2,
        );
      },
      beyond + ANSWERS_WITHIN / 2,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Pauses between tries to reach a store that is away: each longer than the last, and of no two servers alike. */
export class Pauses {
  #next = FIRST_PAUSE;

  /** Begins with the shortest again. */
  reset(): void {
    this.#next = FIRST_PAUSE;
  }

  /** Waits, unless it is aborted. */
  async pass(signal: AbortSignal): Promise<void> {
    const ms = (this.#next * randomInt(500, 1001)) / 1000;
    this.#next = Math.min(2 * this.#next, LONGEST_PAUSE);
    await new Promise<void>((resolve) => {
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener("abort", over);
      if (signal.aborted) over();
    });
  }
}
