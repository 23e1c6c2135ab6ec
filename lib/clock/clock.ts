// Those of this moment: the fake timers of a test's runner, which stand for all that is global, do not stop heart-beats.
import { performance } from "node:perf_hooks";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";

const now = performance.now.bind(performance);
const date = Date.now;

/**
 * The time of all that waits: limits, deadlines, heart-beats, tokens. The
 * option `clock` puts another one in the place of the process's.
 */
export interface Clock {
  /** Ms since some moment, never going back. */
  now(): number;
  /** Ms since 1970, as tokens tell time. */
  date(): number;
  /** Calls back every so many ms, until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
  /**
   * Calls back once, unless the returned function is called before.
   *
   * @param keepsAlive whether the process is to live until then, if nothing else keeps it; by default not
   */
  after(ms: number, callback: () => void, keepsAlive?: boolean): () => void;
}

/** The process's own clock and timers. */
export const systemClock: Clock = {
  now,
  date,
  every(ms, callback) {
    const timer = setInterval(callback, ms).unref();
    return () => clearInterval(timer);
  },
  after(ms, callback, keepsAlive = false) {
    const timer = setTimeout(callback, ms);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};
