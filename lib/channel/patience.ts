/** A session that messages are for. */
export interface Reader {
  /** The session's. */
  readonly id: string;
  /** A promise to wait for until it has room for more; `undefined` if it has. Settles at its end too. */
  room(): Promise<void> | undefined;
  /** Whether its messages wait for the caller, which then cannot wait for them. */
  waitsForCaller(): boolean;
  /** How much has left for it so far; 1 is as much as may wait for it. */
  measureTaken(): number;
  /** How many messages for it interceptors were done with so far, while there was room behind them: those are slow then. */
  readonly passed: number;
}

/** How long senders wait for one reader, in ms. */
const PATIENCE = 250;
/** The part of that which comes back when a reader takes as much as may wait for it: a reader that does so in this time costs nobody anything. */
const EARNED = 125;
/** How often one looks, in ms. */
export const TICK = 20;
/** The part that comes back when interceptors are done with a message for it: a reader that waits for them alone costs senders no more than they do. */
const PASSED = 2 * TICK;

/** How long senders still wait for a reader. */
export class Patience {
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
