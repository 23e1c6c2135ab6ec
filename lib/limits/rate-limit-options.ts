import { applicationPattern } from "../destination/application-pattern.js";
import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import { isCount, isText, isTime, LONGEST_TIME, onlyKnown } from "../options/checks.js";

/** The frames of clients that a rate limit can count: those with a destination. */
export type RateLimitedCommand = "SEND" | "SUBSCRIBE";

/**
 * How often clients may send, or subscribe: so many frames at once, and as many again within each window.
 *
 * @example
 * ```ts
 * const rateLimits: RateLimitOptions[] = [
 *   { destinations: ["/app/chat/**"], per: "user", limit: 10, window: 1_000, beyond: "ignore" },
 *   { command: "SUBSCRIBE", per: "session", limit: 100, window: 60_000, beyond: "refuse" },
 * ];
 * ```
 */
export interface RateLimitOptions {
  /** Patterns of destinations; a SUBSCRIBE with wildcards counts if it may reach one of them. @default all */
  destinations?: readonly string[];
  /** The frames that count. @default "SEND" */
  command?: RateLimitedCommand;
  /**
   * Those who have an allowance together: all sessions of a user, where a session without a user is one by
   * itself; one session; or all sessions from one address, as Express's `req.ip` has it.
   */
  per: "user" | "session" | "address";
  /** Frames that may come at once, and as many again within each `window`. */
  limit: number;
  /** Milliseconds in which an allowance that is used up is whole again. */
  window: number;
  /**
   * The fate of a frame beyond the limit. One that asks for a receipt, and is not handled, is ERROR in any
   * case: the receipt would be a lie.
   *
   * - `"ignore"`: it is not handled, and nobody is told. Not for SUBSCRIBE
   * - `"refuse"`: it is not handled; the session is told on `/user/queue/errors`, once in each window. A SUBSCRIBE is
   *   ERROR
   * - `"wait"`: it waits, and all that its session sends behind it, 10 s at most; a session that would have to wait
   *   longer ends
   * - `"end"`: the session ends with ERROR and close 4500
   */
  beyond: "ignore" | "refuse" | "wait" | "end";
}

/** A rate limit, checked, with nothing left open. */
export interface RateLimit {
  /** As events and counts name it: `rateLimits[0]`. */
  readonly name: string;
  /** `undefined`: all destinations. */
  readonly patterns: readonly DestinationPattern[] | undefined;
  readonly command: RateLimitedCommand;
  readonly per: RateLimitOptions["per"];
  readonly limit: number;
  readonly window: number;
  readonly beyond: RateLimitOptions["beyond"];
}

/** How long a frame may wait, in ms. */
export const LONGEST_WAIT = 10_000;

const COMMANDS = ["SEND", "SUBSCRIBE"];
const PAYERS = ["user", "session", "address"];
const OUTCOMES = ["ignore", "refuse", "wait", "end"];

const KNOWN = {
  destinations: true,
  command: true,
  per: true,
  limit: true,
  window: true,
  beyond: true,
} satisfies Record<keyof RateLimitOptions, true>;

/** @throws ConfigurationError that names the rule and what makes no sense in it */
export function rateLimit(
  given: RateLimitOptions,
  name: string,
  separator: DestinationSeparator | undefined,
): RateLimit {
  onlyKnown(name, given, Object.keys(KNOWN));
  const { destinations, command = "SEND", per, limit, window, beyond } = given;
  oneOf(`${name}.command`, command, COMMANDS);
  oneOf(`${name}.per`, per, PAYERS);
  oneOf(`${name}.beyond`, beyond, OUTCOMES);
  if (!isCount(limit)) {
    throw new ConfigurationError(`${name}.limit is ${String(limit)}: it must be a whole number above 0`);
  }
  if (!isTime(window, 1)) {
    throw new ConfigurationError(
      `${name}.window is ${String(window)}: it must be a whole number of ms from 1 to ${LONGEST_TIME}`,
    );
  }
  if (beyond === "ignore" && command === "SUBSCRIBE") {
    throw new ConfigurationError(
      `${name}: a client whose SUBSCRIBE is ignored would wait for messages that never come: use "refuse", "wait" or "end"`,
    );
  }
  if (beyond === "wait" && window / limit > LONGEST_WAIT) {
    throw new ConfigurationError(
      `${name}: a frame would wait ${Math.round(window / limit)} ms for its turn, and none may wait longer than ` +
        `${LONGEST_WAIT}: use "ignore", "refuse" or "end"`,
    );
  }
  return {
    name,
    patterns: patternsOf(`${name}.destinations`, destinations, separator),
    command,
    per,
    limit,
    window,
    beyond,
  };
}

function patternsOf(
  option: string,
  given: readonly string[] | undefined,
  separator: DestinationSeparator | undefined,
): readonly DestinationPattern[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || given.length === 0 || !given.every(isText)) {
    throw new ConfigurationError(`${option} must be an array of patterns such as "/app/chat/**"`);
  }
  return given.map((text) => applicationPattern(option, text, separator));
}

function oneOf(option: string, given: unknown, values: readonly string[]): void {
  if (values.includes(given as string)) return;
  const allowed = values.map((value) => JSON.stringify(value)).join(" or ");
  throw new ConfigurationError(`${option} is ${JSON.stringify(given)}: it must be ${allowed}`);
}
