import type { DestinationPattern } from "../destination/pattern.js";
import { compact, type Message } from "../message/message.js";

/** Destinations of which the last message is kept. */
const LIMIT = 1000;

/** Keeps the newest message of each destination that fits a pattern; of 1,000 destinations, those most recently used. */
export class RetainedMessages {
  readonly #patterns: readonly DestinationPattern[];
  readonly #newest = new Map<string, Message>();

  constructor(patterns: readonly DestinationPattern[]) {
    this.#patterns = patterns;
  }

  /** Keeps a message, if it is of such a destination. */
  keep(publication: Message): void {
    if (this.#patterns.length === 0) return;

    const { destination = "" } = publication.headers;
    if (!this.#patterns.some((pattern) => pattern.fits(destination))) return;

    // A destination that is set again moves to the end: the first is the one unused for longest.
    this.#newest.delete(destination);
    this.#newest.set(destination, compact(publication));
    if (this.#newest.size > LIMIT) this.#newest.delete(this.#newest.keys().next().value as string);
  }

  /** What a new subscriber is given at once. */
  of(pattern: DestinationPattern): readonly Message[] {
    if (this.#newest.size === 0) return [];
    if (!pattern.isPattern) return [this.#newest.get(pattern.text) ?? []].flat();
    return [...this.#newest.values()].filter(({ headers }) => pattern.fits(headers.destination ?? ""));
  }

  clear(): void {
    this.#newest.clear();
  }
}
