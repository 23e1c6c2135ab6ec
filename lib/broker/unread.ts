import type { Backlog, BacklogReader } from "./backlog.js";
import { InOrder, type Sequenced } from "./in-order.js";
import type { QueuedMessage } from "./queued-message.js";

/** How far a consumer has looked at a backlog. */
interface Place extends Sequenced {
  readonly backlog: Backlog;
  /** The sequence number up to which it has. */
  seen: number;
  /** What came back to a place before that. */
  again?: InOrder<QueuedMessage>;
}

/**
 * What waits in queues and one consumer has not looked at. So a consumer that
 * has room again finds its next message without a walk over all queues, and one
 * with a selector asks it once for each message, however long that waits.
 */
export class Unread implements BacklogReader {
  /** Only in backlogs in which something is unread, and in their order. */
  readonly #places = new Map<Backlog, Place>();
  readonly #inOrder = new InOrder<Place>();

  /** Whether the consumer has looked at all that waits for it. */
  get isEmpty(): boolean {
    return this.#inOrder.length === 0;
  }

  /** All that waits in a queue is new to the consumer. */
  addAll(backlog: Backlog): void {
    this.#place(backlog, 0);
  }

  /** A message waits from now on: the consumer has looked at all others, or a place says from where on it has not. */
  add(backlog: Backlog, message: QueuedMessage): void {
    const { sequence = 0 } = backlog.messages.last ?? {};
    const isNewest = sequence === message.sequence;
    const place = this.#places.get(backlog) ?? this.#place(backlog, isNewest ? sequence - 1 : sequence);
    if (message.sequence > place.seen) return;

    place.again ??= new InOrder();
    place.again.insert(message);
  }

  /** The next message to look at, which counts as seen from then on. */
  next(): QueuedMessage | undefined {
    for (let place = this.#inOrder.first; place; place = this.#inOrder.first) {
      const { backlog } = place;
      const again = place.again?.first;
      if (again) {
        place.again?.remove(again);
        return again;
      }
      const message = backlog.messages.after(place.seen);
      if (message) {
        place.seen = message.sequence;
        return message;
      }
      this.forget(backlog);
    }
    return undefined;
  }

  /** A message that had come back waits no longer. */
  removed(backlog: Backlog, message: QueuedMessage): void {
    this.#places.get(backlog)?.again?.remove(message);
  }

  /** Nothing is unread in a queue. */
  forget(backlog: Backlog): void {
    const place = this.#places.get(backlog);
    if (place) this.#inOrder.remove(place);
    this.#places.delete(backlog);
    backlog.readers.delete(this);
  }

  /** The consumer is gone. */
  clear(): void {
    for (const backlog of this.#places.keys()) this.forget(backlog);
  }

  #place(backlog: Backlog, seen: number): Place {
    const place: Place = { backlog, sequence: backlog.sequence, seen };
    this.#places.set(backlog, place);
    this.#inOrder.insert(place);
    backlog.readers.add(this);
    return place;
  }
}
