import { type ClientSessions, SERVERS_ONLY } from "../broker/broker.js";
import type { PrivateBroker } from "../broker/private-broker.js";
import { refusal } from "../broker/refusal.js";
import { type MessageHandler, type SubscribableChannel } from "../channel/channel.js";
import { isPromise } from "../channel/passage.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import { type Message, type MessageHeaders, withHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Frame } from "../stomp/frame.js";
import type { HeartBeatClock } from "../stomp/heart-beat-clock.js";
import { negotiate } from "../stomp/version.js";
import { BrokerConnection } from "./broker-connection.js";
import { forward } from "./forward.js";
import { durableNames, refuseQueueHeaders } from "./queue-headers.js";
import { brokerMessage, clientFrame } from "./relay-frame.js";
import type { BrokerAddress, RelaySettings } from "./stomp-broker-relay-options.js";

export interface ClientRelayOptions {
  readonly sessionId: string;
  readonly address: BrokerAddress;
  readonly settings: RelaySettings;
  readonly clock: HeartBeatClock;
  readonly logger: Logger;
  readonly sessions: ClientSessions;
  readonly clientOutboundChannel: SubscribableChannel;
  /** What is private to the session is there, and answers its CONNECT. */
  readonly privates: PrivateBroker;
  /** Whether a destination is the broker's. */
  isOurs(destination: string): boolean;
}

/** What the broker delivers. */
interface Subscription {
  /** Whether it is to be acknowledged. */
  readonly acknowledges: boolean;
  /** The queue that the client named. */
  readonly queue: string | undefined;
}

/** Headers of CONNECT that are ours to say. */
const OURS = new Set(["login", "passcode", "host", "accept-version", "heart-beat", "content-length"]);

/** What lets somebody into the application is not for the broker. */
const CREDENTIAL = /auth|token|cookie|csrf|xsrf|secret|passw/i;

/** One client's connection to the broker, and what is private to it here. */
export class ClientRelay implements MessageHandler {
  readonly #options: ClientRelayOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Names of durable subscriptions that this session had; the last ones, if they are very many. */
  readonly #durables = new Set<string>();
  #connection: BrokerConnection | undefined;

  constructor(options: ClientRelayOptions) {
    this.#options = options;
  }

  hasSubscription(id: string): boolean {
    return this.#subscriptions.has(id);
  }

  handle(message: Message): void | Promise<void> {
    switch (message.headers.messageType) {
      case "CONNECT":
        return this.connect(message).then(() => this.#options.privates.handle(message));
      case "SUBSCRIBE":
        return this.#subscribe(message);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(message);
      case "MESSAGE":
        return this.#isOurs(message) ? this.#send(message) : undefined;
      case "OTHER":
        return this.#other(message);
      case "CONNECT_ACK":
      case "DISCONNECT":
        return;
    }
  }

  /** Says goodbye to the broker. */
  async disconnect(): Promise<void> {
    this.#subscriptions.clear();
    await this.#connection?.disconnect();
  }

  destroy(): void {
    this.#connection?.destroy();
  }

  /** Opens the connection, with what a client's CONNECT says; the client is not told. */
  async connect(message: Message): Promise<void> {
    const { address, settings, clock, sessions, sessionId } = this.#options;
    const version = negotiate(message.headers.native.get("accept-version")) ?? "1.0";
    this.#connection = new BrokerConnection({
      address,
      settings,
      clock,
      versions: [version],
      headers: this.#connectHeaders(message.headers.native),
      message: (frame) => this.#deliver(frame, version === "1.2"),
      ended: (error) => sessions.end(sessionId, error),
    });
    try {
      await this.#connection.connect();
    } catch (error) {
      throw this.#refusal(error as Error);
    }
  }

  #connectHeaders(native: NativeHeaders): NativeHeaders {
    const { clientLogin, clientPasscode, passClientLogin, virtualHost } = this.#options.settings;
    return NativeHeaders.of([
      ["login", passClientLogin ? native.get("login") : clientLogin],
      ["passcode", passClientLogin ? native.get("passcode") : clientPasscode],
      ["host", virtualHost],
      ...[...native].filter(([name]) => !OURS.has(name) && !CREDENTIAL.test(name)),
    ]);
  }

  /** What a broker says of a login that is not the client's own is not for the client. */
  #refusal(error: Error): Error {
    const { settings, logger, address } = this.#options;
    if (!(error instanceof MessageDeliveryError) || error.code !== "BROKER_ERROR") return error;
    if (settings.passClientLogin) return error;

    const text = `The broker at ${address.host}:${address.port} refused a client's connection: ${error.message}`;
    logger.error(text);
    return new BrokerNotAvailableError(text, { cause: error });
  }

  async #subscribe(message: Message): Promise<void> {
    const { privates, settings, sessionId } = this.#options;
    const { subscriptionId = "", privateTo, native } = message.headers;
    if (privateTo === undefined && !this.#isOurs(message)) return;

    if (this.#subscriptions.has(subscriptionId) || privates.hasSubscription(sessionId, subscriptionId)) {
      throw refusal(`The subscription id ${printable(subscriptionId)} is in use`);
    }
    if (privateTo !== undefined) return privates.handle(message);

    const limit = settings.subscriptionLimit;
    if (this.#subscriptions.size >= limit) throw refusal(`A session has at most ${limit} subscriptions`);

    if (!settings.passQueueHeaders) refuseQueueHeaders(message);

    this.#subscriptions.set(subscriptionId, {
      acknowledges: (native.get("ack") ?? "auto") !== "auto",
      queue: native.get("x-queue-name"),
    });
    for (const name of durableNames(message)) this.#durables.add(name);
    if (this.#durables.size > limit) this.#durables.delete(this.#durables.values().next().value as string);
    // Always for a receipt: it is active when the broker says so.
    await this.#open.request(clientFrame(message), settings.receiptTimeout).confirmed;
  }

  /**
   * Ends what this session has, and nothing else: brokers delete a durable
   * subscription, or the queue, that headers of UNSUBSCRIBE name.
   */
  #unsubscribe(message: Message): void | Promise<void> {
    const { privates, sessionId } = this.#options;
    const { subscriptionId = "", native } = message.headers;
    if (privates.hasSubscription(sessionId, subscriptionId)) return privates.handle(message);

    const names = durableNames(message);
    if (!names.every((name) => this.#durables.has(name))) {
      throw refusal("UNSUBSCRIBE names a durable subscription that this session has not subscribed to");
    }
    const known = this.#subscriptions.get(subscriptionId);
    this.#subscriptions.delete(subscriptionId);
    // One that is unknown ends the connection at RabbitMQ. At ActiveMQ a durable one is deleted once it is idle.
    if (!known && names.length === 0) return;

    const headers = [...native].filter(([name]) => !["x-queue-name", "destination"].includes(name.trim()));
    if (known?.queue !== undefined) headers.push(["x-queue-name", known.queue]);
    return this.#forward(withHeaders(message, { native: NativeHeaders.of(headers) }));
  }

  #send(message: Message): void | Promise<void> {
    if (!this.#options.settings.passQueueHeaders) refuseQueueHeaders(message);
    return this.#forward(message);
  }

  #other(message: Message): void | Promise<void> {
    const { stompCommand } = message.headers;
    const acknowledges = stompCommand === "ACK" || stompCommand === "NACK";
    return acknowledges && this.#options.privates.delivered(message.headers)
      ? this.#options.privates.handle(message)
      : this.#forward(message);
  }

  #forward(message: Message): void | Promise<void> {
    return forward(this.#open, message);
  }

  #deliver(frame: Frame, hasAck: boolean): void | Promise<void> {
    const { sessionId, clientOutboundChannel, sessions } = this.#options;
    const { headers } = frame;
    if (headers.has(SERVERS_ONLY)) return;
    const acknowledges = this.#subscriptions.get(headers.get("subscription") ?? "")?.acknowledges;
    // Before 1.2 there is no header for it; but who may drop messages must know.
    const ackId = headers.get("ack") ?? (acknowledges && !hasAck ? headers.get("message-id") : undefined);
    const ours: Partial<MessageHeaders> = { sessionId, ackId };
    try {
      const sent = clientOutboundChannel.send(brokerMessage(frame, ours));
      if (!isPromise(sent)) return sessions.room(sessionId);
      return sent.then(
        () => sessions.room(sessionId),
        (error: unknown) => this.#undelivered(frame, error),
      );
    } catch (error) {
      this.#undelivered(frame, error);
    }
  }

  #undelivered({ headers }: Frame, error: unknown): void {
    const { logger, sessionId } = this.#options;
    const id = printable(headers.get("subscription") ?? "");
    logger.error(`A delivery to subscription ${id} of session ${sessionId} failed`, error);
  }

  #isOurs({ headers }: Message): boolean {
    return headers.destination !== undefined && this.#options.isOurs(headers.destination);
  }

  get #open(): BrokerConnection {
    if (!this.#connection) throw refusal("Only a connected session can use the broker");
    return this.#connection;
  }
}
