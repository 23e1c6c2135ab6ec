import type { Logger } from "../logger.js";

const HOUR = 3_600_000;
/** More lines than this in an hour tell nobody anything new. */
const LINES_AN_HOUR = 20;

/** Writes warnings that clients can provoke: each once an hour, and not many in all. */
export class SparingLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #written = new Set<string>();
  #since: number;

  /** @param now a clock, in ms */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
    this.#since = now();
  }

  /** Writes a text, unless one was written under this key. */
  warn(key: string, text: string): void {
    if (this.#now() - this.#since >= HOUR) {
      this.#since = this.#now();
      this.#written.clear();
    }
    if (this.#written.has(key) || this.#written.size >= LINES_AN_HOUR) return;

    this.#written.add(key);
    const isLast = this.#written.size === LINES_AN_HOUR;
    this.#logger.warn(isLast ? `${text} (more of this kind is not logged for an hour)` : text);
  }
}
