import { type BrokerContext, SERVERS_ONLY } from "../broker/broker.js";
import type { SubscribableChannel } from "../channel/channel.js";
import { isPromise } from "../channel/passage.js";
import { BrokerNotAvailableError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import { type Message, NO_PAYLOAD, withHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Frame } from "../stomp/frame.js";
import type { HeartBeatClock } from "../stomp/heart-beat-clock.js";
import { BrokerConnection } from "./broker-connection.js";
import { forward } from "./forward.js";
import { clientFrame } from "./relay-frame.js";
import type { RelaySettings } from "./stomp-broker-relay-options.js";
import { SystemConnection } from "./system-connection.js";

export interface SharedConnectionsOptions {
  /** Not started yet. */
  readonly connections: readonly [SystemConnection, ...SystemConnection[]];
  readonly clientOutboundChannel: SubscribableChannel;
  readonly logger: Logger;
  /** Sends a frame over a connection of its own, and resolves when the broker has confirmed it. */
  tryOut(frame: Frame): Promise<void>;
  /** Ends a session whose subscription the broker has ended. */
  end(sessionId: string, error: Error): void;
}

interface Subscriber {
  readonly sessionId: string;
  /** As the client chose it. */
  readonly id: string;
}

/** What the broker has of all clients that subscribed to one destination. */
interface SharedSubscription {
  readonly destination: string;
  readonly subscribers: Map<string, Subscriber>;
  /** Settles when the broker has taken it, with what ends it. */
  readonly active: Promise<() => Promise<void>>;
}

/** So many destinations are remembered that the broker has taken. */
const PROVEN_LIMIT = 10_000;

/**
 * Speaks to the broker for many clients over a few connections: one
 * subscription for each destination, whoever many listen here.
 *
 * A broker ends a connection over what it refuses, and everybody's would end
 * with it. So a destination is tried out first, on a connection that is used
 * for nothing else.
 */
export class SharedConnections {
  readonly #options: SharedConnectionsOptions;
  readonly #byDestination = new Map<string, SharedSubscription>();
  readonly #bySubscriber = new Map<string, SharedSubscription>();
  readonly #proven = new Set<string>();
  readonly #trials = new Map<string, Promise<void>>();
  #turn = 0;

  constructor(options: SharedConnectionsOptions) {
    this.#options = options;
  }

  /** Whether all of them are there. */
  get isAvailable(): boolean {
    return this.#options.connections.every(({ address }) => address !== undefined);
  }

  start(): void {
    for (const connection of this.#options.connections) connection.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.#options.connections.map((connection) => connection.close()));
  }

  /** Adds a subscriber. Resolves when whatever is sent from then on arrives. */
  async subscribe(destination: string, subscriber: Subscriber): Promise<void> {
    const known = this.#byDestination.get(destination);
    if (known) return this.#join(known, subscriber);

    await this.#prove(subscribing(destination), frameOf("SUBSCRIBE", { id: "trial", destination }));
    return this.#join(this.#byDestination.get(destination) ?? this.#open(destination), subscriber);
  }

  /** Removes a subscriber; the broker's subscription goes with the last one. */
  unsubscribe(subscriber: Subscriber): void {
    const key = keyOf(subscriber);
    const shared = this.#bySubscriber.get(key);
    if (!shared) return;

    this.#bySubscriber.delete(key);
    shared.subscribers.delete(key);
    if (shared.subscribers.size > 0) return;
    this.#byDestination.delete(shared.destination);
    shared.active.then((unsubscribe) => unsubscribe()).catch(() => {});
  }

  /** Sends what a client sent. Done when the broker's line has room; a receipt waits for the broker's. */
  send(message: Message, sessionId: string): void | Promise<void> {
    const key = `SEND ${message.headers.destination}`;
    const { available } = this.#connectionOf(sessionId);
    if (this.#proven.has(key)) return forward(available, message);

    const sent = this.#options.tryOut(clientFrame(message));
    return sent.then(() => this.#isProven(key));
  }

  /** Resolves when the broker has got what this client sent so far. */
  async flush(sessionId: string): Promise<void> {
    const { available } = this.#connectionOf(sessionId);
    const transaction = `flush-${sessionId}`;
    const { confirmed } = available.request(frameOf("BEGIN", { transaction }));
    await available.send(frameOf("ABORT", { transaction }));
    await confirmed;
  }

  #connectionOf(sessionId: string): SystemConnection {
    const { connections } = this.#options;
    return connections[Number.parseInt(sessionId.slice(0, 8), 16) % connections.length] ?? connections[0];
  }

  async #join(shared: SharedSubscription, subscriber: Subscriber): Promise<void> {
    const key = keyOf(subscriber);
    shared.subscribers.set(key, subscriber);
    this.#bySubscriber.set(key, shared);
    try {
      await shared.active;
    } catch (error) {
      this.unsubscribe(subscriber);
      throw error;
    }
  }

  #open(destination: string): SharedSubscription {
    const { connections } = this.#options;
    const connection = connections[this.#turn++ % connections.length] ?? connections[0];
    // One that is away would be waited for, and the client with it.
    if (!connection.address) throw new BrokerNotAvailableError("A shared connection to the broker is away");
    const subscribers = new Map<string, Subscriber>();
    const shared: SharedSubscription = {
      destination,
      subscribers,
      active: connection.subscribe(
        destination,
        (message) => this.#deliver(message, subscribers),
        (error) => this.#ended(shared, error),
      ),
    };
    this.#byDestination.set(destination, shared);
    return shared;
  }

  /** The broker does not deliver any more: those who listen must know. */
  #ended(shared: SharedSubscription, error: Error): void {
    this.#proven.delete(subscribing(shared.destination));
    if (this.#byDestination.get(shared.destination) === shared)
      this.#byDestination.delete(shared.destination);
    for (const [key, { sessionId }] of shared.subscribers) {
      this.#bySubscriber.delete(key);
      this.#options.end(sessionId, error);
    }
    shared.subscribers.clear();
  }

  #deliver(message: Message, subscribers: ReadonlyMap<string, Subscriber>): void {
    const { clientOutboundChannel } = this.#options;
    const { native } = message.headers;
    if (native.has(SERVERS_ONLY)) return;

    const publication = withHeaders(message, { native: native.without("subscription") });
    for (const subscriber of subscribers.values()) {
      try {
        const sent = clientOutboundChannel.send(
          new Delivery(publication, subscriber.sessionId, subscriber.id),
        );
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

  /** Many may come at once: one of them is enough to ask. */
  #prove(key: string, frame: Frame): Promise<void> | undefined {
    if (this.#proven.has(key)) return undefined;

    let trial = this.#trials.get(key);
    if (!trial) {
      trial = this.#options
        .tryOut(frame)
        .then(() => this.#isProven(key))
        .finally(() => this.#trials.delete(key));
      this.#trials.set(key, trial);
    }
    return trial;
  }

  #isProven(key: string): void {
    if (this.#proven.size >= PROVEN_LIMIT) this.#proven.delete(this.#proven.values().next().value as string);
    this.#proven.add(key);
  }
}

/** Makes as many connections as the settings say, which log in as clients do. */
export function sharedConnections({
  settings,
  clock,
  context: { clientOutboundChannel, logger, sessions },
  changed,
}: {
  readonly settings: RelaySettings;
  readonly clock: HeartBeatClock;
  readonly context: BrokerContext;
  /** One of them is there, or not any more. */
  changed(): void;
}): SharedConnections {
  const { clientLogin: login, clientPasscode: passcode, virtualHost, addresses, receiptTimeout } = settings;
  const make = () => new SystemConnection({ settings, login, passcode, clock, logger, changed });
  const first = make();
  const others = Array.from({ length: settings.sharedConnections - 1 }, make);
  return new SharedConnections({
    connections: [first, ...others],
    clientOutboundChannel,
    logger,
    end: (sessionId, error) => sessions.end(sessionId, error),
    async tryOut(frame) {
      const connection = new BrokerConnection({
        address: first.address ?? addresses[0],
        settings,
        clock,
        versions: ["1.1", "1.2"],
        headers: NativeHeaders.of({ login, passcode, host: virtualHost }),
        message() {},
        ended() {},
      });
      await connection.connect();
      try {
        await connection.request(frame, receiptTimeout).confirmed;
      } finally {
        void connection.disconnect();
      }
    },
  });
}

function subscribing(destination: string): string {
  return `SUBSCRIBE ${destination}`;
}

/** An id of a session is of one length. */
function keyOf({ sessionId, id }: Subscriber): string {
  return `${sessionId} ${id}`;
}

function frameOf(command: "SUBSCRIBE" | "BEGIN" | "ABORT", headers: Readonly<Record<string, string>>): Frame {
  return { command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD };
}
