import { InOrder, type Sequenced } from "./in-order.js";
import type { QueuedMessage } from "./queued-message.js";

/** A consumer that has not looked at all of a backlog. */
export interface BacklogReader {
  /** A message that had come back waits no longer. */
  removed(backlog: Backlog, message: QueuedMessage): void;
  /** Nothing is left in it. */
  forget(backlog: Backlog): void;
}

/** What waits in one queue, in the order of publishing. */
export class Backlog implements Sequenced {
  readonly destination: string;
  /** Grows with every backlog: the queue in which something has waited longest has the lowest. */
  readonly sequence: number;
  readonly messages = new InOrder<QueuedMessage>();
  readonly readers = new Set<BacklogReader>();

  constructor(destination: string, sequence: number) {
    this.destination = destination;
    this.sequence = sequence;
  }

  insert(message: QueuedMessage): void {
    this.messages.insert(message);
  }

  remove(message: QueuedMessage): void {
    this.messages.remove(message);
    // Only what came back stands on a reader's list of its own.
    if (message.returns > 0) for (const reader of this.readers) reader.removed(this, message);
    if (this.messages.length === 0) for (const reader of this.readers) reader.forget(this);
  }
}
