import type { Message } from "../message/message.js";
import type { LazyAbort } from "./lazy-abort.js";

/** A message and the mapping it matched. */
export interface Invocation {
  readonly message: Message;
  /** The values of the mapping's `{variables}`. */
  readonly variables: ReadonlyMap<string, string>;
  /** The destination without the application's prefix. */
  readonly lookupDestination: string;
  /** The thrown error, in an exception handler. */
  readonly exception?: unknown;
  /** Gives the signal that nobody waits for an answer any more. */
  readonly abort: LazyAbort;
}

/**
 * Gives a method's argument out of a message, or a promise of it.
 *
 * @throws MessageHandlingError when the message does not have it
 */
export type Argument = (invocation: Invocation) => unknown;
