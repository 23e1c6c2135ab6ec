import type { Watched } from "../clock/ticking-clock.js";
import { LimitExceededError } from "../errors.js";
import { StompDecoder } from "../stomp/decoder.js";
import type { Frame } from "../stomp/frame.js";
import type { ClientSession } from "./client-session.js";
import { agreeVersion } from "./connect.js";
import { Exchanges, type Intake } from "./exchanges.js";
import { InboundRate } from "./inbound-rate.js";
import { earlySizeLimit } from "./session-limits.js";

/** So many frames of one session wait before its socket is paused, and so few before it is resumed. */
const PAUSE_AT = 64;
const RESUME_AT = 16;
/** The same in bytes is what one frame may have; and this part of it. */
const RESUME_PART = 1 / 4;

/** How often what a client left behind is looked at, at most, while it waits for `inboundRateLimit`; in ms. */
const LINGERING = 4_000;
/** How long frames that a client left behind are held up by rate limits, all together, in ms. */
const LONGEST_HOLD = 10_000;

/** Makes one session's bytes frames, and reads no faster than these are handled. */
export class Inbound implements Intake, Watched {
  readonly shortest = LINGERING;
  readonly exchanges: Exchanges;
  readonly #session: ClientSession;
  readonly #decoder: StompDecoder;
  #rate: InboundRate | undefined;
  #received = 0;
  #frames = 0;
  /** Frames that a client has left behind wait for the rate: the session's own watch has ended. */
  #lingers = false;
  #paused = false;
  #finished = false;
  /** Let the frames go on that are held up. */
  readonly #letGo = new Set<(mayGoOn: boolean) => void>();
  /** Until when the newest of them is held up. */
  #heldUntil = 0;
  /** How long those are held up that a client has left behind, in ms; `undefined` until it has left. */
  #heldUp: number | undefined;

  constructor(session: ClientSession) {
    const { limits, clock } = session.context;
    const { inboundRateLimit } = limits;
    this.#session = session;
    this.exchanges = new Exchanges(session, this);
    this.#rate = Number.isFinite(inboundRateLimit) ? new InboundRate(inboundRateLimit, clock.now) : undefined;
    this.#decoder = new StompDecoder(limits);
    this.#decoder.limits = { messageSizeLimit: limits[earlySizeLimit(limits)] };
  }

  /** How many bytes came. */
  get received(): number {
    return this.#received;
  }

  /** How many well-formed frames came. */
  get frames(): number {
    return this.#frames;
  }

  /** Whether it takes no more, and what came is handled as fast as can be. */
  get isFinished(): boolean {
    return this.#finished;
  }

  get isHeldUp(): boolean {
    return this.#letGo.size > 0;
  }

  receive(chunk: Uint8Array): void {
    this.#received += chunk.length;
    if (this.#session.closed || this.#finished) return;

    try {
      this.#decoder.decode(chunk, (frame) => this.#decoded(frame));
    } catch (error) {
      this.exchanges.add(this.#named(error as Error));
    }
    this.exchanges.go();

    if (this.#paused) return;
    if (this.#rate?.holds || this.exchanges.holds(PAUSE_AT, this.#decoder.limits.messageSizeLimit)) {
      this.#paused = true;
      this.#session.pause();
    }
  }

  /** Frames may be as long now as they may be of a client that is CONNECTED. */
  connected(): void {
    this.#decoder.limits = { messageSizeLimit: this.#session.context.limits.messageSizeLimit };
  }

  admit(): boolean {
    return (this.#rate?.take() ?? true) && this.#session.checkGrant();
  }

  wentOn(): void {
    if (!this.#paused || this.#finished || this.#rate?.holds) return;
    if (this.exchanges.holds(RESUME_AT + 1, this.#decoder.limits.messageSizeLimit * RESUME_PART)) return;

    this.#paused = false;
    this.#session.resume();
  }

  /** For each tick of the clock. Returns whether the client keeps passing `inboundRateLimit`. */
  tick(now: number): boolean {
    if (this.#rate === undefined) return false;

    const { holds } = this.#rate;
    const exceeded = this.#rate.refill(now);
    if (holds) this.exchanges.go();
    return exceeded;
  }

  /** Lets the frame that is being handled wait. What a client left behind has 10 s in all, and is dropped then. */
  holdUp(ms: number): Promise<boolean> {
    if (this.#heldUp !== undefined) {
      this.#heldUp += ms;
      if (this.#heldUp > LONGEST_HOLD) {
        this.exchanges.drop();
        return Promise.resolve(false);
      }
    }
    this.#heldUntil = this.#session.context.clock.now + ms;
    if (this.#finished) return Promise.resolve(true);
    return new Promise((resolve) => {
      const letGo = (mayGoOn: boolean) => {
        stop();
        this.#letGo.delete(letGo);
        resolve(mayGoOn);
      };
      const stop = this.#session.context.clock.after(ms, () => {
        letGo(true);
        // Its handlers have all of their time from now on.
        this.exchanges.go();
      });
      this.#letGo.add(letGo);
    });
  }

  /** Forgets what waits: nothing that follows a fault is handled. */
  drop(): void {
    this.exchanges.drop();
    for (const letGo of this.#letGo) letGo(false);
  }

  /** Takes no more, and calls back when what came has been handled, which no limit of how often it may come holds up any longer. */
  finish(callback: () => void): void {
    this.#finished = true;
    for (const letGo of this.#letGo) letGo(true);
    this.#rate = undefined;
    this.#session.pause();
    this.exchanges.whenIdle(callback);
  }

  /**
   * Calls back when everything received so far has been handled, at the pace
   * that `inboundRateLimit` allows: a client that sends a burst and leaves gets
   * no more than one that stays.
   */
  whenIdle(callback: () => void): void {
    // The client has left. What is held up now is among what it has left behind.
    this.#heldUp ??= Math.max(0, this.#heldUntil - this.#session.context.clock.now);
    this.exchanges.whenIdle(callback);
    if (!this.#rate || this.#lingers || this.exchanges.isIdle) return;

    const { clock } = this.#session.context;
    this.#lingers = true;
    clock.watch(this);
    this.exchanges.whenIdle(() => {
      this.#lingers = false;
      clock.unwatch(this);
    });
  }

  begin(): void {}

  /** A part each second, and what is over after 10 s is dropped. */
  check(): void {
    if (!this.tick(this.#session.context.clock.now)) return;

    this.exchanges.drop();
    this.exchanges.go();
  }

  #decoded(frame: Frame): void {
    const { stats, taps } = this.#session.context;
    this.exchanges.add(frame);
    stats.received(frame.command);
    this.#frames++;
    if (taps.isOn) taps.received(this.#session, frame);
    if (this.#session.version !== undefined) return;

    agreeVersion(frame, this.#session);
    if (this.#session.version !== undefined) this.#decoder.version = this.#session.version;
  }

  /** Until CONNECT is accepted, another option limits a frame's size. */
  #named(error: Error): Error {
    const { messageSizeLimit, connectSizeLimit } = this.#session.context.limits;
    const isSize = error instanceof LimitExceededError && error.limit === "messageSizeLimit";
    return isSize && this.#decoder.limits.messageSizeLimit < messageSizeLimit
      ? new LimitExceededError("Frame", "connectSizeLimit", connectSizeLimit)
      : error;
  }
}
