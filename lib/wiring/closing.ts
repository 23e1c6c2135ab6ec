import type { Clock } from "../clock/clock.js";
import { Countdown } from "../clock/countdown.js";
import { ConfigurationError } from "../errors.js";
import { LONGEST_TIME, onlyKnown } from "../options/checks.js";
import type { CloseOptions } from "../stomp-messaging.js";

const GOING_AWAY = 1001;
const DRAIN_TIME = 5_000;

export interface ClosingOptions {
  readonly clock: Clock;
  /** From their closing on they refuse new clients. */
  readonly endpoints: readonly { close(): void }[];
  readonly sessions: {
    /** Reads no more; resolves when all that was read has been handled. */
    drain(): Promise<void>;
    close(closing: { readonly code: number; readonly reason: string }): Promise<void>;
  };
  /** In the order in which messages pass them. */
  readonly channels: readonly { idle(): Promise<void> }[];
  /** Stations that end when no session is left, one after the other. */
  readonly afterwards: readonly { close(): void | Promise<void> }[];
}

/** How messaging ends: first what clients have sent, then the clients, then all else. */
export class Closing {
  readonly #options: ClosingOptions;
  #drainTime: Countdown | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ClosingOptions) {
    this.#options = options;
  }

  /** A second call with less time shortens that of the first. @throws ConfigurationError when `drainMs` is no time */
  close(options: CloseOptions = {}): Promise<void> {
    // `process.on("SIGTERM", messaging.close)` calls it with the signal's name.
    if (typeof options !== "string") onlyKnown("close", options, ["drainMs"]);
    const { drainMs = DRAIN_TIME } = options;
    if (!Number.isFinite(drainMs) || drainMs < 0 || drainMs > LONGEST_TIME) {
      throw new ConfigurationError(
        `drainMs is ${String(drainMs)}: it must be a number of ms from 0 to 2,147,483,647`,
      );
    }
    this.#drainTime?.shorten(drainMs);
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    const { clock, endpoints, sessions, afterwards } = this.#options;
    const drainTime = new Countdown(drainMs, clock);
    this.#drainTime = drainTime;
    for (const endpoint of endpoints) endpoint.close();
    // All stay until what any of them has sent was handled, and has reached them.
    await Promise.race([this.#drained(), drainTime.over]);
    drainTime.stop();
    await sessions.close({ code: GOING_AWAY, reason: "Server is shutting down" });
    for (const each of afterwards) await each.close();
  }

  async #drained(): Promise<void> {
    const { sessions, channels } = this.#options;
    await sessions.drain();
    for (const channel of channels) await channel.idle();
  }
}
