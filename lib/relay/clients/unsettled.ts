import { namesEndNotice } from "../../message/end-notice.js";
import type { MessageHeaders } from "../../message/message.js";

/** So many deliveries of one connection are remembered. */
const LIMIT = 10_000;

/** A subscription whose client acknowledges what it is delivered. */
export interface Acknowledging {
  /** An ACK counts for all that was delivered before, too: ack mode `client`. */
  readonly isCumulative: boolean;
  readonly isEnded: boolean;
  /** The server has ended it, not its client. */
  readonly isRevoked: boolean;
}

/** The names of a delivery: its `ack` from STOMP 1.2 on, its `message-id` before. */
export type DeliveryNames = Pick<MessageHeaders, "ackId" | "messageId" | "subscriptionId">;

interface Delivered {
  readonly key: string;
  readonly subscription: Acknowledging;
  readonly names: DeliveryNames;
  readonly isWithheld: boolean;
}

/** Deliveries that have something in common, in their order. */
type Group<T> = Map<T, Set<Delivered>>;

/**
 * The deliveries of one connection that nobody has settled. A delivery that is
 * withheld from the client is acknowledged in its place: the
 * broker would wait for that, and send no more. And an ACK for a subscription
 * that the server has ended stays here: the broker would answer it with ERROR,
 * and gives the message to somebody else, at the connection's end at the latest.
 */
export class Unsettled {
  /** In the order of delivery. */
  readonly #deliveries = new Map<string, Delivered>();
  readonly #bySubscription: Group<Acknowledging> = new Map();
  /** In STOMP 1.0 an ACK may name nothing but that. */
  readonly #byMessageId: Group<string | undefined> = new Map();
  readonly #acknowledge: (names: DeliveryNames) => void;

  constructor(acknowledge: (names: DeliveryNames) => void) {
    this.#acknowledge = acknowledge;
  }

  /** Notes a delivery that the client is given. */
  given(subscription: Acknowledging, names: DeliveryNames): void {
    this.#add({ key: keyOf(names), subscription, names, isWithheld: false });
  }

  /** Acknowledges a delivery that the client is not given; if that would count for what it was, later. */
  withheld(subscription: Acknowledging, names: DeliveryNames): void {
    if (subscription.isCumulative) {
      this.#add({ key: keyOf(names), subscription, names, isWithheld: true });
      this.acknowledgeWithheld();
    } else this.#acknowledge(names);
  }

  /** Takes note of a client's ACK or NACK. Returns whether it is for the broker; `acknowledgeWithheld` comes behind it. */
  settle(headers: MessageHeaders): boolean {
    if (namesEndNotice(headers)) return false;
    const named = this.#find(headers);
    if (!named) return true;

    // It may be taken back by ABORT.
    if (!headers.native.has("transaction")) this.#settled(named);
    return !named.subscription.isRevoked;
  }

  /**
   * Acknowledges what was withheld before everything that the client still has:
   * RabbitMQ counts an ACK for all of the connection.
   */
  acknowledgeWithheld(): void {
    let last: Delivered | undefined;
    for (const delivered of this.#deliveries.values()) {
      if (!delivered.isWithheld) break;
      this.#delete(delivered);
      // A broker that knows no such subscription any more would answer with ERROR.
      if (delivered.subscription.isEnded) continue;
      if (last && last.subscription !== delivered.subscription) this.#acknowledge(last.names);
      last = delivered;
    }
    if (last) this.#acknowledge(last.names);
  }

  #add(delivered: Delivered): void {
    const { key, subscription, names } = delivered;
    const before = this.#deliveries.get(key);
    if (before) this.#delete(before);
    this.#deliveries.set(key, delivered);
    join(this.#bySubscription, subscription, delivered);
    if (names.ackId === undefined) join(this.#byMessageId, names.messageId, delivered);
    const [oldest] = this.#deliveries.size > LIMIT ? this.#deliveries.values() : [];
    if (oldest) this.#delete(oldest);
  }

  #find(headers: MessageHeaders): Delivered | undefined {
    const { ackId, messageId, subscriptionId } = headers;
    if (ackId !== undefined || subscriptionId !== undefined) return this.#deliveries.get(keyOf(headers));
    const [oldest] = this.#byMessageId.get(messageId) ?? [];
    return oldest;
  }

  /** In ack mode `client` all that its subscription was delivered before is settled, too. */
  #settled(named: Delivered): void {
    const { subscription } = named;
    for (const delivered of (subscription.isCumulative && this.#bySubscription.get(subscription)) || []) {
      if (delivered === named) break;
      this.#delete(delivered);
    }
    this.#delete(named);
  }

  #delete(delivered: Delivered): void {
    const { key, subscription, names } = delivered;
    this.#deliveries.delete(key);
    leave(this.#bySubscription, subscription, delivered);
    leave(this.#byMessageId, names.messageId, delivered);
  }
}

function join<T>(groups: Group<T>, name: T, delivered: Delivered): void {
  const group = groups.get(name) ?? new Set();
  groups.set(name, group.add(delivered));
}

function leave<T>(groups: Group<T>, name: T, delivered: Delivered): void {
  const group = groups.get(name);
  group?.delete(delivered);
  if (group?.size === 0) groups.delete(name);
}

function keyOf({ ackId, messageId, subscriptionId }: DeliveryNames): string {
  return ackId ?? `${subscriptionId}\n${messageId}`;
}
