import { answered, Pauses } from "./patience.js";

/** How a driver listens to its store, and when that is of no use any more. */
export interface KeepAliveOptions {
  /**
   * Listens until that fails, or is interrupted.
   *
   * @param opened to be called as soon as it listens
   */
  live(opened: () => void): Promise<void>;
  /** Gives the error to give up with, as waiting does not mend this one; asked until it has listened once. */
  hopeless(error: unknown): Error | undefined;
  /** Waits until another try makes sense, after the pause. Gives why none ever will. Default: it does. */
  ready?(): Promise<Error | undefined>;
  /** Ends `live`. */
  interrupt(error: Error): void;
  /** Hears that no try follows any more. Default: nobody need know. */
  ended?(): void;
}

/** Keeps a driver listening: whenever that has failed it tries again after a pause, until it is closed. */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  readonly #over = new AbortController();
  readonly #pauses = new Pauses();
  readonly #asked = new Set<Promise<unknown>>();
  #running: Promise<void> | undefined;
  #trouble: unknown;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
  }

  /** Is aborted when it is closed. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The error of the last failure. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** Resolves when the driver listens for the first time; rejects when that cannot be. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(resolve)
        .finally(() => this.#options.ended?.())
        .catch((error: unknown) => reject(error as Error));
    });
  }

  /** Waits for an answer of the store, as `close` does too. @throws SilenceError (rejects with it) when there is none in time */
  async answer<T>(promise: Promise<T>): Promise<T> {
    const asked = answered(promise);
    this.#asked.add(asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(asked);
    }
  }

  /** Ends it when all that was asked has been answered. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#asked);
    this.#over.abort();
    this.#options.interrupt(new Error(CLOSED));
    await this.#running;
  }

  async #run(opened: () => void): Promise<void> {
    const { live, hopeless, ready } = this.#options;
    const { signal } = this.#over;
    let isFirst = true;
    let end: Error | undefined;
    while (!signal.aborted && !end) {
      try {
        await live(() => {
          isFirst = false;
          this.#pauses.reset();
          opened();
        });
      } catch (error) {
        this.#trouble = error;
        const reason = isFirst ? hopeless(error) : undefined;
        if (reason) throw reason;
      }
      await this.#pauses.pass(signal);
      // Once it is closed nobody waits any more.
      if (!signal.aborted) end = await ready?.();
    }
    if (isFirst) throw end && !signal.aborted ? end : new Error(CLOSED);
  }
}

const CLOSED = "The backplane was closed";
