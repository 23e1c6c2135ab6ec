import type { BackplaneListener } from "../index.js";

/** Bytes that wait at most. */
const SIZE_LIMIT = 64 * 1024 * 1024;

/** Stands among what waits for what is missing. */
const LOST = Symbol("lost");

/** Gives a listener one entry after the other, of a store that sends without waiting for anybody and keeps nothing. */
export class Inlet {
  readonly #listener: BackplaneListener;
  readonly #waiting: (Uint8Array | typeof LOST)[] = [];
  #size = 0;
  #isTaking = false;
  #isClosed = false;
  /** Nothing has come since something was lost: it need not be told again. */
  #hasLost = false;

  constructor(listener: BackplaneListener) {
    this.#listener = listener;
  }

  take(bytes: Uint8Array): void {
    if (this.#size + bytes.length > SIZE_LIMIT) {
      this.lost();
      return;
    }
    this.#hasLost = false;
    this.#size += bytes.length;
    this.#add(bytes);
  }

  /** Something is missing here. */
  lost(): void {
    if (!this.#hasLost) this.#add(LOST);
    this.#hasLost = true;
  }

  /** Gives nothing any more. */
  close(): void {
    this.#waiting.length = 0;
    this.#isClosed = true;
  }

  #add(what: Uint8Array | typeof LOST): void {
    if (this.#isClosed) return;
    this.#waiting.push(what);
    if (!this.#isTaking) void this.#give();
  }

  async #give(): Promise<void> {
    this.#isTaking = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next === LOST) {
        this.#listener.lost();
        continue;
      }
      this.#size -= next.length;
      const taken = this.#listener.take({ position: "", bytes: next });
      // Most is taken at once: what came in one turn is given in one turn.
      if (taken) await taken;
    }
    this.#isTaking = false;
  }
}
