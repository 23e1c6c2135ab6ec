import { printable } from "../logger.js";
import { namesEndNotice } from "../message/end-notice.js";
import type { Message, MessageHeaders } from "../message/message.js";
import { AckWindow, type SessionWindows, type Unacknowledged } from "./ack-window.js";
import type { QueuedMessage } from "./queued-message.js";
import { refusal } from "./refusal.js";
import type { Subscription } from "./subscription-registry.js";

/** What decides about a window: the session it is in, and what SUBSCRIBE says. */
export type WindowHeaders = Pick<MessageHeaders, "sessionId" | "subscriptionId" | "native">;

/** What ACK and NACK name, by version: `ackId`; or `messageId` with or without `subscriptionId`. */
export type AckHeaders = Pick<MessageHeaders, "sessionId" | "ackId" | "messageId" | "subscriptionId">;

export interface AcknowledgementsOptions {
  /** How many deliveries of a session may be unacknowledged: those from queues and the others each. */
  readonly limit: number;
  /** What the ids for ACK begin with. */
  readonly idPrefix: string;
  /** Hears what became of a queue's message. */
  settled(message: QueuedMessage): void;
  returned(message: QueuedMessage, window: AckWindow): void;
  /** Hears which subscriptions may have room again: one, or all of a session. */
  room(subscription: Subscription): void;
  roomInSession(sessionId: string): void;
}

/** Keeps what was delivered and not acknowledged, for the sessions that chose to acknowledge. */
export class Acknowledgements {
  readonly #sessions = new Map<string, SessionWindows>();
  readonly #options: AcknowledgementsOptions;
  #sequence = 0;

  constructor(options: AcknowledgementsOptions) {
    this.#options = options;
  }

  /**
   * Makes the window of a new subscription; `undefined` in ack mode `auto`.
   *
   * @throws MessageDeliveryError when the mode or `prefetch-count` makes no sense
   */
  open({ sessionId = "", subscriptionId = "", native }: WindowHeaders): AckWindow | undefined {
    const mode = native.get("ack") ?? "auto";
    if (mode === "auto") return undefined;
    if (mode !== "client" && mode !== "client-individual") {
      throw refusal(`The ack mode ${printable(mode)} is unknown`);
    }
    const prefetch = native.get("prefetch-count");
    if (prefetch !== undefined && !/^[0-9]{1,9}$/.test(prefetch)) {
      throw refusal(`prefetch-count must be a whole number, not ${printable(prefetch)}`);
    }

    let session = this.#sessions.get(sessionId);
    if (!session) {
      session = {
        byAckId: new Map(),
        windows: new Set(),
        queued: 0,
        others: 0,
        waitingSize: 0,
        forgetful: false,
      };
      this.#sessions.set(sessionId, session);
    }
    return new AckWindow(session, {
      subscriptionId,
      cumulative: mode === "client",
      // 0 is no limit, as for RabbitMQ.
      prefetch: Number(prefetch ?? 0) || Number.POSITIVE_INFINITY,
      limit: this.#options.limit,
    });
  }

  /** Notes a delivery that is about to be sent. */
  add(
    { subscription, window }: { subscription: Subscription; window: AckWindow },
    { headers }: Message,
    queued: QueuedMessage | undefined,
  ): Unacknowledged {
    const sequence = ++this.#sequence;
    const ackId = `${this.#options.idPrefix}${sequence}`;
    const entry: Unacknowledged = {
      sequence,
      ackId,
      messageId: headers.messageId,
      subscription,
      window,
      queued,
    };
    const { session } = window;
    session.byAckId.set(ackId, entry);
    session.windows.add(window);
    window.add(entry);
    if (!queued && session.others > this.#options.limit) this.#forget(session, window);
    return entry;
  }

  /**
   * Takes what an ACK or NACK names, and in mode `client` all that this
   * subscription was delivered before it. It counts as in flight until `finish`.
   *
   * @throws MessageDeliveryError when there is no such delivery, or no more
   */
  take(headers: AckHeaders): readonly Unacknowledged[] {
    const session = this.#sessions.get(headers.sessionId ?? "");
    const named = session && find(session, headers);
    if (!named) {
      if (session?.forgetful || namesEndNotice(headers)) return [];
      const id = headers.ackId ?? headers.messageId ?? "";
      throw refusal(`No unacknowledged message has the id ${printable(id)}`);
    }

    const taken = named.window.cumulative ? named.window.upTo(named) : [named];
    for (const entry of taken) remove(entry);
    return taken;
  }

  /** Gives back what was taken, in its place. */
  restore(taken: readonly Unacknowledged[]): void {
    const window = taken[0]?.window;
    if (!window) return;

    window.restore(taken);
    window.session.windows.add(window);
    for (const entry of taken) window.session.byAckId.set(entry.ackId, entry);
  }

  /** Ends what was taken, of one subscription: acknowledged, or given back to its queue. */
  finish(taken: readonly Unacknowledged[], acknowledged: boolean): void {
    const [first] = taken;
    if (!first) return;

    const { sessionId } = first.subscription;
    const wasFull = first.window.session.queued >= this.#options.limit;
    for (const { window, queued } of taken) window.release(queued);
    for (const { window, queued } of taken) {
      if (!queued) continue;
      if (acknowledged) this.#options.settled(queued);
      else this.#options.returned(queued, window);
    }
    if (wasFull) this.#options.roomInSession(sessionId);
    else this.#options.room(first.subscription);
  }

  /** The same for a single delivery that failed on its way; nothing happens when it was acknowledged by then. */
  finishUndelivered(entry: Unacknowledged, acknowledged: boolean): void {
    if (entry.window.session.byAckId.get(entry.ackId) !== entry) return;
    remove(entry);
    this.finish([entry], acknowledged);
  }

  /** Forgets a session; what it had of queues is given back, oldest first. */
  removeSession(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    if (!session) return;

    const entries = [...session.byAckId.values()].sort((a, b) => a.sequence - b.sequence);
    session.byAckId.clear();
    for (const { window, queued } of entries) if (queued) this.#options.returned(queued, window);
  }

  clear(): void {
    this.#sessions.clear();
  }

  /**
   * A client that never acknowledges topics, as Spring allows, loses nothing
   * but the check of its ids. Its own oldest goes first, so that a cumulative
   * ACK of a newer one still counts.
   */
  #forget(session: SessionWindows, window: AckWindow): void {
    for (const entry of window.entries()) {
      if (entry.queued) continue;
      session.forgetful = true;
      remove(entry);
      window.release(undefined);
      return;
    }
  }
}

function find(session: SessionWindows, headers: AckHeaders): Unacknowledged | undefined {
  const { ackId, messageId, subscriptionId } = headers;
  if (ackId !== undefined) return session.byAckId.get(ackId);

  let oldest: Unacknowledged | undefined;
  for (const window of session.windows) {
    if (subscriptionId !== undefined && subscriptionId !== window.subscriptionId) continue;
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

function remove(entry: Unacknowledged): void {
  const { window } = entry;
  window.delete(entry);
  window.session.byAckId.delete(entry.ackId);
  if (window.isEmpty) window.session.windows.delete(window);
}
