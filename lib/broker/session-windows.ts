import { refusal } from "../errors.js";
import { printable } from "../logger.js";
import { namesEndNotice } from "../message/end-notice.js";
import type { MessageHeaders } from "../message/message.js";
import {
  type AckMode,
  type Acknowledging,
  AckWindow,
  isFull,
  type SessionLoad,
  type Unacknowledged,
  type WindowLimits,
} from "./ack-window.js";
import { NamedDeliveries } from "./named-deliveries.js";

/** The headers by which ACK and NACK name a delivery, by version: `ackId`; or `messageId` with or without `subscriptionId`. */
export type AckHeaders = Pick<MessageHeaders, "ackId" | "messageId" | "subscriptionId">;

/** The unacknowledged deliveries of one session, over all its consumers: also those that are gone. */
export class SessionWindows {
  readonly #limits: WindowLimits;
  readonly #load: SessionLoad = { queued: 0, queuedSize: 0, others: 0, waitingSize: 0 };
  readonly #byAckId = new Map<string, Unacknowledged>();
  /** Clients before STOMP 1.2 name `message-id` and `subscription`, or the first alone: each is made when a client first does. */
  #bySubscription: NamedDeliveries | undefined;
  #byMessage: NamedDeliveries | undefined;
  /** Windows in which something is unacknowledged, by the MESSAGE that told of their end. */
  readonly #byNotice = new Map<string, AckWindow>();
  /** Some have been forgotten, so that an unknown id may be an honest one. */
  #isForgetful = false;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** Whether it may be delivered nothing more of queues. */
  get isFull(): boolean {
    return isFull(this.#load, this.#limits);
  }

  /** Makes the window of a new consumer. */
  open(consumer: Acknowledging, mode: AckMode): AckWindow {
    return new AckWindow(consumer, mode, { limits: this.#limits, load: this.#load });
  }

  /** Notes a delivery that is about to be sent. */
  add(entry: Unacknowledged): void {
    const { ackId, window, queued } = entry;
    this.#byAckId.set(ackId, entry);
    this.#bySubscription?.add(entry);
    this.#byMessage?.add(entry);
    window.add(entry);
    if (!queued && this.#load.others > this.#limits.unacknowledged) this.#forget(window);
  }

  /** Whether a delivery is neither acknowledged nor given back. */
  has(entry: Unacknowledged): boolean {
    return this.#byAckId.get(entry.ackId) === entry;
  }

  /**
   * Takes what an ACK or NACK names, and in mode `client` all that this
   * consumer was delivered before it. It counts as in flight until `release`
   * of its window.
   *
   * @throws MessageDeliveryError when there is no such delivery, or no more
   */
  take(headers: AckHeaders): readonly Unacknowledged[] {
    const named = this.#find(headers);
    if (!named) {
      if (!this.#isForgetful) expectNotice(headers);
      return [];
    }
    const taken = named.window.cumulative ? named.window.upTo(named) : [named];
    for (const entry of taken) this.remove(entry);
    return taken;
  }

  /** Gives back what was taken, of one consumer, in its place. */
  restore(taken: readonly Unacknowledged[]): void {
    const window = taken[0]?.window;
    if (!window) return;

    window.restore(taken);
    this.ended(window);
    for (const entry of taken) {
      this.#byAckId.set(entry.ackId, entry);
      this.#bySubscription?.add(entry);
      this.#byMessage?.add(entry);
    }
  }

  /** A window's consumer may have been ended by the server. */
  ended(window: AckWindow): void {
    if (window.notice !== undefined && !window.isEmpty) this.#byNotice.set(window.notice, window);
  }

  remove(entry: Unacknowledged): void {
    const { window } = entry;
    window.delete(entry);
    this.#byAckId.delete(entry.ackId);
    this.#bySubscription?.delete(entry);
    this.#byMessage?.delete(entry);
    if (window.notice !== undefined && window.isEmpty) this.#byNotice.delete(window.notice);
  }

  /** Takes all of it, in the order in which it was delivered. */
  takeAll(): readonly Unacknowledged[] {
    const all = [...this.#byAckId.values()].sort((a, b) => a.sequence - b.sequence);
    for (const entry of all) this.remove(entry);
    return all;
  }

  #find(headers: AckHeaders): Unacknowledged | undefined {
    const { ackId, messageId = "", subscriptionId } = headers;
    if (ackId !== undefined) return this.#byAckId.get(ackId);

    if (namesEndNotice(headers)) {
      const window = this.#byNotice.get(messageId);
      return window && (subscriptionId ?? window.consumer.id) === window.consumer.id
        ? window.last
        : undefined;
    }
    if (subscriptionId === undefined) {
      this.#byMessage ??= new NamedDeliveries((entry) => entry.messageId ?? "", this.#byAckId.values());
      return this.#byMessage.first(messageId);
    }
    this.#bySubscription ??= new NamedDeliveries(
      ({ messageId, window }) => nameOf(window.consumer.id, messageId),
      this.#byAckId.values(),
    );
    return this.#bySubscription.first(nameOf(subscriptionId, messageId));
  }

  /**
   * A client that never acknowledges topics, as Spring allows, loses nothing
   * but the check of its ids. Its own oldest goes first, so that a cumulative
   * ACK of a newer one still counts.
   */
  #forget(window: AckWindow): void {
    const oldest = window.firstOfTopic;
    if (!oldest) return;
    this.#isForgetful = true;
    this.remove(oldest);
    window.release(oldest);
  }
}

function nameOf(subscriptionId: string, messageId = ""): string {
  return `${messageId}\n${subscriptionId}`;
}

/** @throws MessageDeliveryError unless ACK or NACK names what there is nothing to acknowledge of */
export function expectNotice(headers: AckHeaders): void {
  if (namesEndNotice(headers)) return;
  const { ackId, messageId = "" } = headers;
  throw refusal(`No unacknowledged message has the id ${printable(ackId ?? messageId)}`);
}
