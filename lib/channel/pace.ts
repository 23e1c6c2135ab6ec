import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock } from "../clock/clock.js";
import { Crowds, type Receivers } from "./crowds.js";
import { Patience, type Reader, TICK } from "./patience.js";

/**
 * Slows senders down to what readers can take: before a sender goes on, those
 * whom it fed have room again.
 *
 * No reader costs the others much. For one that takes nothing senders wait
 * 250 ms in all. The bytes that it takes earn it more: as much as may wait for
 * it is worth 125 ms, so a swift reader is waited for as long as it takes, and a
 * slow one hardly. Messages to it wait meanwhile, up to its limit.
 */
export class Pace {
  readonly #clock: Clock;
  /** The readers that the messages being handed on have found behind: one inside the other, each has its share at the end. */
  readonly #behind: Reader[] = [];
  #feeding = 0;
  readonly #patience = new WeakMap<Reader, Patience>();
  readonly #waitedFor = new Map<Reader, { readonly over: Promise<void>; end(): void }>();
  /** `undefined` until somebody is waited for. */
  #crowds: Crowds | undefined;
  readonly #receivers: Receivers | undefined;
  #stop: (() => void) | undefined;

  /** @param receivers asked only while somebody is waited for. Default: only readers that a destination was found to reach are known */
  constructor(clock: Clock = systemClock, receivers?: Receivers) {
    this.#clock = clock;
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
    if (patient.length > 0) {
      this.#crowds ??= new Crowds(this.#receivers);
      this.#crowds.gather(destination, patient, over);
    }
    return over;
  }

  /** Whether a message to this destination has to wait for those before it: then it is to be handed on by `inTurn`. */
  isCrowded(destination: string | undefined): boolean {
    return this.#crowds?.isCrowded(destination) === true;
  }

  /** Hands a message on when those have room again who were fed by others, and those before it are handed on. */
  inTurn<T>(destination: string, handOn: () => T | PromiseLike<T>): Promise<T> {
    this.#crowds ??= new Crowds(this.#receivers);
    return this.#crowds.inTurn(destination, handOn);
  }

  /** A promise to wait for before more is sent to one reader, as senders wait for it; `undefined` if it has room. */
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
    this.#stop ??= this.#clock.every(TICK, () => this.#tick());
    return over;
  }

  /** A reader is given more than it has room for. */
  behind(reader: Reader): void {
    if (this.#feeding > 0 && this.#behind.at(-1) !== reader) this.#behind.push(reader);
  }

  async #giveWay(readers: ReadonlySet<Reader>): Promise<void> {
    // By then their gathered frames are written, and it is known how much they took.
    await nextTurn();
    await Promise.all([...readers].map((reader) => this.roomFor(reader)));
  }

  #isPatientWith(reader: Reader): boolean {
    return this.#waitedFor.has(reader) || this.#patienceWith(reader).begin(this.#clock.now());
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
    const now = this.#clock.now();
    for (const reader of this.#waitedFor.keys()) {
      if (!this.#patienceWith(reader).lasts(now)) this.#end(reader);
    }
  }

  #end(reader: Reader): void {
    const waited = this.#waitedFor.get(reader);
    if (!waited) return;

    this.#waitedFor.delete(reader);
    this.#patienceWith(reader).lasts(this.#clock.now());
    waited.end();
  }
}
