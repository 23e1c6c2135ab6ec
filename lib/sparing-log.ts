import type { Clock } from "./clock/clock.js";
import type { Logger } from "./logger.js";

const PERIODS = { minute: 60_000, hour: 3_600_000 };

export interface SparingLogOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Lines in each period; more tell nobody anything new. */
  readonly lines: number;
  readonly period: keyof typeof PERIODS;
}

/** Writes warnings that clients can provoke: so many in a period of time, the last of which says that more are left out. */
export class SparingLog {
  readonly #options: SparingLogOptions;
  readonly #keys = new Set<string>();
  #written = 0;
  #since: number;

  constructor(options: SparingLogOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  /** @param key if given, nothing more is written under it in this period */
  warn(text: string, key?: string): void {
    const { logger, clock, lines, period } = this.#options;
    if (clock.now() - this.#since >= PERIODS[period]) {
      this.#since = clock.now();
      this.#written = 0;
      this.#keys.clear();
    }
    if (this.#written >= lines || (key !== undefined && this.#keys.has(key))) return;

    this.#written++;
    if (key !== undefined) this.#keys.add(key);
    const isLast = this.#written === lines;
    const article = period === "hour" ? "an" : "a";
    logger.warn(isLast ? `${text} (more of this kind is not logged for ${article} ${period})` : text);
  }
}
