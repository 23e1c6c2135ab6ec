import type { Broker, BrokerContext, BrokerFactory } from "../broker/broker.js";
import { checkLength, checkPrefixes, isBrokers } from "../broker/broker-destinations.js";
import { type PrivateBroker, privateBroker } from "../broker/private-broker.js";
import type { DestinationHeaders, MessageHandler } from "../channel/message-handler.js";
import { TickingClock } from "../clock/ticking-clock.js";
import {
  AccessDeniedError,
  BrokerNotAvailableError,
  ConfigurationError,
  MessageDeliveryError,
} from "../errors.js";
import type { Message } from "../message/message.js";
import type { SessionEnd } from "../message/session-end.js";
import type { BrokerStats } from "../observe/stats.js";
import type { SubscriptionView } from "../observe/views.js";
import type { ServersSettings } from "../servers/settings.js";
import { ApplicationConnection } from "./application/application-connection.js";
import { serversOnly } from "./application/servers-only.js";
import { OwnConnection } from "./clients/own-connection.js";
import { RelayedSession } from "./clients/relayed-session.js";
import { BrokerConnections } from "./line/broker-connections.js";
import { RelayCounts } from "./relay-counts.js";
import { type RelaySettings, relaySettings } from "./relay-settings.js";
import { SharedAccess } from "./shared/shared-access.js";
import { SharedConnections, sharedConnections } from "./shared/shared-connections.js";
import type { StompBrokerRelayOptions } from "./stomp-broker-relay-options.js";

/** The prefixes of queues, at one broker or another. */
const QUEUES = ["/queue/", "/amq/queue/", "/temp-queue/", "/reply-queue/", "queue://"];

/**
 * Makes a broker of one that runs elsewhere, RabbitMQ, ActiveMQ or Artemis, for
 * the `broker` option, as Spring's `enableStompBrokerRelay`.
 *
 * @throws ConfigurationError when an option makes no sense
 * @example
 * ```ts
 * stompBrokerRelay({
 *   destinationPrefixes: ["/topic", "/queue"],
 *   relayHost: "rabbitmq.internal",
 *   clientLogin: "clients",
 *   clientPasscode: process.env.CLIENT_PASSCODE,
 * });
 * ```
 */
export function stompBrokerRelay(options: StompBrokerRelayOptions = {}): BrokerFactory {
  const settings = relaySettings(options);
  return (context) => new StompBrokerRelay(settings, context);
}

/**
 * Passes clients' frames on, each client's over a connection of its own or over
 * shared ones, and the application's messages over the application's. Messages
 * and subscriptions that are private to a session stay here.
 */
class StompBrokerRelay implements Broker {
  readonly name = "broker";
  readonly takesForSubscriptions = true;
  readonly application: MessageHandler;
  readonly system: ApplicationConnection;
  readonly #settings: RelaySettings;
  readonly #context: BrokerContext;
  readonly #clock: TickingClock;
  readonly #connections = new BrokerConnections();
  readonly #counts = new RelayCounts();
  readonly #privates: PrivateBroker;
  readonly #isServersOnly: (destination: string) => boolean;
  readonly #clients = new Map<string, RelayedSession>();
  readonly #shared: SharedConnections | undefined;
  #announced = false;

  constructor(settings: RelaySettings, context: BrokerContext) {
    const { heartbeatValue, subscriptionLimit } = settings;
    this.#settings = settings;
    this.#context = context;
    this.#clock = new TickingClock({ time: context.clock });
    checkPrefixes("stompBrokerRelay", settings.destinationPrefixes, context.controllers);
    this.#checkServers();
    this.#isServersOnly = serversOnly(settings.servers);
    this.#privates = privateBroker({ heartbeatValue, subscriptionLimit }, context);
    this.application = { name: this.name, handle: (message) => this.#handleApplications(message) };
    this.system = new ApplicationConnection({
      settings,
      clock: this.#clock,
      connections: this.#connections,
      logger: context.logger,
      changed: (isAvailable) => {
        this.#shared?.brokerChanged(isAvailable);
        this.#announce();
      },
    });
    if (settings.connections === "shared") {
      this.#shared = sharedConnections({
        settings,
        clock: this.#clock,
        connections: this.#connections,
        counts: this.#counts,
        context,
        changed: () => this.#announce(),
      });
    }
    if (settings.autoStartup) this.start();
  }

  get servers(): ServersSettings | undefined {
    return this.#settings.servers;
  }

  get isAvailable(): boolean {
    return this.system.address !== undefined && this.#shared?.isAvailable !== false;
  }

  /** Of what is private, too, which never goes to the broker. */
  get stats(): BrokerStats {
    const counts = this.#counts;
    const here = this.#privates.stats;
    let subscriptions = 0;
    for (const client of this.#clients.values()) subscriptions += client.subscriptions;
    return {
      subscriptions,
      publications: counts.publications + here.publications,
      conflated: 0,
      deliveries: counts.deliveries + here.deliveries,
      acknowledgements: {
        acknowledged: counts.acknowledged + here.acknowledgements.acknowledged,
        refused: counts.refused + here.acknowledgements.refused,
      },
      redeliveries: counts.redeliveries,
      gaps: 0,
      queues: undefined,
      relay: this.#connections.stats,
    };
  }

  start(): void {
    this.system.start();
    this.#shared?.start();
  }

  get destinationPrefixes(): readonly string[] {
    return this.#settings.destinationPrefixes;
  }

  serves({ destination = "", privateTo, forSubscriptions }: DestinationHeaders): boolean {
    return privateTo !== undefined || forSubscriptions !== undefined || this.#isOurs(destination);
  }

  mayBeQueues(pattern: { mayBeginWith(text: string): boolean }): boolean {
    return QUEUES.some((prefix) => pattern.mayBeginWith(prefix));
  }

  handle(message: Message): void | Promise<void> {
    const { messageType, sessionId = "", privateTo } = message.headers;
    if (messageType === "CONNECT") return this.#connect(message);
    if (messageType === "DISCONNECT") return this.#disconnect(message);
    if (messageType === "MESSAGE" && privateTo !== undefined) return this.#privates.handle(message);

    const { destination } = message.headers;
    const isOurs = destination !== undefined && this.#isOurs(destination);
    if (isOurs && privateTo === undefined && this.#isServersOnly(destination)) {
      throw new AccessDeniedError("This destination is for servers only");
    }
    if (isOurs) checkLength(destination, this.#context.destinationSeparator);
    const client = this.#clients.get(sessionId);
    if (client) return client.handle(message);
    if (destination === undefined || isOurs) {
      throw new MessageDeliveryError("Only a connected session can use the broker");
    }
  }

  hasSubscription(sessionId: string, subscriptionId: string): boolean {
    return this.#clients.get(sessionId)?.hasSubscription(subscriptionId) === true;
  }

  *subscriptions(sessionId?: string): Generator<SubscriptionView> {
    const only = sessionId === undefined ? undefined : this.#clients.get(sessionId);
    const clients = sessionId === undefined ? this.#clients.values() : only ? [only] : [];
    for (const client of clients) yield* client.views();
  }

  /** Its last frames still go to the broker, and nothing of the broker's to it. */
  sessionEnded(end: SessionEnd): void {
    const { sessionId, handled } = end;
    this.#privates.sessionEnded?.(end);
    const client = this.#clients.get(sessionId);
    if (!client) return;
    client.leave();
    if (handled) void handled.then(() => client.disconnect());
    else void client.disconnect();
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
    await this.#privates.close();
    await Promise.all([this.system.close(), this.#shared?.close()]);
    this.#clock.close();
  }

  #announce(): void {
    const { isAvailable } = this;
    if (isAvailable === this.#announced) return;
    this.#announced = isAvailable;
    this.#context.events.publish("brokerAvailability", { isAvailable });
  }

  #handleApplications(message: Message): void | Promise<void> {
    const { messageType, destination = "", privateTo, forSubscriptions } = message.headers;
    if (messageType !== "MESSAGE") return this.handle(message);
    if (privateTo !== undefined || forSubscriptions !== undefined) return this.#privates.handle(message);
    if (!this.#isOurs(destination)) return;
    checkLength(destination, this.#context.destinationSeparator);
    this.#counts.publications++;
    return this.system.send(message);
  }

  #connect(message: Message): void | Promise<void> {
    const { sessionId } = message.headers;
    if (sessionId === undefined) throw new MessageDeliveryError("A CONNECT to the broker has no session id");
    if (this.#clients.has(sessionId)) throw new MessageDeliveryError("A session sent CONNECT twice");
    const makeOwn = () => this.#makeOwn(sessionId);
    const shared = this.#shared;
    const client = new RelayedSession({
      sessionId,
      access: shared ? new SharedAccess({ sessionId, shared, makeOwn }) : makeOwn(),
      privates: this.#privates,
      settings: this.#settings,
      counts: this.#counts,
      isOurs: (destination) => this.#isOurs(destination),
    });
    this.#clients.set(sessionId, client);
    return client.handle(message);
  }

  #makeOwn(sessionId: string): OwnConnection {
    const { address } = this.system;
    if (!address) throw new BrokerNotAvailableError("A client came while the broker was not available");

    const { clientOutboundChannel, logger, sessions } = this.#context;
    return new OwnConnection({
      sessionId,
      address,
      settings: this.#settings,
      clock: this.#clock,
      connections: this.#connections,
      counts: this.#counts,
      logger,
      sessions,
      clientOutboundChannel,
    });
  }

  async #disconnect(message: Message): Promise<void> {
    const { sessionId = "" } = message.headers;
    const client = this.#clients.get(sessionId);
    this.#clients.delete(sessionId);
    await this.#privates.handle(message);
    await client?.disconnect();
  }

  /** Destinations of the controllers are none of the broker's: messages between servers would go nowhere. */
  #checkServers(): void {
    const { userDestinationBroadcast, userRegistryBroadcast } = this.#settings.servers ?? {};
    for (const [name, destination] of Object.entries({ userDestinationBroadcast, userRegistryBroadcast })) {
      if (destination === undefined || this.#isOurs(destination)) continue;
      throw new ConfigurationError(
        `stompBrokerRelay: ${name} must be a destination of the broker's; ${destination} is the controllers'`,
      );
    }
  }

  #isOurs(destination: string): boolean {
    return isBrokers(destination, this.#settings.destinationPrefixes, this.#context.controllers);
  }
}
