import type { Message } from "../message/message.js";
import { isText, isTime, onlyKnown, wrongOption } from "../options/checks.js";

/**
 * Topics of which subscribers hear the newest message only, every so often.
 *
 * @example
 * ```ts
 * const conflate: ConflationOptions[] = [
 *   { destinations: ["/topic/price/*"], every: 100 },
 *   { destinations: ["/topic/map"], every: 250, key: ({ headers }) => headers.native.get("ship") },
 * ];
 * ```
 */
export interface ConflationOptions {
  /** Patterns of topics. No queues, where each message is somebody's work; no users' destinations. */
  destinations: readonly string[];
  /** How long after one message the next may go out, in ms: the newest that came meanwhile. */
  every: number;
  /** Gives what a message is about, where one destination tells of several things: each has its own newest. Default: one for each destination. */
  key?: ((message: Message) => string | number | undefined) | undefined;
}

const KNOWN = { destinations: true, every: true, key: true } satisfies Record<keyof ConflationOptions, true>;

/** @throws ConfigurationError that names what makes no sense */
export function checkConflation(given: readonly ConflationOptions[] = []): readonly ConflationOptions[] {
  if (!Array.isArray(given)) {
    throw wrongOption("simpleBroker", "conflate", "an array of { destinations, every, key }", given);
  }
  return (given as readonly ConflationOptions[]).map((each, i) => {
    const name = `conflate[${i}]`;
    onlyKnown(`simpleBroker: ${name}`, each, Object.keys(KNOWN));
    const { destinations, every, key } = each;
    if (!Array.isArray(destinations) || destinations.length === 0 || !destinations.every(isText)) {
      const wanted = "an array of patterns that are not empty";
      throw wrongOption("simpleBroker", `${name}.destinations`, wanted, destinations);
    }
    if (!isTime(every, 1)) {
      throw wrongOption("simpleBroker", `${name}.every`, "a whole number of ms from 1", every);
    }
    if (key !== undefined && typeof key !== "function") {
      throw wrongOption("simpleBroker", `${name}.key`, "a function of the message", key);
    }
    return { destinations: [...destinations], every, key };
  });
}
