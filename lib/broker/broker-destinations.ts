import {
  checkDestination,
  type DestinationPattern,
  type DestinationSeparator,
  parsePattern,
} from "../destination/pattern.js";
import { DestinationPatternError } from "../errors.js";
import { printable } from "../logger.js";
import type { MessageHeaders } from "../message/message.js";
import { refusal } from "./refusal.js";

export interface BrokerDestinationsOptions {
  /** Without one, all destinations are the broker's. */
  readonly destinationPrefixes: readonly string[];
  readonly queuePrefixes: readonly string[];
}

/** Which destinations are the broker's, which of them are queues, and which are none at all. */
export class BrokerDestinations {
  readonly #options: BrokerDestinationsOptions;
  readonly #separator: DestinationSeparator;

  constructor(options: BrokerDestinationsOptions, separator: DestinationSeparator) {
    this.#options = options;
    this.#separator = separator;
  }

  /** Whether a message is for the broker; what is private to a session always is. */
  isOurs(headers: MessageHeaders): boolean {
    const { destination = "", privateTo } = headers;
    const prefixes = this.#options.destinationPrefixes;
    if (privateTo !== undefined || prefixes.length === 0) return true;
    return prefixes.some((prefix) => destination.startsWith(prefix)) || this.isQueue(headers);
  }

  /** Whether one subscriber gets it. What is private to one session has nobody to choose among. */
  isQueue({ destination = "", privateTo }: MessageHeaders): boolean {
    return (
      privateTo === undefined && this.#options.queuePrefixes.some((prefix) => destination.startsWith(prefix))
    );
  }

  /** @throws MessageDeliveryError when messages cannot be sent there */
  check(destination: string): void {
    checked(() => checkDestination(destination, this.#separator), destination);
  }

  /** What a client subscribes to. @throws MessageDeliveryError when nobody can */
  pattern(destination: string): DestinationPattern {
    return checked(() => parsePattern(destination, { separator: this.#separator }), destination);
  }
}

function checked<T>(check: () => T, destination: string): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof DestinationPatternError)) throw error;
    throw refusal(`${printable(destination)} is no destination here: ${error.message}`, error);
  }
}
