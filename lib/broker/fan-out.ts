import type { SubscribableChannel } from "../channel/channel.js";
import { type Logger, printable } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import type { Subscription, SubscriptionRegistry } from "./subscription-registry.js";

export interface FanOutOptions {
  readonly clientOutboundChannel: SubscribableChannel;
  readonly subscriptions: SubscriptionRegistry;
  readonly logger: Logger;
  /** Takes a message for one who chooses or acknowledges. */
  offer(publication: Message, subscription: Subscription): void;
}

/** Delivers a topic's message to all who listen: the hot path, where whatever is done is done for each of them. */
export class FanOut {
  readonly #options: FanOutOptions;
  readonly #outbound: SubscribableChannel;

  constructor(options: FanOutOptions) {
    this.#options = options;
    this.#outbound = options.clientOutboundChannel;
  }

  /** @param privateTo the one session that it is for, if so */
  publish(publication: Message, privateTo: string | undefined): void {
    const { subscriptions, offer } = this.#options;
    const { destination = "" } = publication.headers;
    const groups =
      privateTo === undefined
        ? subscriptions.listeners(destination)
        : subscriptions.privateListeners(privateTo, destination);
    for (const group of groups) {
      for (const subscription of group) {
        if (subscription.plain) this.deliver(publication, subscription);
        else offer(publication, subscription);
      }
    }
  }

  /** Neither the publisher nor another subscriber waits for a delivery, or hears of its failure. */
  deliver(publication: Message, subscription: Subscription): void {
    try {
      const sent = this.#outbound.send(new Delivery(publication, subscription));
      if (typeof sent !== "boolean") sent.catch((error: unknown) => this.undelivered(subscription, error));
    } catch (error) {
      this.undelivered(subscription, error);
    }
  }

  /** Logs a delivery that failed on its way, unless it is not wanted any more. */
  undelivered({ sessionId, id, removed }: Subscription, error: unknown): void {
    if (removed) return;
    const text = `A delivery to subscription ${printable(id)} of session ${sessionId} failed`;
    this.#options.logger.error(text, error);
  }
}
