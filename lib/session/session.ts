import { randomUUID } from "node:crypto";
import { LimitExceededError } from "../errors.js";
import { Delivery } from "../message/delivery.js";
import type { Message, Principal, SessionHeaders } from "../message/message.js";
import type { SessionGrant } from "../message/session-grant.js";
import type { SessionView } from "../observe/views.js";
import type { Handshake, Socket, SocketListener } from "../socket/socket.js";
import { type AgreedHeartBeat, NO_HEART_BEAT } from "../stomp/heart-beat.js";
import type { StompVersion } from "../stomp/version.js";
import type { ClientSession, Failure, SessionOwner } from "./client-session.js";
import { accept } from "./connect.js";
import { Ending } from "./ending.js";
import { GrantWatch } from "./grant-watch.js";
import { Inbound } from "./inbound.js";
import { Outbound } from "./outbound.js";
import type { SessionContext } from "./session-context.js";
import { announceHandedOn, announceProcessed } from "./session-events.js";
import { earlySizeLimit, type PassableLimit } from "./session-limits.js";
import type { CountedSession } from "./session-stats.js";
import { SessionWatch } from "./session-watch.js";

/** Bytes that may stand around the frame of a message before CONNECTED: ends of lines, and the transport's own. */
const MESSAGE_ALLOWANCE = 1024;

/** One STOMP client: its user, and how far it has come. Its parts do the rest: inbound, outbound, watch, ending. */
export class Session implements SocketListener, ClientSession, CountedSession {
  readonly id = randomUUID();
  readonly address: string;
  readonly transport: string;
  readonly context: SessionContext;
  readonly outbound: Outbound;
  readonly ending: Ending;
  state: ClientSession["state"] = "new";
  version: StompVersion | undefined;
  heartBeatOffer = NO_HEART_BEAT;
  owesDisconnect = false;
  announced = false;
  closed = false;
  ended = false;
  readonly #since: number;
  readonly #attributes: Map<string, unknown>;
  readonly #socket: Socket;
  readonly #owner: SessionOwner;
  readonly #inbound: Inbound;
  readonly #watch: SessionWatch;
  readonly #isPage: boolean;
  #user: Principal | undefined;
  #messageHeaders: SessionHeaders;
  #grant: GrantWatch | undefined;

  constructor(socket: Socket, handshake: Handshake, context: SessionContext, owner: SessionOwner) {
    this.#socket = socket;
    this.transport = socket.transport;
    this.context = context;
    this.#owner = owner;
    this.#attributes = handshake.attributes ?? new Map();
    this.#user = handshake.user;
    this.#messageHeaders = this.#headers();
    this.address = handshake.address;
    this.#isPage = handshake.isPage;
    this.#since = context.clock.date();
    this.#inbound = new Inbound(this);
    this.outbound = new Outbound(socket, context, this);
    this.#watch = new SessionWatch(this, this.#inbound);
    this.ending = new Ending(this, { socket, inbound: this.#inbound, watch: this.#watch, owner });
    const limit = earlySizeLimit(context.limits);
    const bytes = context.limits[limit];
    // A frame that is longer tells so once it is read; a message that is never whole would be held unread.
    socket.boundMessages?.(bytes + MESSAGE_ALLOWANCE, () => {
      this.fail(new LimitExceededError("Frame", limit, bytes));
    });
  }

  get user(): Principal | undefined {
    return this.#user;
  }

  set user(user: Principal | undefined) {
    this.#user = user;
    this.#messageHeaders = this.#headers();
  }

  get messageHeaders(): SessionHeaders {
    return this.#messageHeaders;
  }

  get age(): number {
    return Math.max(0, this.context.clock.date() - this.#since);
  }

  get dropped(): boolean {
    return this.ending.dropped;
  }

  get bytesReceived(): number {
    return this.#inbound.received;
  }

  get bytesSent(): number {
    return this.outbound.given;
  }

  get framesWaiting(): number {
    return this.#inbound.exchanges.waiting;
  }

  /** The session as it is now, for those who run the server. */
  get view(): SessionView {
    return {
      id: this.id,
      user: this.#user,
      isConnected: this.state === "connected",
      transport: this.#socket.transport,
      version: this.version,
      address: this.address,
      since: new Date(this.#since),
      framesReceived: this.#inbound.frames,
      framesSent: this.outbound.frames,
      bytesReceived: this.bytesReceived,
      bytesSent: this.bytesSent,
      bytesWaiting: this.outbound.measureWaiting(),
    };
  }

  data(chunk: Uint8Array): void {
    this.#inbound.receive(chunk);
  }

  answered(): void {
    this.#watch.answered();
  }

  drained(): void {
    this.outbound.drained();
  }

  socketClosed(code: number, reason: string, limit?: string): void {
    this.ending.socketClosed(code, reason, limit);
  }

  /** A message of `clientOutboundChannel` for this session. */
  deliver(message: Message): boolean {
    if (!(message instanceof Delivery) && message.headers.messageType === "CONNECT_ACK") {
      accept(this, message);
      return true;
    }
    if (!this.#mayWrite()) return false;
    this.outbound.message(message);
    return true;
  }

  receipt(receiptId: string): void {
    if (this.closed) return;
    this.outbound.inTurn(() => {
      if (this.#mayWrite()) this.outbound.receipt(receiptId);
    });
  }

  /** A promise to wait for before more is sent; `undefined` if there is room. */
  room(): Promise<void> | undefined {
    return this.ended ? undefined : this.outbound.room();
  }

  connected(): void {
    this.#socket.boundMessages?.(undefined);
    this.#inbound.connected();
    this.#watch.connected();
    this.#owner.connected(this);
  }

  beat(agreed: AgreedHeartBeat): void {
    if (agreed.sendEvery > 0) this.#socket.disableHeartbeat?.();
    this.#watch.beat(agreed, this.#isPage);
  }

  handedOn(message: Message): void {
    const { messageType, user, grant } = message.headers;
    if (messageType === "CONNECT") this.announced = true;
    else if (grant) this.user = user;
    if (grant) this.#hold(grant);
    if (messageType !== "MESSAGE") announceHandedOn(this, message, this.context);
  }

  processed(message: Message): void {
    // Once it has ended, neither has CONNECTED been written nor does anything arrive.
    if (message.headers.messageType === "MESSAGE" || this.ended) return;

    announceProcessed(this, message, this.context);
  }

  checkGrant(): boolean {
    return this.#grant?.enforce() ?? true;
  }

  releaseGrant(): void {
    this.#grant?.release();
    this.#grant = undefined;
  }

  get hurries(): boolean {
    return this.#inbound.isFinished;
  }

  holdUp(ms: number): Promise<boolean> {
    return this.#inbound.holdUp(ms);
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

  leave(): void {
    this.ending.leave();
  }

  fail(error: Error, failure?: Failure): void {
    this.ending.fail(error, failure);
  }

  exceeded(limit: PassableLimit): void {
    this.ending.exceeded(limit);
  }

  revoke(fault: Error): void {
    this.ending.revoke(fault);
  }

  close(code: number, reason: string): void {
    this.ending.close(code, reason);
  }

  cut(): void {
    this.ending.cut();
  }

  /** Watches a grant in place of the one before; a session that has gone only lets it go. */
  #hold(grant: SessionGrant): void {
    this.#grant?.release();
    if (this.ending.gone) grant.release();
    else this.#grant = new GrantWatch(this, grant);
  }

  /** Looks whether a frame may be written now; ends the session for a client that does not keep up. */
  #mayWrite(): boolean {
    // One that has ended is still written what it was sent before.
    if (this.outbound.isOver || this.state !== "connected" || !this.checkGrant()) return false;
    if (this.outbound.takeRoom()) return true;

    this.exceeded("sendBufferSizeLimit");
    return false;
  }

  #headers(): SessionHeaders {
    return { sessionId: this.id, user: this.#user, sessionAttributes: this.#attributes };
  }
}
