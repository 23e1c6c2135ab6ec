import {
  type DestinationPattern,
  type DestinationSeparator,
  parsePattern,
} from "../../destination/pattern.js";
import { isUnder } from "../../destination/prefix.js";
import { covers } from "../../destination/reach.js";
import { ConfigurationError } from "../../errors.js";
import type { HistoryOptions } from "./history-options.js";
import type { WindowBounds } from "./history-window.js";

/** Where the broker's destinations are, and what its history is told to keep. */
export interface HistoryRulesOptions {
  readonly history: readonly HistoryOptions[];
  readonly queuePrefixes: readonly string[];
  /** Empty when all is the broker's that nobody else has. */
  readonly prefixes: readonly string[];
  /** Whether a destination is the controllers', and so no broker's. */
  isControllers(destination: string): boolean;
  /** With its closing slash: `/user/`. */
  readonly userPrefix: string;
  readonly separator: DestinationSeparator;
}

interface Rule extends WindowBounds {
  readonly patterns: readonly DestinationPattern[];
}

/** The destinations whose messages are kept. */
export class HistoryRules {
  readonly #rules: readonly Rule[];

  /** @throws ConfigurationError when a pattern cannot be read, or no message that fits could be kept */
  constructor(options: HistoryRulesOptions) {
    this.#rules = options.history.map(({ destinations, size, ttl }) => ({
      patterns: destinations.map((text) => patternOf(text, options)),
      size,
      ttl,
    }));
  }

  /** The shortest time for which messages are kept, in ms; infinite when none are. */
  get shortestTtl(): number {
    return Math.min(...this.#rules.map(({ ttl }) => ttl));
  }

  /** Whether any messages are kept. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The bounds of the first rule that a destination fits. */
  boundsOf(destination: string): WindowBounds | undefined {
    return this.#rules.find(({ patterns }) => patterns.some((pattern) => pattern.fits(destination)));
  }

  /** Whether all is kept that a subscription can hear: else nobody could tell what it has missed. */
  covers(subscription: DestinationPattern): boolean {
    return this.#rules.some(({ patterns }) => patterns.some((pattern) => covers(pattern, subscription)));
  }
}

/** Reads a pattern of an option. @throws ConfigurationError that names the option */
export function readPattern(
  option: string,
  text: string,
  separator: DestinationSeparator,
): DestinationPattern {
  try {
    return parsePattern(text, { separator });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`simpleBroker: ${option} has the pattern ${text}: ${reason}`, { cause });
  }
}

function patternOf(text: string, options: HistoryRulesOptions): DestinationPattern {
  const { prefixes, queuePrefixes, isControllers, userPrefix, separator } = options;
  const pattern = readPattern("history.destinations", text, separator);
  if (text.startsWith(userPrefix)) return pattern;

  const queues = queuePrefixes.find((prefix) => mayBeUnder(prefix, pattern));
  if (queues !== undefined) {
    throw wrong(
      text,
      `may be a queue of queuePrefixes ${queues}. Queues have no history: they keep what nobody has acknowledged`,
    );
  }
  if (isControllers(text)) {
    throw wrong(text, "is under a prefix of the application, and what is sent there no broker hears");
  }
  if (prefixes.length > 0 && !prefixes.some((prefix) => mayBeUnder(prefix, pattern))) {
    throw wrong(text, `is none of the broker's destinations, which begin with ${prefixes.join(" or ")}`);
  }
  return pattern;
}

function mayBeUnder(prefix: string, pattern: DestinationPattern): boolean {
  const { text } = pattern;
  return isUnder(prefix, text) || (!text.startsWith(prefix) && pattern.mayBeginWith(prefix));
}

function wrong(text: string, reason: string): ConfigurationError {
  return new ConfigurationError(`simpleBroker: history.destinations has ${text}, which ${reason}`);
}
