import { randomBytes } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import { checkDestination, type DestinationSeparator, parsePattern } from "../destination/pattern.js";
import { DestinationPatternError, LimitExceededError, MessageDeliveryError } from "../errors.js";
import type { EventPublisher, MessagingEvents } from "../events.js";
import { type Logger, printable } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import { compact, createMessage, type Message, type MessageHeaders, NO_PAYLOAD } from "../message/message.js";
import type { NativeHeaders } from "../message/native-headers.js";
import { Acknowledgements } from "./acknowledgements.js";
import type { Broker, BrokerContext, BrokerFactory } from "./broker.js";
import { CarefulDeliveries } from "./careful-deliveries.js";
import { Queues } from "./queues.js";
import { refusal } from "./refusal.js";
import { RetainedMessages } from "./retained-messages.js";
import { Selector } from "./selector.js";
import {
  checkSimpleBrokerOptions,
  parseRetainLast,
  type ResolvedSimpleBrokerOptions,
  type SimpleBrokerOptions,
} from "./simple-broker-options.js";
import { Subscription, SubscriptionRegistry } from "./subscription-registry.js";
import { Transactions } from "./transactions.js";

export type { SimpleBrokerOptions };

/** How many subscriptions of a session may choose: each is asked for every message. */
const SELECTOR_LIMIT = 100;

type DropReason = MessagingEvents["messageDropped"]["reason"];

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

/** A broker beside another: for what is private to a session, wherever all else goes. */
export interface PrivateBroker extends Broker {
  /** Whether an ACK or NACK names a delivery of this broker's, be it over already. */
  delivered(headers: MessageHeaders): boolean;
}

/** Makes a broker for messages and subscriptions with `privateTo`. It announces nothing of itself. */
export function privateBroker(
  options: Pick<SimpleBrokerOptions, "heartbeatValue" | "subscriptionLimit">,
  context: BrokerContext,
): PrivateBroker {
  return new SimpleBroker(checkSimpleBrokerOptions(options), context, "private-");
}

/**
 * Passes each message to all who subscribed to its destination, or to one of
 * them where the destination is a queue, and for each in the order of arrival.
 */
class SimpleBroker implements PrivateBroker {
  readonly name = "broker";
  readonly #options: ResolvedSimpleBrokerOptions;
  readonly #outbound: SubscribableChannel;
  readonly #events: EventPublisher;
  readonly #logger: Logger;
  readonly #separator: DestinationSeparator;
  readonly #subscriptions: SubscriptionRegistry;
  readonly #acknowledgements: Acknowledgements;
  readonly #queues: Queues;
  readonly #deliveries: CarefulDeliveries;
  readonly #transactions: Transactions;
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
    this.#logger = context.logger;
    this.#separator = context.destinationSeparator ?? "/";
    this.#subscriptions = new SubscriptionRegistry(this.#separator);
    this.#retained = new RetainedMessages(parseRetainLast(options.retainLast, this.#separator));
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
    this.#deliveries = new CarefulDeliveries({
      clientOutboundChannel: this.#outbound,
      acknowledgements: this.#acknowledgements,
      queues: this.#queues,
      deliver: (publication, subscription) => this.#deliver(publication, subscription),
      undelivered: (subscription, error) => this.#undelivered(subscription, error),
      dropped: (publication, sessionId) => this.#dropped(publication, "prefetch", sessionId),
    });
    this.#transactions = new Transactions({
      sizeLimit: options.transactionSizeLimit,
      acknowledgements: this.#acknowledgements,
      publish: (message) => this.#publish(message),
      admit: (messages) => this.#queues.admit(messages.filter(({ headers }) => this.#isQueue(headers))),
    });
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
        return this.#disconnect(headers);
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
    if (this.#isAvailable) return;
    this.#isAvailable = true;
    this.#events.publish("brokerAvailability", { isAvailable: true });
  }

  close(): void {
    if (this.#isAvailable) this.#events.publish("brokerAvailability", { isAvailable: false });
    this.#isAvailable = false;
    this.#subscriptions.clear();
    this.#acknowledgements.clear();
    this.#transactions.clear();
    this.#queues.clear();
    this.#retained.clear();
  }

  #connect({ sessionId, user }: MessageHeaders): void | Promise<void> {
    if (sessionId === undefined) throw new MessageDeliveryError("A CONNECT to the broker has no session id");

    // A subscription outside of CONNECT and DISCONNECT would never be removed.
    this.#subscriptions.addSession(sessionId);
    const heartbeat = this.#options.heartbeatValue;
    const sent = this.#outbound.send(
      createMessage(NO_PAYLOAD, { messageType: "CONNECT_ACK", sessionId, user, heartbeat }),
    );
    return typeof sent === "boolean" ? acknowledged(sent) : sent.then(acknowledged);
  }

  #disconnect({ sessionId = "" }: MessageHeaders): void {
    this.#subscriptions.removeSession(sessionId);
    this.#transactions.abortAll(sessionId);
    this.#acknowledgements.removeSession(sessionId);
  }

  #subscribe(headers: MessageHeaders): void {
    const { sessionId = "", subscriptionId, destination, privateTo, native } = headers;
    if (destination === undefined || !this.#isOurs(headers)) return;
    if (subscriptionId === undefined) throw refusal("A subscription needs an id");

    const subscriptions = this.#subscriptions.ofSession(sessionId);
    const limit = this.#options.subscriptionLimit;
    if (!subscriptions) throw refusal("Only a connected session can subscribe");
    if (subscriptions.size >= limit) throw new LimitExceededError("Session", "subscriptionLimit", limit);

    const pattern = checked(() => parsePattern(destination, { separator: this.#separator }), destination);
    const isPrivate = privateTo !== undefined;
    const selector = this.#selector(native, subscriptions);
    const window = this.#acknowledgements.open(headers);

    const subscription = new Subscription({
      sessionId,
      id: subscriptionId,
      pattern,
      isPrivate,
      window,
      selector,
    });
    if (!this.#subscriptions.add(subscription)) {
      throw refusal(`The subscription id ${printable(subscriptionId)} is in use`);
    }
    if (isPrivate) return;
    for (const publication of this.#retained.of(pattern)) this.#deliveries.offer(publication, subscription);
    this.#queues.feed(subscription);
  }

  #selector(native: NativeHeaders, others: ReadonlyMap<string, Subscription>): Selector | undefined {
    const { selectorHeaderName } = this.#options;
    const condition = selectorHeaderName === undefined ? undefined : native.get(selectorHeaderName);
    if (condition === undefined) return undefined;

    let count = 0;
    for (const { selector } of others.values()) if (selector) count++;
    if (count >= SELECTOR_LIMIT) throw new LimitExceededError("Session", "selectorLimit", SELECTOR_LIMIT);
    return Selector.parse(condition);
  }

  /** What it was delivered can still be acknowledged; what waited for room is dropped. */
  #unsubscribe({ sessionId = "", subscriptionId = "" }: MessageHeaders): void {
    const subscription = this.#subscriptions.ofSession(sessionId)?.get(subscriptionId);
    this.#subscriptions.remove(sessionId, subscriptionId);
    subscription?.window?.discardWaiting();
  }

  #send(message: Message): void {
    const { destination, privateTo, contentType, native, sessionId = "" } = message.headers;
    if (destination === undefined || !this.#isOurs(message.headers)) return;
    checked(() => checkDestination(destination, this.#separator), destination);

    const transaction = native.get("transaction");
    if (transaction === undefined) this.#publish(message);
    else {
      const headers = { destination, privateTo, contentType, native: native.without("transaction") };
      const later = compact(createMessage(message.payload, headers));
      this.#transactions.add(sessionId, transaction, () => ({ kind: "send", message: later }));
    }
  }

  #publish({ payload, headers }: Message): void {
    const { destination = "", privateTo, contentType, native } = headers;
    // What else is in the headers is between the publisher and us.
    const messageId = `${this.#idPrefix}-${++this.#published}`;
    const publication: Message = {
      payload,
      headers: { messageType: "MESSAGE", destination, contentType, messageId, native },
    };
    if (this.#isQueue(headers)) {
      this.#queues.publish(publication);
      return;
    }
    if (privateTo === undefined) this.#retained.keep(publication);
    const groups =
      privateTo === undefined
        ? this.#subscriptions.listeners(destination)
        : this.#subscriptions.privateListeners(privateTo, destination);
    for (const subscriptions of groups) {
      for (const subscription of subscriptions) {
        if (subscription.plain) this.#deliver(publication, subscription);
        else this.#deliveries.offer(publication, subscription);
      }
    }
  }

  /** Neither the publisher nor another subscriber waits for a delivery, or hears of its failure. */
  #deliver(publication: Message, subscription: Subscription): void {
    try {
      const sent = this.#outbound.send(new Delivery(publication, subscription.sessionId, subscription.id));
      if (typeof sent !== "boolean") sent.catch((error: unknown) => this.#undelivered(subscription, error));
    } catch (error) {
      this.#undelivered(subscription, error);
    }
  }

  #undelivered({ sessionId, id }: Subscription, error: unknown): void {
    this.#logger.error(`A delivery to subscription ${printable(id)} of session ${sessionId} failed`, error);
  }

  #other(headers: MessageHeaders): void {
    const { sessionId = "", stompCommand, native } = headers;
    if (!this.#subscriptions.ofSession(sessionId)) {
      throw refusal(`Only a connected session can send ${stompCommand}`);
    }
    if (stompCommand === "ACK" || stompCommand === "NACK") {
      this.#acknowledge(headers, stompCommand === "ACK");
      return;
    }

    const transaction = native.get("transaction");
    if (transaction === undefined) throw refusal(`${stompCommand} needs a transaction`);
    if (stompCommand === "BEGIN") this.#transactions.begin(sessionId, transaction);
    else if (stompCommand === "COMMIT") this.#transactions.commit(sessionId, transaction);
    else this.#transactions.abort(sessionId, transaction);
  }

  #acknowledge(headers: MessageHeaders, acknowledged: boolean): void {
    const transaction = headers.native.get("transaction");
    const take = () => this.#acknowledgements.take(headers);
    if (transaction === undefined) this.#acknowledgements.finish(take(), acknowledged);
    else {
      this.#transactions.add(headers.sessionId ?? "", transaction, () => {
        return { kind: "settle", taken: take(), acknowledged };
      });
    }
  }

  #dropped({ headers }: Message, reason: DropReason, sessionId?: string): void {
    const { destination = "", messageId = "" } = headers;
    this.#events.publish("messageDropped", { reason, destination, messageId, sessionId });
  }

  #isOurs(headers: MessageHeaders): boolean {
    const { destination = "", privateTo } = headers;
    const prefixes = this.#options.destinationPrefixes;
    if (privateTo !== undefined || prefixes.length === 0) return true;
    return prefixes.some((prefix) => destination.startsWith(prefix)) || this.#isQueue(headers);
  }

  /** What is private to one session has nobody to choose among. */
  #isQueue({ destination = "", privateTo }: MessageHeaders): boolean {
    return (
      privateTo === undefined && this.#options.queuePrefixes.some((prefix) => destination.startsWith(prefix))
    );
  }
}

function acknowledged(sent: boolean): void {
  if (!sent) {
    throw new MessageDeliveryError("An interceptor stopped CONNECT_ACK", {
      publicMessage: "The connection was refused",
    });
  }
}

function checked<T>(check: () => T, destination: string): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof DestinationPatternError)) throw error;
    throw refusal(`${printable(destination)} is no destination here: ${error.message}`, error);
  }
}
