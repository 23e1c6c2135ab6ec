import type { SubscribableChannel } from "../channel/channel.js";
import type { TickingClock, Watched } from "../clock/ticking-clock.js";
import { LimitExceededError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import type { TransportSettings } from "../options/transport-options.js";
import { StompDecoder } from "../stomp/decoder.js";
import type { Frame } from "../stomp/frame.js";
import { negotiate, type StompVersion } from "../stomp/version.js";
import { type FramedSession, type FrameSource, handleFrame, isConnect } from "./handle-frame.js";
import { InboundRate } from "./inbound-rate.js";
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
/** The same in bytes is what one frame may have; and this part of it. */
const RESUME_PART = 1 / 4;

/** How often what a client left behind is looked at, at most, while it waits for `inboundRateLimit`; in ms. */
const LINGERING = 4_000;

/** So many frames of one session are handled at once where they may overlap. */
const OVERLAP = 64;

export interface InboundOptions {
  readonly channel: SubscribableChannel;
  readonly logger: Logger;
  readonly limits: TransportSettings;
  readonly stats: SessionStats;
  readonly clock: TickingClock;
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
  readonly #limits: TransportSettings;
  readonly #stats: SessionStats;
  readonly #preserveReceiveOrder: boolean;
  readonly #handlerTimeout: number;
  readonly #clock: TickingClock;
  #rate: InboundRate | undefined;
  /** Ticks for the rate when the session's own watch has ended. */
  #lingering: Watched | undefined;
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
    const { channel, limits, stats, clock } = options;
    const { messageSizeLimit, connectSizeLimit, inboundRateLimit } = limits;
    this.session = session;
    this.channel = channel;
    this.logger = options.logger;
    this.#limits = limits;
    this.idLengthLimit = limits.idLengthLimit;
    this.#stats = stats;
    this.#preserveReceiveOrder = options.preserveReceiveOrder;
    this.#handlerTimeout = options.handlerTimeout;
    this.#clock = clock;
    this.#rate = Number.isFinite(inboundRateLimit) ? new InboundRate(inboundRateLimit, clock.now) : undefined;
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

    if (
      !this.#paused &&
      (this.#rate?.holds || this.#holds(PAUSE_AT, this.#decoder.limits.messageSizeLimit))
    ) {
      this.#paused = true;
      this.session.pause();
    }
  }

  /** For each tick of the clock. Returns whether the client keeps passing `inboundRateLimit`. */
  tick(now: number): boolean {
    if (this.#rate === undefined) return false;

    const { holds } = this.#rate;
    const exceeded = this.#rate.refill(now);
    if (holds) this.#drain();
    return exceeded;
  }

  /** Takes no more, and calls back when what came has been handled, which `inboundRateLimit` holds up no longer. */
  finish(callback: () => void): void {
    this.#finished = true;
    this.#rate = undefined;
    this.session.pause();
    this.whenIdle(callback);
  }

  /** Forgets what waits: nothing that follows a fault is handled. */
  discard(): void {
    this.#queue = [];
  }

  /**
   * Calls back when everything received so far has been handled, at the pace
   * that `inboundRateLimit` allows; or when it does not go on for
   * `handlerTimeout`.
   */
  whenIdle(callback: () => void): void {
    this.#whenIdle.push(callback);
    this.#drain();
    if (this.#rate && !this.isIdle) this.#linger();
  }

  /** Who sends a burst and leaves gets no more than who stays: a part each second, and what is over after 10 s is dropped. */
  #linger(): void {
    if (this.#lingering) return;

    this.#lingering = {
      shortest: LINGERING,
      begin() {},
      check: () => {
        if (!this.tick(this.#clock.now)) return;
        this.discard();
        this.#drain();
      },
    };
    this.#clock.watch(this.#lingering);
  }

  /** Whether so many frames wait, or so many bytes in them. */
  #holds(frames: number, bytes: number): boolean {
    if (this.#queue.length >= frames) return true;
    let size = 0;
    for (const next of this.#queue) size += sizeOf(next);
    return size >= bytes;
  }

  /** What to wait for until `whenIdle` calls back; `undefined` when there is nothing. */
  handled(): Promise<void> | undefined {
    if (this.isIdle) return undefined;
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

    if (this.#paused && !this.#finished && !this.#rate?.holds && this.#hasRoom) {
      this.#paused = false;
      this.session.resume();
    }
    if (this.isIdle) this.#idle();
    else if (this.#whenIdle.length > 0 && this.#handlerTimeout > 0) {
      this.#patience ??= setTimeout(() => this.#giveUp(), this.#handlerTimeout).unref();
      this.#patience.refresh();
    }
  }

  get #hasRoom(): boolean {
    return !this.#holds(RESUME_AT + 1, this.#decoder.limits.messageSizeLimit * RESUME_PART);
  }

  /** What does not go on for too long is not waited for. */
  get isIdle(): boolean {
    return this.#gaveUp || (this.#atWork === 0 && this.#queue.length === 0);
  }

  #idle(): void {
    if (this.#whenIdle.length === 0) return;

    if (this.#lingering) this.#clock.unwatch(this.#lingering);
    this.#lingering = undefined;

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

function sizeOf(next: Frame | Error): number {
  return next instanceof Error ? 0 : next.body.byteLength + next.headers.byteLength;
}

function settles(frame: Frame | Error): boolean {
  if (frame instanceof Error) return false;
  const { command } = frame;
  return command === "ACK" || command === "NACK" || command === "COMMIT";
}

function mayOverlap(next: Frame | Error): boolean {
  return !(next instanceof Error) && !isConnect(next) && next.command !== "DISCONNECT";
}
