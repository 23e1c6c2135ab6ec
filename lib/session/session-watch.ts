import type { SessionGrant } from "../message/session-grant.js";
import { Backlog } from "../stomp/backlog.js";
import { type AgreedHeartBeat, HeartBeat, type HeartBeatOptions } from "../stomp/heart-beat.js";
import type { HeartBeatClock, Watched } from "../stomp/heart-beat-clock.js";
import { GrantWatch } from "./grant-watch.js";
import type { Inbound } from "./inbound.js";
import type { Outbound } from "./outbound.js";
import type { SessionLimits, WatchedLimit } from "./session-limits.js";

/** How often a line is written to while it is not read, in ms. */
const PROBE_EVERY = 1_000;

export interface SessionWatchOptions {
  readonly clock: HeartBeatClock;
  readonly limits: SessionLimits;
  readonly inbound: Inbound;
  readonly session: WatchedSession;
}

/** What a session does when its time has come. */
export interface WatchedSession {
  readonly outbound: Outbound;
  exceeded(limit: WatchedLimit): void;
  /** Heart-beats stay away. */
  silent(): void;
  grantEnded(fault: Error): void;
  grantExpiring(grant: SessionGrant): void;
}

/**
 * What one session owes to time: limits, heart-beats, and the grant that it
 * lasts by. Nothing else would notice a client that does nothing. For limits
 * time stands still while our own process stalls.
 */
export class SessionWatch implements Watched, HeartBeatOptions {
  readonly shortest: number;
  readonly clock: HeartBeatClock;
  sendEvery = 0;
  receiveWithin = 0;
  readonly #limits: SessionLimits;
  readonly #inbound: Inbound;
  readonly #session: WatchedSession;
  #awaits: "first bytes" | "CONNECT" | "nothing" = "first bytes";
  #since = 0;
  #isListening = true;
  #probedAt = 0;
  #heartBeat: HeartBeat | undefined;
  #grant: GrantWatch | undefined;
  readonly #backlog = new Backlog();

  constructor({ clock, limits, inbound, session }: SessionWatchOptions) {
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

  /** Bytes came. */
  heard(): void {
    this.#heartBeat?.received();
    if (this.#awaits !== "first bytes") return;
    this.#awaits = "CONNECT";
    this.begin();
  }

  connected(): void {
    this.#awaits = "nothing";
  }

  /** Begins the heart-beats that were agreed on, if any were. */
  beat(agreed: AgreedHeartBeat): void {
    if (agreed.sendEvery === 0 && agreed.receiveWithin === 0) return;

    this.sendEvery = agreed.sendEvery;
    this.receiveWithin = agreed.receiveWithin;
    this.#heartBeat = new HeartBeat(this);
    this.clock.watch(this.#heartBeat);
  }

  send(): void {
    this.#session.outbound.heartBeat();
  }

  expired(): void {
    this.#session.silent();
  }

  given(): number {
    return this.#session.outbound.given;
  }

  /** Whether the session reads: while it does not, its client is not the one who is silent, and its end is not heard. */
  set listening(listening: boolean) {
    this.#isListening = listening;
    this.#probedAt = this.clock.now;
    if (this.#heartBeat) this.#heartBeat.listening = listening;
  }

  /** Watches a grant in place of the one before; a session that has ended only lets it go. */
  hold(grant: SessionGrant, ended: boolean): void {
    this.#grant?.release();
    if (ended) {
      grant.release();
      return;
    }
    const session = this.#session;
    this.#grant = new GrantWatch({
      clock: this.clock,
      grant,
      ended: (fault) => session.grantEnded(fault),
      expiring: (expiring) => session.grantExpiring(expiring),
    });
  }

  /** Whether the grant is over: then the session was told so. */
  grantOver(): boolean {
    return this.#grant?.ended() ?? false;
  }

  stop(): void {
    this.clock.unwatch(this);
    if (this.#heartBeat) this.clock.unwatch(this.#heartBeat);
    this.#heartBeat = undefined;
  }

  /** Lets its grant go, for nothing is left that depends on it. */
  release(): void {
    this.#grant?.release();
    this.#grant = undefined;
  }

  check(): void {
    this.#session.outbound.drained();
    if (!this.#isListening && this.clock.now - this.#probedAt >= PROBE_EVERY) {
      this.#probedAt = this.clock.now;
      this.#session.outbound.probe();
    }
    const limit = this.#passed() ?? (this.#inbound.tick(this.clock.now) ? "inboundRateLimit" : undefined);
    if (limit !== undefined) this.#session.exceeded(limit);
  }

  #passed(): WatchedLimit | undefined {
    const { now } = this.clock;
    const limits = this.#limits;
    const time = now - this.#since;
    if (this.#awaits === "first bytes" && time > limits.timeToFirstMessage) return "timeToFirstMessage";
    if (this.#awaits === "CONNECT" && time > limits.connectTimeLimit) return "connectTimeLimit";
    if (this.#session.outbound.overflowing) return "sendBufferSizeLimit";

    const { buffered: waiting, given } = this.#session.outbound;
    return this.#backlog.age({ now, given, waiting }) > limits.sendTimeLimit ? "sendTimeLimit" : undefined;
  }
}
