import { type Clock, systemClock } from "./clock.js";

const SHORTEST_TICK = 50;

/** A heart-beat, or anything else that has intervals, as its clock sees it. */
export interface Watched {
  /** The shortest of its intervals in ms, infinite if all are off. */
  readonly shortest: number;
  /** Called once, when its time begins. */
  begin(): void;
  /** Called at each tick. */
  check(): void;
}

export interface TickingClockOptions {
  /** The longest time between two ticks, in ms. Default: 1,000. */
  readonly tick?: number;
  readonly time?: Clock | undefined;
}

/**
 * One timer for the heart-beats and deadlines of all sessions. It ticks as fast as the
 * shortest interval needs, between 50 ms and a second, and only while something is watched.
 */
export class TickingClock {
  readonly #longestTick: number;
  readonly #time: Clock;
  readonly #watched = new Set<Watched>();
  #stop: (() => void) | undefined;
  #closed = false;
  #tick: number;
  #now = 0;
  #trueNow = 0;
  #read = 0;

  constructor(options: TickingClockOptions = {}) {
    this.#longestTick = options.tick ?? 1_000;
    this.#time = options.time ?? systemClock;
    this.#tick = this.#longestTick;
  }

  /**
   * The time of the last tick, in ms. It advances by two ticks at most: while
   * our own event loop stalls, peers cannot be heard, and it all but stands still.
   */
  get now(): number {
    return this.#now;
  }

  /** The time of the last tick with stalls counted: peers did wait for us meanwhile. */
  get trueNow(): number {
    return this.#trueNow;
  }

  /** Ms since 1970, as `Clock.date`. */
  date(): number {
    return this.#time.date();
  }

  /** The time between two ticks at present, in ms. */
  get tick(): number {
    return this.#tick;
  }

  /** Calls back once, as `Clock.after`: for what begins seldom. It is not looked at in ticks, and outlives `close`. */
  after(ms: number, callback: () => void, keepsAlive?: boolean): () => void {
    return this.#time.after(ms, callback, keepsAlive);
  }

  /** Begins to watch. Not after `close`, nor if all intervals are off. */
  watch(watched: Watched): void {
    if (this.#closed || watched.shortest === Number.POSITIVE_INFINITY) return;

    if (this.#stop === undefined) {
      this.#read = this.#time.now();
      this.#start(this.#tickFor(watched.shortest));
    } else if (this.#tickFor(watched.shortest) < this.#tick) {
      this.#start(this.#tickFor(watched.shortest));
    }
    this.#watched.add(watched);
    watched.begin();
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size === 0) this.#halt();
  }

  /** Forgets all that it watches, for good. */
  close(): void {
    this.#closed = true;
    this.#watched.clear();
    this.#halt();
  }

  #onTick(): void {
    this.#advance();
    // Slows down here, since unwatch would have to search, and before the checks: they ask when the next tick is.
    let shortest = Number.POSITIVE_INFINITY;
    for (const watched of this.#watched) shortest = Math.min(shortest, watched.shortest);
    if (this.#tickFor(shortest) > this.#tick) this.#start(this.#tickFor(shortest));

    for (const watched of this.#watched) watched.check();
  }

  #advance(): void {
    const read = this.#time.now();
    this.#now += Math.min(read - this.#read, 2 * this.#tick);
    this.#trueNow += read - this.#read;
    this.#read = read;
  }

  /** A quarter of the interval leaves room to beat before it is over. */
  #tickFor(interval: number): number {
    return Math.min(Math.max(interval / 4, SHORTEST_TICK), this.#longestTick);
  }

  #start(tick: number): void {
    if (this.#stop) this.#advance();
    this.#halt();
    this.#tick = tick;
    this.#stop = this.#time.every(tick, () => this.#onTick());
  }

  #halt(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
