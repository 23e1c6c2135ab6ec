import { type ClientSessions, SERVERS_ONLY } from "../broker/broker.js";
import { refusal } from "../broker/refusal.js";
import type { SubscribableChannel } from "../channel/channel.js";
import { isPromise } from "../channel/passage.js";
import { type Logger, printable } from "../logger.js";
import { type Message, type MessageHeaders, withHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Frame } from "../stomp/frame.js";
import type { HeartBeatClock } from "../stomp/heart-beat-clock.js";
import { negotiate } from "../stomp/version.js";
import { BrokerConnection } from "./broker-connection.js";
import { clientConnectHeaders, connectForClient } from "./client-login.js";
import { forward } from "./forward.js";
import { durableNames, refuseQueueHeaders } from "./queue-headers.js";
import type { BrokerAccess } from "./relay-client.js";
import { brokerMessage, clientFrame, unsubscribeFrame } from "./relay-frame.js";
import type { BrokerAddress, RelaySettings } from "./relay-settings.js";

export interface ClientRelayOptions {
  readonly sessionId: string;
  readonly address: BrokerAddress;
  readonly settings: RelaySettings;
  readonly clock: HeartBeatClock;
  readonly logger: Logger;
  readonly sessions: ClientSessions;
  readonly clientOutboundChannel: SubscribableChannel;
}

/** What the broker delivers. */
interface Subscription {
  /** Whether it is to be acknowledged. */
  readonly acknowledges: boolean;
  /** The queue that the client named. */
  readonly queue: string | undefined;
}

/** One client's own connection to the broker. */
export class ClientRelay implements BrokerAccess {
  readonly #options: ClientRelayOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Names of durable subscriptions that this session had; the last ones, if they are very many. */
  readonly #durables = new Set<string>();
  #connection: BrokerConnection | undefined;

  constructor(options: ClientRelayOptions) {
    this.#options = options;
  }

  leave(): void {
    const connection = this.#connection;
    if (!connection?.isOpen) return;
    for (const [id, { acknowledges, queue }] of this.#subscriptions) {
      // What is to be acknowledged the broker gives to others when the connection goes; an ACK may still be on its way.
      if (!acknowledges) void connection.send(unsubscribeFrame(id, queue));
    }
  }

  async disconnect(): Promise<void> {
    this.#subscriptions.clear();
    await this.#connection?.disconnect();
  }

  destroy(): void {
    this.#connection?.destroy();
  }

  async connect(message: Message): Promise<void> {
    const { address, settings, clock, sessions, sessionId } = this.#options;
    const { native } = message.headers;
    const version = negotiate(native.get("accept-version")) ?? "1.0";
    this.#connection = new BrokerConnection({
      address,
      settings,
      clock,
      versions: [version],
      headers: clientConnectHeaders(native, settings),
      message: (frame) => this.#deliver(frame, version === "1.2"),
      ended: (error) => sessions.end(sessionId, error),
    });
    await connectForClient(this.#connection, this.#options);
  }

  async subscribe(message: Message): Promise<void> {
    const { settings } = this.#options;
    const { subscriptionId = "", native } = message.headers;
    if (!settings.passQueueHeaders) refuseQueueHeaders(message);

    this.#subscriptions.set(subscriptionId, {
      acknowledges: (native.get("ack") ?? "auto") !== "auto",
      queue: native.get("x-queue-name"),
    });
    for (const name of durableNames(message)) this.#durables.add(name);
    if (this.#durables.size > settings.subscriptionLimit)
      this.#durables.delete(this.#durables.values().next().value as string);
    // Always for a receipt: it is active when the broker says so.
    await this.#open.request(clientFrame(message), settings.receiptTimeout).confirmed;
  }

  /**
   * Ends what this session has, and nothing else: brokers delete a durable
   * subscription, or the queue, that headers of UNSUBSCRIBE name.
   */
  unsubscribe(message: Message): void | Promise<void> {
    const { subscriptionId = "", native } = message.headers;
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
    return forward(this.#open, withHeaders(message, { native: NativeHeaders.of(headers) }), "refuse");
  }

  send(message: Message): void | Promise<void> {
    if (!this.#options.settings.passQueueHeaders) refuseQueueHeaders(message);
    return forward(this.#open, message, "refuse");
  }

  other(message: Message): void | Promise<void> {
    return forward(this.#open, message, "refuse");
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
      if (!isPromise(sent)) return sessions.roomForLive(sessionId);
      return sent.then(
        () => sessions.roomForLive(sessionId),
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

  get #open(): BrokerConnection {
    if (!this.#connection) throw refusal("Only a connected session can use the broker");
    return this.#connection;
  }
}
