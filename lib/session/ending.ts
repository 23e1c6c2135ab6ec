import type { Socket } from "../socket/socket.js";
import type { ClientSession, Failure, SessionOwner } from "./client-session.js";
import { sayDisconnect } from "./disconnect.js";
import { errorReply } from "./error-reply.js";
import type { Inbound } from "./inbound.js";
import { announceFault, announceLimit } from "./session-events.js";
import { LIMIT_EXCEEDED, limitError, type PassableLimit, UNREAD_LIMITS } from "./session-limits.js";
import type { SessionWatch } from "./session-watch.js";

/** The WebSocket close code of other faults, as Spring sends it. */
const PROTOCOL_ERROR = 1002;

export interface EndingParts {
  readonly socket: Socket;
  readonly inbound: Inbound;
  readonly watch: SessionWatch;
  readonly owner: SessionOwner;
}

/**
 * How a session ends, and how far it has come with that. Whatever ends it comes
 * to `fail`, `close`, `cut` or `socketClosed`; each tells everybody behind the
 * channels in the same turn of the event loop.
 */
export class Ending {
  readonly #session: ClientSession;
  readonly #socket: Socket;
  readonly #inbound: Inbound;
  readonly #watch: SessionWatch;
  readonly #owner: SessionOwner;
  #dropped = false;
  /** Nobody expects the client back. */
  #isMeant = false;
  #socketIsClosed = false;
  #gone = false;
  /** Settles when the DISCONNECT that the client did not send was handled. */
  #disconnected: Promise<void> | undefined;

  constructor(session: ClientSession, { socket, inbound, watch, owner }: EndingParts) {
    this.#session = session;
    this.#socket = socket;
    this.#inbound = inbound;
    this.#watch = watch;
    this.#owner = owner;
  }

  /** Whether it was ended from here, so that nothing more of what it has sent is begun. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Whether its socket is closed, while frames that it brought are handled perhaps. */
  get socketIsClosed(): boolean {
    return this.#socketIsClosed;
  }

  /** Whether its socket is closed, and what it had brought was handled. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Sends ERROR and closes: the one place where a fault becomes the end of a session. */
  fail(error: Error, { receiptId, message, code = PROTOCOL_ERROR, unread, isMeant }: Failure = {}): void {
    if (this.#session.closed) return;
    if (isMeant) this.#isMeant = true;

    const { id, context, outbound } = this.#session;
    if (unread === "cut") this.cut();
    else if (unread === "close") this.#closeNow(code, error.message);
    else {
      const { errorHandler, logger } = context;
      logger.debug(`session ${id} ends with ERROR`, error);
      outbound.error(errorReply(error, { receiptId, message, errorHandler, logger }));
      this.close(code, code === PROTOCOL_ERROR ? "STOMP error" : error.message);
    }
    announceFault(this.#session, error, context);
  }

  exceeded(limit: PassableLimit): void {
    const unread = UNREAD_LIMITS.has(limit) ? "close" : undefined;
    this.fail(limitError(limit, this.#session.context.limits), { code: LIMIT_EXCEEDED, unread });
  }

  /** A slow client is sent nothing more of what waits for it, ERROR neither. Frames of a client that has left may wait here. */
  revoke(fault: Error): void {
    this.#drop();
    this.fail(fault, {
      unread: this.#session.outbound.checkWaiting() ? "cut" : undefined,
      isMeant: true,
    });
  }

  close(code: number, reason: string): void {
    if (this.#session.closed) return;

    this.#drop();
    this.#stop();
    this.#session.outbound.endInTurn(() => this.#closeSocket(code, reason));
  }

  /** Closes without messages that wait for interceptors. Frames that have begun are handled. */
  #closeNow(code: number, reason: string): void {
    this.#inbound.exchanges.drop();
    this.#stop();
    this.#session.outbound.end(() => this.#closeSocket(code, reason));
  }

  cut(): void {
    this.#drop();
    this.#stop();
    this.#session.outbound.end(() => {});
    this.#socket.terminate();
  }

  /** The session ends, if it has not yet, and what it had brought is still handled. */
  socketClosed(code: number, reason: string, limit: string | undefined): void {
    // An end that came before was told already.
    if (limit !== undefined && !this.#session.closed)
      announceLimit(this.#session, limit, this.#session.context);
    this.#socketIsClosed = true;
    this.#stop();
    this.#session.outbound.end(() => {});
    if (!this.#inbound.exchanges.isIdle) this.#owner.abandoned(this.#session);
    this.#inbound.whenIdle(() => void this.#go(code, reason));
  }

  /** The client has said that it goes. */
  leave(): void {
    this.#isMeant = true;
    this.#tell();
  }

  /** The one moment in which everybody behind the channels hears that it is over. */
  #tell(handled?: Promise<void>): void {
    if (this.#session.ended) return;

    this.#session.ended = true;
    const { id, state, context } = this.#session;
    if (state === "new") return;
    const settles = handled !== undefined && this.#inbound.exchanges.settles;
    try {
      context.ended({ sessionId: id, handled, settles, isMeant: this.#isMeant });
    } catch (error) {
      context.logger.error(`A part of the server failed when it heard of the end of session ${id}`, error);
    }
  }

  /** Forgets frames that have not begun, those that wait for `concurrency` too. */
  #drop(): void {
    this.#dropped = true;
    this.#inbound.drop();
  }

  #stop(): void {
    const session = this.#session;
    if (session.closed) return;

    session.closed = true;
    session.outbound.release();
    this.#watch.stop();
    if (this.#dropped) session.releaseGrant();
    this.#tell(this.#inbound.exchanges.handled());
    this.#inbound.whenIdle(() => {
      if (!session.owesDisconnect) return;
      session.owesDisconnect = false;
      this.#disconnected = sayDisconnect(session);
    });
  }

  #closeSocket(code: number, reason: string): void {
    this.#session.outbound.flush();
    // A paused socket would not see the client's answer to the closing.
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  async #go(code: number, reason: string): Promise<void> {
    this.#gone = true;
    this.#session.releaseGrant();
    await this.#disconnected;
    const { id, user, announced, transport, age, context } = this.#session;
    if (announced) {
      const status = { code, reason, transport, duration: age };
      context.events.publish("disconnect", { sessionId: id, user, ...status });
    }
    this.#owner.gone(this.#session, code);
  }
}
