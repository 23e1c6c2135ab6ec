import { performance } from "node:perf_hooks";
import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";

/** What both sides agreed on, in ms; 0 is off. */
export interface AgreedHeartBeat {
  /** We never pause longer than this. */
  readonly sendEvery: number;
  /** The client promised never to pause longer than this. */
  readonly receiveWithin: number;
}

/** The shortest interval but 0 that is kept, in ms: a server should offer no shorter one. */
export const SHORTEST_HEART_BEAT = 100;

/** No number above this is told from it: nearly 25 days, in ms. */
const LONGEST_HEART_BEAT = 2 ** 31 - 1;

/** How many promised intervals of silence are borne, as Spring does. */
const PATIENCE = 3;

const SHORTEST_TICK = 50;

/**
 * Agrees on heart-beats (STOMP 1.2, Heart-beating): in each direction the
 * longer of what one side can and the other wants, off if either says 0. Blanks
 * around the numbers do not count. Agreed intervals lie between 100 ms and 25 days.
 *
 * @param header the client's `heart-beat`; missing means `0,0`
 * @param server sends every [0] ms, wants to hear every [1] ms
 * @throws {StompConversionError} unless the header is two whole numbers
 */
export function negotiateHeartBeat(
  header: string | undefined,
  server: readonly [send: number, receive: number],
): AgreedHeartBeat {
  const numbers = (header ?? "0,0").split(",").map((number) => number.trim());
  if (numbers.length !== 2 || !numbers.every((number) => /^[0-9]+$/.test(number))) {
    throw new StompConversionError(`heart-beat is not two numbers of ms: "${printable(header ?? "")}"`);
  }

  const [clientSends, clientWants] = numbers.map(Number) as [number, number];
  return { sendEvery: agree(server[0], clientWants), receiveWithin: agree(clientSends, server[1]) };
}

function agree(can: number, wants: number): number {
  if (can === 0 || wants === 0) return 0;
  return Math.min(Math.max(can, wants, SHORTEST_HEART_BEAT), LONGEST_HEART_BEAT);
}

/** Where a clock takes time from. */
export interface Time {
  /** In ms, never going back. */
  now(): number;
  /** Calls back every so many ms, until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
}

/** The process's monotonic time; its timers keep no process alive. */
const processTime: Time = {
  now: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms).unref();
    return () => clearInterval(timer);
  },
};

export interface HeartBeatClockOptions {
  /** The longest time between two ticks, in ms. Default: 1,000. */
  readonly tick?: number;
  readonly time?: Time;
}

/**
 * One timer for the heart-beats of all sessions. It ticks as fast as the
 * shortest interval needs, between 50 ms and a second, and only while a
 * heart-beat is watched.
 */
export class HeartBeatClock {
  readonly #longestTick: number;
  readonly #time: Time;
  readonly #beats = new Set<HeartBeat>();
  #stop: (() => void) | undefined;
  #closed = false;
  #tick: number;
  #now = 0;
  #trueNow = 0;
  #read = 0;

  constructor(options: HeartBeatClockOptions = {}) {
    this.#longestTick = options.tick ?? 1_000;
    this.#time = options.time ?? processTime;
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

  /** The time between two ticks at present, in ms. */
  get tick(): number {
    return this.#tick;
  }

  /** Begins a heart-beat, as if something had just been sent and received. Not after `close`, nor for `0,0`. */
  watch(beat: HeartBeat): void {
    if (this.#closed || beat.shortest === Number.POSITIVE_INFINITY) return;

    if (this.#stop === undefined) {
      this.#read = this.#time.now();
      this.#start(this.#tickFor(beat.shortest));
    } else if (this.#tickFor(beat.shortest) < this.#tick) {
      this.#start(this.#tickFor(beat.shortest));
    }
    this.#beats.add(beat);
    beat.sent();
    beat.received();
  }

  unwatch(beat: HeartBeat): void {
    this.#beats.delete(beat);
    if (this.#beats.size === 0) this.#halt();
  }

  /** Forgets all heart-beats, for good. */
  close(): void {
    this.#closed = true;
    this.#beats.clear();
    this.#halt();
  }

  #onTick(): void {
    this.#advance();
    let shortest = Number.POSITIVE_INFINITY;
    for (const beat of this.#beats) {
      beat.check();
      shortest = Math.min(shortest, beat.shortest);
    }
    // Slows down here, where all are visited anyhow: unwatch would have to search.
    if (this.#stop && this.#tickFor(shortest) > this.#tick) this.#start(this.#tickFor(shortest));
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

export interface HeartBeatOptions extends AgreedHeartBeat {
  readonly clock: HeartBeatClock;
  /** Sends one EOL. Must not throw. */
  send(): void;
  /** The client has been silent for three of its intervals. Called once; must not throw. */
  expired(): void;
}

/** The heart-beats of one session, in both directions. Beats while its clock watches it. */
export class HeartBeat {
  readonly #options: HeartBeatOptions;
  #sentAt = 0;
  #receivedAt = 0;
  #expired = false;

  constructor(options: HeartBeatOptions) {
    this.#options = options;
  }

  /** The shorter of both intervals, infinite if both are off. */
  get shortest(): number {
    const { sendEvery, receiveWithin } = this.#options;
    return Math.min(sendEvery || Number.POSITIVE_INFINITY, receiveWithin || Number.POSITIVE_INFINITY);
  }

  /** Something went to the client, whatever it was. */
  sent(): void {
    this.#sentAt = this.#options.clock.trueNow;
  }

  /** Something came from the client, whatever it was. */
  received(): void {
    this.#receivedAt = this.#options.clock.now;
  }

  /** For the clock, at each tick. */
  check(): void {
    if (this.#expired) return;

    const { clock, sendEvery, receiveWithin } = this.#options;
    if (receiveWithin > 0 && clock.now - this.#receivedAt > PATIENCE * receiveWithin) {
      this.#expired = true;
      this.#options.expired();
      return;
    }
    // Two ticks early: one since the next tick would be too late, one since ticks come late.
    if (sendEvery > 0 && clock.trueNow - this.#sentAt + 2 * clock.tick > sendEvery) {
      this.sent();
      this.#options.send();
    }
  }
}
