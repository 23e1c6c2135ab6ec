import type { Clock } from "../../clock/clock.js";
import type { DestinationPattern } from "../../destination/pattern.js";
import { sizeOf } from "../../message/message.js";
import type { KeptView } from "../../observe/views.js";
import { ownText } from "../../own-text.js";
import type { Publication } from "../publication.js";
import type { Found, HistoryQuestion, HistoryStore, Kept } from "./history-store.js";
import { HistoryWindow, type WindowBounds } from "./history-window.js";

/** Memory of what is over is freed when it has been so for a while: it is never found meanwhile. In ms. */
const SHORTEST_SWEEP = 1_000;
const LONGEST_SWEEP = 60_000;

/**
 * The work for one question, in characters, where a pattern has to be looked for all over each destination: some 3 ms.
 * Others look at the beginning or the end, and that is quick. A search that takes longer would find too much to be replayed.
 */
const SEARCH_WORK = 128 * 1024;
/** About what it takes to look at a window, beside its destination, in characters. */
const WINDOW_WORK = 16;

export interface MemoryHistoryOptions {
  /** The bounds of a destination's window; `undefined` if its messages are not kept. */
  boundsOf(destination: string): WindowBounds | undefined;
  /** How many destinations have a window. */
  readonly destinationLimit: number;
  /** Bytes that all windows may take. */
  readonly sizeLimit: number;
  /** The shortest time for which messages are kept, in ms; infinite when all are kept for ever. */
  readonly shortestTtl: number;
  readonly clock: Clock;
  /** Hears of a message that went since there are too many destinations or bytes, or that is too large by itself. */
  evicted?(publication: Publication): void;
}

/**
 * The newest messages of each destination, in memory. When there are too many
 * destinations or bytes, messages go of the destination that was published to
 * longest ago, the oldest first, and then its window.
 *
 * A window that is empty stays as long as there is space: it knows that its
 * destination has been quiet, and how long. When it goes nobody knows that
 * any more, so `forgotten` keeps the greatest number that any window which is
 * gone had dropped: up to there only a window that is still there can vouch for
 * its destination.
 */
export class MemoryHistory implements HistoryStore {
  readonly #options: MemoryHistoryOptions;
  readonly #windows = new Map<string, HistoryWindow>();
  readonly #ofUsers = new Map<string, Map<string, HistoryWindow>>();
  /** The windows that were published to longest ago, and last. */
  #oldest: HistoryWindow | undefined;
  #newest: HistoryWindow | undefined;
  #count = 0;
  #bytes = 0;
  #forgotten = { ofAll: 0, ofUsers: 0 };
  #now = 0;
  #stopSweep: (() => void) | undefined;

  constructor(options: MemoryHistoryOptions) {
    this.#options = options;
  }

  keep(publication: Publication, user: string | undefined, age = 0): boolean {
    const { destinationLimit, sizeLimit, evicted } = this.#options;
    const { destination = "" } = publication.headers;
    const window = this.#windowOf(destination, user) ?? this.#open(destination, user);
    if (!window) return false;

    const now = this.#tick();
    const size = sizeOf(publication.keep());
    const before = window.bytes;
    window.expire(now);
    if (size > sizeLimit) {
      window.dropUpTo(publication.number);
      evicted?.(publication);
    } else window.add(publication, now - age, size);
    this.#bytes += window.bytes - before;
    if (window !== this.#newest) {
      this.#unlink(window);
      this.#link(window);
    }

    while (this.#oldest && (this.#bytes > sizeLimit || this.#count > destinationLimit)) {
      this.#shrink(this.#oldest);
    }
    this.#sweepLater();
    return true;
  }

  find({ pattern, user, after, limit }: HistoryQuestion): Found {
    const number = after === "first" ? 0 : after;
    const forgotten = user === undefined ? this.#forgotten.ofAll : this.#forgotten.ofUsers;
    const isKept = !pattern.isPattern && this.#windowOf(pattern.text, user) !== undefined;
    if (after !== "first" && number < forgotten && !isKept) return { reason: "trimmed" };

    const now = this.#tick();
    const found: Kept[] = [];
    let windows = 0;
    let left = pattern.searches ? SEARCH_WORK : Number.POSITIVE_INFINITY;
    for (const window of this.#publishedAfter(number, pattern, user)) {
      left -= WINDOW_WORK + window.destination.length;
      if (left < 0) return { reason: "limit" };
      if (!pattern.fits(window.destination)) continue;
      this.#change(window, () => window.expire(now));
      if (after !== "first" && window.dropped > number) return { reason: "trimmed" };
      const kept = window.after(number);
      if (found.length + kept.length > limit) return { reason: "limit" };
      for (const each of kept) found.push(each);
      windows++;
    }
    if (windows > 1) found.sort((a, b) => a.number - b.number);
    return { kept: found };
  }

  /** All destinations with a window, from the one on that was published to longest ago. */
  destinations(): string[] {
    const all: string[] = [];
    for (let window = this.#oldest; window; window = window.newer) {
      if (window.user === undefined) all.push(window.destination);
    }
    return all;
  }

  /** The newest message of a destination. */
  last(destination: string): Kept | undefined {
    return this.#windows.get(destination)?.last;
  }

  restart(number: number): void {
    // Replays that go on find what they have gone, and fail.
    for (let window = this.#oldest; window; window = window.newer) while (window.shift());
    this.#clear();
    this.#forgotten = { ofAll: number, ofUsers: number };
  }

  /** The windows that hold something, those of users too, also while others come and go. */
  *views(kind: KeptView["kind"]): Generator<KeptView> {
    // Messages that are over and not freed yet are told, too: a look changes nothing.
    for (const windows of [this.#windows, ...this.#ofUsers.values()]) {
      for (const { destination, user, length: messages, bytes } of windows.values()) {
        if (messages > 0) yield { kind, destination, user, messages, bytes };
      }
    }
  }

  close(): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    this.#clear();
  }

  #clear(): void {
    this.#windows.clear();
    this.#ofUsers.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#count = 0;
    this.#bytes = 0;
  }

  /** The windows that may have something behind a number; without a pattern, the one that fits. */
  *#publishedAfter(number: number, pattern: DestinationPattern, user: string | undefined) {
    if (!pattern.isPattern) {
      const window = this.#windowOf(pattern.text, user);
      if (window) yield window;
    } else if (user !== undefined) {
      yield* this.#ofUsers.get(user)?.values() ?? [];
    } else {
      // In the order of their newest messages: behind the first that is old enough stands none that is not.
      for (let window = this.#newest; window && window.newest > number; window = window.older) {
        if (window.user === undefined) yield window;
      }
    }
  }

  #windowOf(destination: string, user: string | undefined): HistoryWindow | undefined {
    return user === undefined ? this.#windows.get(destination) : this.#ofUsers.get(user)?.get(destination);
  }

  #open(destination: string, user: string | undefined): HistoryWindow | undefined {
    const bounds = this.#options.boundsOf(destination);
    if (!bounds) return undefined;

    const isOfAll = user === undefined;
    const dropped = isOfAll ? this.#forgotten.ofAll : this.#forgotten.ofUsers;
    // It may outlive the frame that its destination was cut out of.
    const window = new HistoryWindow(ownText(destination), user && ownText(user), bounds, dropped);
    let windows = this.#windows;
    if (!isOfAll) {
      windows = this.#ofUsers.get(user) ?? new Map();
      this.#ofUsers.set(window.user as string, windows);
    }
    windows.set(window.destination, window);
    this.#bytes += window.bytes;
    this.#link(window);
    return window;
  }

  /** Lets go of a window's oldest message, or of the window itself when there is none. */
  #shrink(window: HistoryWindow): void {
    const publication = this.#change(window, () => window.shift());
    if (publication) this.#options.evicted?.(publication);
    if (!publication || this.#count > this.#options.destinationLimit) this.#forget(window);
  }

  #forget(window: HistoryWindow): void {
    this.#bytes -= window.bytes;
    for (let each = window.shift(); each; each = window.shift()) this.#options.evicted?.(each);
    const { user, destination } = window;
    this.#unlink(window);
    if (user === undefined) {
      this.#windows.delete(destination);
      this.#forgotten.ofAll = Math.max(this.#forgotten.ofAll, window.dropped);
    } else {
      const windows = this.#ofUsers.get(user);
      windows?.delete(destination);
      if (windows?.size === 0) this.#ofUsers.delete(user);
      this.#forgotten.ofUsers = Math.max(this.#forgotten.ofUsers, window.dropped);
    }
  }

  /** The time, which never goes back: what is kept is in its order. */
  #tick(): number {
    if (this.#options.shortestTtl !== Number.POSITIVE_INFINITY) {
      this.#now = Math.max(this.#now, this.#options.clock.now());
    }
    return this.#now;
  }

  #sweepLater(): void {
    const { shortestTtl, clock } = this.#options;
    if (this.#stopSweep || shortestTtl === Number.POSITIVE_INFINITY) return;

    const interval = Math.min(Math.max(shortestTtl, SHORTEST_SWEEP), LONGEST_SWEEP);
    this.#stopSweep = clock.after(interval, () => {
      this.#stopSweep = undefined;
      if (this.#sweep()) this.#sweepLater();
    });
  }

  /** Frees what is over; gives whether anything is left. */
  #sweep(): boolean {
    const now = this.#tick();
    let isLeft = false;
    for (let window = this.#oldest; window; window = window.newer) {
      this.#change(window, () => window.expire(now));
      isLeft ||= window.length > 0;
    }
    return isLeft;
  }

  /** Changes a window, whose bytes are among all. */
  #change<T>(window: HistoryWindow, change: () => T): T {
    const before = window.bytes;
    const result = change();
    this.#bytes += window.bytes - before;
    return result;
  }

  #link(window: HistoryWindow): void {
    window.older = this.#newest;
    window.newer = undefined;
    if (this.#newest) this.#newest.newer = window;
    else this.#oldest = window;
    this.#newest = window;
    this.#count++;
  }

  #unlink(window: HistoryWindow): void {
    const { older, newer } = window;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    this.#count--;
  }
}
