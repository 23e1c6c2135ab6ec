import type { Watched } from "../clock/ticking-clock.js";
import type { SessionGrant } from "../message/session-grant.js";
import type { ClientSession } from "./client-session.js";
import { announceExpiring } from "./session-events.js";

/** A session that is too young for the first notice hears one of those after it. */
const LAST_NOTICE = 1_000;
/** Ticks of a second will do. */
const PRECISION = 4_000;

/** Watches how long a session may still last. */
export class GrantWatch implements Watched {
  readonly shortest: number;
  readonly #session: ClientSession;
  readonly #grant: SessionGrant;
  #noticeAt: number;

  constructor(session: ClientSession, grant: SessionGrant) {
    this.#session = session;
    this.#grant = grant;
    this.#noticeAt = grant.ahead;
    this.shortest = Number.isFinite(grant.remaining) ? Math.min(PRECISION, grant.remaining) : grant.remaining;
    session.context.clock.watch(this);
    grant.hold(() => void this.enforce());
  }

  begin(): void {}

  /** Ends the session if the grant is over. Gives whether it lasts. */
  enforce(): boolean {
    const { fault } = this.#grant;
    if (fault) this.#session.revoke(fault);
    return fault === undefined;
  }

  check(): void {
    if (!this.enforce()) return;

    const { remaining } = this.#grant;
    if (remaining > this.#noticeAt) return;
    // Again at half of what is left, and so on.
    this.#noticeAt = remaining > LAST_NOTICE ? remaining / 2 : 0;
    announceExpiring(this.#session, this.#grant, this.#session.context);
  }

  release(): void {
    this.#session.context.clock.unwatch(this);
    this.#grant.release();
  }
}
