import type { DestinationPattern } from "../../destination/pattern.js";
import { covers } from "../../destination/reach.js";
import { readPattern, readTopics, type TopicPlaces } from "../topic-patterns.js";
import type { HistoryOptions } from "./history-options.js";
import type { WindowBounds } from "./history-window.js";

/** Where the broker's destinations are, and what its history is told to keep. */
export interface HistoryRulesOptions extends TopicPlaces {
  readonly history: readonly HistoryOptions[];
  /** With its closing slash: `/user/`. */
  readonly userPrefix: string;
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

function patternOf(text: string, { userPrefix, ...places }: HistoryRulesOptions): DestinationPattern {
  const option = "history.destinations";
  if (text.startsWith(userPrefix)) return readPattern(option, text, places.separator);
  return readTopics(option, text, {
    ...places,
    notQueues: "Queues have no history: they keep what nobody has acknowledged",
  });
}
