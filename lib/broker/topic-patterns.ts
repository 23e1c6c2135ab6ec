import { type DestinationPattern, type DestinationSeparator, parsePattern } from "../destination/pattern.js";
import { isUnder } from "../destination/prefix.js";
import { ConfigurationError } from "../errors.js";

/** Where the broker's destinations are. */
export interface TopicPlaces {
  readonly queuePrefixes: readonly string[];
  /** Empty when all is the broker's that nobody else has. */
  readonly prefixes: readonly string[];
  /** Whether a destination is the controllers', and so no broker's. */
  isControllers(destination: string): boolean;
  readonly separator: DestinationSeparator;
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

/**
 * Reads a pattern of topics.
 *
 * @param notQueues a sentence that says why queues have no part in it
 * @throws ConfigurationError when it cannot be read, or no topic of the broker fits
 */
export function readTopics(
  option: string,
  text: string,
  { notQueues, ...places }: TopicPlaces & { readonly notQueues: string },
): DestinationPattern {
  const { prefixes, queuePrefixes, isControllers, separator } = places;
  const pattern = readPattern(option, text, separator);
  const wrong = (reason: string) =>
    new ConfigurationError(`simpleBroker: ${option} has ${text}, which ${reason}`);

  const queues = queuePrefixes.find((prefix) => mayBeUnder(prefix, pattern));
  if (queues !== undefined) throw wrong(`may be a queue of queuePrefixes ${queues}. ${notQueues}`);
  if (isControllers(text)) {
    throw wrong("is under a prefix of the application, and what is sent there no broker hears");
  }
  if (prefixes.length > 0 && !prefixes.some((prefix) => mayBeUnder(prefix, pattern))) {
    throw wrong(`is none of the broker's destinations, which begin with ${prefixes.join(" or ")}`);
  }
  return pattern;
}

function mayBeUnder(prefix: string, pattern: DestinationPattern): boolean {
  const { text } = pattern;
  return isUnder(prefix, text) || (!text.startsWith(prefix) && pattern.mayBeginWith(prefix));
}
