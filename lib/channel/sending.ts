import { isPromise } from "../promise.js";
import { type FailedSending, sendingsAround } from "./started-sendings.js";

/**
 * The promise of something that the application sends. Code that calls `then`, as `await` does, takes its
 * failure. A failure that no code takes fails the message during which it was sent, else it is told: a
 * promise that nobody looks at must not end the process.
 *
 * The same holds for each promise that `then`, `catch` or `finally` gives.
 */
export class Sending<T> extends Promise<T> {
  #isTaken = false;
  #tell: ((error: unknown) => void) | undefined;

  /** @param tell logs and announces a failure that is nobody's */
  static of<T>(outcome: T | PromiseLike<T>, tell: (error: unknown) => void): Sending<T> {
    const sending = new Sending<T>((resolve, reject) => {
      if (isPromise(outcome)) outcome.then(resolve, reject);
      else resolve(outcome);
    });
    if (isPromise(outcome)) sending.#watch(tell);
    // It cannot fail, but what `then` gives can.
    else sending.#tell = tell;
    return sending;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, and notices that somebody waits for it
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isTaken = true;
    const next = super.then(fulfilled, rejected) as Sending<A | B>;
    if (this.#tell) next.#watch(this.#tell);
    return next;
  }

  #watch(tell: (error: unknown) => void): void {
    this.#tell = tell;
    const sendings = sendingsAround();
    sendings?.begin();
    const failed = (error: unknown) => {
      const failure: FailedSending = { error, isTaken: () => this.#isTaken, tell: () => tell(error) };
      if (sendings) sendings.end(failure);
      else if (!this.#isTaken) tell(error);
    };
    // Not at once: `await` takes a promise a little later than it is made, and it may have failed by then.
    super.then(
      () => sendings?.end(),
      (error: unknown) => void setImmediate(failed, error),
    );
  }
}
