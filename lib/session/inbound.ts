import type { SubscribableChannel } from "../channel/channel.js";
import { isPromise } from "../channel/passage.js";
import {
  LimitExceededError,
  MessageDeliveryError,
  MessageHandlingError,
  StompConversionError,
} from "../errors.js";
import { type Message, withHeaders } from "../message/message.js";
import { StompDecoder } from "../stomp/decoder.js";
import type { Frame } from "../stomp/frame.js";
import { negotiate, type StompVersion } from "../stomp/version.js";
import { clientMessage, type SessionHeaders } from "./client-message.js";
import { InboundRate } from "./inbound-rate.js";
import { PendingReceipt } from "./pending-receipt.js";
import type { SessionLimits } from "./session-limits.js";
import type { SessionStats } from "./session-stats.js";

/** What inbound needs of its session. */
export interface InboundSession {
  readonly connected: boolean;
  readonly closed: boolean;
  readonly messageHeaders: SessionHeaders;
  /** Whether another frame may be handled; if not, the session has just ended. */
  mayGoOn(): boolean;
  /** A CONNECT is about to be handed on, in this version. */
  connecting(frame: Frame, version: StompVersion): void;
  /** Every handler has got a frame's message, as interceptors made it. */
  handedOn(message: Message): void;
  /** A frame's message was handled. */
  processed(message: Message): void;
  receipt(receiptId: string): void;
  fail(error: Error, receiptId: string | undefined, options?: { message: Message | undefined }): void;
  /** Stops and starts reading. */
  pause(): void;
  resume(): void;
  /** DISCONNECT was handled: no frame follows. */
  disconnected(): void;
}

/** So many frames of one session wait before its socket is paused, and so few before it is resumed. */
const PAUSE_AT = 64;
const RESUME_AT = 16;

/** So many frames of one session are handled at once where they may overlap. */
const OVERLAP = 64;

export interface InboundOptions {
  readonly channel: SubscribableChannel;
  readonly limits: SessionLimits;
  readonly stats: SessionStats;
  /** The clock's, in ms. */
  readonly now: number;
  /**
   * Whether a frame waits until the one before it has been handled. If not, it
   * waits only until every handler has got that one; CONNECT, DISCONNECT and
   * what ends the session are alone all the same.
   */
  readonly preserveReceiveOrder: boolean;
}

/**
 * Takes one session's bytes to `clientInboundChannel`: frame after frame, each
 * when the one before it has been handled, interceptors and controllers
 * included. It alone decides what a fault costs.
 */
export class Inbound {
  readonly #session: InboundSession;
  readonly #channel: SubscribableChannel;
  readonly #decoder: StompDecoder;
  readonly #limits: SessionLimits;
  readonly #stats: SessionStats;
  readonly #preserveReceiveOrder: boolean;
  #rate: InboundRate | undefined;
  /** Decoded and not handled; an error stands where decoding ended. */
  #queue: (Frame | Error)[] = [];
  /** The newest frame, while the next one has to wait for it. */
  #entering: Frame | Error | undefined;
  /** How many frames are being handled. */
  #atWork = 0;
  #draining = false;
  #paused = false;
  #finished = false;
  #whenIdle: (() => void) | undefined;
  #version: StompVersion | undefined;

  constructor(session: InboundSession, options: InboundOptions) {
    const { channel, limits, stats, now } = options;
    const { messageSizeLimit, connectSizeLimit, inboundRateLimit } = limits;
    this.#session = session;
    this.#channel = channel;
    this.#limits = limits;
    this.#stats = stats;
    this.#preserveReceiveOrder = options.preserveReceiveOrder;
    this.#rate = Number.isFinite(inboundRateLimit) ? new InboundRate(inboundRateLimit, now) : undefined;
    this.#decoder = new StompDecoder({
      ...limits,
      messageSizeLimit: Math.min(messageSizeLimit, connectSizeLimit),
    });
  }

  receive(chunk: Uint8Array): void {
    if (this.#session.closed || this.#finished) return;

    try {
      this.#decoder.decode(chunk, (frame) => this.#decoded(frame));
    } catch (error) {
      this.#queue.push(this.#named(error as Error));
    }
    this.#drain();

    if (!this.#paused && (this.#queue.length >= PAUSE_AT || this.#rate?.holds)) {
      this.#paused = true;
      this.#session.pause();
    }
  }

  /** For each tick of the clock. Returns whether the client keeps passing `inboundRateLimit`. */
  tick(now: number): boolean {
    if (this.#rate === undefined) return false;

    const exceeded = this.#rate.refill(now);
    this.#drain();
    return exceeded;
  }

  /** Takes no more, and calls back when what came has been handled. */
  finish(callback: () => void): void {
    this.#finished = true;
    this.#session.pause();
    this.whenIdle(callback);
  }

  /** Forgets what waits: nothing that follows a fault is handled. */
  discard(): void {
    this.#queue = [];
  }

  /** Calls back when everything received so far has been handled, which nothing slows down any more. */
  whenIdle(callback: () => void): void {
    this.#rate = undefined;
    this.#whenIdle = callback;
    this.#drain();
  }

  /** Until CONNECT is accepted, another option limits a frame's size. */
  #named(error: Error): Error {
    const { messageSizeLimit, connectSizeLimit } = this.#limits;
    const isSize = error instanceof LimitExceededError && error.limit === "messageSizeLimit";
    return isSize && this.#decoder.limits.messageSizeLimit < messageSizeLimit
      ? new LimitExceededError("Frame", "connectSizeLimit", connectSizeLimit)
      : error;
  }

  #decoded(frame: Frame): void {
    this.#queue.push(frame);
    this.#stats.framesReceived++;
    // The frames behind CONNECT, in the same bytes perhaps, are already written in the version it agrees on.
    if (this.#version === undefined && isConnect(frame)) {
      this.#version = negotiate(frame.headers.get("accept-version"));
      if (this.#version) this.#decoder.version = this.#version;
    }
  }

  #drain(): void {
    // Called from within by a frame that was handed on at once: the loop goes on by itself.
    if (this.#draining) return;
    this.#draining = true;
    while (this.#mayStart(this.#queue[0]) && this.#session.mayGoOn())
      this.#start(this.#queue.shift() as Frame | Error);
    this.#draining = false;

    if (this.#paused && !this.#finished && this.#queue.length <= RESUME_AT && !this.#rate?.holds) {
      this.#paused = false;
      this.#session.resume();
    }
    if (this.#atWork === 0 && this.#queue.length === 0) {
      const idle = this.#whenIdle;
      this.#whenIdle = undefined;
      idle?.();
    }
  }

  #mayStart(next: Frame | Error | undefined): boolean {
    if (next === undefined || this.#entering !== undefined) return false;
    if (this.#atWork > 0 && !(this.#atWork < OVERLAP && mayOverlap(next))) return false;
    return this.#rate?.admits() ?? true;
  }

  #start(next: Frame | Error): void {
    this.#entering = next;
    this.#atWork++;
    const handled = next instanceof Error ? this.#session.fail(next, undefined) : this.#process(next);
    if (!handled) {
      this.#done(next);
      return;
    }
    void handled.then(() => {
      this.#done(next);
      this.#drain();
    });
  }

  #done(frame: Frame | Error): void {
    this.#atWork--;
    if (this.#entering === frame) this.#entering = undefined;
  }

  /** Never throws and never rejects: a fault, an `Error` as the channel makes it, ends in `#failed`. */
  #process(frame: Frame): void | Promise<void> {
    let message: Message | undefined;
    try {
      const clients = this.#message(frame);
      message = clients;
      const sent = this.#channel.send(clients, (handedOn) => {
        message = handedOn;
        this.#handedOn(frame, handedOn);
      });
      if (!isPromise(sent)) return this.#sent(frame, message, sent);

      return Promise.resolve(sent)
        .then((result) => this.#sent(frame, message ?? clients, result))
        .catch((error: unknown) => this.#failed(frame, error, message));
    } catch (error) {
      return this.#failed(frame, error, message);
    }
  }

  #handedOn(frame: Frame, message: Message): void {
    this.#session.handedOn(message);
    if (this.#preserveReceiveOrder || !mayOverlap(frame) || this.#entering !== frame) return;

    this.#entering = undefined;
    this.#drain();
  }

  #message(frame: Frame): Message {
    const session = this.#session;
    if (isConnect(frame)) {
      if (session.connected) throw new StompConversionError(`${frame.command} came twice: already connected`);
      if (!this.#version) {
        const offered = frame.headers.get("accept-version") ?? "";
        throw new StompConversionError(`No STOMP version in common with accept-version ${offered}`, {
          code: "STOMP_VERSION",
        });
      }
      session.connecting(frame, this.#version);
    } else if (!session.connected) {
      throw new StompConversionError(`${frame.command} came before CONNECT`);
    }
    const message = clientMessage(frame, this.#version as StompVersion, session.messageHeaders);
    return frame.headers.has("receipt") ? withHeaders(message, { receipt: new PendingReceipt() }) : message;
  }

  #sent(frame: Frame, message: Message, sent: boolean): void | Promise<void> {
    const session = this.#session;
    if (isConnect(frame)) {
      if (!session.connected) throw refused("The connection was refused");
      this.#decoder.limits = { messageSizeLimit: this.#limits.messageSizeLimit };
      session.processed(message);
      return;
    }
    if (frame.command === "DISCONNECT") return this.#disconnected(frame, message, sent);

    const receiptId = frame.headers.get("receipt");
    if (sent) session.processed(message);
    if (receiptId === undefined) return;
    if (!sent) throw refused(`${frame.command} was stopped`);
    const { receipt } = message.headers;
    const confirmed = receipt instanceof PendingReceipt ? receipt.confirmed : undefined;
    if (!confirmed) {
      session.receipt(receiptId);
      return;
    }
    // Nothing waits for it: perhaps it comes only after what this client sends next, such as COMMIT.
    confirmed.then(
      () => session.receipt(receiptId),
      (error: Error) => session.fail(error, receiptId, { message }),
    );
  }

  #failed(frame: Frame, error: unknown, message: Message | undefined): void | Promise<void> {
    if (frame.command === "DISCONNECT" && this.#session.connected) {
      return this.#disconnected(frame, clientMessage(frame, "1.2", this.#session.messageHeaders), false);
    }

    const receiptId = isConnect(frame) ? undefined : frame.headers.get("receipt");
    // A controller's fault costs the message, not the session; but a receipt that was asked for would be a lie.
    if (error instanceof MessageHandlingError && receiptId === undefined) return;

    this.#session.fail(error as Error, receiptId, { message });
  }

  /** DISCONNECT is handled even when an interceptor stopped or refused it, so that nothing outlives its session. */
  async #disconnected(frame: Frame, message: Message, sent: boolean): Promise<void> {
    try {
      if (!sent) await this.#channel.dispatch(message);
    } catch (error) {
      this.#session.fail(error as Error, frame.headers.get("receipt"), { message });
      return;
    }
    const receiptId = frame.headers.get("receipt");
    if (receiptId !== undefined) this.#session.receipt(receiptId);
    this.#session.disconnected();
  }
}

function mayOverlap(next: Frame | Error): boolean {
  return !(next instanceof Error) && !isConnect(next) && next.command !== "DISCONNECT";
}

function isConnect(frame: Frame): boolean {
  return frame.command === "CONNECT" || frame.command === "STOMP";
}

function refused(text: string): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text });
}
