import { performance } from "node:perf_hooks";

/** Where clocks take time from. */
export interface Time {
  /** In ms, never going back. */
  now(): number;
  /** Calls back every so many ms, until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
}

/** The process's monotonic time; its timers keep no process alive. */
export const processTime: Time = {
  now: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms).unref();
    return () => clearInterval(timer);
  },
};
