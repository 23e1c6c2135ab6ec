import { systemClock } from "../clock/clock.js";
import type { DestinationPattern } from "../destination/pattern.js";
import type { KeptView } from "../observe/views.js";
import { MemoryHistory } from "./history/memory-history.js";
import type { Publication } from "./publication.js";

export interface RetainedMessagesOptions {
  readonly patterns: readonly DestinationPattern[];
  /** How many destinations have one. */
  readonly limit: number;
  /** Bytes that all of them may take. */
  readonly sizeLimit: number;
  /** Hears of a message that is kept no longer, though there is no newer one of its destination. */
  dropped(publication: Publication): void;
}

/** Retained messages, and between them the work of looking at what does not fit. */
export type Retained = Iterator<Publication | number, void>;

/** Finds those for a subscriber, or of these the ones whose numbers it is owed. */
export type FindRetained = (isOwed?: (number: number) => boolean) => Retained | undefined;

/** About what it takes to look at a destination, beside its characters. */
const DESTINATION_WORK = 16;

/** A history of one message for each destination that is never over. */
const NEWEST = { size: 1, ttl: Number.POSITIVE_INFINITY };

/** Keeps the newest message of each destination that fits a pattern; of so many destinations, those most recently set. */
export class RetainedMessages {
  readonly #newest: MemoryHistory;

  constructor({ patterns, limit, sizeLimit, dropped }: RetainedMessagesOptions) {
    this.#newest = new MemoryHistory({
      boundsOf: (destination) => (patterns.some((pattern) => pattern.fits(destination)) ? NEWEST : undefined),
      destinationLimit: limit,
      sizeLimit,
      shortestTtl: NEWEST.ttl,
      clock: systemClock,
      evicted: dropped,
    });
  }

  /** Keeps a message, if it is of such a destination. */
  keep(publication: Publication): void {
    this.#newest.keep(publication, undefined);
  }

  /**
   * The messages for a new subscriber, as of now; `undefined` if there are
   * none. One that was replaced by the time that it gets this far it has heard
   * already: it is left out, so that no old value comes behind a new one.
   *
   * @param isOwed whether it is to have a message of that number; default: all
   * @returns each message that fits; for each destination that does not, the work of looking at it, in characters
   */
  of(pattern: DestinationPattern, isOwed?: (number: number) => boolean): Retained | undefined {
    const destinations = pattern.isPattern ? this.#newest.destinations() : [pattern.text];
    // The last that has one has the newest of all.
    const newest = destinations.findLast((destination) => this.#newest.last(destination));
    if (newest === undefined) return undefined;
    return this.#each(destinations, pattern, this.#newest.last(newest)?.number ?? 0, isOwed);
  }

  /** Tells of each destination that has one. */
  views(): Iterable<KeptView> {
    return this.#newest.views("retained");
  }

  clear(): void {
    this.#newest.close();
  }

  *#each(
    destinations: readonly string[],
    pattern: DestinationPattern,
    last: number,
    isOwed: (number: number) => boolean = () => true,
  ): Generator<Publication | number, void> {
    for (const destination of destinations) {
      if (!pattern.fits(destination)) {
        yield DESTINATION_WORK + destination.length;
        continue;
      }
      const newest = this.#newest.last(destination);
      if (newest?.publication && newest.number <= last && isOwed(newest.number)) yield newest.publication;
    }
  }
}
