import { EventEmitter, once } from "node:events";
import type { Backplane, BackplaneEntry, BackplaneListener } from "express-stomp";

/** Hears a backplane, and keeps what it hears. */
export class Heard implements BackplaneListener {
  readonly entries: BackplaneEntry[] = [];
  /** Whether it was available, each time that it was told. */
  readonly told: boolean[] = [];
  /** After how many entries something was said to be lost. */
  readonly gaps: number[] = [];
  /** How many entries came in each turn of the event loop in which any came. */
  readonly turns: number[] = [];
  readonly #news = new EventEmitter();
  #isInTurn = false;
  /** Is called with each entry. */
  onTake: (() => void) | undefined;
  /** What to wait for before the next entry. */
  gate: Promise<void> | undefined;

  /** Lets a backplane be heard. */
  static async on(backplane: Backplane): Promise<Heard> {
    const heard = new Heard();
    await backplane.subscribe(heard);
    return heard;
  }

  take(entry: BackplaneEntry): void | Promise<void> {
    this.entries.push(entry);
    if (!this.#isInTurn) {
      this.turns.push(0);
      setImmediate(() => {
        this.#isInTurn = false;
      });
    }
    this.#isInTurn = true;
    this.turns[this.turns.length - 1]!++;
    this.onTake?.();
    this.#news.emit("news");
    return this.gate;
  }

  lost(): void {
    this.gaps.push(this.entries.length);
    this.#news.emit("news");
  }

  availability(isAvailable: boolean): void {
    this.told.push(isAvailable);
    this.#news.emit("news");
  }

  get texts(): string[] {
    return this.entries.map(({ bytes }) => Buffer.from(bytes).toString());
  }

  get positions(): string[] {
    return this.entries.map(({ position }) => position);
  }

  /** Waits until so many entries have been heard. */
  count(count: number): Promise<void> {
    return this.until(() => this.entries.length >= count);
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this.#news, "news");
  }
}
