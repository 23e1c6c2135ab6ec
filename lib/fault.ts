import { inspect } from "node:util";

/** What was thrown, as text. Anything can be thrown, and some of it fails when it is looked at: this never does. */
export function faultText(fault: unknown): string {
  try {
    return fault instanceof Error ? String(fault.message) : inspect(fault);
  } catch {
    return "something that cannot be printed";
  }
}

/** What was thrown, if it is an error; else an error that says what it is. */
export function faultError(fault: unknown): Error {
  try {
    if (fault instanceof Error) return fault;
  } catch {
    // A proxy that does not say what it is.
  }
  return new Error(`Something was thrown that is no error: ${faultText(fault)}`, { cause: fault });
}
