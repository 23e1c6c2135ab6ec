import type { Receipt } from "../message/message.js";

/** The receipt that one frame asked for, until it is due. */
export class PendingReceipt implements Receipt {
  #confirmed: Promise<void> | undefined;

  /** The promise that it waits for; `undefined` if it is due as soon as the frame was handled. */
  get confirmed(): Promise<void> | undefined {
    return this.#confirmed;
  }

  waitFor(confirmed: Promise<void>): void {
    const before = this.#confirmed;
    this.#confirmed = before ? before.then(() => confirmed) : confirmed;
    // The session may have ended before anybody asks.
    for (const each of [confirmed, this.#confirmed]) each.catch(() => {});
  }
}
