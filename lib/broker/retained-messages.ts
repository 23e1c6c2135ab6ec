import { systemClock } from "../clock/clock.js";
import type { DestinationPattern } from "../destination/pattern.js";
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

/** A history of one message for each destination that is never over. */
const NEWEST = { size: 1, ttl: Number.POSITIVE_INFINITY };

/** Keeps the newest message of each destination that fits a pattern; of so many destinations, those most recently set. */
export class RetainedMessages {
  readonly #isOn: boolean;
  readonly #newest: MemoryHistory;

  constructor({ patterns, limit, sizeLimit, dropped }: RetainedMessagesOptions) {
    this.#isOn = patterns.length > 0;
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
    if (this.#isOn) this.#newest.keep(publication, undefined);
  }

  /**
   * The messages for a new subscriber, as of now; `undefined` if there are
   * none. One that was replaced by the time that it gets this far it has heard
   * already: it is left out, so that no old value comes behind a new one.
   */
  of(pattern: DestinationPattern): Iterator<Publication> | undefined {
    if (!this.#isOn) return undefined;
    const destinations = this.#newest.destinationsOf(pattern);
    if (destinations.length === 0) return undefined;

    let last = 0;
    for (const destination of destinations)
      last = Math.max(last, this.#newest.last(destination)?.number ?? 0);
    return this.#each(destinations, last);
  }

  clear(): void {
    this.#newest.close();
  }

  *#each(destinations: readonly string[], last: number): Generator<Publication, void> {
    for (const destination of destinations) {
      const newest = this.#newest.last(destination);
      if (newest?.publication && newest.number <= last) yield newest.publication;
    }
  }
}
