import type { TickingClock, Watched } from "../clock/ticking-clock.js";
import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";

/** Intervals that both sides agreed on, in ms; 0 is off. */
export interface AgreedHeartBeat {
  /** We never pause longer than this. */
  readonly sendEvery: number;
  /** The peer promised never to pause longer than this. */
  readonly receiveWithin: number;
}

/** The shortest interval but 0 that is kept, in ms: a server should offer no shorter one. */
const SHORTEST_HEART_BEAT = 100;

/** No number above this is told from it: nearly 25 days, in ms. */
const LONGEST_HEART_BEAT = 2 ** 31 - 1;

/** How many promised intervals of silence are borne, as Spring does. */
const PATIENCE = 3;

/** The intervals that one side offers, in ms: it sends every [0], and wants to hear every [1]; 0 is never. */
export type HeartBeatOffer = readonly [send: number, receive: number];

export const NO_HEART_BEAT: HeartBeatOffer = [0, 0];

/**
 * Reads a peer's `heart-beat`; missing means `0,0`. Blanks around the numbers do not count.
 *
 * @throws {StompConversionError} unless the header is two whole numbers
 */
export function parseHeartBeat(header: string | undefined): HeartBeatOffer {
  if (header === undefined) return NO_HEART_BEAT;

  const numbers = /^\s*([0-9]+)\s*,\s*([0-9]+)\s*$/.exec(header);
  if (numbers === null) {
    throw new StompConversionError(`heart-beat is not two numbers of ms: "${printable(header)}"`);
  }
  return [Number(numbers[1]), Number(numbers[2])];
}

/**
 * Agrees on heart-beats (STOMP 1.2, Heart-beating): in each direction the
 * longer of what one side can and the other wants, off if either says 0. Agreed
 * intervals lie between 100 ms and 25 days.
 */
export function agreeHeartBeat(peer: HeartBeatOffer, own: HeartBeatOffer): AgreedHeartBeat {
  return { sendEvery: agree(own[0], peer[1]), receiveWithin: agree(peer[0], own[1]) };
}

function agree(can: number, wants: number): number {
  if (can === 0 || wants === 0) return 0;
  return Math.min(Math.max(can, wants, SHORTEST_HEART_BEAT), LONGEST_HEART_BEAT);
}

export interface HeartBeatOptions extends AgreedHeartBeat {
  readonly clock: TickingClock;
  /** How many bytes were sent so far. */
  given(): number;
  /** Sends one EOL. Must not throw. */
  send(): void;
  /** The peer has been silent for one of its intervals, and for another one. Must not throw. */
  doubted?(): void;
  /** Milliseconds of silence that are borne in any case. Default: none beyond three of the peer's intervals. */
  readonly leniency?: number;
  /** The peer has been silent for three of its intervals. Called once; must not throw. */
  expired(): void;
}

/** The heart-beats of one session, in both directions. Beats while its clock watches it. */
export class HeartBeat implements Watched {
  readonly #options: HeartBeatOptions;
  /** The bytes that had been sent at the last tick: frames are too many to note each. */
  #given = 0;
  #sentAt = 0;
  #checkedAt = 0;
  #receivedAt = 0;
  #expired = false;
  #listening = true;
  /** For how many intervals it has been silent. */
  #doubts = 0;

  constructor(options: HeartBeatOptions) {
    this.#options = options;
  }

  /** The shorter of both intervals, infinite if both are off. */
  get shortest(): number {
    const { sendEvery, receiveWithin } = this.#options;
    return Math.min(sendEvery || Number.POSITIVE_INFINITY, receiveWithin || Number.POSITIVE_INFINITY);
  }

  /** As if something had just been sent and received. */
  begin(): void {
    this.#sentAt = this.#options.clock.trueNow;
    this.#checkedAt = this.#sentAt;
    this.received();
  }

  /** Something came from the peer, whatever it was. */
  received(): void {
    this.#receivedAt = this.#options.clock.now;
    this.#doubts = 0;
  }

  /** Whether the peer is read from: else its silence does not count. */
  set listening(listening: boolean) {
    this.#listening = listening;
    this.received();
  }

  /** For the clock, at each tick. */
  check(): void {
    if (this.#expired) return;

    const { clock, sendEvery, receiveWithin, leniency = 0 } = this.#options;
    const silence = this.#listening && receiveWithin > 0 ? clock.now - this.#receivedAt : 0;
    if (silence > Math.max(PATIENCE * receiveWithin, leniency)) {
      this.#expired = true;
      this.#options.expired();
      return;
    }
    if (silence > (this.#doubts + 1) * receiveWithin) {
      this.#doubts++;
      this.#options.doubted?.();
    }
    const given = this.#options.given();
    if (given !== this.#given) this.#sentAt = this.#checkedAt;
    this.#given = given;
    this.#checkedAt = clock.trueNow;
    // Two ticks early: one since the next tick would be too late, one since ticks come late.
    if (sendEvery > 0 && clock.trueNow - this.#sentAt + 2 * clock.tick > sendEvery) {
      this.#sentAt = clock.trueNow;
      this.#options.send();
    }
  }
}
