import { AsyncResource } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock } from "../clock/clock.js";

/** One whom messages are for. */
export interface Reader {
  /** What to wait for until it has room for more; `undefined` if it has. Settles at its end too. */
  room(): Promise<void> | undefined;
  /** Whether what waits for it does so for the caller, who cannot wait for it then. */
  waitsForCaller(): boolean;
  /** How much has left for it so far; 1 is as much as may wait for it. */
  measureTaken(): number;
}

/** Who of a destination's readers is behind, and what is for them. */
interface Crowd {
  readonly readers: Set<Reader>;
  /** How many senders have fed them and wait. */
  fed: number;
  /** What others will hand on. */
  readonly waiting: (() => void)[];
}

/** How long senders wait for one reader, in ms. */
const PATIENCE = 250;
/** What comes back of that when a reader takes as much as may wait for it: who takes that in as long costs nobody anything. */
const EARNED = 125;
const TICK = 20;

const NOBODY: Crowd = { readers: new Set(), fed: 0, waiting: [] };

/**
 * Slows senders down to what readers can take: before a sender goes on, those
 * whom it fed have room again.
 *
 * No reader costs the others much. For one that takes nothing senders wait
 * 250 ms in all. What it takes earns it more: as much as may wait for it is
 * worth 125 ms, so a swift reader is waited for as long as it takes, and a slow
 * one hardly. What is sent to it meanwhile waits, up to its limit.
 */
export class Pace {
  readonly #time: Clock;
  /** Who was found behind by what hands on now: one inside the other, each has its share at the end. */
  readonly #behind: Reader[] = [];
  #feeding = 0;
  readonly #patience = new WeakMap<Reader, Patience>();
  readonly #waitedFor = new Map<Reader, { readonly over: Promise<void>; end(): void }>();
  readonly #crowds = new Map<string, Crowd>();
  #stop: (() => void) | undefined;

  constructor(time: Clock = systemClock) {
    this.#time = time;
  }

  /** Somebody begins to hand on a message, synchronously. Gives what `end` wants to know. */
  begin(): number {
    this.#feeding++;
    return this.#behind.length;
  }

  /**
   * It has been handed on. Gives what its sender has to wait for before it goes
   * on: that those have room who were fed meanwhile and are behind; `undefined`
   * if there are none.
   *
   * @param destination where others shall wait before they send there too
   */
  end(mark: number, destination?: string): Promise<void> | undefined {
    this.#feeding--;
    if (this.#behind.length === mark) return undefined;
    const readers = new Set(this.#behind.splice(mark));
    const over = this.#giveWay(readers);
    if (destination !== undefined) this.#crowd(destination, readers, over);
    return over;
  }

  /** Whether a message to this destination has to wait for those before it: then it is to be handed on by `inTurn`. */
  isCrowded(destination: string | undefined): boolean {
    if (this.#crowds.size === 0 || destination === undefined) return false;
    const { fed, readers } = this.#crowds.get(destination) ?? NOBODY;
    return fed > 0 && ![...readers].some((reader) => reader.waitsForCaller());
  }

  /** Hands a message on when those have room again who were fed by others, and those before it are handed on. */
  inTurn<T>(destination: string, handOn: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const go = AsyncResource.bind(() => {
        try {
          resolve(handOn());
        } catch (error) {
          reject(error as Error);
        }
      });
      this.#crowds.get(destination)?.waiting.push(go);
    });
  }

  /** What to wait for before more is sent to one reader, as senders wait for it; `undefined` if it has room. */
  roomFor(reader: Reader): Promise<void> | undefined {
    const room = reader.room();
    if (!room || reader.waitsForCaller()) return undefined;

    const known = this.#waitedFor.get(reader);
    if (known) return known.over;
    if (!this.#isPatientWith(reader)) return undefined;

    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#waitedFor.set(reader, { over, end });
    void room.then(() => this.#end(reader));
    this.#stop ??= this.#time.every(TICK, () => this.#tick());
    return over;
  }

  /** A reader is given more than it has room for. */
  behind(reader: Reader): void {
    if (this.#feeding > 0 && this.#behind.at(-1) !== reader) this.#behind.push(reader);
  }

  async #giveWay(readers: ReadonlySet<Reader>): Promise<void> {
    // What was gathered for them has been written then, and what they took is known.
    await nextTurn();
    await Promise.all([...readers].map((reader) => this.roomFor(reader)));
  }

  #crowd(destination: string, readers: ReadonlySet<Reader>, over: Promise<void>): void {
    // One who takes nothing makes nobody wait in turn.
    const patient = [...readers].filter((reader) => this.#isPatientWith(reader));
    if (patient.length === 0) return;

    const crowd = this.#crowds.get(destination) ?? { readers: new Set(), fed: 0, waiting: [] };
    this.#crowds.set(destination, crowd);
    for (const reader of patient) crowd.readers.add(reader);
    crowd.fed++;
    void over.then(() => {
      crowd.fed--;
      this.#letGo(destination, crowd);
    });
  }

  /** One after the other, until readers are behind again. */
  #letGo(destination: string, crowd: Crowd): void {
    if (crowd.fed > 0) return;
    crowd.readers.clear();
    for (let go = crowd.waiting.shift(); go; go = crowd.waiting.shift()) {
      go();
      if (crowd.fed > 0) return;
    }
    this.#crowds.delete(destination);
  }

  #isPatientWith(reader: Reader): boolean {
    return this.#waitedFor.has(reader) || this.#patienceWith(reader).begin(this.#time.now());
  }

  #patienceWith(reader: Reader): Patience {
    let patience = this.#patience.get(reader);
    if (!patience) {
      patience = new Patience(reader);
      this.#patience.set(reader, patience);
    }
    return patience;
  }

  #tick(): void {
    if (this.#waitedFor.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
    }
    const now = this.#time.now();
    for (const reader of this.#waitedFor.keys()) {
      if (!this.#patienceWith(reader).lasts(now)) this.#end(reader);
    }
  }

  #end(reader: Reader): void {
    const waited = this.#waitedFor.get(reader);
    if (!waited) return;

    this.#waitedFor.delete(reader);
    this.#patienceWith(reader).lasts(this.#time.now());
    waited.end();
  }
}

/** How long senders still wait for a reader. */
class Patience {
  readonly #reader: Reader;
  #left = PATIENCE;
  #lookedAt = 0;
  #taken = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Whether there is any, for one who would begin to wait now. */
  begin(now: number): boolean {
    return this.#look(now, 0);
  }

  /** Whether there is any still. To be asked often while somebody waits. */
  lasts(now: number): boolean {
    // While our own process stalls nobody can take anything.
    return this.#look(now, Math.min(now - this.#lookedAt, 2 * TICK));
  }

  #look(now: number, waited: number): boolean {
    const taken = this.#reader.measureTaken();
    const earned = Math.max(0, taken - this.#taken) * EARNED;
    this.#left = Math.min(PATIENCE, this.#left - waited + earned);
    this.#taken = taken;
    this.#lookedAt = now;
    return this.#left > 0;
  }
}
