import type { TickingClock, Watched } from "../clock/ticking-clock.js";
import type { SessionGrant } from "../message/session-grant.js";

export interface GrantWatchOptions {
  readonly clock: TickingClock;
  readonly grant: SessionGrant;
  /** The grant is over. */
  ended(fault: Error): void;
  /** It soon is. */
  expiring(grant: SessionGrant): void;
}

/** A session that is too young for the first notice hears one of those after it. */
const LAST_NOTICE = 1_000;
/** Ticks of a second will do. */
const PRECISION = 4_000;

/** Watches what a session's right to last depends on. */
export class GrantWatch implements Watched {
  readonly shortest: number;
  readonly #options: GrantWatchOptions;
  #noticeAt: number;

  constructor(options: GrantWatchOptions) {
    const { clock, grant } = options;
    this.#options = options;
    this.#noticeAt = grant.ahead;
    this.shortest = Number.isFinite(grant.remaining) ? Math.min(PRECISION, grant.remaining) : grant.remaining;
    clock.watch(this);
    grant.hold(() => void this.enforce());
  }

  begin(): void {}

  /** Ends the session if the grant is over. Gives whether it lasts. */
  enforce(): boolean {
    const { fault } = this.#options.grant;
    if (fault) this.#options.ended(fault);
    return fault === undefined;
  }

  check(): void {
    if (!this.enforce()) return;

    const { grant, expiring } = this.#options;
    const { remaining } = grant;
    if (remaining > this.#noticeAt) return;
    // Again at half of what is left, and so on.
    this.#noticeAt = remaining > LAST_NOTICE ? remaining / 2 : 0;
    expiring(grant);
  }

  release(): void {
    this.#options.clock.unwatch(this);
    this.#options.grant.release();
  }
}
