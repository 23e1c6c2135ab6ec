import { sizeOf } from "../message/message.js";
import { InOrder, type Sequenced } from "./in-order.js";
import type { Publication } from "./publication.js";
import type { QueueSpace } from "./queue-space.js";
import type { QueuedMessage } from "./queued-message.js";
import type { Taker } from "./taker.js";

/** A consumer, as its window knows it. */
export interface Acknowledging extends Taker {
  /** Unique within its session only. */
  readonly id: string;
}

/** A delivery that waits for its ACK or NACK. */
export interface Unacknowledged extends Sequenced {
  /** Grows with every delivery of the broker. */
  readonly sequence: number;
  readonly ackId: string;
  readonly messageId: string | undefined;
  readonly window: AckWindow;
  /** The queue's message to give back; of a topic there is none. */
  readonly queued: QueuedMessage | undefined;
  /** It says something of the subscription, and takes no place in its `prefetch-count`. */
  readonly isMarker: boolean;
}

/** How a consumer acknowledges, as its SUBSCRIBE says. */
export interface AckMode {
  /** ACK counts for all that was delivered before, too: ack mode `client`. */
  readonly cumulative: boolean;
  /** How many deliveries it wants to have unacknowledged; infinite is no limit, `undefined` leaves it to the broker. */
  readonly prefetch: number | undefined;
}

export interface WindowLimits {
  /** How many deliveries of a session may be unacknowledged: those from queues and the others each. */
  readonly unacknowledged: number;
  /** How many messages of queues a consumer is given that does not say. */
  readonly prefetch: number;
  readonly space: QueueSpace;
}

/** The deliveries of a session that are in flight over all its windows, and the messages that wait until they open. */
export interface SessionLoad {
  queued: number;
  /** Bytes of those. */
  queuedSize: number;
  others: number;
  /** Bytes of the messages of topics that wait. */
  waitingSize: number;
}

/** Bytes that may wait for all windows of a session. */
const WAITING_SIZE_LIMIT = 1024 * 1024;

/** Whether a session may be delivered nothing more of queues. */
export function isFull(
  { queued, queuedSize }: SessionLoad,
  { unacknowledged, space }: WindowLimits,
): boolean {
  return queued >= unacknowledged || (queued > 0 && queuedSize >= space.share);
}

/** The deliveries that one consumer has not acknowledged, and how many more it may have. */
export class AckWindow {
  readonly consumer: Acknowledging;
  readonly cumulative: boolean;
  readonly #prefetch: number;
  readonly #queuePrefetch: number;
  readonly #limits: WindowLimits;
  readonly #load: SessionLoad;
  /** In the order of delivery. */
  readonly #entries = new InOrder<Unacknowledged>();
  #queued = 0;
  #others = 0;
  #notice: string | undefined;
  /** Messages of topics that came while it was not open. */
  readonly #waiting: Publication[] = [];

  constructor(
    consumer: Acknowledging,
    { cumulative, prefetch }: AckMode,
    { limits, load }: { readonly limits: WindowLimits; readonly load: SessionLoad },
  ) {
    this.consumer = consumer;
    this.cumulative = cumulative;
    this.#prefetch = prefetch ?? Number.POSITIVE_INFINITY;
    // A client that acknowledges topics, as Spring's may without meaning it, hears all of them.
    this.#queuePrefetch = prefetch ?? limits.prefetch;
    this.#limits = limits;
    this.#load = load;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Deliveries that wait for their ACK or NACK. */
  get size(): number {
    return this.#queued + this.#others;
  }

  /** Whether its `prefetch-count` lets it have one more. */
  get isOpen(): boolean {
    return this.#queued + this.#others < this.#prefetch;
  }

  /** The same for a message of a queue, of which its session has limits, too. */
  get isOpenForQueued(): boolean {
    return this.isOpen && this.#queued < this.#queuePrefetch && !isFull(this.#load, this.#limits);
  }

  /** Whether its session has nothing of queues in flight. */
  get isIdle(): boolean {
    return this.#load.queued === 0;
  }

  /** Whether messages of topics wait for it to open. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** The last delivery. */
  get last(): Unacknowledged | undefined {
    return this.#entries.last;
  }

  /** The first delivery of a topic. */
  get firstOfTopic(): Unacknowledged | undefined {
    return this.#entries.find(0, ({ queued }) => queued === undefined);
  }

  /** The id of the MESSAGE that told its client that the server has ended its consumer; an ACK of it counts for all. */
  get notice(): string | undefined {
    return this.cumulative ? this.#notice : undefined;
  }

  /** The deliveries before an entry, and the entry itself. */
  upTo(last: Unacknowledged): readonly Unacknowledged[] {
    const entries: Unacknowledged[] = [];
    this.#entries.find(0, (entry) => {
      entries.push(entry);
      return entry === last;
    });
    return entries;
  }

  add(entry: Unacknowledged): void {
    this.#entries.insert(entry);
    this.#count(entry, 1);
  }

  /** Takes an entry out; it stays in flight until `release`. */
  delete(entry: Unacknowledged): void {
    this.#entries.remove(entry);
  }

  restore(entries: readonly Unacknowledged[]): void {
    for (const entry of entries) this.#entries.insert(entry);
  }

  /** An entry that was taken out is not in flight any more. */
  release(entry: Unacknowledged): void {
    this.#count(entry, -1);
  }

  /** Lets a topic's message wait; gives those that had to go because too much waits. */
  wait(publication: Publication): readonly Publication[] {
    const dropped: Publication[] = [];
    this.#waiting.push(publication);
    this.#load.waitingSize += sizeOf(publication);
    while (
      this.#waiting.length > this.#limits.unacknowledged ||
      this.#load.waitingSize > WAITING_SIZE_LIMIT
    ) {
      const oldest = this.#shift();
      if (!oldest) break;
      dropped.push(oldest);
    }
    return dropped;
  }

  /** The message that has waited longest, once the window is open for it. */
  next(): Publication | undefined {
    return this.isOpen ? this.#shift() : undefined;
  }

  /**
   * Forgets what waits: its consumer is gone.
   *
   * @param notice the id of the MESSAGE that tells its client so, if one does
   */
  end(notice: string | undefined): void {
    this.#notice ??= notice;
    while (this.#shift());
  }

  #count({ queued, isMarker }: Unacknowledged, step: 1 | -1): void {
    const load = this.#load;
    const { space } = this.#limits;
    if (!queued) {
      if (!isMarker) this.#others += step;
      load.others += step;
      return;
    }
    this.#queued += step;
    load.queued += step;
    load.queuedSize += step * queued.size;
    space.inFlight += step * queued.size;
    space.unacknowledged += step;
  }

  #shift(): Publication | undefined {
    const publication = this.#waiting.shift();
    if (publication) this.#load.waitingSize -= sizeOf(publication);
    return publication;
  }
}
