import type { Clock } from "../clock/clock.js";

export interface IntroductionOptions {
  readonly clock: Clock;
  /** Says who we are, and asks the others whether they hear us. */
  greet(): void;
  /** From now on what this server says is heard by all who can be waited for. */
  over(): void;
}

/** How long servers are waited for that nobody knew of before, in ms. */
const WINDOW = 1_000;
/** How long those are waited for that were there before. They may be on their way back to the broker, too. */
const PATIENCE = 5_000;
/** A greeting may get lost, or be too early for a server that is on its way back. */
const REPEAT = 250;

/**
 * The time from when this server has come, or come back, until the others hear
 * it. They hear only servers that they know, so its words of before would be lost.
 */
export class Introduction {
  readonly #options: IntroductionOptions;
  /** The servers that were there before this one was away. */
  readonly #known = new Set<string>();
  /** The servers that have turned up since. */
  readonly #met = new Set<string>();
  /** The servers that hear us. */
  readonly #hearing = new Set<string>();
  #stops: (() => void)[] = [];
  /** Of the first greeting. */
  #number = 0;
  #windowIsOver = false;
  #isOver = false;

  constructor(options: IntroductionOptions) {
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Begins, or begins anew.
   *
   * @param number a server that has heard something of that number or above hears us
   * @param known the servers that were there before
   */
  begin(number: number, known: Iterable<string>): void {
    const { clock, greet } = this.#options;
    this.stop(known);
    this.#number = number;
    this.#stops = [
      clock.every(REPEAT, greet),
      clock.after(WINDOW, () => {
        this.#windowIsOver = true;
        this.#check();
      }),
      clock.after(PATIENCE, () => this.#finish()),
    ];
    greet();
  }

  /** We are away: nobody can hear us. @param known the servers that are there until now */
  stop(known: Iterable<string>): void {
    for (const id of known) this.#known.add(id);
    this.#clear();
    this.#isOver = false;
  }

  /** A server is there, or another one says so. */
  meet(id: string): void {
    if (!this.#isOver) this.#met.add(id);
  }

  /** A server has heard us, up to that number. */
  heard(id: string, number: number): void {
    if (this.#isOver || number < this.#number) return;
    this.#hearing.add(id);
    this.#check();
  }

  /** A server has gone. */
  forget(id: string): void {
    this.#known.delete(id);
    this.#met.delete(id);
    if (!this.#isOver) this.#check();
  }

  #check(): void {
    if (this.#stops.length === 0) return;
    const isHeardBy = (id: string) => this.#hearing.has(id);
    if (![...this.#known].every(isHeardBy)) return;
    if (this.#windowIsOver || (this.#hearing.size > 0 && [...this.#met].every(isHeardBy))) this.#finish();
  }

  #finish(): void {
    this.#clear();
    this.#known.clear();
    this.#isOver = true;
    this.#options.over();
  }

  #clear(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#windowIsOver = false;
    this.#met.clear();
    this.#hearing.clear();
  }
}
