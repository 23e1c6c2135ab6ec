import type { Clock } from "../clock/clock.js";
import { Countdown } from "../clock/countdown.js";
import { ConfigurationError } from "../errors.js";
import { LONGEST_TIME, onlyKnown } from "../options/checks.js";
import type { CloseOptions } from "../stomp-messaging.js";

const GOING_AWAY = 1001;
const DRAIN_TIME = 5_000;
/** While the closes are spread, those that are due are closed so often; in ms. */
const SPREAD_EVERY = 20;
/** The event loop has stalled when so much has passed since it was last looked; in ms. */
const STALL = 5 * SPREAD_EVERY;

export interface ClosingOptions {
  readonly clock: Clock;
  /** From their closing on new clients are refused, and the application says so. */
  readonly atOnce: readonly { close(): void }[];
  readonly sessions: {
    /** Whether none is there. */
    readonly isEmpty: boolean;
    /** One for each session that is there: ends it alone, when what it has sent was handled. */
    departures(closing: SessionClosing): readonly (() => void)[];
    /** Reads no more; resolves when all that was read has been handled. */
    drain(): Promise<void>;
    close(closing: SessionClosing): Promise<void>;
  };
  /** Streams of controllers that outlive their sessions. */
  readonly detached: { idle(): Promise<void>; close(): void } | undefined;
  readonly broker: { flush?(): void };
  /** The questions to clients: nobody is heard any more, and then nothing that was heard is waited for. */
  readonly requests: { close(): void; end(): void };
  /** In the order in which messages pass them. */
  readonly channels: readonly { idle(): Promise<void> }[];
  /** Stations that end when no session is left, one after the other. */
  readonly afterwards: readonly { close(): void | Promise<void> }[];
}

interface SessionClosing {
  readonly code: number;
  readonly reason: string;
}

/** How messaging ends: with `spreadMs` one client after the other, then what the others have sent, then they, then all else. */
export class Closing {
  readonly #options: ClosingOptions;
  #drainMs = LONGEST_TIME;
  #drainTime: Countdown | undefined;
  #spreadTime: Countdown | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ClosingOptions) {
    this.#options = options;
  }

  /** A second call with less time shortens that of the first. @throws ConfigurationError when an option makes no sense */
  close(options: CloseOptions = {}): Promise<void> {
    // `process.on("SIGTERM", messaging.close)` calls it with the signal's name.
    if (typeof options !== "string") onlyKnown("close", options, ["drainMs", "spreadMs", "reconnectInMs"]);
    const { drainMs = DRAIN_TIME, spreadMs = 0, reconnectInMs } = options;
    for (const [name, ms] of Object.entries({ drainMs, spreadMs, reconnectInMs: reconnectInMs ?? 0 })) {
      checkTime(name, ms);
    }
    this.#spreadTime?.shorten(spreadMs);
    this.#drainTime?.shorten(drainMs);
    this.#drainMs = Math.min(this.#drainMs, drainMs);
    this.#closed ??= this.#close(spreadMs, reconnectInMs);
    return this.#closed;
  }

  async #close(spreadMs: number, reconnectInMs: number | undefined): Promise<void> {
    const { clock, atOnce, sessions, afterwards } = this.#options;
    for (const each of atOnce) each.close();
    const hint = reconnectInMs === undefined ? "" : `; reconnect-in=${Math.round(reconnectInMs)}`;
    const closing = { code: GOING_AWAY, reason: `Server is shutting down${hint}` };
    if (spreadMs > 0) await this.#spread(sessions.departures(closing), spreadMs);

    this.#options.requests.close();
    const drainTime = new Countdown(this.#drainMs, clock);
    this.#drainTime = drainTime;
    // All stay until what any of them has sent was handled, and has reached them.
    await Promise.race([this.#drained(), drainTime.over]);
    drainTime.stop();
    // Where something hangs it has not come to that.
    this.#options.requests.end();
    this.#options.broker.flush?.();
    // A client that waits for the rest of a stream is told that there is none.
    this.#options.detached?.close();
    await sessions.close(closing);
    for (const each of afterwards) await each.close();
  }

  /**
   * Lets one after the other go, as many in each moment as in any other; the rest stays for the common end. Those that were
   * due while our own event loop stalled do not go together when it goes on: all who are left share the time that is left.
   */
  async #spread(departures: readonly (() => void)[], spreadMs: number): Promise<void> {
    const { clock, sessions } = this.#options;
    const time = new Countdown(spreadMs, clock);
    this.#spreadTime = time;
    let gone = 0;
    let from = { at: clock.now(), gone };
    let last = from.at;
    const end = from.at + spreadMs;
    const stop = clock.every(SPREAD_EVERY, () => {
      const now = clock.now();
      if (now - last > STALL) from = { at: now - SPREAD_EVERY, gone };
      last = now;
      const due = from.gone + ((departures.length - from.gone) * (now - from.at)) / (end - from.at);
      while (gone < departures.length && gone < due) departures[gone++]?.();
      // No session is left, or only those that are leaving.
      if (gone === departures.length || sessions.isEmpty) time.shorten(0);
    });
    await time.over;
    stop();
  }

  async #drained(): Promise<void> {
    const { sessions, detached, broker, channels } = this.#options;
    await sessions.drain();
    await detached?.idle();
    broker.flush?.();
    for (const channel of channels) await channel.idle();
  }
}

function checkTime(name: string, ms: number): void {
  if (Number.isFinite(ms) && ms >= 0 && ms <= LONGEST_TIME) return;
  throw new ConfigurationError(`${name} is ${String(ms)}: it must be a number of ms from 0 to 2,147,483,647`);
}
