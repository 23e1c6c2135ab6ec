import type { Clock } from "../clock/clock.js";
import type { Logger } from "../logger.js";
import type { Backplane, BackplaneEntry } from "./backplane.js";
import { type Position, readPosition, writePosition } from "./position.js";

/**
 * Why something was missed: it was `lost` on a road that does not remember, it was `trimmed` from the log before it was
 * read, or the log is another one (`epoch`).
 */
export type MissedReason = "lost" | "trimmed" | "epoch";

export interface LogFollowerOptions {
  readonly backplane: Backplane;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Takes an entry, each once and in order.
   *
   * @param position its place; `undefined` where there is no log
   * @param isOld it was published before this server listened
   */
  take(entry: BackplaneEntry, position: Position | undefined, isOld: boolean): void | Promise<void>;
  /** The log was read for the first time, and nobody knows what was before its first entry. */
  begins(first: Position): void;
  /** Something is missing before the next entry. @param next that entry's place, if it is known */
  missed(reason: MissedReason, next: Position | undefined): void;
}

/** So many entries are asked for at once. */
const PAGE = 500;
/** How long a log is left alone that did not answer, in ms; and how often it is asked for what was missed. */
const PAUSE = 1_000;
const ATTEMPTS = 10;

/**
 * Makes of what a backplane gives live, and of its log, one row of entries: what was missed is read from the log before
 * anything that is live, and what comes twice is left out.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions;
  /** The newest entry that was taken. */
  #at: Position | undefined;
  /** While the log is read; what is live waits for that. */
  #reading: Promise<void> | undefined;
  #again = false;
  #isClosed = false;
  #stopPause: (() => void) | undefined;

  constructor(options: LogFollowerOptions) {
    this.#options = options;
  }

  /** The position up to which all was taken, or is known to be missed; empty at first, and without a log. */
  get position(): string {
    return this.#at ? writePosition(this.#at) : "";
  }

  /** Reads all that the log has, before anything is live. Done without it when that is closed. */
  async readAll(): Promise<void> {
    const { log } = this.#options.backplane;
    let failures = 0;
    for (let isFirst = true; log && !this.#isClosed; isFirst = false) {
      try {
        const { entries, complete } = await log.since(this.position, PAGE);
        if (isFirst || !complete) this.#begins(entries[0], complete);
        if (!(await this.#takeAll(entries, true))) return;
      } catch (error) {
        this.#options.logger.debug("The log of the backplane could not be read; it is asked again", error);
        if (++failures > ATTEMPTS) {
          this.#options.missed("lost", undefined);
          return;
        }
        await this.#pause();
      }
    }
  }

  /** Holds what is live until `join`. */
  holdUntil(joined: Promise<void>): void {
    this.#reading = joined;
  }

  /** The road is there: reads what came since `readAll`, and lets pass what is live. */
  async join(): Promise<void> {
    await this.#readOn();
  }

  /** Takes what is live, when all before it was taken. */
  live(entry: BackplaneEntry): void | Promise<void> {
    return this.#reading ? this.#reading.then(() => this.live(entry)) : this.#take(entry, false);
  }

  /** Something may be missing: it is looked for in the log, or is known to be missed. */
  lost(): void {
    if (!this.#at || !this.#options.backplane.log) {
      this.#options.missed("lost", undefined);
      return;
    }
    this.#again = true;
    this.#reading ??= this.#readOn();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopPause?.();
  }

  async #readOn(): Promise<void> {
    const { backplane, missed, logger } = this.#options;
    let failures = 0;
    this.#again = this.#at !== undefined && backplane.log !== undefined;
    while (this.#again && !this.#isClosed) {
      this.#again = false;
      try {
        const { entries, complete } = (await backplane.log?.since(this.position, PAGE)) ?? NOTHING;
        const next = entries[0] && readPosition(entries[0].position);
        // That the epoch is another one is noticed when the entry is taken.
        if (!complete && next?.epoch === this.#at?.epoch) missed("trimmed", next);
        else if (!complete && !next) missed("trimmed", undefined);
        if (await this.#takeAll(entries, false)) this.#again = true;
      } catch (error) {
        logger.debug("The log of the backplane could not be read; it is asked again", error);
        if (++failures > ATTEMPTS) {
          missed("lost", undefined);
          break;
        }
        this.#again = true;
        await this.#pause();
      }
    }
    this.#reading = undefined;
  }

  /** Gives whether any was new. */
  async #takeAll(entries: readonly BackplaneEntry[], isOld: boolean): Promise<boolean> {
    const before = this.position;
    for (const entry of entries) {
      const taken = this.#take(entry, isOld);
      if (taken) await taken;
    }
    return this.position !== before;
  }

  #take(entry: BackplaneEntry, isOld: boolean): void | Promise<void> {
    const { take, missed } = this.#options;
    const position = entry.position === "" ? undefined : readPosition(entry.position);
    if (!position) return take(entry, undefined, isOld);

    const at = this.#at;
    if (at?.epoch === position.epoch && position.number <= at.number) return;
    if (at && at.epoch !== position.epoch) missed("epoch", position);
    this.#at = position;
    return take(entry, position, isOld);
  }

  /** The first entry is not the first there ever was: nobody knows what was before. */
  #begins(first: BackplaneEntry | undefined, isComplete: boolean): void {
    const next = first && readPosition(first.position);
    if (next && !isComplete) this.#options.begins(next);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#options.clock.after(PAUSE, resolve);
      this.#stopPause = () => {
        stop();
        resolve();
      };
    });
  }
}

const NOTHING = { entries: [], complete: true } as const;
