import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Bounds how many tasks are at work; those beyond it wait, first come, first
 * served. A task that comes from inside another one shares its permit, since
 * the other may be waiting for it.
 */
export class Permits {
  readonly #waiting = new Set<() => void>();
  /** The permit of the task that runs; what a task leaves running behind it, a timer perhaps, has it no longer. */
  readonly #inside = new AsyncLocalStorage<{ held: boolean }>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Whether a task has to wait for its turn. */
  get isBusy(): boolean {
    return this.#free === 0 && !this.#inside.getStore()?.held;
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Waits for a turn, which one `runInTurn` uses; `patience` gives it up by a rejection. */
  async turn(patience: (turn: Promise<void>) => PromiseLike<void>): Promise<void> {
    let go = () => {};
    const turn = new Promise<void>((resolve) => {
      go = resolve;
    });
    this.#waiting.add(go);
    try {
      await patience(turn);
    } catch (error) {
      this.#waiting.delete(go);
      throw error;
    }
  }

  /** Runs a task when it does not have to wait; synchronously if it is synchronous. */
  run(task: () => void | Promise<void>): void | Promise<void> {
    if (this.#inside.getStore()?.held) return task();
    this.#free--;
    return this.runInTurn(task);
  }

  /** Runs a task that has waited. */
  runInTurn(task: () => void | Promise<void>): void | Promise<void> {
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
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
