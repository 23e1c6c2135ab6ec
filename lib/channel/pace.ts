import { AsyncResource } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock } from "../clock/clock.js";

/** One whom messages are for. */
export interface Reader {
  /** The session's. */
  readonly id: string;
  /** What to wait for until it has room for more; `undefined` if it has. Settles at its end too. */
  room(): Promise<void> | undefined;
  /** Whether what waits for it does so for the caller, who cannot wait for it then. */
  waitsForCaller(): boolean;
  /** How much has left for it so far; 1 is as much as may wait for it. */
  measureTaken(): number;
  /** How many messages for it interceptors were done with so far, while there was room behind them: those are slow then. */
  readonly passed: number;
}

/** The sessions that a message to a destination is given to at once. */
type Receivers = (destination: string) => Iterable<string>;

/** Who of a destination's readers is behind, and what is for them. */
interface Crowd {
  readonly readers: Set<Reader>;
  /** How many senders have fed them and wait. */
  fed: number;
  /** How much waits to be handed on. */
  waiting: number;
}

/** A reader that a sender has fed and waits for. */
interface Fed {
  readonly reader: Reader;
  readonly over: Promise<void>;
}

/** What a sender will hand on. */
interface Turn {
  readonly destination: string;
  go(): void;
}

/** How long senders wait for one reader, in ms. */
const PATIENCE = 250;
/** What comes back of that when a reader takes as much as may wait for it: who takes that in as long costs nobody anything. */
const EARNED = 125;
const TICK = 20;
/** And when interceptors are done with a message for it: who is kept waiting by them alone costs senders what they do. */
const PASSED = 2 * TICK;

const NOBODY: Crowd = { readers: new Set(), fed: 0, waiting: 0 };

/**
 * Slows senders down to what readers can take: before a sender goes on, those
 * whom it fed have room again.
 *
 * No reader costs the others much. For one that takes nothing senders wait
 * 250 ms in all. What it takes earns it more: as much as may wait for it is
 * worth 125 ms, so a swift reader is waited for as long as it takes, and a slow
 * one hardly. What is sent to it meanwhile waits, up to its limit.
 *
 * What is sent while a reader is waited for, and would reach it, waits before it
 * is handed on: a thousand senders of one message each would fill it in one turn.
 */
export class Pace {
  readonly #time: Clock;
  /** Who was found behind by what hands on now: one inside the other, each has its share at the end. */
  readonly #behind: Reader[] = [];
  #feeding = 0;
  readonly #patience = new WeakMap<Reader, Patience>();
  readonly #waitedFor = new Map<Reader, { readonly over: Promise<void>; end(): void }>();
  readonly #crowds = new Map<string, Crowd>();
  /** Readers, by id, that senders have fed and wait for; until when, the last of them. */
  readonly #fed = new Map<string, Fed>();
  readonly #receivers: Receivers;
  /** In the order in which it came, whatever it is for. */
  #turns: Turn[] = [];
  #isLettingGo = false;
  #stop: (() => void) | undefined;

  /** @param receivers asked only while somebody is waited for. Default: whom it was found to reach is known, and nobody else */
  constructor(time: Clock = systemClock, receivers: Receivers = () => []) {
    this.#time = time;
    this.#receivers = receivers;
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
    // One who takes nothing makes nobody wait in turn.
    const patient = [...readers].filter((reader) => this.#isPatientWith(reader));
    if (patient.length === 0) return over;
    for (const reader of patient) this.#note(reader, over);
    if (destination !== undefined) this.#crowd(destination, patient, over);
    return over;
  }

  /** Whether a message to this destination has to wait for those before it: then it is to be handed on by `inTurn`. */
  isCrowded(destination: string | undefined): boolean {
    if ((this.#crowds.size === 0 && this.#fed.size === 0) || destination === undefined) return false;
    const { fed, readers } = this.#crowds.get(destination) ?? NOBODY;
    if (fed > 0) return ![...readers].some((reader) => reader.waitsForCaller());
    return this.#fedAt(destination)?.reader.waitsForCaller() === false;
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
      const known = this.#crowds.get(destination);
      const crowd = known && known.fed > 0 ? known : this.#joinCrowd(destination);
      if (crowd) {
        crowd.waiting++;
        this.#turns.push({ destination, go });
      } else go();
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

  #note(reader: Reader, over: Promise<void>): void {
    const fed = { reader, over };
    this.#fed.set(reader.id, fed);
    void over.then(() => {
      if (this.#fed.get(reader.id) === fed) this.#fed.delete(reader.id);
    });
  }

  #crowd(destination: string, readers: readonly Reader[], over: Promise<void>): Crowd {
    const crowd = this.#crowds.get(destination) ?? { readers: new Set(), fed: 0, waiting: 0 };
    this.#crowds.set(destination, crowd);
    for (const reader of readers) crowd.readers.add(reader);
    crowd.fed++;
    void over.then(() => {
      crowd.fed--;
      if (crowd.fed === 0) this.#dissolve(destination, crowd);
    });
    return crowd;
  }

  /** Lets a destination wait for one who was fed by what went elsewhere; `undefined` if it would reach nobody such. */
  #joinCrowd(destination: string): Crowd | undefined {
    const fed = this.#fedAt(destination);
    return fed && this.#crowd(destination, [fed.reader], fed.over);
  }

  /** One who was fed by others and is waited for, if what is sent to a destination would reach it. */
  #fedAt(destination: string): Fed | undefined {
    if (this.#fed.size === 0) return undefined;
    for (const id of this.#receivers(destination)) {
      const fed = this.#fed.get(id);
      if (fed) return fed;
    }
    return undefined;
  }

  #dissolve(destination: string, crowd: Crowd): void {
    crowd.readers.clear();
    if (crowd.waiting === 0) this.#crowds.delete(destination);
    else if (!this.#isLettingGo) {
      this.#isLettingGo = true;
      // Once for all that are over by then.
      queueMicrotask(() => this.#letGo());
    }
  }

  /** One after the other, what reaches nobody who is behind again. */
  #letGo(): void {
    this.#isLettingGo = false;
    const turns = this.#turns;
    const kept: Turn[] = [];
    this.#turns = [];
    for (const turn of turns) {
      const { destination } = turn;
      const crowd = this.#crowds.get(destination);
      if (crowd && (crowd.fed > 0 || this.#joinCrowd(destination))) {
        kept.push(turn);
        continue;
      }
      if (crowd && --crowd.waiting === 0) this.#crowds.delete(destination);
      turn.go();
    }
    this.#turns = [...kept, ...this.#turns];
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
  #passed = 0;

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
    const { passed } = this.#reader;
    const earned = Math.max(0, taken - this.#taken) * EARNED + (passed - this.#passed) * PASSED;
    this.#left = Math.min(PATIENCE, this.#left - waited + earned);
    this.#taken = taken;
    this.#passed = passed;
    this.#lookedAt = now;
    return this.#left > 0;
  }
}
