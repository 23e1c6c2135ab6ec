import type { Message } from "../message/message.js";

/** A message in a queue, or on its way to the one subscriber who shall have it. */
export interface QueuedMessage {
  /** Its place in the queue, which it keeps when it comes back. */
  readonly sequence: number;
  /** About what it takes in memory. */
  readonly size: number;
  readonly publication: Message;
  /** How many subscribers have had it and given it back. */
  readonly returns: number;
}
