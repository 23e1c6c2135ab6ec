import type { ClientSessions } from "../../broker/client-sessions.js";
import type { SubscribableChannel } from "../../channel/channel.js";
import type { TickingClock } from "../../clock/ticking-clock.js";
import { refusal } from "../../errors.js";
import { type Logger, printable } from "../../logger.js";
import { ForwardedDelivery, Lifetime } from "../../message/delivery.js";
import { namesEndNotice } from "../../message/end-notice.js";
import {
  type Message,
  type MessageHeaders,
  NO_PAYLOAD,
  type Subscriber,
  withHeaders,
} from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { says } from "../../message/reserved-headers.js";
import { isPromise } from "../../promise.js";
import type { Frame } from "../../stomp/frame.js";
import { negotiate, type StompVersion } from "../../stomp/version.js";
import { BrokerConnection } from "../line/broker-connection.js";
import type { BrokerConnections } from "../line/broker-connections.js";
import {
  BrokerPublication,
  brokerMessage,
  clientFrame,
  passableHead,
  unsubscribeFrame,
} from "../line/relay-frame.js";
import type { RelayCounts } from "../relay-counts.js";
import type { BrokerAddress, RelaySettings } from "../relay-settings.js";
import type { BrokerAccess } from "./broker-access.js";
import { clientConnectHeaders, connectForClient } from "./client-login.js";
import { forward } from "./forward.js";
import { durableNames } from "./header-policy.js";
import { type Acknowledging, type DeliveryNames, Unsettled } from "./unsettled.js";

export interface OwnConnectionOptions {
  readonly sessionId: string;
  readonly address: BrokerAddress;
  readonly settings: RelaySettings;
  readonly clock: TickingClock;
  readonly connections: BrokerConnections;
  readonly logger: Logger;
  readonly sessions: ClientSessions;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly counts: RelayCounts;
}

/** A subscription of the client's at the broker. */
class Subscription implements Subscriber, Acknowledging {
  readonly sessionId: string;
  readonly id: string;
  /** Whether it is to be acknowledged. */
  readonly acknowledges: boolean;
  readonly isCumulative: boolean;
  /** The queue that the client named. */
  readonly queue: string | undefined;
  isEnded = false;
  isRevoked = false;
  readonly lifetime = new Lifetime(this);

  constructor({ sessionId = "", subscriptionId = "", native }: MessageHeaders) {
    const mode = native.get("ack") ?? "auto";
    this.sessionId = sessionId;
    this.id = subscriptionId;
    this.acknowledges = mode !== "auto";
    this.isCumulative = mode === "client";
    this.queue = native.get("x-queue-name");
  }

  /** A subscription that its client has ended still gets what was delivered before. */
  get gone(): boolean {
    return this.isRevoked;
  }
}

/** RabbitMQ subscribes a client to its own `reply-to` under ids that begin so. */
const REPLIES = "/temp-queue/";

/** One client's own connection to the broker. */
export class OwnConnection implements BrokerAccess {
  readonly #options: OwnConnectionOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Ids of subscriptions that are over, and how many UNSUBSCRIBEs the broker has not confirmed: what comes is old. */
  readonly #ending = new Map<string, number>();
  readonly #unsettled = new Unsettled((names) => this.#acknowledge(names));
  /** Names of durable subscriptions that this session had; the last ones, if they are very many. */
  readonly #durables = new Set<string>();
  #connection: BrokerConnection | undefined;
  #version: StompVersion = "1.0";

  constructor(options: OwnConnectionOptions) {
    this.#options = options;
  }

  /** Deliveries have a name of their own, `ack`. */
  get #hasAck(): boolean {
    return this.#version === "1.2";
  }

  leave(): void {
    const connection = this.#connection;
    if (!connection?.isOpen) return;
    for (const [id, { acknowledges, queue }] of this.#subscriptions) {
      // The broker gives unacknowledged deliveries to others when the connection goes; an ACK may still be on its way.
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
    const { address, settings, clock, connections, sessions, sessionId } = this.#options;
    const { native } = message.headers;
    const version = negotiate(native.get("accept-version")) ?? "1.0";
    this.#version = version;
    this.#connection = new BrokerConnection({
      address,
      settings,
      clock,
      connections,
      versions: [version],
      headers: clientConnectHeaders(native, settings),
      message: (frame) => this.#deliver(frame),
      ended: (error) => sessions.end(sessionId, error),
    });
    await connectForClient(this.#connection, this.#options);
  }

  async subscribe(message: Message): Promise<void> {
    const { settings } = this.#options;
    const subscription = new Subscription(message.headers);
    this.#subscriptions.set(subscription.id, subscription);
    for (const name of durableNames(message.headers.native)) {
      this.#durables.add(name);
      if (this.#durables.size > settings.subscriptionLimit)
        this.#durables.delete(this.#durables.values().next().value as string);
    }
    // Always for a receipt: it is active when the broker says so.
    await this.#open.request(clientFrame(message), settings.receiptTimeout).confirmed;
  }

  /**
   * Ends what this session has, and nothing else: brokers delete a durable
   * subscription, or the queue, that headers of UNSUBSCRIBE name.
   */
  unsubscribe(message: Message): void | Promise<void> {
    const { subscriptionId = "", native } = message.headers;
    const names = durableNames(native);
    if (!names.every((name) => this.#durables.has(name))) {
      throw refusal("UNSUBSCRIBE names a durable subscription that this session has not subscribed to");
    }
    const known = this.#subscriptions.get(subscriptionId);
    this.#subscriptions.delete(subscriptionId);
    if (known) {
      known.isEnded = true;
      known.isRevoked = namesEndNotice(message.headers);
    }
    // One that is unknown ends the connection at RabbitMQ. At ActiveMQ a durable one is deleted once it is idle.
    if (!known && names.length === 0) return;

    if (known?.queue === undefined) return this.#end(message);
    return this.#end(withHeaders(message, { native: native.with("x-queue-name", known.queue) }));
  }

  send(message: Message): void | Promise<void> {
    return forward(this.#open, message, "refuse");
  }

  other(message: Message): void | Promise<void> {
    const { stompCommand } = message.headers;
    const settles = stompCommand === "ACK" || stompCommand === "NACK";
    if (settles && !this.#unsettled.settle(message.headers)) return;
    const forwarded = forward(this.#open, message, "refuse");
    if (settles) this.#unsettled.acknowledgeWithheld();
    return forwarded;
  }

  /** Always for a receipt: what comes before that is of the subscription that is over, though its id be in use again. */
  #end(message: Message): void | Promise<void> {
    const { subscriptionId: id = "", receipt } = message.headers;
    const { written, confirmed } = this.#open.request(clientFrame(message), undefined, () => {
      const others = (this.#ending.get(id) ?? 1) - 1;
      if (others > 0) this.#ending.set(id, others);
      else this.#ending.delete(id);
    });
    this.#ending.set(id, (this.#ending.get(id) ?? 0) + 1);
    receipt?.waitFor(confirmed);
    return written;
  }

  #deliver(frame: Frame): void | Promise<void> {
    const { sessionId, clientOutboundChannel, sessions, counts } = this.#options;
    const { headers } = frame;
    const id = headers.get("subscription") ?? "";
    const subscriber = this.#ending.has(id) ? undefined : this.#subscriptions.get(id);
    if (!subscriber && !id.startsWith(REPLIES)) return;

    const isServersOnly = says(headers, "express-stomp-servers-only");
    // Before 1.2 there is no such header; but drop-oldest must know which deliveries are to be acknowledged.
    const messageId = headers.get("message-id");
    const ackId = headers.get("ack") ?? (subscriber?.acknowledges && !this.#hasAck ? messageId : undefined);
    if (subscriber?.acknowledges) {
      const names = { ackId: this.#hasAck ? ackId : undefined, messageId, subscriptionId: id };
      if (isServersOnly) this.#unsettled.withheld(subscriber, names);
      else this.#unsettled.given(subscriber, names);
    }
    if (isServersOnly) return;

    counts.delivered(headers, 1);
    try {
      const sent = clientOutboundChannel.carry(this.#deliveryOf(frame, subscriber, ackId));
      if (!isPromise(sent)) return sessions.roomForLive(sessionId);
      return sent.then(
        () => sessions.roomForLive(sessionId),
        (error: unknown) => this.#undelivered(frame, error),
      );
    } catch (error) {
      this.#undelivered(frame, error);
    }
  }

  #deliveryOf(frame: Frame, subscriber: Subscription | undefined, ackId: string | undefined): Message {
    const version = this.#version;
    const mayPass = subscriber && !this.#options.clientOutboundChannel.intercepted;
    const head = mayPass ? passableHead(frame, version) : undefined;
    if (mayPass && head !== undefined) {
      const written = { head, version, contentType: frame.headers.get("content-type") };
      return new ForwardedDelivery(new BrokerPublication(frame), subscriber, written, ackId);
    }
    const { sessionId } = this.#options;
    return brokerMessage(frame, { sessionId, ackId, subscription: subscriber?.lifetime });
  }

  #acknowledge({ ackId, messageId, subscriptionId }: DeliveryNames): void {
    if (!this.#connection?.isOpen) return;
    const headers = this.#hasAck ? { id: ackId } : { "message-id": messageId, subscription: subscriptionId };
    void this.#connection.send({ command: "ACK", headers: NativeHeaders.of(headers), body: NO_PAYLOAD });
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
