import {
  checkDestination,
  type DestinationPattern,
  type DestinationSeparator,
  parsePattern,
} from "../destination/pattern.js";
import { isUnder } from "../destination/prefix.js";
import { ConfigurationError, DestinationPatternError, refusal } from "../errors.js";
import { printable } from "../logger.js";
import type { MessageHeaders } from "../message/message.js";
import type { BrokerContext, ControllersDestinations } from "./broker.js";
import type { TopicPlaces } from "./topic-patterns.js";

/** Longer destinations are not told whole. */
const SHORT = 60;

/** The headers that say whom a message is for. */
type AddressHeaders = Pick<MessageHeaders, "destination" | "privateTo" | "forSubscriptions" | "forUser">;

export interface BrokerDestinationsOptions {
  /** Without one, all destinations are the broker's that are not the controllers'. */
  readonly destinationPrefixes: readonly string[];
  readonly queuePrefixes: readonly string[];
  /** Where messages of queues go that have failed too often. */
  readonly deadLetterDestination: string | undefined;
}

/**
 * Whether a destination is a broker's. One under an application's prefix never
 * is: messages there are between clients and controllers, with passwords
 * perhaps. Where neither side has prefixes the broker leaves to the controllers
 * what they are mapped to.
 *
 * @param prefixes the broker's; without one it takes all that nobody else does
 */
export function isBrokers(
  destination: string,
  prefixes: readonly string[],
  controllers: ControllersDestinations | undefined,
): boolean {
  if (controllers?.isPrefixed(destination)) return false;
  if (prefixes.length === 0) return controllers?.isMapped(destination) !== true;
  return prefixes.some((prefix) => isUnder(prefix, destination));
}

/** @throws ConfigurationError when nothing could ever get to a broker under one of its prefixes */
export function checkPrefixes(
  broker: string,
  prefixes: readonly string[],
  controllers: ControllersDestinations | undefined,
): void {
  const lost = prefixes.find((prefix) =>
    controllers?.isPrefixed(prefix.endsWith("/") ? prefix : `${prefix}/`),
  );
  if (lost === undefined) return;
  throw new ConfigurationError(
    `${broker}: its prefix ${lost} is under one of applicationDestinationPrefixes, where all is the controllers': ` +
      'give them prefixes of their own, such as "/topic" and "/app"',
  );
}

/** Which destinations are the broker's, which of them are queues, and which are none at all. */
export class BrokerDestinations {
  readonly #options: BrokerDestinationsOptions;
  readonly separator: DestinationSeparator;
  readonly #controllers: ControllersDestinations | undefined;
  /** Empty when all is the broker's that nobody else has. */
  readonly prefixes: readonly string[];

  /** @throws ConfigurationError when a prefix, or the destination of dead letters, is under one of the application */
  constructor(
    options: BrokerDestinationsOptions,
    { destinationSeparator = "/", controllers }: Pick<BrokerContext, "destinationSeparator" | "controllers">,
  ) {
    this.#options = options;
    this.separator = destinationSeparator;
    this.#controllers = controllers;
    const { destinationPrefixes, queuePrefixes } = options;
    checkPrefixes("simpleBroker", [...destinationPrefixes, ...queuePrefixes], controllers);
    this.prefixes = destinationPrefixes.length > 0 ? [...destinationPrefixes, ...queuePrefixes] : [];
    const { deadLetterDestination: destination } = options;
    if (destination !== undefined && !this.isOurs({ destination })) {
      throw new ConfigurationError(
        `simpleBroker: deadLetterDestination ${destination} is under a prefix of the application, which no broker serves`,
      );
    }
  }

  /** Where its topics are, for options that name some. */
  get places(): TopicPlaces {
    return {
      queuePrefixes: this.#options.queuePrefixes,
      prefixes: this.prefixes,
      isControllers: (destination) => this.#controllers?.isPrefixed(destination) === true,
      separator: this.separator,
    };
  }

  /** Whether a message is for the broker; what is private to a session always is. */
  isOurs(headers: AddressHeaders): boolean {
    const { destination = "" } = headers;
    return isPrivate(headers) || isBrokers(destination, this.prefixes, this.#controllers);
  }

  /** Whether one subscriber gets it. A message that is private to one session has nobody to choose among. */
  isQueue(headers: AddressHeaders): boolean {
    const { destination = "" } = headers;
    return !isPrivate(headers) && this.#options.queuePrefixes.some((prefix) => isUnder(prefix, destination));
  }

  /** Whether messages of queues may be for who subscribes to this. */
  mayBeQueues(pattern: DestinationPattern): boolean {
    return this.#options.queuePrefixes.some((prefix) => pattern.mayBeginWith(prefix));
  }

  /** Reads the destination of a SUBSCRIBE. @throws MessageDeliveryError when nobody can */
  pattern(destination: string): DestinationPattern {
    try {
      return parsePattern(destination, { separator: this.separator });
    } catch (error) {
      throw unreadable(destination, error);
    }
  }
}

function isPrivate({ privateTo, forSubscriptions, forUser }: AddressHeaders): boolean {
  return privateTo !== undefined || forSubscriptions !== undefined || forUser !== undefined;
}

/** @throws MessageDeliveryError when a destination is longer than any broker here takes one, or has more segments */
export function checkLength(destination: string, separator: DestinationSeparator | undefined): void {
  try {
    checkDestination(destination, separator);
  } catch (error) {
    throw unreadable(destination, error);
  }
}

/** The error for a destination that cannot be read. */
function unreadable(destination: string, error: unknown): unknown {
  if (!(error instanceof DestinationPatternError)) return error;
  // ERROR has room for some 200 characters: what was wrong must be among them.
  const short = destination.length > SHORT ? `${destination.slice(0, SHORT)}…` : destination;
  return refusal(`${printable(short)} is no destination here: ${error.message}`, { cause: error });
}
