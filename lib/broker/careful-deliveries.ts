import type { SubscribableChannel } from "../channel/channel.js";
import { Delivery } from "../message/delivery.js";
import { compact, type Message } from "../message/message.js";
import type { AckWindow } from "./ack-window.js";
import type { Acknowledgements } from "./acknowledgements.js";
import type { QueuedMessage } from "./queued-message.js";
import type { Queues } from "./queues.js";
import type { Subscription } from "./subscription-registry.js";

export interface CarefulDeliveriesOptions {
  readonly clientOutboundChannel: SubscribableChannel;
  readonly acknowledgements: Acknowledgements;
  readonly queues: Queues;
  /** Delivers to one who does not acknowledge. */
  deliver(publication: Message, subscription: Subscription): void;
  /** Hears of a delivery that failed on its way. */
  undelivered(subscription: Subscription, error: unknown): void;
  /** Hears of a topic's message that a subscriber's `prefetch-count` left no room for. */
  dropped(publication: Message, sessionId: string): void;
}

/** Delivers to those who choose, who acknowledge, or who are one of many: what the fan-out need not think of. */
export class CarefulDeliveries {
  readonly #options: CarefulDeliveriesOptions;

  constructor(options: CarefulDeliveriesOptions) {
    this.#options = options;
  }

  /** Delivers a topic's message, if the subscription wants it, as soon as there is room. */
  offer(publication: Message, subscription: Subscription): void {
    const { window, selector, sessionId } = subscription;
    if (selector && !selector.matches(publication)) return;

    if (!window) this.#options.deliver(publication, subscription);
    else if (window.hasRoom) this.#send(publication, subscription, window);
    else {
      for (const dropped of window.wait(compact(publication))) this.#options.dropped(dropped, sessionId);
    }
  }

  /** Delivers a queue's message to the one who shall have it. */
  hand(message: QueuedMessage, subscription: Subscription): void {
    const { window } = subscription;
    if (window) this.#send(message.publication, subscription, window, message);
    else {
      this.#options.queues.settled(message);
      this.#options.deliver(message.publication, subscription);
    }
  }

  /** There may be room again: delivers what waited for that. */
  refill(subscription: Subscription): void {
    const { window } = subscription;
    while (window && !subscription.removed) {
      const next = window.next();
      if (!next) break;
      this.#send(next, subscription, window);
    }
    this.#options.queues.feed(subscription);
  }

  #send(publication: Message, subscription: Subscription, window: AckWindow, queued?: QueuedMessage): void {
    const { acknowledgements, clientOutboundChannel, undelivered } = this.#options;
    const entry = acknowledgements.add({ subscription, window }, publication, queued);
    // The client has never seen what an interceptor stopped: that is as good as acknowledged.
    const stopped = () => acknowledgements.finishUndelivered(entry, true);
    const failed = (error: unknown) => {
      undelivered(subscription, error);
      acknowledgements.finishUndelivered(entry, false);
    };
    try {
      const sent = clientOutboundChannel.send(new Delivery(publication, subscription, entry.ackId));
      if (sent === false) stopped();
      else if (sent !== true) sent.then((delivered) => delivered || stopped()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
