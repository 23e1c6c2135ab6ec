import { performance } from "node:perf_hooks";

/** Where servers take time from. */
export interface Timers {
  /** In ms, never going back. */
  now(): number;
  /** Calls back every so many ms, until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
  /** Calls back once, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
}

/** The process's own; they keep no process alive. */
export const processTimers: Timers = {
  now: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms).unref();
    return () => clearInterval(timer);
  },
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};
