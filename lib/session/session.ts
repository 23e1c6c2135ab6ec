import { randomUUID } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import { LimitExceededError, StompConversionError } from "../errors.js";
import type { EventPublisher } from "../events.js";
import type { Logger } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import type { Message, Principal, SimpMessageType } from "../message/message.js";
import type { SessionGrant } from "../message/session-grant.js";
import { addressOf } from "../socket/address.js";
import type { Handshake, Socket, SocketListener } from "../socket/socket.js";
import type { Frame } from "../stomp/frame.js";
import { HeartBeat, negotiateHeartBeat } from "../stomp/heart-beat.js";
import type { HeartBeatClock } from "../stomp/heart-beat-clock.js";
import type { StompVersion } from "../stomp/version.js";
import { disconnectMessage, type SessionHeaders } from "./client-message.js";
import { errorReply, type StompSubProtocolErrorHandler } from "./error-reply.js";
import { sayFarewell } from "./farewell.js";
import { GrantWatch } from "./grant-watch.js";
import { Inbound, type InboundSession } from "./inbound.js";
import { announceLimit } from "./limit-announcement.js";
import type { MessageEncoder } from "./message-encoder.js";
import { Outbound } from "./outbound.js";
import type { SessionLimits, WatchedLimit } from "./session-limits.js";
import type { SessionStats } from "./session-stats.js";
import { SessionWatch } from "./session-watch.js";

/** What all sessions share. */
export interface SessionContext {
  readonly clientInboundChannel: SubscribableChannel;
  readonly events: EventPublisher;
  readonly logger: Logger;
  readonly clock: HeartBeatClock;
  readonly encoder: MessageEncoder;
  readonly limits: SessionLimits;
  readonly preserveReceiveOrder: boolean;
  readonly errorHandler: StompSubProtocolErrorHandler | undefined;
  readonly stats: SessionStats;
}

/** Who is told of a session's way, once each. */
export interface SessionOwner {
  connected(): void;
  ended(): void;
}

const HANDED_ON: { readonly [type in SimpMessageType]?: "connect" | "subscribe" | "unsubscribe" } = {
  CONNECT: "connect",
  SUBSCRIBE: "subscribe",
  UNSUBSCRIBE: "unsubscribe",
};

/** WebSocket close codes, as Spring sends them. */
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;
const LIMIT_EXCEEDED = 4500;

/** One connected STOMP client: who it is, how far it has come, and its end. */
export class Session implements SocketListener, InboundSession {
  readonly id = randomUUID();
  readonly address: string;
  readonly #attributes: Map<string, unknown>;
  readonly #context: SessionContext;
  readonly #socket: Socket;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #watch: SessionWatch;
  readonly #owner: SessionOwner;
  #user: Principal | undefined;
  /** How far CONNECT has come; it outlives the socket, for frames that were received before the end. */
  #state: "new" | "connecting" | "connected" = "new";
  #closed = false;
  #heartBeatHeader: string | undefined;
  #heartBeat: HeartBeat | undefined;
  #grant: GrantWatch | undefined;
  /** CONNECT was handed on, and DISCONNECT not yet: the broker may hold something of this session. */
  #open = false;
  #announced = false;

  constructor(socket: Socket, handshake: Handshake, context: SessionContext, owner: SessionOwner) {
    this.#socket = socket;
    this.#context = context;
    this.#user = handshake.user;
    this.#attributes = handshake.attributes ?? new Map();
    this.#owner = owner;
    this.address = addressOf(handshake.request);
    const { clientInboundChannel: channel, clock, encoder, limits, stats, preserveReceiveOrder } = context;
    this.#inbound = new Inbound(this, { channel, limits, stats, now: clock.now, preserveReceiveOrder });
    this.#outbound = new Outbound({
      socket,
      encoder,
      limits,
      stats,
      dropping: () => this.#announceLimit("sendBufferSizeLimit"),
    });
    this.#watch = new SessionWatch({
      clock,
      limits,
      inbound: this.#inbound,
      outbound: this.#outbound,
      exceeded: (limit) => this.#exceeded(limit),
    });
    clock.watch(this.#watch);
  }

  get connected(): boolean {
    return this.#state === "connected";
  }

  get closed(): boolean {
    return this.#closed;
  }

  get messageHeaders(): SessionHeaders {
    return { sessionId: this.id, user: this.#user, sessionAttributes: this.#attributes };
  }

  data(chunk: Uint8Array): void {
    this.#heartBeat?.received();
    this.#watch.heard();
    this.#inbound.receive(chunk);
  }

  drained(): void {
    this.#outbound.drained();
  }

  /** What to wait for before more is sent; `undefined` if there is room. */
  room(): Promise<void> | undefined {
    return this.closed ? undefined : this.#outbound.room();
  }

  /** The socket is gone: what it had brought is still handled, then the session ends. */
  close(code: number, reason: string): void {
    this.#stop();
    this.#inbound.whenIdle(() => void this.#end(code, reason));
  }

  mayGoOn(): boolean {
    return !this.#grant?.ended();
  }

  connecting(frame: Frame, version: StompVersion): void {
    this.#heartBeatHeader = frame.headers.get("heart-beat");
    negotiateHeartBeat(this.#heartBeatHeader, [0, 0]);
    this.#outbound.version = version;
    this.#state = "connecting";
    this.#open = true;
  }

  handedOn(message: Message): void {
    const { messageType, user, grant } = message.headers;
    if (messageType === "CONNECT") this.#announced = true;
    else if (grant) this.#user = user;
    if (grant) this.#hold(grant);
    const name = HANDED_ON[messageType];
    if (name) this.#context.events.publish(name, { sessionId: this.id, user, message });
  }

  processed(message: Message): void {
    const { events } = this.#context;
    const { messageType } = message.headers;
    if (messageType === "CONNECT") {
      events.publish("connected", { sessionId: this.id, user: this.#user });
    } else if (messageType === "SUBSCRIBE") {
      events.publish("subscribed", { sessionId: this.id, user: this.#user, message });
    }
  }

  /** A message of `clientOutboundChannel` for this session. */
  deliver(message: Message): void {
    if (!(message instanceof Delivery) && message.headers.messageType === "CONNECT_ACK") {
      this.#accept(message);
    } else if (this.#writable()) {
      this.#outbound.message(message);
    }
  }

  receipt(receiptId: string): void {
    if (this.#writable()) this.#outbound.receipt(receiptId);
  }

  /** Sends ERROR and closes: the one place where a fault becomes the end of a session. */
  fail(
    error: Error,
    receiptId: string | undefined,
    { message, code = PROTOCOL_ERROR }: { message?: Message | undefined; code?: number } = {},
  ): void {
    if (this.closed) return;

    const { errorHandler, logger } = this.#context;
    logger.debug(`session ${this.id} ends with ERROR`, error);
    this.#outbound.error(errorReply(error, { receiptId, message, errorHandler, logger }));
    this.shut(code, code === PROTOCOL_ERROR ? "STOMP error" : error.message);
    this.#announceFault(error);
  }

  disconnected(): void {
    this.#open = false;
    this.shut(NORMAL, "Disconnected");
  }

  pause(): void {
    this.#socket.pause();
    if (this.#heartBeat) this.#heartBeat.listening = false;
  }

  resume(): void {
    this.#socket.resume();
    if (this.#heartBeat) this.#heartBeat.listening = true;
  }

  /** Reads no more, and closes when what was received has been handled and answered. */
  drain(code: number, reason: string): void {
    if (!this.closed) this.#inbound.finish(() => this.shut(code, reason));
  }

  /** Cuts the line of a client that did not answer the closing. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Closes the socket after what was sent; frames that wait are not handled any more. */
  shut(code: number, reason: string): void {
    if (this.closed) return;

    this.#inbound.discard();
    this.#stop();
    this.#outbound.flush();
    // A paused socket would not see the client's answer to the closing.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  #accept({ headers }: Message): void {
    if (this.#state !== "connecting") return;

    const heartbeat = headers.heartbeat ?? [0, 0];
    this.#user = headers.user;
    this.#state = "connected";
    this.#watch.connected();
    this.#owner.connected();
    if (this.closed) return;
    this.#outbound.connected(this.id, headers.user?.name, heartbeat);

    const { sendEvery, receiveWithin } = negotiateHeartBeat(this.#heartBeatHeader, heartbeat);
    if (sendEvery > 0) this.#socket.disableHeartbeat?.();
    if (sendEvery === 0 && receiveWithin === 0) return;

    this.#heartBeat = new HeartBeat({
      clock: this.#context.clock,
      sendEvery,
      receiveWithin,
      send: () => this.#outbound.heartBeat(),
      expired: () => this.fail(new StompConversionError("No heart-beat came in time"), undefined),
    });
    this.#context.clock.watch(this.#heartBeat);
  }

  /** Whether a frame may be written now; notes that one is. */
  #writable(): boolean {
    if (this.closed || !this.connected || !this.mayGoOn()) return false;

    if (!this.#outbound.hasRoom) {
      this.overflow();
      return false;
    }
    this.#heartBeat?.sent();
    return true;
  }

  /** Ends a session whose client does not keep up; ERROR would only wait behind all the rest. */
  overflow(limit: WatchedLimit = "sendBufferSizeLimit"): void {
    if (this.closed) return;

    const error = this.#limitError(limit);
    this.shut(LIMIT_EXCEEDED, error.message);
    this.#announceFault(error);
  }

  #hold(grant: SessionGrant): void {
    this.#grant?.release();
    if (this.closed) {
      grant.release();
      return;
    }
    this.#grant = new GrantWatch({
      clock: this.#context.clock,
      grant,
      ended: (fault) => this.#grantEnded(fault),
      expiring: ({ remaining }) => {
        this.#context.events.publish("expiring", { sessionId: this.id, user: this.#user, grant, remaining });
      },
    });
    this.#grant.ended();
  }

  /** What waits for a slow client is not for its eyes any more: then ERROR cannot reach it either. */
  #grantEnded(fault: Error): void {
    if (this.closed) return;

    if (!this.#outbound.waits) {
      this.fail(fault, undefined);
      return;
    }
    this.#inbound.discard();
    this.#stop();
    this.#socket.terminate();
    this.#announceFault(fault);
  }

  #exceeded(limit: WatchedLimit): void {
    if (limit === "sendTimeLimit" || limit === "sendBufferSizeLimit") this.overflow(limit);
    else this.fail(this.#limitError(limit), undefined, { code: LIMIT_EXCEEDED });
  }

  #limitError(limit: WatchedLimit): LimitExceededError {
    return new LimitExceededError("Session", limit, this.#context.limits[limit]);
  }

  #announceFault(error: Error): void {
    if (error instanceof LimitExceededError) this.#announceLimit(error.limit);
    this.#context.events.publish("sessionError", { sessionId: this.id, user: this.#user, error });
  }

  #announceLimit(limit: string): void {
    const { address, id: sessionId } = this;
    announceLimit(this.#context, { limit, address, sessionId, user: this.#user });
  }

  #stop(): void {
    this.#closed = true;
    this.#outbound.release();
    this.#context.clock.unwatch(this.#watch);
    if (this.#heartBeat) this.#context.clock.unwatch(this.#heartBeat);
    this.#heartBeat = undefined;
    this.#grant?.release();
    this.#grant = undefined;
  }

  async #end(code: number, reason: string): Promise<void> {
    const { clientInboundChannel, events, logger } = this.#context;
    if (this.#open) {
      this.#open = false;
      await sayFarewell(disconnectMessage(this.messageHeaders), clientInboundChannel, logger);
    }
    if (this.#announced) events.publish("disconnect", { sessionId: this.id, user: this.#user, code, reason });
    this.#owner.ended();
  }
}
