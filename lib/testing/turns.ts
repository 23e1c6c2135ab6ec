// Functions of Node itself: a runner's fake timers replace those of the global object, and the kit waits for real.
import { performance } from "node:perf_hooks";
import { clearTimeout, setImmediate as nextTurn, setTimeout } from "node:timers";
import type { Clock } from "../index.js";

const now = performance.now.bind(performance);

/** A clock, as lines in memory need it. */
export type Timers = Pick<Clock, "now" | "after">;

/** The process's own. */
export const realTimers: Timers = {
  now,
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Bytes from one end of a line in memory to the other, and an answer to them, take fewer turns of the event loop. */
const TURNS = 8;

/** Waits until all microtasks and immediates that are due have run, with what they began on lines in memory. */
export async function turned(turns = TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => void nextTurn(resolve));
}

/**
 * Gives what a promise gives within so many ms of real time.
 *
 * @param late makes the error that it rejects with afterwards
 */
export function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    void promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
