import type { Receipt } from "../../message/message.js";

/** So many destinations are remembered. */
const LIMIT = 10_000;

/**
 * The destinations over which a line that many share may have been lost. A
 * broker does not name them: RabbitMQ closes a connection without a word when a queue that a topic is
 * bound to rejects. So each destination for which a receipt was outstanding
 * falls under suspicion, and what is sent there goes over connections of the
 * senders' own from then on; unless the broker was away altogether.
 */
export class Suspicion<Line> {
  readonly #outstanding = new Map<Line, Map<string, number>>();
  readonly #raised = new Set<string>();
  readonly #confirmed = new Set<string>();
  #isAway = false;

  /** Gives a receipt in place of a client's, of which it is known here how long it is outstanding. */
  watching(line: Line, destination: string, receipt: Receipt): Receipt {
    return {
      waitFor: (confirmed) => {
        this.#count(line, destination, 1);
        const done = () => this.#count(line, destination, -1);
        // A receipt that fails with its line is outstanding until the line is known to be lost.
        confirmed.then(done, () => setImmediate(done));
        receipt.waitFor(confirmed);
      },
    };
  }

  /** A line was lost. */
  raise(line: Line): void {
    if (this.#isAway) return;
    for (const destination of this.#outstanding.get(line)?.keys() ?? []) this.#raised.add(destination);
  }

  /** A line is there again, and the broker was all the time. */
  confirm(): void {
    for (const destination of this.#raised) {
      if (this.#confirmed.size >= LIMIT)
        this.#confirmed.delete(this.#confirmed.values().next().value as string);
      this.#confirmed.add(destination);
    }
    this.#raised.clear();
  }

  /** The broker is away for all, or not any more: then no line is lost over what was sent. */
  away(isAway: boolean): void {
    this.#isAway = isAway;
    if (isAway) this.#raised.clear();
  }

  /** Whether a line may have been lost over what was sent there. */
  falls(destination: string): boolean {
    return this.#confirmed.has(destination) || this.#raised.has(destination);
  }

  #count(line: Line, destination: string, by: 1 | -1): void {
    const counts = this.#outstanding.get(line) ?? new Map<string, number>();
    this.#outstanding.set(line, counts);
    const count = (counts.get(destination) ?? 0) + by;
    if (count > 0) counts.set(destination, count);
    else counts.delete(destination);
  }
}
