import { type DestinationPattern, type DestinationSeparator, parsePattern } from "../destination/pattern.js";
import { DestinationPatternError } from "../errors.js";
import type { SimpMessageType } from "../message/message.js";

/** Which broker reads the destinations: ours, or one that has manners of its own. */
export type RuledBroker = "simple" | "relay";

/** Reads what a client's SEND or SUBSCRIBE could reach. `undefined`: the destination that it spells, and no other. */
export type Reading = (type: SimpMessageType, destination: string) => DestinationPattern | undefined;

/** Gives the destinations that an application means by one with variables. One of which nobody knows how it is read may be any. */
export function reachOf(
  destination: string | undefined,
  separator: DestinationSeparator,
): DestinationPattern | undefined {
  if (destination === undefined) return undefined;
  try {
    return parsePattern(destination, { regex: true, separator });
  } catch (error) {
    if (error instanceof DestinationPatternError) return parsePattern("**", { separator });
    throw error;
  }
}

/**
 * Gives what destinations stand for at a broker. Never less than what the
 * broker makes of them; more, where that depends on the broker behind a relay.
 */
export function readingOf(broker: RuledBroker, separator: DestinationSeparator): Reading {
  const all = parsePattern("**", { separator });
  /** A text that cannot be read may be anything. */
  const read = (text: string) => {
    try {
      const pattern = parsePattern(text, { separator });
      return pattern.isPattern ? pattern : undefined;
    } catch (error) {
      if (error instanceof DestinationPatternError) return all;
      throw error;
    }
  };
  if (broker === "simple")
    return (type, destination) => (type === "SUBSCRIBE" ? read(destination) : undefined);

  return (_type, destination) => {
    // ActiveMQ takes several destinations at once between commas. Artemis reads a queue by its name behind `::`.
    if (destination.includes(",") || destination.includes("::")) return all;
    // ActiveMQ trims a destination, and the name behind `/topic/` too.
    if (destination.split("/").some(wouldBeTrimmed)) return all;
    // RabbitMQ and Artemis: `#`, ActiveMQ: `>`, any number of words. The rest behind `?` is no name at ActiveMQ.
    const wildcard = destination.search(/[#>?]/);
    return wildcard < 0
      ? read(destination)
      : (read(allFrom(destination.slice(0, wildcard), separator)) ?? all);
  };
}

/** For Java every character up to the blank is one. */
function wouldBeTrimmed(text: string): boolean {
  return text !== "" && (text < "!" || (text.at(-1) as string) < "!" || text.trim() !== text);
}

/** A pattern of all that begins with a text, at a word's end too. */
function allFrom(text: string, separator: DestinationSeparator): string {
  if (text === "" || text.endsWith(separator)) return `${text}**`;
  // Words end at dots there, whatever our separator is.
  return `${text.replace(/\.+$/, "")}*${separator}**`;
}
