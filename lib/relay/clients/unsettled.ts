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

/** What names a delivery: its `ack` from STOMP 1.2 on, its `message-id` before. */
export type DeliveryNames = Pick<MessageHeaders, "ackId" | "messageId" | "subscriptionId">;

interface Delivered {
  readonly subscription: Acknowledging;
  readonly names: DeliveryNames;
  readonly isWithheld: boolean;
}

/**
 * What one connection's broker has delivered and nobody has settled. By that a
 * delivery that is withheld from the client is acknowledged in its place: the
 * broker would wait for that, and send no more. And an ACK for a subscription
 * that the server has ended stays here: the broker would answer it with ERROR,
 * and gives the message to somebody else, at the connection's end at the latest.
 */
export class Unsettled {
  /** In the order of delivery. */
  readonly #deliveries = new Map<string, Delivered>();
  readonly #acknowledge: (names: DeliveryNames) => void;

  constructor(acknowledge: (names: DeliveryNames) => void) {
    this.#acknowledge = acknowledge;
  }

  /** Notes a delivery that the client is given. */
  given(subscription: Acknowledging, names: DeliveryNames): void {
    this.#add({ subscription, names, isWithheld: false });
  }

  /** Acknowledges a delivery that the client is not given; if that would count for what it was, later. */
  withheld(subscription: Acknowledging, names: DeliveryNames): void {
    if (subscription.isCumulative) {
      this.#add({ subscription, names, isWithheld: true });
      this.acknowledgeWithheld();
    } else this.#acknowledge(names);
  }

  /** Takes note of a client's ACK or NACK. Returns whether it is for the broker; `acknowledgeWithheld` comes behind it. */
  settle(headers: MessageHeaders): boolean {
    if (namesEndNotice(headers)) return false;
    const key = this.#find(headers);
    const named = key === undefined ? undefined : this.#deliveries.get(key);
    if (key === undefined || !named) return true;

    // It may be taken back by ABORT.
    if (!headers.native.has("transaction")) this.#forget(key, named);
    return !named.subscription.isRevoked;
  }

  /**
   * Acknowledges what was withheld before everything that the client still has:
   * RabbitMQ counts an ACK for all of the connection.
   */
  acknowledgeWithheld(): void {
    let last: Delivered | undefined;
    for (const [key, delivered] of this.#deliveries) {
      if (!delivered.isWithheld) break;
      this.#deliveries.delete(key);
      // A broker that knows no such subscription any more would answer with ERROR.
      if (delivered.subscription.isEnded) continue;
      if (last && last.subscription !== delivered.subscription) this.#acknowledge(last.names);
      last = delivered;
    }
    if (last) this.#acknowledge(last.names);
  }

  #add(delivered: Delivered): void {
    this.#deliveries.set(keyOf(delivered.names), delivered);
    if (this.#deliveries.size > LIMIT)
      this.#deliveries.delete(this.#deliveries.keys().next().value as string);
  }

  #find(headers: MessageHeaders): string | undefined {
    const { ackId, messageId, subscriptionId } = headers;
    if (ackId !== undefined || subscriptionId !== undefined) return keyOf(headers);
    for (const [key, { names }] of this.#deliveries) if (names.messageId === messageId) return key;
    return undefined;
  }

  #forget(key: string, { subscription }: Delivered): void {
    for (const [each, delivered] of subscription.isCumulative ? this.#deliveries : []) {
      if (each === key) break;
      if (delivered.subscription === subscription) this.#deliveries.delete(each);
    }
    this.#deliveries.delete(key);
  }
}

function keyOf({ ackId, messageId, subscriptionId }: DeliveryNames): string {
  return ackId ?? `${subscriptionId}\n${messageId}`;
}
