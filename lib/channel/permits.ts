import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Bounds how many tasks are at work; those beyond it wait, first come, first
 * served. A task that comes from inside another one shares its permit, since
 * the other may be waiting for it.
 */
export class Permits {
  readonly #waiting: (() => void)[] = [];
  /** The permit of the task that runs; what a task leaves running behind it, a timer perhaps, has it no longer. */
  readonly #inside = new AsyncLocalStorage<{ held: boolean }>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs a task; at once, and synchronously if it is synchronous, when a permit is free. */
  run(task: () => void | Promise<void>): void | Promise<void> {
    if (this.#inside.getStore()?.held) return task();

    if (this.#free === 0) {
      return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#work(task));
    }
    this.#free--;
    return this.#work(task);
  }

  #work(task: () => void | Promise<void>): void | Promise<void> {
    const permit = { held: true };
    try {
      const running = this.#inside.run(permit, task);
      if (running) return running.finally(() => this.#leave(permit));
    } catch (error) {
      this.#leave(permit);
      throw error;
    }
    this.#leave(permit);
  }

  /** The permit goes to who waits longest: nobody who comes now gets ahead. */
  #leave(permit: { held: boolean }): void {
    permit.held = false;
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
