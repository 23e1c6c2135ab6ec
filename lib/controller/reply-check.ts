import { parseUserDestination } from "../destination/user-destination.js";
import { ConfigurationError } from "../errors.js";
import type { ExceptionMethod, MappedMethod } from "./metadata.js";

/** Where replies can go. */
export interface ReplyPlaces {
  /** Whether somebody hears what is sent to a destination that is no user's. */
  serves(destination: string): boolean;
  /** Empty when the broker has whatever nobody else has. */
  readonly brokerPrefixes: readonly string[];
  /** With its closing slash. */
  readonly userDestinationPrefix: string;
}

/**
 * Looks where the decorators of a method send replies. The value that a variable stands
 * for is not known at start, so a destination is looked at up to the first one
 * where that decides.
 *
 * @throws ConfigurationError when nobody could hear them
 */
export function checkReplies(
  { name, sendTo, sendToUser }: MappedMethod | ExceptionMethod,
  places: ReplyPlaces,
): void {
  // Without a destination it is /topic and the destination that the message came to.
  for (const destination of sendTo?.length === 0 ? ["/topic/{}"] : (sendTo ?? [])) {
    checkReply(name, destination, places);
  }
  const { userDestinationPrefix: prefix } = places;
  const prefixed = sendToUser?.destinations.find((destination) => destination.startsWith(prefix));
  if (prefixed !== undefined) {
    throw new ConfigurationError(
      `${name} has @SendToUser("${prefixed}"), which is sent to ${prefix}<name>${prefixed}: ` +
        `write @SendToUser("${prefixed.slice(prefix.length - 1)}")`,
    );
  }
}

function checkReply(name: string, destination: string, places: ReplyPlaces): void {
  const { brokerPrefixes, userDestinationPrefix: prefix, serves } = places;
  if (destination.startsWith(prefix)) {
    if (parseUserDestination(prefix, destination)) return;
    const shared = `/topic${destination.slice(prefix.length - 1)}`;
    throw new ConfigurationError(
      `${name} sends to ${destination}: what is under ${prefix} is for one user, as ${prefix}<name>/queue/x is. ` +
        `For all who listen write @SendTo("${shared}"), with "/topic" among the broker's prefixes, and let clients ` +
        `subscribe to ${shared}; for the one who sent, @SendToUser`,
    );
  }
  const [fixed = ""] = destination.split("{", 1);
  const isOpen = fixed !== destination && brokerPrefixes.some((each) => each.startsWith(fixed));
  if (isOpen || serves(destination)) return;

  const where = destination === "/topic/{}" ? "to /topic, as @SendTo() does," : `to ${destination}`;
  throw new ConfigurationError(
    `${name} sends its replies ${where} and nobody could hear them: ` +
      (brokerPrefixes.length > 0
        ? `the broker has what is under ${brokerPrefixes.join(" or ")}`
        : "that is the controllers', and no broker gets it"),
  );
}
