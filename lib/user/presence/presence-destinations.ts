import { DestinationIndex } from "../../destination/destination-index.js";
import {
  type DestinationPattern,
  type DestinationSeparator,
  parsePattern,
} from "../../destination/pattern.js";
import { overlaps } from "../../destination/reach.js";
import { DestinationPatternError } from "../../errors.js";

/** The destinations whose subscribers are told, the rooms; and those at which they are. */
export class PresenceDestinations {
  readonly #patterns: readonly DestinationPattern[];
  readonly #rooms: DestinationIndex<DestinationPattern>;
  readonly #separator: DestinationSeparator;
  readonly #end: string;

  constructor(patterns: readonly DestinationPattern[], suffix: string, separator: DestinationSeparator) {
    this.#patterns = patterns;
    this.#rooms = new DestinationIndex(separator);
    for (const pattern of patterns) this.#rooms.add(pattern, pattern);
    this.#separator = separator;
    this.#end = `${separator}${suffix}`;
  }

  /** Whether its subscribers are told. A pattern is none: who subscribes to many destinations at once is in none of them. */
  isRoom(destination: string): boolean {
    return !this.#isOfPresence(destination) && !isPattern(destination) && this.#hasRoom(destination);
  }

  /** The room whose presence is told at a destination; `undefined` if none is. A pattern of rooms gives one, too. */
  roomOf(destination: string): string | undefined {
    if (!this.#isOfPresence(destination)) return undefined;
    const room = destination.slice(0, -this.#end.length);
    if (this.#isOfPresence(room)) return undefined;
    return (isPattern(room) ? this.#mayHaveRooms(room) : this.#hasRoom(room)) ? room : undefined;
  }

  /** Where the presence of a room is told. */
  presenceOf(room: string): string {
    return room + this.#end;
  }

  #isOfPresence(destination: string): boolean {
    return destination.endsWith(this.#end);
  }

  #hasRoom(destination: string): boolean {
    return this.#rooms.match(destination).length > 0;
  }

  #mayHaveRooms(text: string): boolean {
    try {
      const reach = parsePattern(text, { separator: this.#separator });
      return this.#patterns.some((pattern) => overlaps(pattern, reach));
    } catch (error) {
      if (error instanceof DestinationPatternError) return false;
      throw error;
    }
  }
}

/** Whether a destination stands for more than it spells. */
export function isPattern(destination: string): boolean {
  return /[?*{}]/.test(destination);
}
