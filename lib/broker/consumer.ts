import type { SubscribableChannel } from "../channel/channel.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { Delivery, QueueDelivery, ReplayDelivery } from "../message/delivery.js";
import { namesEndNotice } from "../message/end-notice.js";
import type { Subscriber } from "../message/message.js";
import type { SubscriptionView } from "../observe/views.js";
import type { AckMode, AckWindow, Unacknowledged } from "./ack-window.js";
import type { BrokerCounts } from "./broker-counts.js";
import type { BrokerSession } from "./broker-session.js";
import type { Returning } from "./history/history.js";
import type { Replay } from "./history/replay.js";
import type { Publication } from "./publication.js";
import type { QueuedMessage } from "./queued-message.js";
import type { FindRetained, Retained } from "./retained-messages.js";
import type { Selector } from "./selector/selector.js";
import { pump, type Taker } from "./taker.js";
import type { Turns } from "./turns.js";
import { Unread, type UnreadContext } from "./unread.js";

/** Gives to consumers, when they have room. */
export interface Source extends UnreadContext {
  /** Gives a consumer one thing of what waits for it; `false` when there is nothing. */
  giveNext(consumer: Consumer): boolean;
}

/** The part that all consumers of a broker share. */
export interface ConsumerContext {
  readonly clientOutboundChannel: SubscribableChannel;
  /** Where messages wait that are for one of several. */
  readonly queues: Source;
  readonly turns: Turns;
  readonly counts: Pick<BrokerCounts, "deliveries">;
  /** Gives the number of the next delivery that is to be acknowledged. */
  nextDelivery(): number;
  /** The beginning of the ids for ACK. */
  readonly ackIdPrefix: string;
  /** Hears of a delivery that failed on its way. */
  undelivered(consumer: Consumer, error: unknown): void;
  /** Hears of a topic's message that was dropped since too many wait for the window to open. */
  dropped(publication: Publication, sessionId: string): void;
}

/** The options that a SUBSCRIBE names. */
export interface ConsumerOptions {
  /** Unique within its session only. */
  readonly id: string;
  readonly pattern: DestinationPattern;
  /** Whether it hears what is private to its session, and nothing else. */
  readonly isPrivate: boolean;
  /** Which messages it wants; without one, all. */
  readonly selector: Selector | undefined;
  /** How it acknowledges; without, it does not. */
  readonly ack: AckMode | undefined;
}

/**
 * One subscription, and how it is given messages. A live message it gets at once:
 * the fan-out delivers to those that are `plain`, and offers to the others. All
 * else, what it has missed, what waits in queues and for its window and what is
 * retained, it is given while its session's socket has room, and its `prefetch-count` leaves some.
 */
export class Consumer implements Taker, Subscriber, Returning {
  // The fields that the fan-out reads stand together, in one line of the processor's cache.
  readonly sessionId: string;
  readonly id: string;
  /** It wants every message, acknowledges none, and has missed none: nothing to ask before a delivery. */
  plain: boolean;
  readonly pattern: DestinationPattern;
  readonly isPrivate: boolean;
  readonly selector: Selector | undefined;
  /** Its deliveries that are not acknowledged; in ack mode `auto` there is no window. */
  readonly window: AckWindow | undefined;
  /** When it was last given a message of a queue. */
  turn = 0;
  readonly #session: BrokerSession<Consumer>;
  readonly #context: ConsumerContext;
  /** Retained messages that it has not been given. */
  #owed: Retained | undefined;
  /** Finds these for it at the end of its replay. */
  #findOwed: FindRetained | undefined;
  /** The messages that it has missed, until it has been given them. */
  #replay: Replay | undefined;
  #unread: Unread | undefined;
  #ofQueues: Subscriber | undefined;
  #gone = false;
  #removed = false;

  constructor(session: BrokerSession<Consumer>, options: ConsumerOptions, context: ConsumerContext) {
    const { id, pattern, isPrivate, selector, ack } = options;
    this.sessionId = session.id;
    this.id = id;
    this.plain = false;
    this.pattern = pattern;
    this.isPrivate = isPrivate;
    this.selector = selector;
    this.window = ack && session.openWindow(this, ack);
    this.#session = session;
    this.#context = context;
    this.plain = this.#isUndemanding;
  }

  /** It is given nothing any more: its client or the server has ended it, or its session has ended. */
  get removed(): boolean {
    return this.#removed;
  }

  /** The server has ended it: what it was given and has not left yet is not for its client any more, either. */
  get gone(): boolean {
    return this.#gone;
  }

  get sessionHasEnded(): boolean {
    return this.#session.hasEnded;
  }

  /** The subscription as it is now, for those who run the server. */
  get view(): SubscriptionView {
    const { sessionId, id, pattern, isPrivate, selector, window } = this;
    return {
      sessionId,
      id,
      destination: pattern.text,
      isPrivate,
      ack: window ? (window.cumulative ? "client" : "client-individual") : "auto",
      selector: selector?.text,
      unacknowledged: window?.size,
    };
  }

  /** The messages that wait for it in queues. */
  get unread(): Unread {
    this.#unread ??= new Unread(this.pattern, this.#context.queues);
    return this.#unread;
  }

  /** Whether it may be given a queue's message, as far as is known without asking its socket. */
  get takes(): boolean {
    if (this.#removed || this.#session.isCrowded) return false;
    return !this.window || this.window.isOpenForQueued;
  }

  /** Asks whether its session's socket has room; if not, it is given what waits as soon as it has. */
  askRoom(): boolean {
    return this.#session.askRoom();
  }

  /** Gets what is live, if it wants it, as soon as its `prefetch-count` has room. */
  offer(publication: Publication): void {
    const { window, sessionId } = this;
    if (!this.wants(publication)) return;

    if (this.#replay) {
      this.#replay.published(publication);
      if (this.#replay.isOver) this.endReplay();
    } else if (!window) this.#deliver(new Delivery(publication, this));
    else if (window.isOpen && !window.waits) this.#deliverInWindow(window, publication);
    else {
      for (const dropped of window.wait(publication.keep())) this.#context.dropped(dropped, sessionId);
    }
  }

  /** Whether it wants a message, as its selector says. */
  wants(publication: Publication): boolean {
    return this.selector?.matches(publication) !== false;
  }

  mark(marker: Publication): void {
    if (this.window) this.#deliverInWindow(this.window, marker, { isMarker: true });
    else this.#deliver(new ReplayDelivery(marker, this));
  }

  replay(replay: Replay): void {
    this.#replay = replay;
    this.plain = false;
  }

  endReplay(): void {
    const replay = this.#replay;
    this.#replay = undefined;
    this.plain = this.#isUndemanding;
    if (replay) this.#owed = this.#findOwed?.((number) => replay.hasFailed || replay.lacks(number));
    this.#findOwed = undefined;
    for (const held of replay?.end() ?? []) this.offer(held);
  }

  goOn(): void {
    pump(this);
  }

  /** Gets a queue's message, which nobody else does. */
  hand(message: QueuedMessage): void {
    if (this.window) this.#deliverInWindow(this.window, message.publication, { queued: message });
    else this.#deliverQueued(message);
  }

  /**
   * Is to get the retained messages as soon as there is room for each. A replay that gives it all it has missed gives
   * it these too: they are found if that fails, and those that a history has not kept as long if it has asked for all.
   */
  owe(find: FindRetained): void {
    if (this.#replay) this.#findOwed = find;
    else this.#owed = find();
  }

  giveNext(): boolean {
    if (!this.#mayHaveMore || !this.#session.askRoom()) return false;

    const { window } = this;
    const waiting = window?.next();
    if (window && waiting) {
      this.#deliverInWindow(window, waiting);
      return true;
    }
    return this.#giveMissed() || this.#giveOwed() || this.#context.queues.giveNext(this);
  }

  /**
   * Removes it: it is given nothing any more. Its deliveries can still be acknowledged.
   *
   * @param notice the id of the MESSAGE that tells the client that the server has ended it, if so
   */
  remove(notice?: string): void {
    this.#removed = true;
    this.#gone = notice !== undefined && namesEndNotice({ messageId: notice });
    this.#owed = undefined;
    this.#findOwed = undefined;
    this.#replay = undefined;
    this.#unread?.clear();
    if (this.window) this.#session.ended(this.window, notice);
  }

  get #isUndemanding(): boolean {
    return this.window === undefined && this.selector === undefined;
  }

  /** It, for messages that others get when it is over. */
  get #ofQueue(): Subscriber {
    this.#ofQueues ??= new QueueSubscriber(this);
    return this.#ofQueues;
  }

  /** Whether something waits that it may have, as far as is known without asking its socket. */
  get #mayHaveMore(): boolean {
    if (this.#removed || this.#session.isCrowded) return false;
    const { window } = this;
    if (window?.isOpen !== false && (window?.waits === true || this.#replay || this.#owed)) return true;
    return this.takes && this.#unread?.isEmpty === false;
  }

  #giveMissed(): boolean {
    const replay = this.#replay;
    if (!replay || this.window?.isOpen === false) return false;
    const missed = replay.next();
    if (missed && this.window) this.#deliverInWindow(this.window, missed, { isMissed: true });
    else if (missed) this.#deliver(new ReplayDelivery(missed, this));
    else if (replay.isOver) this.endReplay();
    return missed !== undefined;
  }

  #giveOwed(): boolean {
    const { seekers } = this.#context.queues;
    // The message of the one destination that it names is found at once: others' searches do not keep it from that.
    const isSought = this.pattern.isPattern || this.selector !== undefined;
    while (this.#owed && this.window?.isOpen !== false) {
      if (isSought && !seekers.mayLook) {
        seekers.add(this);
        return false;
      }
      const { done, value } = this.#owed.next();
      if (done === true) this.#owed = undefined;
      else if (typeof value === "number") seekers.lookedAt(value);
      else if (!this.wants(value)) seekers.lookedAt(this.selector?.workFor(value) ?? 0);
      else {
        if (this.window) this.#deliverInWindow(this.window, value);
        else this.#deliver(new Delivery(value, this));
        return true;
      }
    }
    return false;
  }

  #deliver(delivery: Delivery): void {
    const { clientOutboundChannel, undelivered, counts } = this.#context;
    counts.deliveries++;
    try {
      const sent = clientOutboundChannel.carry(delivery);
      if (typeof sent !== "boolean") sent.catch((error: unknown) => undelivered(this, error));
    } catch (error) {
      undelivered(this, error);
    }
  }

  /** A message that does not reach the socket of a consumer without acknowledgements goes to another. */
  #deliverQueued(message: QueuedMessage): void {
    const { clientOutboundChannel, undelivered, turns, counts } = this.#context;
    const { queues, publication } = message;
    counts.deliveries++;
    const failed = (error: unknown) => {
      undelivered(this, error);
      const isWanted = !this.#removed && !this.sessionHasEnded;
      return turns.take(() => queues.returned(message, this, isWanted));
    };
    try {
      const sent = clientOutboundChannel.carry(new QueueDelivery(publication, this.#ofQueue));
      if (typeof sent === "boolean") queues.settled(message);
      else sent.then(() => turns.take(() => queues.settled(message))).catch(failed);
    } catch (error) {
      void failed(error);
    }
  }

  #deliverInWindow(
    window: AckWindow,
    publication: Publication,
    { queued, isMarker = false, isMissed = false }: InWindow = {},
  ): void {
    const { clientOutboundChannel, ackIdPrefix, nextDelivery, undelivered, turns, counts } = this.#context;
    counts.deliveries++;
    const sequence = nextDelivery();
    const ackId = `${ackIdPrefix}${sequence}`;
    const { messageId } = publication.headers;
    const entry: Unacknowledged = { sequence, ackId, messageId, window, queued, isMarker };
    const session = this.#session;
    session.sending(entry);
    // The client has never seen what an interceptor stopped: that is as good as acknowledged.
    const stopped = () => turns.take(() => session.finishUndelivered(entry, "acknowledged"));
    const failed = (error: unknown) => {
      undelivered(this, error);
      // It is no fault of the message that nobody wants it any more.
      return turns.take(() => session.finishUndelivered(entry, this.#removed ? "returned" : "failed"));
    };
    try {
      const delivery = queued
        ? new QueueDelivery(publication, this.#ofQueue, ackId)
        : isMissed || isMarker
          ? new ReplayDelivery(publication, this, ackId)
          : new Delivery(publication, this, ackId);
      const sent = clientOutboundChannel.carry(delivery);
      if (sent === false) void stopped();
      else if (sent !== true) sent.then((delivered) => (delivered ? undefined : stopped())).catch(failed);
    } catch (error) {
      void failed(error);
    }
  }
}

/** The kind of a delivery that is to be acknowledged, if it is no topic's live message. */
interface InWindow {
  readonly queued?: QueuedMessage;
  readonly isMarker?: boolean;
  readonly isMissed?: boolean;
}

/** A consumer, for messages that go to others at the end of its session: it is written none of them any more. */
class QueueSubscriber implements Subscriber {
  readonly isOwed = true;
  readonly #consumer: Consumer;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  get sessionId(): string {
    return this.#consumer.sessionId;
  }

  get id(): string {
    return this.#consumer.id;
  }

  get gone(): boolean {
    return this.#consumer.gone || this.#consumer.sessionHasEnded;
  }
}
