import { within } from "./turns.js";

interface Waiting<T> {
  take(item: T): void;
  fail(error: Error): void;
}

/** Things that have come and were not asked for yet, and those who wait for the next one. */
export class Mailbox<T> {
  readonly #arrived: T[] = [];
  readonly #waiting: Waiting<T>[] = [];
  #over: (() => Error) | undefined;

  put(item: T): void {
    const first = this.#waiting.shift();
    if (first) first.take(item);
    else this.#arrived.push(item);
  }

  /** Nothing comes any more: who waits, or will, gets this error. */
  end(error: () => Error): void {
    this.#over ??= error;
    for (const { fail } of this.#waiting.splice(0)) fail(error());
  }

  /** Takes all that has come. */
  all(): T[] {
    return this.#arrived.splice(0);
  }

  get isEmpty(): boolean {
    return this.#arrived.length === 0;
  }

  /** @param late makes the error when nothing has come within so many ms */
  next(ms: number, late: () => Error): Promise<T> {
    const first = this.#arrived.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (this.#over) return Promise.reject(this.#over());

    let forget = () => {};
    const item = new Promise<T>((take, fail) => {
      const waiting = { take, fail };
      this.#waiting.push(waiting);
      forget = () => void this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    });
    return within(item, ms, () => {
      forget();
      return late();
    });
  }
}
