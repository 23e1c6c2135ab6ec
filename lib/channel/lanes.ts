import { AsyncLocalStorage } from "node:async_hooks";

interface Tail {
  left: Promise<void>;
  waiting: number;
}

/** Who is in a lane; what it leaves running behind it, a timer perhaps, is in it no longer. */
interface Occupant {
  readonly key: string;
  readonly outer: Occupant | undefined;
  left: boolean;
}

/**
 * Keeps what has the same key in order: each enters when the one before it has
 * left. Whoever sends from inside a lane into the same lane goes ahead, since
 * the one it would wait for is waiting for it.
 */
export class Lanes {
  readonly #tails = new Map<string, Tail>();
  readonly #inside = new AsyncLocalStorage<Occupant>();

  /** How many are in this lane or wait for it. */
  length(key: string): number {
    return this.#tails.get(key)?.waiting ?? 0;
  }

  /**
   * Runs a task in its lane: at once, and synchronously up to its first await,
   * when the lane is free. The next one enters when it calls `leave`, or is
   * done; until it is done, what it sends into the lane goes ahead.
   */
  run<T>(key: string, task: (leave: () => void) => Promise<T>): Promise<T> {
    let outer = this.#inside.getStore();
    while (outer?.left) outer = outer.outer;
    if (isInside(outer, key)) return task(() => {});

    const occupant: Occupant = { key, outer, left: false };
    let open = () => {};
    const left = new Promise<void>((resolve) => {
      open = resolve;
    });
    let isOpen = false;
    const leave = () => {
      if (isOpen) return;
      isOpen = true;
      this.#leave(key);
      open();
    };
    const done = () => {
      occupant.left = true;
      leave();
    };
    const before = this.#tails.get(key);
    // Before the task runs: it may leave at once.
    this.#tails.set(key, { waiting: (before?.waiting ?? 0) + 1, left });
    const enter = () => this.#inside.run(occupant, () => task(leave));
    const result = before ? before.left.then(enter) : enter();
    result.then(done, done);
    return result;
  }

  #leave(key: string): void {
    const tail = this.#tails.get(key);
    if (tail && --tail.waiting === 0) this.#tails.delete(key);
  }
}

function isInside(occupant: Occupant | undefined, key: string): boolean {
  for (let each = occupant; each; each = each.outer) {
    if (each.key === key && !each.left) return true;
  }
  return false;
}
