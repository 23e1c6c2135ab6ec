import type { MessageHeaders } from "../message/message.js";
import type { BrokerSessions } from "./broker-sessions.js";
import type { History } from "./history/history.js";
import type { Listeners } from "./listeners.js";
import type { Queues } from "./queues.js";
import type { RetainedMessages } from "./retained-messages.js";
import type { SharedPublications } from "./shared-publications.js";
import { type SubscribeContext, subscribe } from "./subscribe.js";
import { pump } from "./taker.js";
import type { Turns } from "./turns.js";

export interface SubscriptionsContext extends SubscribeContext {
  readonly sessions: BrokerSessions;
  readonly listeners: Listeners;
  readonly turns: Turns;
  readonly queues: Queues;
  readonly history: History;
  /** `undefined` when no messages are retained. */
  readonly retained: RetainedMessages | undefined;
  /** `undefined` without a backplane. */
  readonly shared: SharedPublications | undefined;
}

/** Begins and ends subscriptions: a new one is given what was kept for it, of a history, of retained messages and of queues. */
export class Subscriptions {
  readonly #context: SubscriptionsContext;

  constructor(context: SubscriptionsContext) {
    this.#context = context;
  }

  /**
   * Begins what a SUBSCRIBE asks for, if its destination is the broker's.
   *
   * @returns a promise if the history has not answered yet what was missed, or other servers are not heard yet
   * @throws MessageDeliveryError when it cannot be begun
   */
  begin(headers: MessageHeaders): void | Promise<void> {
    // Its RECEIPT says that it hears what is sent from now on, by other servers, too.
    const listening = this.#context.shared?.listening;
    return listening ? listening.then(() => this.#beginNow(headers)) : this.#beginNow(headers);
  }

  /** Ends the one that an UNSUBSCRIBE names; nothing happens when it is not there. */
  end({ sessionId, subscriptionId = "", messageId }: MessageHeaders): void {
    const consumers = this.#context.sessions.get(sessionId)?.consumers;
    const consumer = consumers?.get(subscriptionId);
    if (!consumer) return;

    consumers?.delete(subscriptionId);
    consumer.remove(messageId);
    this.#context.listeners.remove(consumer);
  }

  #beginNow(headers: MessageHeaders): void | Promise<void> {
    let answered: Promise<void> | undefined;
    const taken = this.#context.turns.take(() => {
      answered = this.#add(headers);
    });
    return taken ? taken.then(() => answered) : answered;
  }

  /** A promise if the history has not answered yet what was missed. */
  #add(headers: MessageHeaders): Promise<void> | undefined {
    const { sessions, destinations, listeners, history, retained, queues } = this.#context;
    if (headers.destination === undefined || !destinations.isOurs(headers)) return undefined;

    const consumer = subscribe(headers, sessions.get(headers.sessionId), this.#context);
    listeners.add(consumer);
    const answered = history.subscribed(consumer, headers);
    if (!consumer.isPrivate) {
      if (retained) consumer.owe((isOwed) => retained.of(consumer.pattern, isOwed));
      if (destinations.mayBeQueues(consumer.pattern)) queues.join(consumer);
    }
    pump(consumer);
    return answered;
  }
}
