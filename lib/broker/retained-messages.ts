import type { DestinationPattern } from "../destination/pattern.js";
import { sizeOf } from "../message/message.js";
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

/** Keeps the newest message of each destination that fits a pattern; of so many destinations, those most recently set. */
export class RetainedMessages {
  readonly #options: RetainedMessagesOptions;
  readonly #newest = new Map<string, Publication>();
  #size = 0;

  constructor(options: RetainedMessagesOptions) {
    this.#options = options;
  }

  /** Keeps a message, if it is of such a destination. */
  keep(publication: Publication): void {
    const { patterns, limit, sizeLimit, dropped } = this.#options;
    if (patterns.length === 0) return;

    const { destination = "" } = publication.headers;
    if (!patterns.some((pattern) => pattern.fits(destination))) return;

    // A destination that is set again moves to the end: the first is the one unused for longest.
    this.#remove(destination);
    const size = sizeOf(publication.keep());
    // It would drive out all others, and still not fit. The message that it replaces is not the newest any more, so that goes too.
    if (size > sizeLimit) {
      dropped(publication);
      return;
    }
    while (this.#newest.size >= limit || this.#size + size > sizeLimit) {
      const [oldest, message] = this.#newest.entries().next().value as [string, Publication];
      this.#remove(oldest);
      dropped(message);
    }
    this.#newest.set(publication.headers.destination ?? "", publication);
    this.#size += size;
  }

  /**
   * The messages for a new subscriber, as of now; `undefined` if there are
   * none. One that was replaced by the time that it gets this far it has heard
   * already: it is left out, so that no old value comes behind a new one.
   */
  of(pattern: DestinationPattern): Iterator<Publication> | undefined {
    if (this.#newest.size === 0) return undefined;
    const destinations = pattern.isPattern
      ? [...this.#newest.keys()].filter((destination) => pattern.fits(destination))
      : [pattern.text].filter((destination) => this.#newest.has(destination));
    if (destinations.length === 0) return undefined;

    let last = 0;
    for (const destination of destinations) last = Math.max(last, this.#newest.get(destination)?.number ?? 0);
    return this.#each(destinations, last);
  }

  clear(): void {
    this.#newest.clear();
    this.#size = 0;
  }

  *#each(destinations: readonly string[], last: number): Generator<Publication, void> {
    for (const destination of destinations) {
      const newest = this.#newest.get(destination);
      if (newest && newest.number <= last) yield newest;
    }
  }

  #remove(destination: string): void {
    const message = this.#newest.get(destination);
    if (!message) return;
    this.#newest.delete(destination);
    this.#size -= sizeOf(message);
  }
}
