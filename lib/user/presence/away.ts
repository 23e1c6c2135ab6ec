import type { TickingClock, Watched } from "../../clock/ticking-clock.js";

/** So many may be awaited at once, over all rooms: beyond, those who are away for longest are told as gone. */
const LIMIT = 250_000;

/** One session of somebody that was lost, in one room: it is awaited for a while. */
export interface Away {
  /** When it is awaited no more, as the clock tells time. */
  due: number;
  readonly isHidden: boolean;
  /** It has come back, or was given up. */
  isOver: boolean;
  /** It did not come back. */
  expire(): void;
}

/**
 * All who are awaited. All wait equally long, so the first to be gone is the first of the list: one look a tick, and no
 * timer for anybody. While this process stands still nobody can come back, and the clock stands as well.
 */
export class AwayList implements Watched {
  readonly shortest: number;
  readonly #clock: TickingClock;
  readonly #goneAfter: number;
  #waiting: Away[] = [];
  #first = 0;
  #isHeld = false;

  /** @param goneAfter in ms */
  constructor(clock: TickingClock, goneAfter: number) {
    this.#clock = clock;
    this.#goneAfter = goneAfter;
    this.shortest = Math.max(goneAfter, 1);
  }

  add(away: Away): void {
    if (this.#isEmpty) this.#clock.watch(this);
    // The time of the clock is that of its last tick.
    away.due = this.#clock.now + this.#clock.tick + this.#goneAfter;
    this.#waiting.push(away);
    if (this.#waiting.length - this.#first > LIMIT) this.#give(this.#waiting[this.#first++] as Away);
  }

  /** From now on nobody is given up. */
  hold(): void {
    this.#isHeld = true;
  }

  begin(): void {}

  check(): void {
    while (!this.#isHeld) {
      const next = this.#waiting[this.#first];
      if (!next || (!next.isOver && next.due > this.#clock.now)) break;
      this.#first++;
      this.#give(next);
    }
    if (this.#isEmpty) this.close();
    else if (this.#first > 1_000 && this.#first > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
  }

  close(): void {
    this.#clock.unwatch(this);
    this.#waiting = [];
    this.#first = 0;
  }

  get #isEmpty(): boolean {
    return this.#first === this.#waiting.length;
  }

  #give(away: Away): void {
    if (away.isOver) return;
    away.isOver = true;
    away.expire();
  }
}
