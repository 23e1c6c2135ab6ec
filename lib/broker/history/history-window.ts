import type { Publication } from "../publication.js";
import type { Kept } from "./history-store.js";

/** A publication in a window. */
class Entry implements Kept {
  readonly number: number;
  readonly at: number;
  readonly bytes: number;
  publication: Publication | undefined;

  constructor(publication: Publication, at: number, bytes: number) {
    this.number = publication.number;
    this.at = at;
    this.bytes = bytes;
    this.publication = publication;
  }
}

/** How long and how many messages of a destination are kept. */
export interface WindowBounds {
  readonly size: number;
  /** Milliseconds; infinite is for ever. */
  readonly ttl: number;
}

/** About what a window takes in memory by itself, and each message in it beside what it takes elsewhere, in bytes. */
const WINDOW_BYTES = 400;
const ENTRY_BYTES = 64;

/** The newest messages of one destination, in order; and which was the last to leave. */
export class HistoryWindow {
  readonly destination: string;
  /** The user whose own destination it is; `undefined` if it is everybody's. */
  readonly user: string | undefined;
  readonly bounds: WindowBounds;
  /** The number of the newest message that is not kept any more: whoever has seen less has missed something. */
  dropped: number;
  /** The number of the newest message. */
  newest: number;
  /** The bytes that it takes in memory. */
  bytes: number;
  /** Its neighbours among all windows, in the order in which they were last published to. */
  older: HistoryWindow | undefined;
  newer: HistoryWindow | undefined;
  #entries: Entry[] = [];
  /** Where those begin that are kept. */
  #first = 0;

  /** @param dropped the newest message of which it is not known whether it was one of this destination */
  constructor(destination: string, user: string | undefined, bounds: WindowBounds, dropped: number) {
    this.destination = destination;
    this.user = user;
    this.bounds = bounds;
    this.dropped = dropped;
    this.newest = dropped;
    this.bytes = WINDOW_BYTES + 2 * (destination.length + (user?.length ?? 0));
  }

  /** How many messages are kept. */
  get length(): number {
    return this.#entries.length - this.#first;
  }

  get last(): Kept | undefined {
    return this.length > 0 ? this.#entries.at(-1) : undefined;
  }

  /** @param size what the message takes in memory, in bytes */
  add(publication: Publication, at: number, size: number): void {
    const entry = new Entry(publication, at, size + ENTRY_BYTES);
    this.#entries.push(entry);
    this.newest = entry.number;
    this.bytes += entry.bytes;
    while (this.length > this.bounds.size) this.shift();
  }

  /** Keeps nothing up to a message that cannot be kept itself: without it those before it are of no use either. */
  dropUpTo(number: number): void {
    while (this.shift());
    this.dropped = number;
    this.newest = number;
  }

  /** Lets go of the oldest message, and gives it. */
  shift(): Publication | undefined {
    const entry = this.#entries[this.#first];
    if (!entry) return undefined;

    this.#first++;
    this.dropped = entry.number;
    this.bytes -= entry.bytes;
    const { publication } = entry;
    // A replay may still hold the entry, and must neither deliver nor keep alive what is gone.
    entry.publication = undefined;
    if (this.#first > 32 && 2 * this.#first > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return publication;
  }

  /** Lets go of what has been kept for too long. */
  expire(now: number): void {
    const { ttl } = this.bounds;
    for (;;) {
      const oldest = this.#entries[this.#first];
      if (!oldest || now - oldest.at <= ttl) return;
      this.shift();
    }
  }

  /** The messages behind a number, oldest first. */
  after(number: number): readonly Kept[] {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).number <= number) low = middle + 1;
      else high = middle;
    }
    return this.#entries.slice(low);
  }
}
