import type { Clock } from "./clock.js";

/** Hears what became of a promise: one of the two, once. */
export interface Outcome {
  fulfilled(value: unknown): void;
  rejected(fault: unknown): void;
}

/** The consequences of a deadline that is missed. */
export interface Terms {
  /** Makes the error that stands for what did not come. */
  passed(): Error;
  /** Hears of a rejection that came too late. */
  late(fault: unknown): void;
}

/** Deadlines of one length: the first that begins is the first that is over, so one timer does for all. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  #first: Bounded<unknown> | undefined;
  #last: Bounded<unknown> | undefined;
  #stop: (() => void) | undefined;

  /** @param milliseconds more than 0 */
  constructor(clock: Clock, milliseconds: number) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
  }

  /** Gives what settles as the promise does, if that is in time; else it rejects with the error of the terms. */
  bound<T>(promise: PromiseLike<T>, terms: Terms): Bounded<T> {
    return new Bounded(promise, terms, this);
  }

  begin(bounded: Bounded<unknown>): void {
    bounded.due = this.#clock.now() + this.#milliseconds;
    bounded.before = this.#last;
    if (this.#last) this.#last.behind = bounded;
    else {
      this.#first = bounded;
      this.#stop = this.#clock.after(this.#milliseconds, this.#look);
    }
    this.#last = bounded;
  }

  end(bounded: Bounded<unknown>): void {
    const { before, behind } = bounded;
    if (before) before.behind = behind;
    else this.#first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    if (this.#first) return;

    this.#stop?.();
    this.#stop = undefined;
  }

  readonly #look = (): void => {
    this.#stop = undefined;
    const now = this.#clock.now();
    for (let first = this.#first; first !== undefined && first.due <= now; first = this.#first) first.miss();
    // One that began while others were missed has a timer already, if it is alone.
    if (this.#first) this.#stop ??= this.#clock.after(this.#first.due - now, this.#look);
  };
}

/** A promise with a deadline, which begins when somebody waits for it. */
export class Bounded<T> implements PromiseLike<T> {
  /** Its place among those of the same length. */
  due = 0;
  before: Bounded<unknown> | undefined;
  behind: Bounded<unknown> | undefined;
  readonly #promise: PromiseLike<T>;
  readonly #terms: Terms;
  readonly #deadlines: Deadlines;
  /** Hears of it, until it has. */
  #told: Outcome | undefined;

  constructor(promise: PromiseLike<T>, terms: Terms, deadlines: Deadlines) {
    this.#promise = promise;
    this.#terms = terms;
    this.#deadlines = deadlines;
  }

  /** As `then` with two functions, of which nothing comes. Once. */
  tell(outcome: Outcome): void {
    this.#told = outcome;
    this.#deadlines.begin(this);
    // A promise of another make may call back at once, or throw.
    Promise.resolve(this.#promise).then(
      (value) => this.#settled()?.fulfilled(value),
      (fault: unknown) => {
        const told = this.#settled();
        if (told) told.rejected(fault);
        else this.#terms.late(fault);
      },
    );
  }

  // biome-ignore lint/suspicious/noThenProperty: what has a deadline is awaited as what has none
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((fault: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    const promise = new Promise<T>((resolve, reject) => {
      this.tell({ fulfilled: (value) => resolve(value as T), rejected: reject });
    });
    return promise.then(fulfilled, rejected);
  }

  /** Its time is over. */
  miss(): void {
    this.#settled()?.rejected(this.#terms.passed());
  }

  #settled(): Outcome | undefined {
    const told = this.#told;
    if (told) this.#deadlines.end(this);
    this.#told = undefined;
    return told;
  }
}
