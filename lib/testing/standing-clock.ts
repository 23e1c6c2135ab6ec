import type { Clock } from "../index.js";

interface Timer {
  due: number;
  /** Of one that rings again. */
  readonly interval: number | undefined;
  readonly callback: () => void;
}

/** A clock that stands still, with the timers that wait for it. */
export abstract class StandingClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #began = Date.now();
  #now = 0;

  /** The interval of the newest timer that rings again and again, in ms. */
  get interval(): number | undefined {
    return [...this.#timers].findLast(({ interval }) => interval !== undefined)?.interval;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  date(): number {
    return this.#began + this.#now;
  }

  every(ms: number, callback: () => void): () => void {
    return this.#start({ due: this.#now + ms, interval: ms, callback });
  }

  after(ms: number, callback: () => void): () => void {
    return this.#start({ due: this.#now + ms, interval: undefined, callback });
  }

  /** Stands at the time of the first timer that is due until then, and rings it; `false` if there is none: it stands there. */
  protected ringNext(end: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (!next || timer.due < next.due)) next = timer;
    }
    this.#now = next?.due ?? end;
    if (!next) return false;

    if (next.interval === undefined) this.#timers.delete(next);
    else next.due += next.interval;
    next.callback();
    return true;
  }

  /** Nothing rings meanwhile: what was due is late, and rings once. */
  protected jump(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) timer.due = Math.max(timer.due, this.#now);
  }

  #start(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }
}
