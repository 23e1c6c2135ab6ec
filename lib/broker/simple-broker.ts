import type { DestinationHeaders } from "../channel/message-handler.js";
import type { DeliveryDescription } from "../destination/delivery-description.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { MessageDeliveryError } from "../errors.js";
import type { Message, MessageHeaders } from "../message/message.js";
import type { SessionEnd } from "../message/session-end.js";
import type { BrokerStats } from "../observe/stats.js";
import type { KeptView, QueueView, SubscriptionView } from "../observe/views.js";
import type { Broker, BrokerContext, BrokerFactory } from "./broker.js";
import { type BrokerParts, makeParts } from "./broker-parts.js";
import { sendConnectAck } from "./connect-ack.js";
import { describeDelivery } from "./describe-delivery.js";
import type { HistoryPage, HistoryQuery } from "./history/history-page.js";
import type { HistoryStore } from "./history/history-store.js";
import {
  checkSimpleBrokerOptions,
  type ResolvedSimpleBrokerOptions,
  type SimpleBrokerOptions,
} from "./simple-broker-options.js";

/**
 * Makes a broker that lives in this process, for the `broker` option, as
 * Spring's `enableSimpleBroker`.
 *
 * @throws ConfigurationError when an option makes no sense; for a pattern only
 *   when the broker is made, since `destinationSeparator` decides how it is read
 * @example
 * ```ts
 * simpleBroker({
 *   destinationPrefixes: ["/topic", "/queue"],
 *   queuePrefixes: ["/queue"],
 *   retainLast: ["/topic/prices/*"],
 *   history: { destinations: ["/topic/room/**"], size: 100, ttl: 300_000 },
 * });
 * ```
 */
export function simpleBroker(options: SimpleBrokerOptions = {}): BrokerFactory {
  const checked = checkSimpleBrokerOptions(options);
  return (context) => {
    const broker = new SimpleBroker(checked, context);
    // `stompMessaging` adds listeners of events next.
    queueMicrotask(() => broker.start());
    return broker;
  };
}

/**
 * Passes each message to all who subscribed to its destination, or to one of
 * them where the destination is a queue, and for each in the order of arrival.
 */
export class SimpleBroker implements Broker {
  readonly name = "broker";
  readonly plainDestinations = true;
  readonly takesForSubscriptions = true;
  readonly heartbeat: readonly [number, number];
  readonly application: Broker["application"];
  readonly roads: Broker["roads"];
  readonly users: Broker["users"];
  readonly #context: BrokerContext;
  readonly #options: ResolvedSimpleBrokerOptions;
  readonly #parts: BrokerParts;
  #isAvailable = false;

  /** @param store where the history is; by default in memory */
  constructor(
    options: ResolvedSimpleBrokerOptions,
    context: BrokerContext,
    { ackIdPrefix = "", store }: { readonly ackIdPrefix?: string; readonly store?: HistoryStore } = {},
  ) {
    this.heartbeat = options.heartbeatValue;
    this.#options = options;
    this.#context = context;
    this.#parts = makeParts(options, {
      ...context,
      ackIdPrefix,
      store,
      availability: (isAvailable) => this.#announce(isAvailable),
    });
    const { shared, publishing } = this.#parts;
    if (!shared) return;

    this.roads = shared.roads;
    this.users = {
      send: (message, { byClient }) => publishing.sendToUser(shared, message, byClient),
      tell: (told) => shared.tell(told),
      serve: (handler) => shared.serve(handler),
    };
    this.application = {
      name: this.name,
      handle: (message) => this.handle(message, false),
      receivers: (destination) => this.receivers(destination),
      keepsForUsers: (destination) => this.keepsForUsers(destination),
    };
  }

  get destinationPrefixes(): readonly string[] {
    return this.#parts.destinations.prefixes;
  }

  deliveryOf(reach: DestinationPattern): DeliveryDescription {
    return describeDelivery(reach, this.#options, this.#parts.destinations);
  }

  serves(headers: DestinationHeaders): boolean {
    return this.#parts.destinations.isOurs(headers);
  }

  get stats(): BrokerStats {
    const { publications, conflated, deliveries, acknowledged, refused } = this.#parts.counts;
    return {
      subscriptions: this.#parts.sessions.subscriptions,
      publications,
      conflated,
      deliveries,
      acknowledgements: { acknowledged, refused },
      redeliveries: this.#parts.queues.redelivered,
      gaps: this.#parts.shared?.gaps ?? 0,
      queues: this.#parts.queues.stats,
      relay: undefined,
    };
  }

  /** @param byClient whether a client has sent it, and not the application */
  handle(message: Message, byClient = true): void | Promise<void> {
    const { headers } = message;
    switch (headers.messageType) {
      case "CONNECT":
        return this.#connect(headers);
      case "SUBSCRIBE":
        return this.#parts.subscriptions.begin(headers);
      case "UNSUBSCRIBE":
        return this.#parts.subscriptions.end(headers);
      case "MESSAGE":
        return this.#parts.publishing.send(message, byClient);
      case "DISCONNECT":
        return this.#parts.sessions.leave(headers.sessionId);
      case "OTHER":
        return this.#parts.publishing.inTurn(message, byClient, () =>
          this.#parts.settlements.handle(headers),
        );
      case "CONNECT_ACK":
        return;
    }
  }

  mayBeQueues(pattern: DestinationPattern): boolean {
    return this.#parts.destinations.mayBeQueues(pattern);
  }

  *receivers(destination: string): Generator<string> {
    if (this.#parts.destinations.isQueue({ destination })) return;
    for (const group of this.#parts.listeners.all.match(destination))
      for (const { sessionId } of group) yield sessionId;
  }

  hasSubscription(sessionId: string, subscriptionId: string): boolean {
    return this.#parts.sessions.consumer(sessionId, subscriptionId) !== undefined;
  }

  subscriptions(sessionId?: string): Iterable<SubscriptionView> {
    return this.#parts.sessions.views(sessionId);
  }

  queues(): Iterable<QueueView> {
    return this.#parts.queues.backlogs.views();
  }

  *kept(): Generator<KeptView> {
    if (this.#parts.retained) yield* this.#parts.retained.views();
    yield* this.#parts.history.views();
  }

  /** Whether an ACK or NACK names a delivery of this broker's, be it over already. */
  delivered({ ackId, messageId }: MessageHeaders): boolean {
    return (
      ackId?.startsWith(this.#parts.ackIdPrefix) ??
      (messageId !== undefined && this.#parts.positions.isOurs(messageId))
    );
  }

  keepsForUsers(destination: string): boolean {
    return this.#parts.history.isOn && this.#parts.history.keeps(destination);
  }

  async history(destination: string, query: HistoryQuery, user?: string): Promise<HistoryPage> {
    return this.#parts.history.page(this.#parts.destinations.pattern(destination), user, query);
  }

  sessionEnded(end: SessionEnd): void {
    this.#parts.sessions.ended(end);
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  start(): void {
    if (!this.#parts.shared || this.#parts.shared.isAvailable) this.#announce(true);
  }

  flush(): void {
    this.#parts.conflation?.flush();
  }

  close(): void | Promise<void> {
    this.flush();
    this.#announce(false);
    const closed = this.#parts.shared?.close();
    this.#parts.sessions.clear();
    this.#parts.listeners.clear();
    this.#parts.transactions.clear();
    this.#parts.queues.clear();
    this.#parts.retained?.clear();
    this.#parts.history.close();
    return closed;
  }

  #connect({ sessionId, user }: MessageHeaders): void | Promise<void> {
    if (sessionId === undefined) throw new MessageDeliveryError("A CONNECT to the broker has no session id");

    // A subscription outside of CONNECT and DISCONNECT would never be removed.
    this.#parts.sessions.open(sessionId);
    return sendConnectAck(this.#context.clientOutboundChannel, {
      sessionId,
      user,
      heartbeat: this.heartbeat,
    });
  }

  #announce(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    this.#context.events.publish("brokerAvailability", { isAvailable });
  }
}
