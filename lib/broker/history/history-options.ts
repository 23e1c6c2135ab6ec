import { isCount, isText, isTime, onlyKnown, wrongOption } from "../../options/checks.js";

/** Destinations whose messages are kept for those who come back, and how many for how long. */
export interface HistoryOptions {
  /** Patterns of topics, and of users' own destinations (`/user/queue/letters`). No queues: these keep what nobody has taken. */
  destinations: readonly string[];
  /** How many messages of each destination are kept, from 1 to 10,000. */
  size: number;
  /** How long a message is kept, in ms. */
  ttl: number;
}

/** More than anybody catches up with: beyond, an application's own database is the place. */
const SIZE_LIMIT = 10_000;

/** @throws ConfigurationError that names what makes no sense */
export function checkHistory(
  given: HistoryOptions | readonly HistoryOptions[] | undefined,
): readonly HistoryOptions[] {
  if (given === undefined) return [];
  const all: readonly HistoryOptions[] = Array.isArray(given) ? given : [given];
  return all.map((each) => {
    onlyKnown("simpleBroker: history", each, ["destinations", "size", "ttl"]);
    const { destinations, size, ttl } = each;
    if (!Array.isArray(destinations) || destinations.length === 0 || !destinations.every(isText)) {
      throw wrong("destinations", "an array of patterns that are not empty", destinations);
    }
    if (!isCount(size, SIZE_LIMIT)) {
      throw wrong("size", "a whole number of messages from 1 to 10,000", size);
    }
    if (!isTime(ttl, 1)) {
      throw wrong("ttl", "a whole number of ms from 1: without it nothing would ever be forgotten", ttl);
    }
    return { destinations: [...destinations], size, ttl };
  });
}

function wrong(option: string, wanted: string, given: unknown): Error {
  return wrongOption("simpleBroker", `history.${option}`, wanted, given);
}
