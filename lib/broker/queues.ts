import type { Clock } from "../clock/clock.js";
import type { DestinationSeparator } from "../destination/pattern.js";
import { refusal, soon } from "../errors.js";
import { printable } from "../logger.js";
import { type Message, sizeOf, withHeaders } from "../message/message.js";
import { saying, withoutReserved } from "../message/reserved-headers.js";
import type { QueueStats } from "../observe/stats.js";
import { ownText } from "../own-text.js";
import { Backlog } from "./backlog.js";
import { Backlogs } from "./backlogs.js";
import type { Consumer, Source } from "./consumer.js";
import type { Listeners } from "./listeners.js";
import { APPLICATION, Payers } from "./payers.js";
import type { Publication } from "./publication.js";
import type { QueueSpace } from "./queue-space.js";
import type { QueuedMessage, TakesBack } from "./queued-message.js";
import { Seekers } from "./seekers.js";
import type { Turns } from "./turns.js";

/** The overflow of a queue whose messages nobody takes: its oldest go, or new ones are refused. */
export type QueueOverflowStrategy = "drop-oldest" | "reject";

export interface QueuesOptions {
  /** Messages that may wait in one queue. */
  readonly backlogLimit: number;
  readonly overflowStrategy: QueueOverflowStrategy;
  /** How often a message may fail before it is a dead letter. */
  readonly deliveryAttempts: number;
  /** Where messages go that have failed too often; without it they are dropped. */
  readonly deadLetterDestination: string | undefined;
  readonly space: QueueSpace;
  readonly listeners: Listeners;
  readonly turns: Turns;
  readonly separator: DestinationSeparator;
  readonly clock: Clock;
  /** Publishes a dead letter, which the same pays for. */
  publish(letter: Message, payer: string): void;
  /** Hears of a message that is a queue's no more, since nobody took it or it failed too often. */
  dropped(publication: Publication, reason: "backlog" | "attempts"): void;
}

/** About what a queue in which something waits takes beside that, in bytes. */
const BACKLOG_BYTES = 768;

/**
 * Gives each message to one of those who subscribed to its destination: to the
 * one served longest ago, among those who have room and want it. While there is
 * none it waits, in the order of publishing.
 *
 * A queue that holds nothing is nothing: whatever is known of it is its
 * consumers, among the listeners.
 */
export class Queues implements Source, TakesBack {
  readonly backlogs: Backlogs;
  readonly seekers: Seekers;
  readonly #options: QueuesOptions;
  readonly #space: QueueSpace;
  readonly #payers = new Payers();
  #sequence = 0;
  #turn = 0;
  #waiting = 0;
  #redelivered = 0;

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.#space = options.space;
    this.backlogs = new Backlogs(options.separator);
    this.seekers = new Seekers(options.turns);
  }

  get stats(): QueueStats {
    return {
      queues: this.backlogs.size,
      backlog: this.#waiting,
      bytes: this.#space.held,
      unacknowledged: this.#space.unacknowledged,
    };
  }

  /** How many messages came back, and were not given up. */
  get redelivered(): number {
    return this.#redelivered;
  }

  /**
   * @param payer who pays for the space that it takes while it waits
   * @param isAdmitted whether there is space for it, as `admit` has said
   * @throws MessageDeliveryError when the queue is full, and new messages are to be refused
   */
  publish(publication: Publication, payer: string, isAdmitted = false): void {
    const sequence = ++this.#sequence;
    const message = { sequence, size: 0, publication, failures: 0, isBack: false, payer, queues: this };
    const consumer = this.#next(message);
    // For one who does not acknowledge, nothing is held.
    if (consumer && !consumer.window) {
      this.#hand(message, consumer);
      return;
    }
    const held: QueuedMessage = { ...message, size: sizeOf(publication.keep()) };
    // A consumer that has nothing gets one: the others may have taken all the space that there is.
    const isSpared = isAdmitted || consumer?.window?.isIdle === true;
    if (!this.#makeSpace(held, !consumer, isSpared)) return;

    this.#space.held += held.size;
    if (consumer) this.#hand(held, consumer);
    else this.#insert(held);
  }

  /**
   * Makes sure that all of these would be taken, even if nobody listened.
   *
   * @throws MessageDeliveryError when they would not
   */
  admit(messages: readonly Message[], payer: string): void {
    if (this.#options.overflowStrategy !== "reject") return;

    const lengths = new Map<string, number>();
    let size = 0;
    for (const message of messages) {
      const { destination = "" } = message.headers;
      const length = lengths.get(destination) ?? this.backlogs.get(destination)?.messages.length ?? 0;
      size += sizeOf(message) + (length === 0 ? BACKLOG_BYTES : 0);
      if (length >= this.#options.backlogLimit) throw full(destination);
      this.#expectSpace(size, payer, destination);
      lengths.set(destination, length + 1);
    }
  }

  /** A consumer is new: what waits is for it, too. */
  join(consumer: Consumer): void {
    const { isPattern, text } = consumer.pattern;
    const backlog = this.backlogs.get(text);
    if (isPattern) consumer.unread.seekAll();
    else if (backlog) consumer.unread.addAll(backlog);
  }

  giveNext(consumer: Consumer): boolean {
    const { unread, selector } = consumer;
    const { seekers } = this;
    while (consumer.takes) {
      const message = !selector || seekers.mayLook ? unread.next() : undefined;
      if (!message) {
        if (!unread.isEmpty) seekers.add(consumer);
        return false;
      }
      if (selector?.matches(message.publication) === false) {
        seekers.lookedAt(selector.workFor(message.publication));
        continue;
      }
      this.#remove(message);
      this.#hand(message, consumer);
      return true;
    }
    return false;
  }

  settled(message: QueuedMessage): void {
    this.#space.held -= message.size;
  }

  returned(message: QueuedMessage, from: object, hasFailed: boolean): void {
    const failures = message.failures + Number(hasFailed);
    if (failures >= this.#options.deliveryAttempts) {
      this.settled(message);
      this.#bury(message);
      return;
    }
    this.#redelivered++;
    const { native } = message.publication.headers;
    const publication = message.publication.with(saying(native, { redelivered: "true" })).keep();
    // Nothing was held for one who does not acknowledge.
    const size = message.size || sizeOf(publication);
    this.#space.held += size - message.size;
    const again: QueuedMessage = { ...message, size, failures, isBack: true, publication };
    const consumer = this.#next(again, from) ?? this.#next(again);
    if (consumer) this.#hand(again, consumer);
    else this.#insert(again);
  }

  clear(): void {
    this.backlogs.clear();
    this.seekers.clear();
    this.#payers.clear();
    this.#waiting = 0;
    this.#space.held = 0;
  }

  #next({ publication }: QueuedMessage, but?: object): Consumer | undefined {
    const { destination = "" } = publication.headers;
    const backlog = this.seekers.isEmpty ? undefined : this.backlogs.get(destination);
    for (;;) {
      let next: Consumer | undefined;
      for (const group of this.#options.listeners.all.match(destination)) {
        for (const consumer of group) {
          if (next && next.turn <= consumer.turn) continue;
          if ((but && (consumer === but || consumer.window === but)) || !consumer.takes) continue;
          // The messages that it has yet to look at there are before this one.
          if (backlog && this.seekers.has(consumer) && consumer.unread.isBehind(backlog)) continue;
          if (consumer.selector?.matches(publication) !== false) next = consumer;
        }
      }
      // One whose socket has no room takes nothing from then on.
      if (!next || next.askRoom()) return next;
    }
  }

  #hand(message: QueuedMessage, consumer: Consumer): void {
    consumer.turn = ++this.#turn;
    consumer.hand(message);
  }

  /** In its place: what comes back is older than what waits. */
  #insert(message: QueuedMessage): void {
    this.#waiting++;
    const { destination = "" } = message.publication.headers;
    let backlog = this.backlogs.get(destination);
    if (!backlog) {
      backlog = new Backlog(ownText(destination), ++this.#sequence, this.#options.clock.date());
      this.backlogs.add(backlog);
      this.#space.held += BACKLOG_BYTES;
    }
    backlog.insert(message);
    this.#payers.add(message);
    for (const group of this.#options.listeners.all.match(destination)) {
      for (const consumer of group) consumer.unread.add(backlog, message);
    }
  }

  /** Dead letters that fail, too, do not go round. */
  #bury({ publication, payer }: QueuedMessage): void {
    const { deadLetterDestination, dropped, publish } = this.#options;
    const { destination = "", native } = publication.headers;
    if (deadLetterDestination === undefined || destination === deadLetterDestination) {
      dropped(publication, "attempts");
      return;
    }
    // Headers that told of it as a message of that queue are taken off.
    const letter = saying(withoutReserved(native, "client"), { "original-destination": destination });
    try {
      publish(withHeaders(publication, { destination: deadLetterDestination, native: letter }), payer);
    } catch {
      dropped(publication, "attempts");
    }
  }

  #remove(message: QueuedMessage): void {
    this.#waiting--;
    const { destination = "" } = message.publication.headers;
    const backlog = this.backlogs.get(destination);
    backlog?.remove(message);
    this.#payers.remove(message);
    if (backlog?.messages.length !== 0) return;
    this.backlogs.delete(backlog);
    this.#space.held -= BACKLOG_BYTES;
  }

  /** Whether the message may be held; whatever had to go for it has gone. */
  #makeSpace(message: QueuedMessage, waits: boolean, isSpared: boolean): boolean {
    const { backlogLimit, overflowStrategy } = this.#options;
    const { destination = "" } = message.publication.headers;
    for (;;) {
      const own = this.backlogs.get(destination);
      const isCrowded = waits && own !== undefined && own.messages.length >= backlogLimit;
      const size = message.size + (waits && !own ? BACKLOG_BYTES : 0);
      if (overflowStrategy === "reject") {
        // A message that was promised space is taken, whatever has come back to the queue since.
        if (isSpared) return true;
        if (isCrowded) throw full(destination);
        this.#expectSpace(size, waits ? message.payer : APPLICATION, destination);
        return true;
      }
      if (!isCrowded && this.#space.hasSpaceFor(size)) return true;

      const loser = isCrowded ? own.oldestOfHeaviest : this.#loserFor(message);
      if (!loser) {
        // It is the consumers who hold all: one that has nothing yet is not to suffer from that.
        if (!waits && size <= this.#space.limit) return true;
        this.#options.dropped(message.publication, "backlog");
        return false;
      }
      this.#remove(loser);
      this.settled(loser);
      this.#options.dropped(loser.publication, "backlog");
    }
  }

  /** The message that goes when all queues together hold too much. */
  #loserFor(message: QueuedMessage): QueuedMessage | undefined {
    if (message.size > this.#space.limit) return undefined;
    const { payer, destination } = this.#payers.loserFor(message);
    return this.backlogs.get(destination)?.oldestOf(payer);
  }

  /** @throws MessageDeliveryError when there is no space for so much, or the rest of it is for others */
  #expectSpace(size: number, payer: string, destination: string): void {
    if (!this.#space.hasSpaceFor(size)) throw full(destination);
    // An accepted message stays: so one client can take half of it at most, and leaves the next one half of that.
    const isGreedy = this.#space.held + size + this.#payers.weightOf(payer) > this.#space.limit;
    if (isGreedy && payer !== APPLICATION) {
      const text = `Too much of yours waits in queues: ${printable(destination)} takes no more of it`;
      throw refusal(text, { retry: soon() });
    }
  }
}

function full(destination: string): Error {
  return refusal(`The queue ${printable(destination)} is full`, { retry: soon() });
}
