import type { TickingClock, Watched } from "../clock/ticking-clock.js";
import { StompConversionError } from "../errors.js";
import type { TransportSettings } from "../options/transport-options.js";
import { type AgreedHeartBeat, HeartBeat, type HeartBeatOptions } from "../stomp/heart-beat.js";
import { WaitingTime } from "../stomp/waiting-time.js";
import type { ClientSession } from "./client-session.js";
import type { Inbound } from "./inbound.js";
import type { WatchedLimit } from "./session-limits.js";

/** How often a line is written to while it is not read, in ms. */
const PROBE_EVERY = 1_000;

/** How often a client that sends no heart-beats is asked for a sign of life, in ms: proxies cut what is idle for 30 s. */
const LIFE_EVERY = 25_000;
/** How long the silence of a page is borne, in ms: timers of hidden pages come once a minute. */
const HIDDEN_PAGE = 130_000;

/**
 * The limits of one session that pass with time, and its heart-beats: nothing else would notice a client that does
 * nothing. For limits time stands still while our own process stalls.
 */
export class SessionWatch implements Watched, HeartBeatOptions {
  readonly shortest: number;
  readonly clock: TickingClock;
  sendEvery = 0;
  receiveWithin = 0;
  leniency = 0;
  readonly #limits: TransportSettings;
  readonly #inbound: Inbound;
  readonly #session: ClientSession;
  #awaits: "first bytes" | "CONNECT" | "nothing" = "first bytes";
  #since = 0;
  /** The bytes that had come at the last tick. */
  #received = 0;
  #isListening = true;
  #probedAt = 0;
  #heartBeat: HeartBeat | undefined;
  /** In place of heart-beats that its client does not send. */
  #life: HeartBeat | undefined;
  #isPage = false;
  readonly #waitingTime = new WaitingTime();

  constructor(session: ClientSession, inbound: Inbound) {
    const { clock, limits } = session.context;
    const { timeToFirstMessage, connectTimeLimit, sendTimeLimit } = limits;
    this.clock = clock;
    this.#limits = limits;
    this.#inbound = inbound;
    this.#session = session;
    this.shortest = Math.min(timeToFirstMessage, connectTimeLimit, sendTimeLimit, 4 * PROBE_EVERY);
    clock.watch(this);
  }

  begin(): void {
    this.#since = this.clock.now;
  }

  connected(): void {
    this.#awaits = "nothing";
  }

  /** The client's end of the line answers. For a client that promised heart-beats this counts as one only if it is a page. */
  answered(): void {
    this.#life?.received();
    if (this.#isPage) this.#heartBeat?.received();
  }

  /**
   * Begins the heart-beats that were agreed on, if any were. A client that sends
   * none is asked for a sign of life on the same clock, where its transport
   * answers by itself.
   *
   * @param isPage its timers may be slowed down to one a minute, while the page is hidden: where the transport
   *   answers that counts, and else it has time for two
   */
  beat(agreed: AgreedHeartBeat, isPage: boolean): void {
    const { outbound } = this.#session;
    this.#isPage = isPage && outbound.isProbed;
    this.leniency = isPage && !outbound.isProbed ? HIDDEN_PAGE : 0;
    if (agreed.receiveWithin === 0 && outbound.isProbed) {
      this.#life = new HeartBeat(new SignsOfLife(this.clock, this.#session));
      this.clock.watch(this.#life);
    }
    if (agreed.sendEvery === 0 && agreed.receiveWithin === 0) return;

    this.sendEvery = agreed.sendEvery;
    this.receiveWithin = agreed.receiveWithin;
    this.#heartBeat = new HeartBeat(this);
    this.clock.watch(this.#heartBeat);
  }

  doubted(): void {
    if (this.#isPage) this.#session.outbound.probe();
  }

  send(): void {
    this.#session.outbound.heartBeat();
  }

  expired(): void {
    this.#session.fail(new StompConversionError("No heart-beat came in time", { retry: "now" }));
  }

  given(): number {
    return this.#session.outbound.given;
  }

  /** Whether the session reads: while it does not, its client's silence does not count, and its client's end is not heard. */
  set listening(listening: boolean) {
    this.#isListening = listening;
    this.#probedAt = this.clock.now;
    if (this.#heartBeat) this.#heartBeat.listening = listening;
    if (this.#life) this.#life.listening = listening;
  }

  stop(): void {
    this.clock.unwatch(this);
    if (this.#heartBeat) this.clock.unwatch(this.#heartBeat);
    this.#heartBeat = undefined;
    if (this.#life) this.clock.unwatch(this.#life);
    this.#life = undefined;
  }

  check(): void {
    this.#listen();
    this.#session.outbound.drained();
    if (!this.#isListening && this.clock.now - this.#probedAt >= PROBE_EVERY) {
      this.#probedAt = this.clock.now;
      this.#session.outbound.probe();
    }
    const limit = this.#passed() ?? (this.#inbound.tick(this.clock.now) ? "inboundRateLimit" : undefined);
    if (limit !== undefined) this.#session.exceeded(limit);
  }

  /** Looks whether bytes came since the last tick: they are too many to note each. */
  #listen(): void {
    const { received } = this.#inbound;
    if (received === this.#received) return;

    this.#received = received;
    this.#heartBeat?.received();
    this.#life?.received();
    if (this.#awaits !== "first bytes") return;
    this.#awaits = "CONNECT";
    this.begin();
  }

  #passed(): WatchedLimit | undefined {
    const { now } = this.clock;
    const limits = this.#limits;
    const time = now - this.#since;
    if (this.#awaits === "first bytes" && time > limits.timeToFirstMessage) return "timeToFirstMessage";
    if (this.#awaits === "CONNECT" && time > limits.connectTimeLimit) return "connectTimeLimit";
    if (this.#session.outbound.checkOverflow()) return "sendBufferSizeLimit";

    const { outbound } = this.#session;
    const waiting = outbound.watchBuffer();
    return this.#waitingTime.age({ now, given: outbound.given, waiting }) > limits.sendTimeLimit
      ? "sendTimeLimit"
      : undefined;
  }
}

/** Pings in place of heart-beats that a client does not send. */
class SignsOfLife implements HeartBeatOptions {
  readonly clock: TickingClock;
  readonly #session: ClientSession;

  constructor(clock: TickingClock, session: ClientSession) {
    this.clock = clock;
    this.#session = session;
  }

  get sendEvery(): number {
    return LIFE_EVERY;
  }

  get receiveWithin(): number {
    return LIFE_EVERY;
  }

  /** Nothing else that is sent is answered. */
  given(): number {
    return 0;
  }

  send(): void {
    this.#session.outbound.probe();
  }

  expired(): void {
    const text = "The client's end of the line does not answer";
    this.#session.fail(new StompConversionError(text, { retry: "now" }));
  }
}
