import { randomBytes } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import { checkDestination, parsePattern } from "../destination/pattern.js";
import { DestinationPatternError, MessageDeliveryError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import { createMessage, type Message, type MessageHeaders, NO_PAYLOAD } from "../message/message.js";
import type { Broker, BrokerContext, BrokerFactory } from "./broker.js";
import { checkSimpleBrokerOptions, type SimpleBrokerOptions } from "./simple-broker-options.js";
import { type Subscription, SubscriptionRegistry } from "./subscription-registry.js";

export type { SimpleBrokerOptions };

/**
 * Makes a broker that lives in this process, for the `broker` option, as
 * Spring's `enableSimpleBroker`.
 *
 * @throws ConfigurationError when an option makes no sense
 */
export function simpleBroker(options: SimpleBrokerOptions = {}): BrokerFactory {
  const checked = checkSimpleBrokerOptions(options);
  return (context) => new SimpleBroker(checked, context);
}

/**
 * Passes each message to all who subscribed to its destination, at most once
 * and for each in the order of arrival. Keeps nothing: who is not there misses
 * it. Acknowledgements and transactions are refused.
 */
class SimpleBroker implements Broker {
  readonly name = "broker";
  readonly #options: Required<SimpleBrokerOptions>;
  readonly #outbound: SubscribableChannel;
  readonly #logger: Logger;
  readonly #subscriptions = new SubscriptionRegistry();
  readonly #idPrefix = randomBytes(9).toString("base64url");
  #published = 0;

  constructor(options: Required<SimpleBrokerOptions>, context: BrokerContext) {
    this.#options = options;
    this.#outbound = context.clientOutboundChannel;
    this.#logger = context.logger;
  }

  handle(message: Message): void | Promise<void> {
    const { headers } = message;
    switch (headers.messageType) {
      case "CONNECT":
        return this.#connect(headers);
      case "SUBSCRIBE":
        return this.#subscribe(headers);
      case "UNSUBSCRIBE":
        return this.#subscriptions.remove(headers.sessionId ?? "", headers.subscriptionId ?? "");
      case "MESSAGE":
        return this.#publish(message);
      case "DISCONNECT":
        return this.#subscriptions.removeSession(headers.sessionId ?? "");
      case "OTHER":
        throw unsupported(headers.stompCommand ?? "This command");
      case "CONNECT_ACK":
        return;
    }
  }

  hasSubscription(sessionId: string, subscriptionId: string): boolean {
    return this.#subscriptions.ofSession(sessionId)?.has(subscriptionId) ?? false;
  }

  close(): void {
    this.#subscriptions.clear();
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

  #subscribe(headers: MessageHeaders): void {
    const { sessionId = "", subscriptionId, destination, privateTo, native } = headers;
    if (destination === undefined || !this.#isOurs(destination, privateTo)) return;
    if (subscriptionId === undefined) throw refusal("A subscription needs an id");

    const ack = native.get("ack") ?? "auto";
    if (ack !== "auto") throw unsupported(`The ack mode ${printable(ack)}`);

    const subscriptions = this.#subscriptions.ofSession(sessionId);
    const limit = this.#options.subscriptionLimit;
    if (!subscriptions) throw refusal("Only a connected session can subscribe");
    if (subscriptions.size >= limit) throw refusal(`A session has at most ${limit} subscriptions`);

    const pattern = checked(() => parsePattern(destination), destination);
    const isPrivate = privateTo !== undefined;
    if (!this.#subscriptions.add({ sessionId, id: subscriptionId, pattern, isPrivate })) {
      throw refusal(`The subscription id ${printable(subscriptionId)} is in use`);
    }
  }

  #publish({ payload, headers }: Message): void {
    const { destination, privateTo, contentType, native } = headers;
    if (destination === undefined || !this.#isOurs(destination, privateTo)) return;
    if (native.has("transaction")) throw unsupported("A transaction");
    checked(() => checkDestination(destination), destination);

    const groups =
      privateTo === undefined
        ? this.#subscriptions.listeners(destination)
        : this.#subscriptions.privateListeners(privateTo, destination);
    // What else is in the headers is between the publisher and us.
    const publication = createMessage(payload, {
      destination,
      contentType,
      messageId: `${this.#idPrefix}-${++this.#published}`,
      native,
    });
    for (const subscriptions of groups) {
      for (const subscription of subscriptions) this.#deliver(publication, subscription);
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

  #isOurs(destination: string, privateTo: string | undefined): boolean {
    const prefixes = this.#options.destinationPrefixes;
    if (privateTo !== undefined || prefixes.length === 0) return true;
    return prefixes.some((prefix) => destination.startsWith(prefix));
  }
}

function acknowledged(sent: boolean): void {
  if (!sent) {
    throw new MessageDeliveryError("An interceptor stopped CONNECT_ACK", {
      publicMessage: "The connection was refused",
    });
  }
}

function unsupported(what: string): MessageDeliveryError {
  return refusal(`${what} is not supported by the simple broker`);
}

/** Tells the client, and nobody else is to know better. */
function refusal(text: string, cause?: unknown): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text, cause });
}

function checked<T>(check: () => T, destination: string): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof DestinationPatternError)) throw error;
    throw refusal(`${printable(destination)} is no destination here: ${error.message}`, error);
  }
}
