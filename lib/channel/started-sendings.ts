import { AsyncLocalStorage } from "node:async_hooks";
import { isPromise } from "../promise.js";

/** A sending of the application's that failed. */
export interface FailedSending {
  readonly error: unknown;
  /** Whether the application has taken the failure by now. */
  isTaken(): boolean;
  /** Logs and announces it. */
  tell(): void;
}

/** The sendings that a task has started. */
export class StartedSendings {
  #underWay = 0;
  #failed: FailedSending[] | undefined;
  #isOver = false;
  #settled = () => {};

  begin(): void {
    this.#underWay++;
  }

  end(failed?: FailedSending): void {
    this.#underWay--;
    if (failed) {
      this.#failed ??= [];
      this.#failed.push(failed);
    }
    if (this.#underWay === 0) this.#settled();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Gives what became of the task itself, when nothing is under way any more and nothing has failed untaken. */
  finish<T>(outcome: () => T): T | Promise<T> {
    if (this.#underWay > 0 || this.#failed) return this.#finishLater(outcome);

    this.#isOver = true;
    return outcome();
  }

  async #finishLater<T>(outcome: () => T): Promise<T> {
    while (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
      });
    }
    this.#isOver = true;
    const untaken = (this.#failed ?? []).filter((failed) => !failed.isTaken());
    try {
      const value = outcome();
      const first = untaken.shift();
      if (first) throw first.error;
      return value;
    } finally {
      for (const failed of untaken) failed.tell();
    }
  }
}

const inside = new AsyncLocalStorage<StartedSendings>();

/** Those that what is sent now belongs to; `undefined` outside of every task. */
export function sendingsAround(): StartedSendings | undefined {
  const sendings = inside.getStore();
  return sendings?.isOver ? undefined : sendings;
}

export interface Sender<T, R> {
  /** The sendings that it starts are its own. */
  task(): T | PromiseLike<T>;
  /** Goes on with what became of it. */
  done(value: T): R | Promise<R>;
  /** Bounds a time of waiting. Default: without a bound. */
  inTime?<V>(waiting: PromiseLike<V>): Promise<V>;
}

/**
 * Runs a task, to which all belongs that it starts to send: it is done when that is, and fails by what fails
 * of that and nobody takes. The first such failure counts, unless the task itself fails; others are told.
 *
 * @throws (or rejects with) what the task, `inTime` or `done` throws; or that failure
 */
export function withSendings<T, R>({ task, done, inTime = unbounded }: Sender<T, R>): R | Promise<R> {
  const sendings = new StartedSendings();
  const after = (outcome: () => T): R | Promise<R> => {
    const value = sendings.finish(outcome);
    return isPromise(value) ? inTime(value).then(done) : done(value);
  };
  let result: T | PromiseLike<T>;
  try {
    result = inside.run(sendings, task);
    if (isPromise(result)) {
      return inTime(result).then(
        (value) => after(() => value),
        (error: unknown) => after(() => raise(error)),
      );
    }
  } catch (error) {
    return after(() => raise(error));
  }
  return after(() => result as T);
}

function unbounded<V>(waiting: PromiseLike<V>): Promise<V> {
  return Promise.resolve(waiting);
}

function raise(error: unknown): never {
  throw error;
}
