import type { SubscribableChannel } from "../channel/channel.js";
import { type Logger, printable } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import type { BrokerCounts } from "./broker-counts.js";
import type { Consumer } from "./consumer.js";
import type { Listeners } from "./listeners.js";
import type { Publication } from "./publication.js";

export interface FanOutOptions {
  readonly clientOutboundChannel: SubscribableChannel;
  readonly listeners: Listeners;
  readonly counts: Pick<BrokerCounts, "deliveries">;
  readonly logger: Logger;
}

/** Delivers a topic's message to all who listen: the hot path, where whatever is done is done for each of them. */
export class FanOut {
  readonly #listeners: Listeners;
  readonly #outbound: SubscribableChannel;
  readonly #counts: FanOutOptions["counts"];
  readonly #logger: Logger;

  constructor(options: FanOutOptions) {
    this.#listeners = options.listeners;
    this.#outbound = options.clientOutboundChannel;
    this.#counts = options.counts;
    this.#logger = options.logger;
  }

  /** @param privateTo the one session that it is for, if so */
  publish(publication: Publication, privateTo: string | undefined): void {
    const { destination = "" } = publication.headers;
    const groups =
      privateTo === undefined
        ? this.#listeners.all.match(destination)
        : this.#listeners.ofSession(privateTo, destination);
    let delivered = 0;
    for (const group of groups) {
      for (const consumer of group) {
        if (consumer.plain) {
          this.deliver(publication, consumer);
          delivered++;
        } else consumer.offer(publication);
      }
    }
    this.#counts.deliveries += delivered;
  }

  /** Neither the publisher nor another subscriber waits for a delivery, or hears of its failure. */
  deliver(publication: Publication, consumer: Consumer): void {
    try {
      const sent = this.#outbound.carry(new Delivery(publication, consumer));
      if (typeof sent !== "boolean") sent.catch((error: unknown) => this.undelivered(consumer, error));
    } catch (error) {
      this.undelivered(consumer, error);
    }
  }

  /** Logs a delivery that failed on its way, unless it is not wanted any more. */
  undelivered({ sessionId, id, removed }: Consumer, error: unknown): void {
    if (removed) return;
    this.#logger.error(`A delivery to subscription ${printable(id)} of session ${sessionId} failed`, error);
  }
}
