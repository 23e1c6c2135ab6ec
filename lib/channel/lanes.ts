import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Keeps what has the same key in order: each enters when the one before it has
 * left. Whoever sends from inside a lane into the same lane goes ahead, since
 * the one it would wait for is waiting for it.
 */
export class Lanes {
  readonly #tails = new Map<string, { left: Promise<void>; waiting: number }>();
  readonly #inside = new AsyncLocalStorage<ReadonlySet<string>>();

  /** How many are in this lane or wait for it. */
  length(key: string): number {
    return this.#tails.get(key)?.waiting ?? 0;
  }

  /** Runs a task in its lane: at once, and synchronously up to its first await, when the lane is free. */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const inside = this.#inside.getStore();
    if (inside?.has(key)) return task();

    const before = this.#tails.get(key);
    const enter = () => this.#inside.run(new Set(inside).add(key), task);
    const result = before ? before.left.then(enter) : enter();
    const tail = {
      waiting: (before?.waiting ?? 0) + 1,
      left: result.then(
        () => this.#leave(key),
        () => this.#leave(key),
      ),
    };
    this.#tails.set(key, tail);
    return result;
  }

  #leave(key: string): void {
    const tail = this.#tails.get(key);
    if (tail && --tail.waiting === 0) this.#tails.delete(key);
  }
}
