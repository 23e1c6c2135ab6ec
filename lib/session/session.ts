import { randomUUID } from "node:crypto";
import { LimitExceededError, StompConversionError } from "../errors.js";
import { Delivery } from "../message/delivery.js";
import type { Message, Principal, SessionHeaders } from "../message/message.js";
import type { SessionGrant } from "../message/session-grant.js";
import { addressOf } from "../socket/address.js";
import type { Handshake, Socket, SocketListener } from "../socket/socket.js";
import type { Frame } from "../stomp/frame.js";
import { agreeHeartBeat, type HeartBeatOffer, NO_HEART_BEAT, parseHeartBeat } from "../stomp/heart-beat.js";
import type { StompVersion } from "../stomp/version.js";
import { disconnectMessage } from "./client-message.js";
import { sayFarewell } from "./farewell.js";
import type { DisconnectFault } from "./handle-frame.js";
import { Inbound, type InboundSession } from "./inbound.js";
import { Outbound } from "./outbound.js";
import type { SessionContext } from "./session-context.js";
import { announceExpiring, announceHandedOn, announceLimit, announceProcessed } from "./session-events.js";
import {
  endAtInterceptors,
  endAtLimit,
  endWithError,
  endWithGrant,
  type FaultySession,
  NORMAL,
} from "./session-faults.js";
import type { WatchedLimit } from "./session-limits.js";
import { SessionWatch, type WatchedSession } from "./session-watch.js";

/** What may stand around the frame of a message before CONNECTED: ends of lines, and what the transport puts there. */
const MESSAGE_ALLOWANCE = 1024;

/** Who is told of a session's way, once each. */
export interface SessionOwner {
  connected(session: Session): void;
  /** Its socket has closed, and everybody has heard of its end. */
  gone(session: Session): void;
  /** Its socket has closed, while frames that it brought are still handled. */
  abandoned(session: Session): void;
}

/** One connected STOMP client: who it is, how far it has come, and its end. */
export class Session implements SocketListener, InboundSession, WatchedSession, FaultySession {
  readonly id = randomUUID();
  readonly address: string;
  readonly #attributes: Map<string, unknown>;
  readonly #context: SessionContext;
  readonly #socket: Socket;
  readonly #inbound: Inbound;
  readonly outbound: Outbound;
  readonly #watch: SessionWatch;
  readonly #owner: SessionOwner;
  readonly #isPage: boolean;
  #user: Principal | undefined;
  /** How far CONNECT has come; it outlives the socket, for frames that were received before the end. */
  #state: "new" | "connecting" | "connected" = "new";
  #closed = false;
  /** Everybody behind the channels has heard of its end. */
  #ended = false;
  #over = false;
  /** Its socket is closed. */
  #isCut = false;
  /** Its socket is closed, and what it had brought was handled. */
  #isGone = false;
  /** Settles when DISCONNECT was handled. */
  #farewell: Promise<void> | undefined;
  #peerHeartBeat: HeartBeatOffer = NO_HEART_BEAT;
  /** CONNECT was handed on, and DISCONNECT not yet: the broker may hold something of this session. */
  #open = false;
  #announced = false;
  /** A grant was held: who never had one, as most, is written to without a look at the watch. */
  #isGranted = false;

  constructor(socket: Socket, handshake: Handshake, context: SessionContext, owner: SessionOwner) {
    this.#socket = socket;
    this.#context = context;
    this.#user = handshake.user;
    this.#attributes = handshake.attributes ?? new Map();
    this.#owner = owner;
    this.address = addressOf(handshake.request);
    // Browsers say one or the other with every request, other programs do not.
    const { origin, "sec-fetch-mode": mode } = handshake.request.headers;
    this.#isPage = origin !== undefined || mode !== undefined;
    const { clientInboundChannel: channel, logger, clock, limits, stats, preserveReceiveOrder } = context;
    this.#inbound = new Inbound(this, {
      channel,
      logger,
      limits,
      stats,
      clock,
      preserveReceiveOrder,
      handlerTimeout: context.handlerTimeout,
    });
    this.outbound = new Outbound(socket, context, this);
    this.#watch = new SessionWatch({ clock, limits, inbound: this.#inbound, session: this });
    const { connectSizeLimit, messageSizeLimit } = limits;
    // A frame that is longer tells so once it is read; a message that is never whole would be held unread.
    const longest = Math.min(connectSizeLimit, messageSizeLimit) + MESSAGE_ALLOWANCE;
    socket.boundMessages?.(longest, () => {
      this.fail(new LimitExceededError("Frame", "connectSizeLimit", connectSizeLimit), undefined);
    });
  }

  get connected(): boolean {
    return this.#state === "connected";
  }

  get user(): Principal | undefined {
    return this.#user;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether it was ended from here: then nothing more of what it has sent is begun. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether it has ended for everybody but its client, who may still be told why. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether its socket is closed, while frames that it brought are handled perhaps. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get messageHeaders(): SessionHeaders {
    return { sessionId: this.id, user: this.#user, sessionAttributes: this.#attributes };
  }

  data(chunk: Uint8Array): void {
    this.#watch.heard();
    this.#inbound.receive(chunk);
  }

  answered(): void {
    this.#watch.answered();
  }

  drained(): void {
    this.outbound.drained();
  }

  /** What to wait for before more is sent; `undefined` if there is room. */
  room(): Promise<void> | undefined {
    return this.ended ? undefined : this.outbound.room();
  }

  /** The socket is gone: the session ends, if it has not yet, and what it had brought is still handled. */
  close(code: number, reason: string, limit?: string): void {
    // What ended it before was told already.
    if (limit !== undefined && !this.closed) announceLimit(this, limit, this.#context);
    this.#isCut = true;
    this.#stop();
    this.outbound.end(() => {});
    if (!this.#inbound.isIdle) this.#owner.abandoned(this);
    this.#inbound.whenIdle(() => void this.#gone(code, reason));
  }

  mayGoOn(): boolean {
    return !this.#isGranted || !this.#watch.grantOver();
  }

  connecting(frame: Frame, version: StompVersion): void {
    this.#peerHeartBeat = parseHeartBeat(frame.headers.get("heart-beat"));
    this.outbound.version = version;
    this.#state = "connecting";
    this.#open = true;
  }

  handedOn(message: Message): void {
    const { messageType, user, grant } = message.headers;
    if (messageType === "CONNECT") this.#announced = true;
    else if (grant) this.#user = user;
    if (grant) {
      this.#isGranted = true;
      this.#watch.hold(grant, this.#isGone);
    }
    announceHandedOn(this, message, this.#context);
  }

  /** What the late frame made of this session goes too. */
  handledLate(): void {
    void this.#sayFarewell();
  }

  processed(message: Message): void {
    // Neither has CONNECTED been written since, nor does anything arrive.
    if (!this.ended) announceProcessed(this, message, this.#context);
  }

  leaving(): void {
    this.#end(undefined);
  }

  /** A message of `clientOutboundChannel` for this session. */
  deliver(message: Message): void {
    if (!(message instanceof Delivery) && message.headers.messageType === "CONNECT_ACK") {
      this.#accept(message);
    } else if (this.#writable()) {
      this.outbound.message(message);
    }
  }

  receipt(receiptId: string): void {
    if (this.closed) return;
    this.outbound.inTurn(() => {
      if (this.#writable()) this.outbound.receipt(receiptId);
    });
  }

  /** Sends ERROR and closes. */
  fail(error: Error, receiptId: string | undefined, options?: { message: Message | undefined }): void {
    endWithError(this, error, { receiptId, message: options?.message }, this.#context);
  }

  disconnected(fault?: DisconnectFault): void {
    this.#open = false;
    if (fault) this.fail(fault.error, fault.receiptId, { message: fault.message });
    else this.shut(NORMAL, "Disconnected");
  }

  pause(): void {
    this.#socket.pause();
    this.#watch.listening = false;
  }

  resume(): void {
    this.#socket.resume();
    this.#watch.listening = true;
  }

  /** Reads no more. Resolves when what was received has been handled and answered. */
  drain(): Promise<void> {
    return new Promise((resolve) => this.#inbound.finish(resolve));
  }

  /** Cuts the line of a client that did not answer the closing. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Closes the socket after what was sent, and what still waits for interceptors; frames that wait are not handled any more. */
  shut(code: number, reason: string): void {
    if (this.closed) return;

    this.#discard();
    this.#stop();
    this.outbound.endInTurn(() => this.#leave(code, reason));
  }

  /** The same, without what waits for interceptors. */
  shutNow(code: number, reason: string): void {
    this.#inbound.discard();
    this.#stop();
    this.outbound.end(() => this.#leave(code, reason));
  }

  #leave(code: number, reason: string): void {
    this.outbound.flush();
    // A paused socket would not see the client's answer to the closing.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  #accept({ headers }: Message): void {
    if (this.#state !== "connecting") return;

    const heartbeat = headers.heartbeat ?? NO_HEART_BEAT;
    this.#user = headers.user;
    this.#state = "connected";
    this.#socket.boundMessages?.(undefined);
    this.#watch.connected();
    this.#owner.connected(this);
    if (this.closed) return;
    this.outbound.connected(this.id, headers.user?.name, heartbeat);

    const agreed = agreeHeartBeat(this.#peerHeartBeat, heartbeat);
    if (agreed.sendEvery > 0) this.#socket.disableHeartbeat?.();
    this.#watch.beat(agreed, this.#isPage);
  }

  /** Whether a frame may be written now. */
  #writable(): boolean {
    // One that has ended is still written what it was sent before.
    if (this.outbound.isOver || !this.connected || !this.mayGoOn()) return false;

    if (!this.outbound.hasRoom) {
      this.overflow();
      return false;
    }
    return true;
  }

  /** Ends it for a client that does not keep up. */
  overflow(): void {
    endAtLimit(this, "sendBufferSizeLimit", this.#context);
  }

  /** Ends it since more waits for interceptors of `clientOutboundChannel` than may wait for a client. */
  overflowAtInterceptors(): void {
    endAtInterceptors(this, this.#context);
  }

  exceeded(limit: WatchedLimit): void {
    endAtLimit(this, limit, this.#context);
  }

  /** A client that has left may have sent what is not begun yet. */
  grantEnded(fault: Error): void {
    this.#discard();
    endWithGrant(this, fault, this.#context);
  }

  abort(): void {
    this.#discard();
    this.#stop();
    this.outbound.end(() => this.#socket.terminate());
  }

  grantExpiring(grant: SessionGrant): void {
    announceExpiring(this, grant, this.#context);
  }

  vanished(): void {
    this.fail(
      new StompConversionError("The client's end of the line does not answer", { retry: "now" }),
      undefined,
    );
  }

  silent(): void {
    this.fail(new StompConversionError("No heart-beat came in time", { retry: "now" }), undefined);
  }

  dropping(): void {
    announceLimit(this, "sendBufferSizeLimit", this.#context);
  }

  /** Forgets what it has sent and what is not begun, some of it in somebody's hands. */
  #discard(): void {
    this.#over = true;
    this.#inbound.discard();
  }

  #stop(): void {
    if (this.#closed) return;

    this.#closed = true;
    this.outbound.release();
    this.#watch.stop();
    if (this.#over) this.#watch.release();
    this.#end(this.#inbound.handled());
    this.#inbound.whenIdle(() => {
      if (!this.#open) return;
      this.#open = false;
      this.#farewell = this.#sayFarewell();
    });
  }

  /** The one moment in which everybody behind the channels hears that it is over. */
  #end(handled: Promise<void> | undefined): void {
    if (this.#ended) return;

    this.#ended = true;
    if (this.#state === "new") return;
    const { logger, ended } = this.#context;
    try {
      ended({ sessionId: this.id, handled, settles: handled !== undefined && this.#inbound.settles });
    } catch (error) {
      logger.error(`The end of session ${this.id} was not borne by everybody`, error);
    }
  }

  async #gone(code: number, reason: string): Promise<void> {
    this.#isGone = true;
    this.#watch.release();
    await this.#farewell;
    const { events } = this.#context;
    if (this.#announced) events.publish("disconnect", { sessionId: this.id, user: this.#user, code, reason });
    this.#owner.gone(this);
  }

  #sayFarewell(): Promise<void> {
    const { clientInboundChannel, logger } = this.#context;
    return sayFarewell(disconnectMessage(this.messageHeaders), clientInboundChannel, logger);
  }
}
