import { randomBytes } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import { ConfigurationError, MessageDeliveryError } from "../errors.js";
import type { EventPublisher, MessagingEvents } from "../events.js";
import { namesEndNotice } from "../message/end-notice.js";
import type { Message, MessageHeaders } from "../message/message.js";
import { publication } from "../message/publication.js";
import type { SessionEnd } from "../message/session-end.js";
import { Acknowledgements } from "./acknowledgements.js";
import type { BrokerContext, BrokerFactory } from "./broker.js";
import { BrokerDestinations } from "./broker-destinations.js";
import { CarefulDeliveries } from "./careful-deliveries.js";
import { sendConnectAck } from "./connect-ack.js";
import { FanOut } from "./fan-out.js";
import type { PrivateBroker } from "./private-broker.js";
import { Queues } from "./queues.js";
import { refusal } from "./refusal.js";
import { RetainedMessages } from "./retained-messages.js";
import { Settlements } from "./settlements.js";
import {
  checkSimpleBrokerOptions,
  parseRetainLast,
  type ResolvedSimpleBrokerOptions,
  type SimpleBrokerOptions,
} from "./simple-broker-options.js";
import { subscribe } from "./subscribe.js";
import { SubscriptionRegistry } from "./subscription-registry.js";
import { Transactions } from "./transactions.js";

/**
 * Makes a broker that lives in this process, for the `broker` option, as
 * Spring's `enableSimpleBroker`.
 *
 * @throws ConfigurationError when an option makes no sense; for a pattern only
 *   when the broker is made, since `destinationSeparator` decides how it is read
 */
export function simpleBroker(options: SimpleBrokerOptions = {}): BrokerFactory {
  const checked = checkSimpleBrokerOptions(options);
  return (context) => {
    const broker = new SimpleBroker(checked, context);
    // Who builds messaging adds listeners next.
    queueMicrotask(() => broker.start());
    return broker;
  };
}

/**
 * Passes each message to all who subscribed to its destination, or to one of
 * them where the destination is a queue, and for each in the order of arrival.
 */
export class SimpleBroker implements PrivateBroker {
  readonly name = "broker";
  readonly plainDestinations = true;
  readonly #options: ResolvedSimpleBrokerOptions;
  readonly #outbound: SubscribableChannel;
  readonly #events: EventPublisher;
  readonly #destinations: BrokerDestinations;
  readonly #subscriptions: SubscriptionRegistry;
  readonly #acknowledgements: Acknowledgements;
  readonly #queues: Queues;
  readonly #deliveries: CarefulDeliveries;
  readonly #fanOut: FanOut;
  readonly #transactions: Transactions;
  readonly #settlements: Settlements;
  readonly #retained: RetainedMessages;
  readonly #idPrefix = randomBytes(9).toString("base64url");
  /** None: ids for ACK are numbers, which must be told from nobody's. */
  readonly #ackIdPrefix: string;
  #published = 0;
  #isAvailable = false;

  constructor(options: ResolvedSimpleBrokerOptions, context: BrokerContext, ackIdPrefix = "") {
    this.#ackIdPrefix = ackIdPrefix && `${ackIdPrefix}${this.#idPrefix}-`;
    this.#options = options;
    this.#outbound = context.clientOutboundChannel;
    this.#events = context.events;
    const separator = context.destinationSeparator ?? "/";
    this.#destinations = new BrokerDestinations(options, context);
    const { deadLetterDestination: destination } = options;
    if (destination !== undefined && !this.#destinations.isOurs({ destination })) {
      throw new ConfigurationError(
        `simpleBroker: deadLetterDestination ${destination} is under a prefix of the application, which no broker serves`,
      );
    }
    this.#subscriptions = new SubscriptionRegistry(separator);
    this.#retained = new RetainedMessages({
      patterns: parseRetainLast(options.retainLast, separator),
      limit: options.retainedLimit,
      sizeLimit: options.retainedSizeLimit,
      dropped: (publication) => this.#dropped(publication, "retained"),
    });
    this.#acknowledgements = new Acknowledgements({
      limit: options.unacknowledgedLimit,
      idPrefix: this.#ackIdPrefix,
      settled: (message) => this.#queues.settled(message),
      returned: (message, from) => this.#queues.returned(message, from),
      room: (subscription) => this.#deliveries.refill(subscription),
      roomInSession: (sessionId) => {
        for (const subscription of this.#subscriptions.ofSession(sessionId)?.values() ?? []) {
          this.#deliveries.refill(subscription);
        }
      },
    });
    this.#queues = new Queues({
      ...options,
      listeners: (destination) => this.#subscriptions.listeners(destination),
      deliver: (message, subscription) => this.#deliveries.hand(message, subscription),
      dropped: (publication, reason) => this.#dropped(publication, reason),
      publish: (message) => this.#publish(message),
    });
    this.#fanOut = new FanOut({
      ...context,
      subscriptions: this.#subscriptions,
      offer: (publication, subscription) => this.#deliveries.offer(publication, subscription),
    });
    this.#deliveries = new CarefulDeliveries({
      clientOutboundChannel: this.#outbound,
      acknowledgements: this.#acknowledgements,
      queues: this.#queues,
      deliver: (publication, subscription) => this.#fanOut.deliver(publication, subscription),
      undelivered: (subscription, error) => this.#fanOut.undelivered(subscription, error),
      dropped: (publication, sessionId) => this.#dropped(publication, "prefetch", sessionId),
    });
    this.#transactions = new Transactions({
      sizeLimit: options.transactionSizeLimit,
      acknowledgements: this.#acknowledgements,
      publish: (message) => this.#publish(message),
      admit: (messages) =>
        this.#queues.admit(messages.filter(({ headers }) => this.#destinations.isQueue(headers))),
    });
    this.#settlements = new Settlements(this.#acknowledgements, this.#transactions);
  }

  handle(message: Message): void | Promise<void> {
    const { headers } = message;
    switch (headers.messageType) {
      case "CONNECT":
        return this.#connect(headers);
      case "SUBSCRIBE":
        return this.#subscribe(headers);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(headers);
      case "MESSAGE":
        return this.#send(message);
      case "DISCONNECT":
        return this.#disconnect(headers.sessionId ?? "");
      case "OTHER":
        return this.#other(headers);
      case "CONNECT_ACK":
        return;
    }
  }

  hasSubscription(sessionId: string, subscriptionId: string): boolean {
    return this.#subscriptions.ofSession(sessionId)?.has(subscriptionId) ?? false;
  }

  delivered({ ackId, messageId }: MessageHeaders): boolean {
    return ackId?.startsWith(this.#ackIdPrefix) ?? messageId?.startsWith(`${this.#idPrefix}-`) ?? false;
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  start(): void {
    this.#announce(true);
  }

  close(): void {
    this.#announce(false);
    this.#subscriptions.clear();
    this.#acknowledgements.clear();
    this.#transactions.clear();
    this.#queues.clear();
    this.#retained.clear();
  }

  #announce(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    this.#events.publish("brokerAvailability", { isAvailable });
  }

  #connect({ sessionId, user }: MessageHeaders): void | Promise<void> {
    if (sessionId === undefined) throw new MessageDeliveryError("A CONNECT to the broker has no session id");

    // A subscription outside of CONNECT and DISCONNECT would never be removed.
    this.#subscriptions.addSession(sessionId);
    return sendConnectAck(this.#outbound, { sessionId, user, heartbeat: this.#options.heartbeatValue });
  }

  /** What an ACK may still be on its way for waits for it; all else goes to others at once. */
  sessionEnded({ sessionId, handled, settles }: SessionEnd): void {
    this.#subscriptions.endSession(sessionId);
    if (settles) void handled?.then(() => this.#disconnect(sessionId));
    else this.#disconnect(sessionId);
  }

  #disconnect(sessionId: string): void {
    this.#subscriptions.removeSession(sessionId);
    this.#transactions.abortAll(sessionId);
    this.#acknowledgements.removeSession(sessionId);
  }

  #subscribe(headers: MessageHeaders): void {
    if (headers.destination === undefined || !this.#destinations.isOurs(headers)) return;

    const subscription = subscribe(headers, {
      subscriptions: this.#subscriptions,
      destinations: this.#destinations,
      acknowledgements: this.#acknowledgements,
      options: this.#options,
    });
    if (subscription.isPrivate) return;
    for (const publication of this.#retained.of(subscription.pattern)) {
      this.#deliveries.offer(publication, subscription);
    }
    this.#queues.join(subscription);
  }

  /** What it was delivered can still be acknowledged; what waited for room is dropped. */
  #unsubscribe({ sessionId = "", subscriptionId = "", messageId }: MessageHeaders): void {
    const subscription = this.#subscriptions.ofSession(sessionId)?.get(subscriptionId);
    this.#subscriptions.remove(sessionId, subscriptionId, namesEndNotice({ messageId }));
    subscription?.window?.end(messageId);
  }

  #send(message: Message): void {
    const { destination, native } = message.headers;
    if (destination === undefined || !this.#destinations.isOurs(message.headers)) return;
    this.#destinations.check(destination);

    const transaction = native.get("transaction");
    if (transaction === undefined) this.#publish(message);
    else this.#settlements.send(message, transaction);
  }

  #publish(message: Message): void {
    const { privateTo } = message.headers;
    const shared = publication(message, `${this.#idPrefix}-${++this.#published}`);
    if (this.#destinations.isQueue(message.headers)) {
      this.#queues.publish(shared);
      return;
    }
    if (privateTo === undefined) this.#retained.keep(shared);
    this.#fanOut.publish(shared, privateTo);
  }

  #other(headers: MessageHeaders): void {
    if (!this.#subscriptions.ofSession(headers.sessionId ?? "")) {
      throw refusal(`Only a connected session can send ${headers.stompCommand}`);
    }
    this.#settlements.handle(headers);
  }

  #dropped(
    { headers }: Message,
    reason: MessagingEvents["messageDropped"]["reason"],
    sessionId?: string,
  ): void {
    const { destination = "", messageId = "" } = headers;
    this.#events.publish("messageDropped", { reason, destination, messageId, sessionId });
  }
}
