import { AsyncResource } from "node:async_hooks";

/**
 * Does one task after the other. A task that comes while another is being done,
 * from a listener or an interceptor that hears of it, waits until that is done:
 * else it would get ahead of what the first one has not reached yet.
 */
export class Turns {
  #isBusy = false;
  readonly #waiting: (() => void)[] = [];

  /** Does a task, now or as soon as all before it is done; a promise settles then. Throws (rejects with) what it throws. */
  take(task: () => unknown): void | Promise<void> {
    if (this.#isBusy) return this.#later(task);

    this.#isBusy = true;
    try {
      task();
    } finally {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next();
      this.#isBusy = false;
    }
  }

  #later(task: () => unknown): Promise<void> {
    // The task runs in the async context of its own sender, not of the one that was busy before.
    const bound = AsyncResource.bind(task);
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          bound();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }
}
