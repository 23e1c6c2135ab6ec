import type { DestinationPattern } from "../destination/pattern.js";
import { printable } from "../logger.js";
import { compact, type Message, sizeOf, withHeaders } from "../message/message.js";
import { saying, withoutReserved } from "../message/reserved-headers.js";
import { ownText } from "../own-text.js";
import type { AckWindow } from "./ack-window.js";
import { Backlog } from "./backlog.js";
import type { QueuedMessage } from "./queued-message.js";
import { refusal } from "./refusal.js";
import type { Subscription } from "./subscription-registry.js";

/** What happens to a queue for which nobody takes the messages: its oldest go, or new ones are refused. */
export type QueueOverflowStrategy = "drop-oldest" | "reject";

export interface QueuesOptions {
  /** Messages that may wait in one queue. */
  readonly backlogLimit: number;
  /** Bytes that all queues may hold, of messages that wait or are not acknowledged. */
  readonly backlogSizeLimit: number;
  readonly overflowStrategy: QueueOverflowStrategy;
  /** How many subscribers may have a message and give it back before it is a dead letter. */
  readonly deliveryAttempts: number;
  /** Who listens to a queue. */
  listeners(destination: string): readonly ReadonlySet<Subscription>[];
  /** Where messages go that too many gave back; without it they are dropped. */
  readonly deadLetterDestination: string | undefined;
  /** Publishes a dead letter. */
  publish(message: Message): void;
  /** Sends a message to the one who shall have it. */
  deliver(message: QueuedMessage, subscription: Subscription): void;
  /** Hears of a message that is a queue's no more, since nobody took it or all gave it back. */
  dropped(publication: Message, reason: "backlog" | "attempts"): void;
}

/** About what a queue in which something waits takes beside that, in bytes. */
const BACKLOG_BYTES = 640;

/**
 * Gives each message to one of those who subscribed to its destination: to him
 * who has waited longest, among those who have room and want it. While there is
 * none it waits, in the order of publishing.
 *
 * A queue that holds nothing is nothing: whatever is known of it is its
 * subscribers, in the registry.
 */
export class Queues {
  readonly #options: QueuesOptions;
  readonly #backlogs = new Map<string, Backlog>();
  /** Which of them loses its oldest message when all together hold too much, and which do after it. */
  #losing: Backlog | undefined;
  #losers = this.#backlogs.values();
  #size = 0;
  #sequence = 0;
  #turn = 0;

  constructor(options: QueuesOptions) {
    this.#options = options;
  }

  /** @throws MessageDeliveryError when the queue is full, and new messages are to be refused */
  publish(publication: Message): void {
    const message = { sequence: ++this.#sequence, size: 0, publication, returns: 0 };
    const consumer = this.#next(message);
    // For one who does not acknowledge, nothing is held.
    if (consumer && !consumer.window) {
      this.#hand(message, consumer);
      return;
    }
    const kept = compact(publication);
    const held: QueuedMessage = { ...message, publication: kept, size: sizeOf(kept) };
    if (!this.#makeRoom(held, !consumer)) return;

    this.#size += held.size;
    if (consumer) this.#hand(held, consumer);
    else this.#insert(held);
  }

  /**
   * Makes sure that all of these would be taken, even if nobody listened.
   *
   * @throws MessageDeliveryError when they would not
   */
  admit(publications: readonly Message[]): void {
    if (this.#options.overflowStrategy !== "reject") return;

    const lengths = new Map<string, number>();
    let size = this.#size;
    for (const publication of publications) {
      const { destination = "" } = publication.headers;
      const length = lengths.get(destination) ?? this.#backlogs.get(destination)?.messages.length ?? 0;
      size += sizeOf(publication) + (length === 0 ? BACKLOG_BYTES : 0);
      if (length >= this.#options.backlogLimit || size > this.#options.backlogSizeLimit) {
        throw full(destination);
      }
      lengths.set(destination, length + 1);
    }
  }

  /** A subscription is new: gives it what waits. */
  join(subscription: Subscription): void {
    if (this.#backlogs.size === 0 || subscription.isPrivate) return;

    for (const backlog of this.#backlogsOf(subscription.pattern)) subscription.unread.addAll(backlog);
    this.feed(subscription);
  }

  /** A subscription may have room again: gives it what it has not looked at. */
  feed(subscription: Subscription): void {
    if (this.#backlogs.size === 0 || subscription.isPrivate) return;

    while (takes(subscription)) {
      const message = subscription.unread.next();
      if (!message) return;
      if (subscription.selector?.matches(message.publication) === false) continue;
      this.#remove(message);
      this.#hand(message, subscription);
    }
  }

  /** A message was acknowledged, or went to somebody who does not. */
  settled(message: QueuedMessage): void {
    this.#size -= message.size;
  }

  /** A message was given back: by a NACK, or since its subscriber is gone. Another shall have it, if there is one. */
  returned(message: QueuedMessage, from: AckWindow): void {
    const returns = message.returns + 1;
    if (returns >= this.#options.deliveryAttempts) {
      this.#size -= message.size;
      this.#bury(message.publication);
      return;
    }

    const { native } = message.publication.headers;
    const again: QueuedMessage = {
      ...message,
      returns,
      publication: compact(
        withHeaders(message.publication, { native: saying(native, { redelivered: "true" }) }),
      ),
    };
    const consumer = this.#next(again, from) ?? this.#next(again);
    if (consumer) this.#hand(again, consumer);
    else this.#insert(again);
  }

  clear(): void {
    this.#backlogs.clear();
    this.#size = 0;
  }

  #next({ publication }: QueuedMessage, but?: AckWindow): Subscription | undefined {
    let next: Subscription | undefined;
    for (const group of this.#options.listeners(publication.headers.destination ?? "")) {
      for (const subscription of group) {
        if (next && next.turn <= subscription.turn) continue;
        if ((but && subscription.window === but) || !takes(subscription)) continue;
        if (subscription.selector?.matches(publication) !== false) next = subscription;
      }
    }
    return next;
  }

  #hand(message: QueuedMessage, subscription: Subscription): void {
    subscription.turn = ++this.#turn;
    this.#options.deliver(message, subscription);
  }

  /** In its place: what comes back is older than what waits. */
  #insert(message: QueuedMessage): void {
    const { destination = "" } = message.publication.headers;
    let backlog = this.#backlogs.get(destination);
    if (!backlog) {
      backlog = new Backlog(ownText(destination), ++this.#sequence);
      this.#backlogs.set(backlog.destination, backlog);
      this.#size += BACKLOG_BYTES;
    }
    backlog.insert(message);
    for (const group of this.#options.listeners(destination)) {
      for (const subscription of group) subscription.unread.add(backlog, message);
    }
  }

  /** Dead letters that are given back, too, do not go round. */
  #bury(publication: Message): void {
    const { deadLetterDestination, dropped, publish } = this.#options;
    const { destination = "", native } = publication.headers;
    if (deadLetterDestination === undefined || destination === deadLetterDestination) {
      dropped(publication, "attempts");
      return;
    }
    // What was said of it as a message of that queue is over.
    const letter = saying(withoutReserved(native, "client"), { "original-destination": destination });
    try {
      publish(withHeaders(publication, { destination: deadLetterDestination, native: letter }));
    } catch {
      dropped(publication, "attempts");
    }
  }

  #remove(message: QueuedMessage): void {
    const { destination = "" } = message.publication.headers;
    const backlog = this.#backlogs.get(destination);
    backlog?.remove(message);
    if (backlog?.messages.length !== 0) return;
    this.#backlogs.delete(destination);
    this.#size -= BACKLOG_BYTES;
  }

  #backlogsOf(pattern: DestinationPattern): readonly Backlog[] {
    if (!pattern.isPattern) return [this.#backlogs.get(pattern.text) ?? []].flat();
    return [...this.#backlogs.values()].filter(({ destination }) => pattern.fits(destination));
  }

  /** Whether the message may be held; whatever had to go for it has gone. */
  #makeRoom(message: QueuedMessage, waits: boolean): boolean {
    const { backlogLimit, backlogSizeLimit, overflowStrategy, dropped } = this.#options;
    const { destination = "" } = message.publication.headers;
    for (;;) {
      const own = this.#backlogs.get(destination);
      const crowded = waits && (own?.messages.length ?? 0) >= backlogLimit;
      const size = message.size + (waits && !own ? BACKLOG_BYTES : 0);
      if (!crowded && this.#size + size <= backlogSizeLimit) return true;
      if (overflowStrategy === "reject") throw full(destination);

      const oldest = (own ?? this.#nextLosing())?.messages.first;
      if (!oldest) {
        dropped(message.publication, "backlog");
        return false;
      }
      this.#remove(oldest);
      this.#size -= oldest.size;
      dropped(oldest.publication, "backlog");
    }
  }

  /** One after the other, since a Map from whose front much was deleted is slow to find its first. */
  #nextLosing(): Backlog | undefined {
    while (this.#backlogs.size > 0 && !this.#losing?.messages.length) {
      const next = this.#losers.next();
      if (next.done) this.#losers = this.#backlogs.values();
      else this.#losing = next.value;
    }
    return this.#backlogs.size > 0 ? this.#losing : undefined;
  }
}

function takes({ removed, window }: Subscription): boolean {
  return !removed && (!window || window.hasRoomForQueued);
}

function full(destination: string): Error {
  return refusal(`The queue ${printable(destination)} is full`);
}
