import type { DestinationPattern } from "../destination/pattern.js";
import type { Backlog, BacklogReader } from "./backlog.js";
import type { Backlogs } from "./backlogs.js";
import { InOrder, type Sequenced } from "./in-order.js";
import type { QueuedMessage } from "./queued-message.js";
import type { Seekers } from "./seekers.js";

/** How far a consumer has looked at a backlog. */
interface Place extends Sequenced {
  readonly backlog: Backlog;
  /** The sequence number up to which it has. */
  seen: number;
  /** Messages that came back to a place before that. */
  again?: InOrder<QueuedMessage>;
}

/** The number of queues in which a pattern's consumer remembers how far it has looked: it may fit all that there are. */
const PLACES = 32;

/** About what it takes to look at a queue, beside its destination, in characters. */
const QUEUE_WORK = 16;

export interface UnreadContext {
  readonly backlogs: Backlogs;
  readonly seekers: Seekers;
}

/**
 * The messages that wait in queues and that one consumer has not looked at. So a consumer that
 * has room again finds its next message without a walk over all queues, and one
 * with a selector asks it once for each message, however long that waits.
 *
 * The consumer of a pattern looks for queues when it has room and nothing else
 * is unread: from the oldest on, to the next that fits. The queues behind that are
 * none of its affairs yet, so it costs the same whatever there is, and nothing
 * has to be taken back when the consumer goes.
 */
export class Unread implements BacklogReader {
  readonly #pattern: DestinationPattern;
  /** Those among which it looks. */
  readonly #backlogs: () => InOrder<Backlog> | undefined;
  readonly #seekers: Seekers;
  /** Only in backlogs in which something may be unread, and in their order. */
  readonly #places = new Map<Backlog, Place>();
  readonly #inOrder = new InOrder<Place>();
  /** The sequence number of the queue up to which it has looked for some. */
  #soughtUpTo = Number.POSITIVE_INFINITY;

  constructor(pattern: DestinationPattern, { backlogs, seekers }: UnreadContext) {
    this.#pattern = pattern;
    this.#backlogs = backlogs.among(pattern);
    this.#seekers = seekers;
  }

  /** Whether the consumer has looked at all that waits for it. */
  get isEmpty(): boolean {
    return this.#inOrder.length === 0 && !this.#mayFind;
  }

  /** Whether it has not looked at all that waits in a queue that fits. */
  isBehind(backlog: Backlog): boolean {
    if (backlog.sequence > this.#soughtUpTo) return true;
    const place = this.#places.get(backlog);
    return place !== undefined && (place.again?.first ?? backlog.messages.after(place.seen)) !== undefined;
  }

  /** All that waits in a queue is new to the consumer. */
  addAll(backlog: Backlog): void {
    this.#place(backlog, 0);
  }

  /** All queues that fit are new to the consumer. */
  seekAll(): void {
    this.#soughtUpTo = 0;
  }

  /** A message waits from now on: the consumer has looked at all others, or a place says from where on it has not. */
  add(backlog: Backlog, message: QueuedMessage): void {
    if (backlog.sequence > this.#soughtUpTo) return;

    const { sequence = 0 } = backlog.messages.last ?? {};
    const isNewest = sequence === message.sequence;
    const place = this.#places.get(backlog) ?? this.#place(backlog, isNewest ? sequence - 1 : sequence);
    if (message.sequence <= place.seen) {
      place.again ??= new InOrder();
      place.again.insert(message);
      backlog.readers.add(this);
    }
    if (this.#pattern.isPattern && this.#inOrder.length > PLACES) this.#forgetNewest();
  }

  /**
   * The next message to look at, which counts as seen from then on. Without
   * one, either there is none, or it has to be looked for later.
   */
  next(): QueuedMessage | undefined {
    for (;;) {
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
      const found = this.#seek();
      if (!found) return undefined;
      this.#place(found, 0);
    }
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
    if (place?.again) backlog.readers.delete(this);
  }

  /** The consumer is gone. */
  clear(): void {
    for (const backlog of this.#places.keys()) this.forget(backlog);
    this.#soughtUpTo = Number.POSITIVE_INFINITY;
  }

  get #mayFind(): boolean {
    const { sequence = 0 } = this.#backlogs()?.last ?? {};
    return sequence > this.#soughtUpTo;
  }

  /** The next queue that fits, if there is one and it is found in time. */
  #seek(): Backlog | undefined {
    if (!this.#mayFind) return undefined;

    let found: Backlog | undefined;
    this.#backlogs()?.find(this.#soughtUpTo, (backlog) => {
      if (!this.#seekers.mayLook) return true;

      this.#soughtUpTo = backlog.sequence;
      if (this.#pattern.fits(backlog.destination)) found = backlog;
      else this.#seekers.lookedAt(QUEUE_WORK + backlog.destination.length);
      return found !== undefined;
    });
    return found;
  }

  /** It will be looked for again, with all behind it. */
  #forgetNewest(): void {
    const newest = this.#inOrder.last;
    if (!newest) return;
    this.forget(newest.backlog);
    this.#soughtUpTo = newest.sequence - 1;
  }

  #place(backlog: Backlog, seen: number): Place {
    // Without a pattern there is one queue: if there was another before, others have emptied it.
    if (!this.#pattern.isPattern) for (const emptied of this.#places.keys()) this.forget(emptied);
    const place: Place = { backlog, sequence: backlog.sequence, seen };
    this.#places.set(backlog, place);
    this.#inOrder.insert(place);
    return place;
  }
}
