import type { Timers } from "./turns.js";

/** An end of a line, as its faults see it. */
interface FaultyEnd {
  /** Lets what waits go on, if it may. */
  pump(): void;
  destroy(error?: Error): unknown;
}

/** The faults that befall bytes on their way: one object for all lines of a client, as a network is. */
export class LineFaults {
  readonly timers: Timers;
  readonly #ends = new Set<FaultyEnd>();
  readonly #cutListeners: (() => void)[] = [];
  #isStalled = false;
  #isReading = true;
  #delay = 0;
  #slice = Number.POSITIVE_INFINITY;

  constructor(timers: Timers) {
    this.timers = timers;
  }

  /** Ends every line of the client at once, with ECONNRESET at both ends. */
  cut(): void {
    for (const end of [...this.#ends]) end.destroy(connectionReset());
    for (const listener of this.#cutListeners) listener();
  }

  /** Lets nothing pass in either direction, and tells nobody: a cable that was pulled. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The client reads nothing any more: what it is sent fills the line, and then waits at the server. */
  stopReading(): void {
    this.#isReading = false;
  }

  /** Lets everything pass again, at once and whole; first what was held back. */
  resume(): void {
    this.#isStalled = false;
    this.#isReading = true;
    this.#delay = 0;
    this.#slice = Number.POSITIVE_INFINITY;
    for (const end of [...this.#ends]) end.pump();
  }

  /** Holds back all that is sent from now on, either way, for so many ms of the kit's clock: the process's, unless it was given one. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  /** Lets bytes arrive in slices of so many, either way. @default 1 */
  drip(bytes = 1): void {
    this.#slice = bytes;
  }

  /** Tells a client that has no line at the moment, too. @internal */
  onCut(listener: () => void): void {
    this.#cutListeners.push(listener);
  }

  /** @internal */
  get slice(): number {
    return this.#slice;
  }

  /** When what is sent now may arrive. @internal */
  due(): number {
    return this.#delay === 0 ? 0 : this.timers.now() + this.#delay;
  }

  /** @internal */
  holds(toClient: boolean): boolean {
    return this.#isStalled || (toClient && !this.#isReading);
  }

  /** @internal */
  add(end: FaultyEnd): void {
    this.#ends.add(end);
  }

  /** @internal */
  remove(end: FaultyEnd): void {
    this.#ends.delete(end);
  }
}

export function connectionReset(): Error {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" });
}
