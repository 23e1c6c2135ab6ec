import { type Clock, systemClock } from "../clock/clock.js";
import { AccessDeniedError, ConfigurationError } from "../errors.js";
import { onlyKnown } from "../options/checks.js";

/** The options of a `SessionGrant`. */
export interface SessionGrantOptions {
  /** When the session ends, in ms since 1970. Default: with its connection. */
  readonly expires?: number | undefined;
  /** The text that its client reads then. */
  readonly expiredMessage?: string | undefined;
  /** So long before that the event `expiring` is announced, in ms. Default: never. */
  readonly ahead?: number | undefined;
  /** Where the client is told of it: `/queue/token` is `/user/queue/token` for it. Default: nowhere. */
  readonly noticeDestination?: string | undefined;
  /** The clock: `channel.clock` in an interceptor. Default: the process's. */
  readonly clock?: Clock | undefined;
}

const OPTIONS = {
  expires: true,
  expiredMessage: true,
  ahead: true,
  noticeDestination: true,
  clock: true,
} satisfies Record<keyof SessionGrantOptions, true>;

/**
 * How long a session may last: in the header `grant` of its CONNECT, or of a
 * later message, which then stands in place of the first. A grant is for one
 * session.
 *
 * @example
 * ```ts
 * const grant = new SessionGrant({ expires: Date.now() + 3_600_000, ahead: 60_000 });
 * const granted = withHeaders(message, { grant }); // in preSend, at CONNECT
 * grant.revoke("You have signed out");
 * ```
 */
export class SessionGrant {
  readonly ahead: number;
  readonly noticeDestination: string | undefined;
  readonly #clock: Clock;
  readonly #expires: number;
  /** The same in the time of the process, which nobody sets back. */
  readonly #ends: number;
  readonly #expiredMessage: string;
  #revoked: AccessDeniedError | undefined;
  #ended: (() => void) | undefined;

  /** @throws ConfigurationError when a time is none, or an option is not known */
  constructor(options: SessionGrantOptions = {}) {
    onlyKnown("SessionGrant", options, Object.keys(OPTIONS));
    const { expires = Number.POSITIVE_INFINITY, ahead = 0, clock = systemClock } = options;
    this.#clock = clock;
    this.#expires = checkedTime("expires", expires);
    this.ahead = checkedTime("ahead", ahead);
    this.noticeDestination = options.noticeDestination;
    this.#expiredMessage = options.expiredMessage ?? "The session has expired";
    this.#ends = clock.now() + expires - clock.date();
  }

  /** How long it still lasts, in ms; nothing is left of one that was revoked. */
  get remaining(): number {
    if (this.#revoked) return 0;
    return Math.max(0, Math.min(this.#expires - this.#clock.date(), this.#ends - this.#clock.now()));
  }

  /** Why it is over; `undefined` while it lasts. */
  get fault(): AccessDeniedError | undefined {
    if (this.#revoked) return this.#revoked;
    return this.remaining === 0 ? new AccessDeniedError(this.#expiredMessage, { retry: "now" }) : undefined;
  }

  /** Ends the session now. The client reads the reason, unless it is slow and more waits for it. */
  revoke(reason: string): void {
    this.#revoked ??= new AccessDeniedError(reason);
    this.#ended?.();
  }

  /** Whether a session depends on it. */
  get held(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Names the session that depends on it.
   *
   * @internal
   */
  hold(ended: () => void): void {
    this.#ended = ended;
  }

  /**
   * No session depends on it any more.
   *
   * @internal
   */
  release(): void {
    this.#ended = undefined;
  }
}

function checkedTime(name: string, time: number): number {
  if (typeof time === "number" && time >= 0) return time;
  throw new ConfigurationError(`${name} of a SessionGrant is ${String(time)}: it must be a number of ms`);
}
