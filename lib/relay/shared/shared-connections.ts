import type { BrokerContext } from "../../broker/broker.js";
import type { SubscribableChannel } from "../../channel/channel.js";
import type { TickingClock } from "../../clock/ticking-clock.js";
import { BrokerNotAvailableError } from "../../errors.js";
import { type Logger, printable } from "../../logger.js";
import { Delivery } from "../../message/delivery.js";
import { type Message, NO_PAYLOAD, type Subscriber, withHeaders } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { says } from "../../message/reserved-headers.js";
import { isPromise } from "../../promise.js";
import type { Frame } from "../../stomp/frame.js";
import { forward } from "../clients/forward.js";
import type { BrokerConnections } from "../line/broker-connections.js";
import { LastingConnection } from "../line/lasting-connection.js";
import type { LastingSubscription } from "../line/lasting-subscriptions.js";
import type { RelayCounts } from "../relay-counts.js";
import type { RelaySettings } from "../relay-settings.js";
import { DestinationTrials } from "./destination-trials.js";
import { Suspicion } from "./suspicion.js";
import { TrialConnections } from "./trial-connections.js";

export interface SharedConnectionsOptions {
  /** Not started yet. */
  readonly connections: readonly [LastingConnection, ...LastingConnection[]];
  readonly clientOutboundChannel: SubscribableChannel;
  readonly counts: RelayCounts;
  readonly logger: Logger;
  readonly trials: TrialConnections;
  /** Hands on to clients; gives what to wait for before more is read from the broker. */
  feed(deliver: () => void): Promise<void> | undefined;
  /** Milliseconds until the broker must have confirmed. */
  readonly receiptTimeout: number;
  /** Ends a session whose subscription the broker has ended. */
  end(sessionId: string, error: Error): void;
}

/** The one subscription at the broker of all clients that subscribed to a destination. */
interface SharedSubscription {
  readonly destination: string;
  readonly connection: LastingConnection;
  readonly subscribers: Set<Subscriber>;
  /** Settles when the broker has taken it. */
  readonly active: Promise<LastingSubscription>;
}

/**
 * Speaks to the broker for many clients over a few connections: one
 * subscription for each destination, however many listen here.
 */
export class SharedConnections {
  readonly #options: SharedConnectionsOptions;
  readonly #byDestination = new Map<string, SharedSubscription>();
  readonly #bySubscriber = new Map<Subscriber, SharedSubscription>();
  readonly #trials: DestinationTrials;
  readonly #suspicion = new Suspicion<LastingConnection>();
  #turn = 0;

  constructor(options: SharedConnectionsOptions) {
    this.#options = options;
    this.#trials = new DestinationTrials((frame) => options.trials.tryOut(frame));
  }

  /** Whether all of them are there. */
  get isAvailable(): boolean {
    return this.#options.connections.every(({ address }) => address !== undefined);
  }

  start(): void {
    for (const connection of this.#options.connections) connection.start();
  }

  async close(): Promise<void> {
    const { connections, trials } = this.#options;
    trials.close();
    await Promise.all(connections.map((connection) => connection.close()));
  }

  /** Finds out whether the broker takes a SUBSCRIBE to a destination. @throws MessageDeliveryError when it does not */
  async tryOut(destination: string): Promise<void> {
    if (!this.#byDestination.has(destination)) await this.#trials.subscribe(destination);
  }

  /** Adds a subscriber to what was tried out. Resolves when whatever is sent from then on arrives. */
  async subscribe(destination: string, subscriber: Subscriber): Promise<void> {
    await this.#join(this.#sharedAt(destination), subscriber);
  }

  /** Removes a subscriber; the broker's subscription goes with the last one. */
  unsubscribe(subscriber: Subscriber): void {
    const shared = this.#bySubscriber.get(subscriber);
    if (!shared) return;

    this.#bySubscriber.delete(subscriber);
    shared.subscribers.delete(subscriber);
    if (shared.subscribers.size > 0) return;
    this.#byDestination.delete(shared.destination);
    shared.active.then(({ end }) => end()).catch(() => {});
  }

  /** Sends what a client sent. Done when the broker's line has room. */
  send(message: Message, sessionId: string): void | Promise<void> {
    const line = this.#connectionOf(sessionId);
    const { available } = line;
    const { receipt, destination = "" } = message.headers;
    const watched = receipt && this.#suspicion.watching(line, destination, receipt);
    return this.#trials.send(message, () =>
      forward(available, withHeaders(message, { receipt: watched }), "wait"),
    );
  }

  /** Whether what is sent there may go with others'. */
  mayShare(destination: string): boolean {
    return !this.#suspicion.falls(destination);
  }

  /** A line is there again, or was lost, perhaps over what was sent. */
  lineChanged(line: LastingConnection, isAvailable: boolean): void {
    if (isAvailable) {
      this.#suspicion.confirm();
      return;
    }
    this.#suspicion.raise(line);
    this.#trials.forgetSends();
  }

  /** The broker is there for the application, or not any more: while it is away no line is lost over what was sent. */
  brokerChanged(isAvailable: boolean): void {
    this.#suspicion.away(!isAvailable);
  }

  /** Resolves when the broker has got what this client sent so far. */
  async flush(sessionId: string): Promise<void> {
    const { available } = this.#connectionOf(sessionId);
    const transaction = `flush-${sessionId}`;
    const { confirmed } = available.request(frameOf("BEGIN", { transaction }), this.#options.receiptTimeout);
    await available.send(frameOf("ABORT", { transaction }));
    await confirmed;
  }

  #connectionOf(sessionId: string): LastingConnection {
    const { connections } = this.#options;
    return connections[Number.parseInt(sessionId.slice(0, 8), 16) % connections.length] ?? connections[0];
  }

  async #join(shared: SharedSubscription, subscriber: Subscriber): Promise<void> {
    shared.subscribers.add(subscriber);
    this.#bySubscriber.set(subscriber, shared);
    try {
      const { confirmed } = await shared.active;
      // It may have been lost since, and it is not to be said that what is sent arrives.
      await confirmed;
      this.#expectThere(shared.connection);
    } catch (error) {
      this.unsubscribe(subscriber);
      throw error;
    }
  }

  #sharedAt(destination: string): SharedSubscription {
    const { connections } = this.#options;
    const known = this.#byDestination.get(destination);
    const connection = known?.connection ?? connections[this.#turn++ % connections.length] ?? connections[0];
    // A subscription over a line that is away would let the client wait, or promise it what does not arrive.
    this.#expectThere(connection);
    return known ?? this.#open(destination, connection);
  }

  #expectThere({ address }: LastingConnection): void {
    if (!address) throw new BrokerNotAvailableError("A shared connection to the broker is away");
  }

  #open(destination: string, connection: LastingConnection): SharedSubscription {
    const subscribers = new Set<Subscriber>();
    const shared: SharedSubscription = {
      destination,
      connection,
      subscribers,
      active: connection.listen({
        destination,
        take: (message) => this.#options.feed(() => this.#deliver(message, subscribers)),
        gaps: { isWaitedFor: true },
        ended: (error) => this.#ended(shared, error),
      }),
    };
    this.#byDestination.set(destination, shared);
    return shared;
  }

  /** The broker does not deliver any more: those who listen must know. */
  #ended(shared: SharedSubscription, error: Error): void {
    this.#trials.forget(shared.destination);
    if (this.#byDestination.get(shared.destination) === shared)
      this.#byDestination.delete(shared.destination);
    for (const subscriber of shared.subscribers) {
      this.#bySubscriber.delete(subscriber);
      this.#options.end(subscriber.sessionId, error);
    }
    shared.subscribers.clear();
  }

  #deliver(message: Message, subscribers: ReadonlySet<Subscriber>): void {
    const { clientOutboundChannel, counts } = this.#options;
    const { native } = message.headers;
    if (says(native, "express-stomp-servers-only")) return;
    counts.delivered(native, subscribers.size);

    const publication = withHeaders(message, { native: native.without("subscription") });
    for (const subscriber of subscribers) {
      try {
        const sent = clientOutboundChannel.carry(new Delivery(publication, subscriber));
        if (isPromise(sent)) sent.catch((error: unknown) => this.#undelivered(subscriber, error));
      } catch (error) {
        this.#undelivered(subscriber, error);
      }
    }
  }

  #undelivered({ sessionId, id }: Subscriber, error: unknown): void {
    this.#options.logger.error(
      `A delivery to subscription ${printable(id)} of session ${sessionId} failed`,
      error,
    );
  }
}

/** Makes as many connections as the settings say, which log in as clients do. */
export function sharedConnections({
  settings,
  clock,
  connections,
  counts,
  context: { clientOutboundChannel, logger, sessions },
  changed,
}: {
  readonly settings: RelaySettings;
  readonly clock: TickingClock;
  readonly connections: BrokerConnections;
  readonly counts: RelayCounts;
  readonly context: BrokerContext;
  /** One of them is there, or not any more. */
  changed(): void;
}): SharedConnections {
  const { clientLogin: login, clientPasscode: passcode, addresses } = settings;
  const make = (): LastingConnection => {
    const line: LastingConnection = new LastingConnection({
      settings,
      login,
      passcode,
      clock,
      connections,
      logger,
      changed: (isAvailable) => {
        shared.lineChanged(line, isAvailable);
        changed();
      },
    });
    return line;
  };
  const first = make();
  const others = Array.from({ length: settings.sharedConnections - 1 }, make);
  const shared = new SharedConnections({
    connections: [first, ...others],
    clientOutboundChannel,
    counts,
    logger,
    feed: (deliver) => sessions.feed(deliver),
    receiptTimeout: settings.receiptTimeout,
    end: (sessionId, error) => sessions.end(sessionId, error),
    trials: new TrialConnections({
      settings,
      clock,
      connections,
      logger,
      address: () => first.address ?? addresses[0],
    }),
  });
  return shared;
}

function frameOf(command: "BEGIN" | "ABORT", headers: Readonly<Record<string, string>>): Frame {
  return { command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD };
}
