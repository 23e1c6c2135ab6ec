import { type Message, sizeOf } from "../message/message.js";
import type { QueuedMessage } from "./queued-message.js";
import type { Subscription } from "./subscription-registry.js";

/** A delivery that waits for its ACK or NACK. */
export interface Unacknowledged {
  /** Grows with every delivery of the broker. */
  readonly sequence: number;
  readonly ackId: string;
  readonly messageId: string | undefined;
  readonly subscription: Subscription;
  readonly window: AckWindow;
  /** What to give back; of a topic there is nothing. */
  readonly queued: QueuedMessage | undefined;
}

/** What the windows of one session share. */
export interface SessionWindows {
  readonly byAckId: Map<string, Unacknowledged>;
  /** Those in which something is unacknowledged, also of subscriptions that are gone. */
  readonly windows: Set<AckWindow>;
  /** How many are in flight: from queues, and others. */
  queued: number;
  others: number;
  /** Bytes of the messages that wait for room. */
  waitingSize: number;
  /** Some have been forgotten, so that an unknown id may be an honest one. */
  forgetful: boolean;
}

/** Bytes that may wait for room in all windows of a session. */
const WAITING_SIZE_LIMIT = 1024 * 1024;

/** What one subscription was delivered and has not acknowledged, and how much more it may have. */
export class AckWindow {
  readonly session: SessionWindows;
  readonly subscriptionId: string;
  /** ACK counts for all that was delivered before, too: ack mode `client`. */
  readonly cumulative: boolean;
  readonly #prefetch: number;
  readonly #limit: number;
  /** In the order of delivery. */
  #entries = new Map<string, Unacknowledged>();
  #inFlight = 0;
  #notice: string | undefined;
  /** Messages of topics for which there was no room. */
  readonly #waiting: Message[] = [];

  constructor(
    session: SessionWindows,
    options: { subscriptionId: string; cumulative: boolean; prefetch: number; limit: number },
  ) {
    this.session = session;
    this.subscriptionId = options.subscriptionId;
    this.cumulative = options.cumulative;
    this.#prefetch = options.prefetch;
    this.#limit = options.limit;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Whether its `prefetch-count` lets it have one more. */
  get hasRoom(): boolean {
    return this.#inFlight < this.#prefetch;
  }

  /** The same for a message of a queue, of which its session has a limit, too. */
  get hasRoomForQueued(): boolean {
    return this.hasRoom && this.session.queued < this.#limit;
  }

  entries(): Iterable<Unacknowledged> {
    return this.#entries.values();
  }

  /** What was delivered before an entry, and the entry itself. */
  upTo(last: Unacknowledged): readonly Unacknowledged[] {
    const entries: Unacknowledged[] = [];
    for (const entry of this.#entries.values()) {
      entries.push(entry);
      if (entry === last) break;
    }
    return entries;
  }

  add(entry: Unacknowledged): void {
    this.#entries.set(entry.ackId, entry);
    this.#inFlight++;
    if (entry.queued) this.session.queued++;
    else this.session.others++;
  }

  /** Takes an entry out; it stays in flight until `release`. */
  delete(entry: Unacknowledged): void {
    this.#entries.delete(entry.ackId);
  }

  restore(entries: readonly Unacknowledged[]): void {
    const all = [...this.#entries.values(), ...entries].sort((a, b) => a.sequence - b.sequence);
    this.#entries = new Map(all.map((entry) => [entry.ackId, entry]));
  }

  release(queued: QueuedMessage | undefined): void {
    this.#inFlight--;
    if (queued) this.session.queued--;
    else this.session.others--;
  }

  /** Lets a topic's message wait; gives those that had to go because too much waits. */
  wait(message: Message): readonly Message[] {
    const dropped: Message[] = [];
    this.#waiting.push(message);
    this.session.waitingSize += sizeOf(message);
    while (this.#waiting.length > this.#limit || this.session.waitingSize > WAITING_SIZE_LIMIT) {
      const oldest = this.#shift();
      if (!oldest) break;
      dropped.push(oldest);
    }
    return dropped;
  }

  /** The message that has waited longest, once there is room for it. */
  next(): Message | undefined {
    return this.hasRoom ? this.#shift() : undefined;
  }

  /**
   * Forgets what waits: its subscription is gone.
   *
   * @param notice the id of the MESSAGE that tells its client so, if one does
   */
  end(notice: string | undefined): void {
    this.#notice = notice;
    while (this.#shift());
  }

  /** What a client means that acknowledges all up to that MESSAGE. */
  upToNotice(messageId: string | undefined): Unacknowledged | undefined {
    return this.cumulative && messageId === this.#notice ? [...this.#entries.values()].at(-1) : undefined;
  }

  #shift(): Message | undefined {
    const message = this.#waiting.shift();
    if (message) this.session.waitingSize -= sizeOf(message);
    return message;
  }
}
