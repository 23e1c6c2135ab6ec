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

/** What ACK and NACK name, by version: `ackId`; or `messageId` with or without `subscriptionId`. */
export type AckHeaders = Pick<MessageHeaders, "ackId" | "messageId" | "subscriptionId">;

/** What one session was delivered and has not acknowledged, over all its consumers: also those that are gone. */
export class SessionWindows {
  readonly #limits: WindowLimits;
  readonly #load: SessionLoad = { queued: 0, queuedSize: 0, others: 0, waitingSize: 0 };
  readonly #byAckId = new Map<string, Unacknowledged>();
  /** Those in which something is unacknowledged. */
  readonly #windows = new Set<AckWindow>();
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
    this.#windows.add(window);
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
    this.#windows.add(window);
    for (const entry of taken) this.#byAckId.set(entry.ackId, entry);
  }

  remove(entry: Unacknowledged): void {
    const { window } = entry;
    window.delete(entry);
    this.#byAckId.delete(entry.ackId);
    if (window.isEmpty) this.#windows.delete(window);
  }

  /** Takes all of it, in the order in which it was delivered. */
  takeAll(): readonly Unacknowledged[] {
    const all = [...this.#byAckId.values()].sort((a, b) => a.sequence - b.sequence);
    for (const entry of all) this.remove(entry);
    return all;
  }

  #find(headers: AckHeaders): Unacknowledged | undefined {
    const { ackId, messageId, subscriptionId } = headers;
    if (ackId !== undefined) return this.#byAckId.get(ackId);

    let oldest: Unacknowledged | undefined;
    for (const window of this.#windows) {
      if (subscriptionId !== undefined && subscriptionId !== window.consumer.id) continue;
      const last = namesEndNotice(headers) ? window.upToNotice(messageId) : undefined;
      if (last) return last;
      for (const entry of window.entries()) {
        if (entry.messageId !== messageId) continue;
        if (!oldest || entry.sequence < oldest.sequence) oldest = entry;
        break;
      }
    }
    return oldest;
  }

  /**
   * A client that never acknowledges topics, as Spring allows, loses nothing
   * but the check of its ids. Its own oldest goes first, so that a cumulative
   * ACK of a newer one still counts.
   */
  #forget(window: AckWindow): void {
    for (const entry of window.entries()) {
      if (entry.queued) continue;
      this.#isForgetful = true;
      this.remove(entry);
      window.release(entry);
      return;
    }
  }
}

/** @throws MessageDeliveryError unless ACK or NACK names what there is nothing to acknowledge of */
export function expectNotice(headers: AckHeaders): void {
  if (namesEndNotice(headers)) return;
  const { ackId, messageId = "" } = headers;
  throw refusal(`No unacknowledged message has the id ${printable(ackId ?? messageId)}`);
}
