import type { StompFrame } from "./frame.js";

/** The commands that wait for COMMIT when they name a transaction. */
const WAITING: readonly string[] = ["SEND", "ACK", "NACK"];

/** The open transactions of a connection. */
export class Transactions {
  readonly #open = new Map<string, StompFrame[]>();

  /** @throws Error when it is open already */
  begin(id: string): void {
    if (this.#open.has(id)) throw new Error(`The transaction ${id} has begun already`);
    this.#open.set(id, []);
  }

  /** Keeps a frame of a transaction until that ends; `false` if it is of none. @throws Error when that is not open */
  hold(frame: StompFrame): boolean {
    // Its RECEIPT is sent now: it is not asked for once more at the end.
    const { transaction, receipt: _receipt, ...headers } = frame.headers;
    if (transaction === undefined || !WAITING.includes(frame.command)) return false;
    this.#of(transaction).push({ ...frame, headers });
    return true;
  }

  /** Ends one, and gives its frames in order. @throws Error when it is not open */
  end(id: string): readonly StompFrame[] {
    const frames = this.#of(id);
    this.#open.delete(id);
    return frames;
  }

  #of(id: string): StompFrame[] {
    const frames = this.#open.get(id);
    if (!frames) throw new Error(`The transaction ${id} has not begun, or is over`);
    return frames;
  }
}
