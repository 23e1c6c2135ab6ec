import { Bounded, type Outcome } from "../clock/deadlines.js";

/** Tasks, one after the other: yields each promise that has to be waited for, and gets its value. */
export type Steps<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** Takes the steps: all of them before it returns, unless something has to be waited for. */
export function take<T>(steps: Steps<T>): T | Promise<T> {
  const step = steps.next();
  if (step.done) return step.value;
  return new Promise((resolve, reject) => new Walk(steps, resolve, reject).waitFor(step.value));
}

/** The same for a promise that is there already. */
export function takeFor<T>(
  steps: Steps<T>,
  resolve: (value: T) => void,
  reject: (fault: unknown) => void,
): void {
  new Walk(steps, resolve, reject).fulfilled(undefined);
}

/** Steps that are waited for. An async function would make three promises of each step: here there is one. */
class Walk<T> implements Outcome {
  readonly #steps: Steps<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (fault: unknown) => void;

  constructor(steps: Steps<T>, resolve: (value: T) => void, reject: (fault: unknown) => void) {
    this.#steps = steps;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  waitFor(awaited: PromiseLike<unknown>): void {
    if (awaited instanceof Bounded) {
      awaited.tell(this);
      return;
    }
    // A promise of another make may call back at once, or throw.
    Promise.resolve(awaited).then(
      (value) => this.fulfilled(value),
      (fault: unknown) => this.rejected(fault),
    );
  }

  fulfilled(value: unknown): void {
    let step: IteratorResult<PromiseLike<unknown>, T>;
    try {
      step = this.#steps.next(value);
    } catch (fault) {
      this.#reject(fault);
      return;
    }
    this.#goOn(step);
  }

  rejected(fault: unknown): void {
    let step: IteratorResult<PromiseLike<unknown>, T>;
    try {
      step = this.#steps.throw(fault);
    } catch (failure) {
      this.#reject(failure);
      return;
    }
    this.#goOn(step);
  }

  #goOn(step: IteratorResult<PromiseLike<unknown>, T>): void {
    if (step.done) this.#resolve(step.value);
    else this.waitFor(step.value);
  }
}
