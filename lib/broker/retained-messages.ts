import type { DestinationPattern } from "../destination/pattern.js";
import { compact, type Message, sizeOf } from "../message/message.js";

export interface RetainedMessagesOptions {
  readonly patterns: readonly DestinationPattern[];
  /** How many destinations have one. */
  readonly limit: number;
  /** Bytes that all of them may take. */
  readonly sizeLimit: number;
  /** Hears of a message that is kept no longer, though there is no newer one of its destination. */
  dropped(publication: Message): void;
}

/** Keeps the newest message of each destination that fits a pattern; of so many destinations, those most recently set. */
export class RetainedMessages {
  readonly #options: RetainedMessagesOptions;
  readonly #newest = new Map<string, Message>();
  #size = 0;

  constructor(options: RetainedMessagesOptions) {
    this.#options = options;
  }

  /** Keeps a message, if it is of such a destination. */
  keep(publication: Message): void {
    const { patterns, limit, sizeLimit, dropped } = this.#options;
    if (patterns.length === 0) return;

    const { destination = "" } = publication.headers;
    if (!patterns.some((pattern) => pattern.fits(destination))) return;

    // A destination that is set again moves to the end: the first is the one unused for longest.
    this.#remove(destination);
    const kept = compact(publication);
    const size = sizeOf(kept);
    // It would drive out all others, and still not fit. What it replaces is not the newest any more.
    if (size > sizeLimit) {
      dropped(publication);
      return;
    }
    while (this.#newest.size >= limit || this.#size + size > sizeLimit) {
      const [oldest, message] = this.#newest.entries().next().value as [string, Message];
      this.#remove(oldest);
      dropped(message);
    }
    this.#newest.set(kept.headers.destination ?? "", kept);
    this.#size += size;
  }

  /** What a new subscriber is given at once. */
  of(pattern: DestinationPattern): readonly Message[] {
    if (this.#newest.size === 0) return [];
    if (!pattern.isPattern) return [this.#newest.get(pattern.text) ?? []].flat();
    return [...this.#newest.values()].filter(({ headers }) => pattern.fits(headers.destination ?? ""));
  }

  clear(): void {
    this.#newest.clear();
    this.#size = 0;
  }

  #remove(destination: string): void {
    const message = this.#newest.get(destination);
    if (!message) return;
    this.#newest.delete(destination);
    this.#size -= sizeOf(message);
  }
}
