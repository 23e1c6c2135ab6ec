import type { HeartBeatClock, Watched } from "../stomp/heart-beat-clock.js";

export interface LineWatchOptions {
  readonly clock: HeartBeatClock;
  /** Milliseconds. */
  readonly limit: number;
  /** How soon a tick must come, in ms. */
  readonly shortest: number;
  /** Bytes that wait in the socket. */
  waiting(): number;
  /** None of them has left for too long. */
  stuck(): void;
  /** Called at each tick before. */
  tick(): void;
}

/** Notices a peer that does not read, by a clock that stands still while we stall. */
export class LineWatch implements Watched {
  readonly #options: LineWatchOptions;
  #given = 0;
  /** From when on what waits now has been waiting, and how much had been given to the socket by then. */
  #mark: { readonly since: number; readonly given: number } | undefined;

  constructor(options: LineWatchOptions) {
    this.#options = options;
  }

  get shortest(): number {
    return this.#options.shortest;
  }

  /** So many bytes more were given to the socket. */
  given(bytes: number): void {
    this.#given += bytes;
  }

  begin(): void {}

  check(): void {
    const { clock, limit, waiting, stuck, tick } = this.#options;
    tick();
    const buffered = waiting();
    if (buffered === 0) {
      this.#mark = undefined;
    } else if (this.#mark === undefined || this.#given - this.#mark.given >= buffered) {
      // All that waited at the last mark has left.
      this.#mark = { since: clock.now, given: this.#given };
    } else if (clock.now - this.#mark.since > limit) {
      stuck();
    }
  }
}
