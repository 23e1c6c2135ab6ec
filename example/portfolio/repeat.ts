import { setTimeout as pause } from "node:timers/promises";

export interface RepeatOptions {
  /** Milliseconds from the end of one time to the beginning of the next. */
  readonly pauseMs: number;
  readonly failed: (error: unknown) => void;
}

/** Does a task again and again. Gives a function that ends it, and waits for the time that is running. */
export function repeat(
  task: () => Promise<unknown>,
  { pauseMs, failed }: RepeatOptions,
): () => Promise<void> {
  const end = new AbortController();

  async function run(): Promise<void> {
    while (!end.signal.aborted) {
      await task().catch(failed);
      await pause(pauseMs, undefined, { signal: end.signal, ref: false }).catch(() => {});
    }
  }

  const running = run();
  return () => {
    end.abort();
    return running;
  };
}
