import type { Timers } from "#lib/servers/timers.js";
import { settled } from "./recording.js";

interface Timer {
  due: number;
  /** Of one that rings again. */
  readonly interval: number | undefined;
  readonly callback: () => void;
}

/** Timers that ring when they are told that time passes. */
export class FakeTimers implements Timers {
  readonly #timers = new Set<Timer>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  every(ms: number, callback: () => void): () => void {
    return this.#start({ due: this.#now + ms, interval: ms, callback });
  }

  after(ms: number, callback: () => void): () => void {
    return this.#start({ due: this.#now + ms, interval: undefined, callback });
  }

  /** Lets time pass: each timer rings in its turn, and what it began is done before the next one. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#now = next.due;
      this.#ring(next);
      await settled();
    }
    this.#now = end;
  }

  /** The process stands still for so long: nothing rings, until time passes again. */
  skip(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) timer.due = Math.max(timer.due, this.#now);
  }

  #start(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (!next || timer.due < next.due)) next = timer;
    }
    return next;
  }

  #ring(timer: Timer): void {
    if (timer.interval === undefined) this.#timers.delete(timer);
    else timer.due += timer.interval;
    timer.callback();
  }
}
