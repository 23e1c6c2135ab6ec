import type { HeartBeatClock, Watched } from "../stomp/heart-beat-clock.js";
import type { Inbound } from "./inbound.js";
import type { Outbound } from "./outbound.js";
import type { SessionLimits, WatchedLimit } from "./session-limits.js";

export interface SessionWatchOptions {
  readonly clock: HeartBeatClock;
  readonly limits: SessionLimits;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  exceeded(limit: WatchedLimit): void;
}

/**
 * The limits of one session that pass with time: nothing else would notice a
 * client that does nothing. Its time stands still while our own process stalls.
 */
export class SessionWatch implements Watched {
  readonly shortest: number;
  readonly #options: SessionWatchOptions;
  #awaits: "first bytes" | "CONNECT" | "nothing" = "first bytes";
  #since = 0;
  /** From when on what waits now has been waiting, and how much had been given to the socket by then. */
  #waiting: { readonly since: number; readonly given: number } | undefined;

  constructor(options: SessionWatchOptions) {
    const { timeToFirstMessage, connectTimeLimit, sendTimeLimit } = options.limits;
    this.#options = options;
    this.shortest = Math.min(timeToFirstMessage, connectTimeLimit, sendTimeLimit);
  }

  begin(): void {
    this.#since = this.#options.clock.now;
  }

  /** Bytes came. */
  heard(): void {
    if (this.#awaits !== "first bytes") return;
    this.#awaits = "CONNECT";
    this.begin();
  }

  connected(): void {
    this.#awaits = "nothing";
  }

  check(): void {
    const { clock, inbound, outbound, exceeded } = this.#options;
    outbound.drained();
    const limit = this.#passed() ?? (inbound.tick(clock.now) ? "inboundRateLimit" : undefined);
    if (limit !== undefined) exceeded(limit);
  }

  #passed(): WatchedLimit | undefined {
    const { clock, limits, outbound } = this.#options;
    const time = clock.now - this.#since;
    if (this.#awaits === "first bytes" && time > limits.timeToFirstMessage) return "timeToFirstMessage";
    if (this.#awaits === "CONNECT" && time > limits.connectTimeLimit) return "connectTimeLimit";
    if (outbound.overflowing) return "sendBufferSizeLimit";

    const { buffered, given } = outbound;
    if (buffered === 0) {
      this.#waiting = undefined;
    } else if (this.#waiting === undefined || given - this.#waiting.given >= buffered) {
      // All that waited at the last mark has left.
      this.#waiting = { since: clock.now, given };
    } else if (clock.now - this.#waiting.since > limits.sendTimeLimit) {
      return "sendTimeLimit";
    }
    return undefined;
  }
}
