import type { SubscribableChannel } from "../channel/channel.js";
import { LimitExceededError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import { StompDecoder } from "../stomp/decoder.js";
import type { Frame } from "../stomp/frame.js";
import { negotiate, type StompVersion } from "../stomp/version.js";
import { type FramedSession, type FrameSource, handleFrame, isConnect } from "./handle-frame.js";
import { InboundRate } from "./inbound-rate.js";
import type { SessionLimits } from "./session-limits.js";
import type { SessionStats } from "./session-stats.js";

/** What inbound needs of its session. */
export interface InboundSession extends FramedSession {
  readonly closed: boolean;
  /** Whether another frame may be handled; if not, the session has just ended. */
  mayGoOn(): boolean;
  /** Every handler has got a frame's message, as interceptors made it. */
  handedOn(message: Message): void;
  /** A frame that nobody waited for any more was handled after all. */
  handledLate(): void;
  /** Stops and starts reading. */
  pause(): void;
  resume(): void;
}

/** So many frames of one session wait before its socket is paused, and so few before it is resumed. */
const PAUSE_AT = 64;
const RESUME_AT = 16;

/** So many frames of one session are handled at once where they may overlap. */
const OVERLAP = 64;

export interface InboundOptions {
  readonly channel: SubscribableChannel;
  readonly logger: Logger;
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
  /** Milliseconds in which frames of a client that is gone have to go on; 0 is without end. */
  readonly handlerTimeout: number;
}

/**
 * Takes one session's bytes to `clientInboundChannel`: frame after frame, each
 * when the one before it has been handled, interceptors and controllers
 * included.
 */
export class Inbound implements FrameSource {
  readonly session: InboundSession;
  readonly channel: SubscribableChannel;
  readonly logger: Logger;
  version: StompVersion | undefined;
  readonly idLengthLimit: number;
  readonly #decoder: StompDecoder;
  readonly #limits: SessionLimits;
  readonly #stats: SessionStats;
  readonly #preserveReceiveOrder: boolean;
  readonly #handlerTimeout: number;
  #rate: InboundRate | undefined;
  /** Decoded and not handled; an error stands where decoding ended. */
  #queue: (Frame | Error)[] = [];
  /** The newest frame, while the next one has to wait for it. */
  #entering: Frame | Error | undefined;
  /** How many frames are being handled, and how many of those may acknowledge. */
  #atWork = 0;
  #settling = 0;
  #draining = false;
  #paused = false;
  #finished = false;
  readonly #whenIdle: (() => void)[] = [];
  #patience: NodeJS.Timeout | undefined;
  #gaveUp = false;

  constructor(session: InboundSession, options: InboundOptions) {
    const { channel, limits, stats, now } = options;
    const { messageSizeLimit, connectSizeLimit, inboundRateLimit } = limits;
    this.session = session;
    this.channel = channel;
    this.logger = options.logger;
    this.#limits = limits;
    this.idLengthLimit = limits.idLengthLimit;
    this.#stats = stats;
    this.#preserveReceiveOrder = options.preserveReceiveOrder;
    this.#handlerTimeout = options.handlerTimeout;
    this.#rate = Number.isFinite(inboundRateLimit) ? new InboundRate(inboundRateLimit, now) : undefined;
    this.#decoder = new StompDecoder(limits);
    this.#decoder.limits = { messageSizeLimit: Math.min(messageSizeLimit, connectSizeLimit) };
  }

  receive(chunk: Uint8Array): void {
    if (this.session.closed || this.#finished) return;

    try {
      this.#decoder.decode(chunk, (frame) => this.#decoded(frame));
    } catch (error) {
      this.#enqueue(this.#named(error as Error));
    }
    this.#drain();

    if (!this.#paused && (this.#queue.length >= PAUSE_AT || this.#rate?.holds)) {
      this.#paused = true;
      this.session.pause();
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
    this.session.pause();
    this.whenIdle(callback);
  }

  /** Forgets what waits: nothing that follows a fault is handled. */
  discard(): void {
    this.#queue = [];
  }

  /**
   * Calls back when everything received so far has been handled, which nothing
   * slows down any more; or when it does not go on for `handlerTimeout`.
   */
  whenIdle(callback: () => void): void {
    this.#rate = undefined;
    this.#whenIdle.push(callback);
    this.#drain();
  }

  /** What to wait for until `whenIdle` calls back; `undefined` when there is nothing. */
  handled(): Promise<void> | undefined {
    if (this.#isIdle) return undefined;
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Whether ACK, NACK or COMMIT is among the frames that are not handled yet. */
  get settles(): boolean {
    return this.#settling > 0 || this.#queue.some(settles);
  }

  accepted(): void {
    this.#decoder.limits = { messageSizeLimit: this.#limits.messageSizeLimit };
  }

  handedOn(frame: Frame, message: Message): void {
    this.session.handedOn(message);
    if (this.#preserveReceiveOrder || !mayOverlap(frame) || this.#entering !== frame) return;

    this.#entering = undefined;
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
    this.#enqueue(frame);
    this.#stats.framesReceived++;
    // The frames behind CONNECT, in the same bytes perhaps, are already written in the version it agrees on.
    if (this.version === undefined && isConnect(frame)) {
      this.version = negotiate(frame.headers.get("accept-version"));
      if (this.version) this.#decoder.version = this.version;
    }
  }

  /** Most often it is alone; an array that was pushed to would keep room for 17. */
  #enqueue(next: Frame | Error): void {
    if (this.#queue.length === 0) this.#queue = [next];
    else this.#queue.push(next);
  }

  #drain(): void {
    // Called from within by a frame that was handed on at once: the loop goes on by itself.
    if (this.#draining) return;
    this.#draining = true;
    while (this.#mayStart(this.#queue[0]) && this.session.mayGoOn())
      this.#start(this.#queue.shift() as Frame | Error);
    this.#draining = false;

    if (this.#paused && !this.#finished && this.#queue.length <= RESUME_AT && !this.#rate?.holds) {
      this.#paused = false;
      this.session.resume();
    }
    if (this.#isIdle) this.#idle();
    else if (this.#whenIdle.length > 0 && this.#handlerTimeout > 0) {
      this.#patience ??= setTimeout(() => this.#giveUp(), this.#handlerTimeout).unref();
      this.#patience.refresh();
    }
  }

  /** What does not go on for too long is not waited for. */
  get #isIdle(): boolean {
    return this.#gaveUp || (this.#atWork === 0 && this.#queue.length === 0);
  }

  #idle(): void {
    if (this.#whenIdle.length === 0) return;

    clearTimeout(this.#patience);
    this.#patience = undefined;
    for (const idle of this.#whenIdle.splice(0)) idle();
  }

  #giveUp(): void {
    const { sessionId } = this.session.messageHeaders;
    this.logger.error(
      `Session ${sessionId} ends though ${this.#hanging} did not settle within ${this.#handlerTimeout} ms`,
    );
    this.#gaveUp = true;
    this.discard();
    this.#idle();
  }

  /** What is being handled, in words for the log. */
  get #hanging(): string {
    const frame = this.#entering;
    if (frame === undefined || frame instanceof Error) return `${this.#atWork} of its frames`;
    return `its ${frame.command} ${printable(frame.headers.get("destination") ?? "")}`.trimEnd();
  }

  #mayStart(next: Frame | Error | undefined): boolean {
    if (next === undefined || this.#entering !== undefined) return false;
    if (this.#atWork > 0 && !(this.#atWork < OVERLAP && mayOverlap(next))) return false;
    return this.#rate?.admits() ?? true;
  }

  #start(next: Frame | Error): void {
    this.#entering = next;
    this.#atWork++;
    if (settles(next)) this.#settling++;
    const handled = next instanceof Error ? this.session.fail(next, undefined) : handleFrame(next, this);
    if (!handled) {
      this.#done(next);
      return;
    }
    void handled.then(() => {
      this.#done(next);
      this.#drain();
      if (this.#gaveUp) this.session.handledLate();
    });
  }

  #done(frame: Frame | Error): void {
    this.#atWork--;
    if (settles(frame)) this.#settling--;
    if (this.#entering === frame) this.#entering = undefined;
  }
}

function settles(frame: Frame | Error): boolean {
  if (frame instanceof Error) return false;
  const { command } = frame;
  return command === "ACK" || command === "NACK" || command === "COMMIT";
}

function mayOverlap(next: Frame | Error): boolean {
  return !(next instanceof Error) && !isConnect(next) && next.command !== "DISCONNECT";
}
