import { AccessDeniedError, HandlerTimeoutError } from "../index.js";

/** The outcomes, of which there are no others. */
type Outcome = "ok" | "denied" | "timeout" | "error";

/** @param error of a call: an exception handler may have taken it, and then it has not failed */
export function outcomeOf(failed: boolean, error?: unknown): Outcome {
  if (!failed && error === undefined) return "ok";
  if (error instanceof AccessDeniedError) return "denied";
  return error instanceof HandlerTimeoutError ? "timeout" : "error";
}

/** Runs something, and calls back once when it is done, with the error if it failed: at once, unless it is asynchronous. */
export function settled<T>(run: () => T, done: (failed: boolean, error?: unknown) => void): T {
  let result: T;
  try {
    result = run();
  } catch (error) {
    done(true, error);
    throw error;
  }
  if (result instanceof Promise) {
    result.then(
      () => done(false),
      (error: unknown) => done(true, error),
    );
  } else done(false);
  return result;
}
