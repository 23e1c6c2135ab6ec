interface Entry {
  readonly confirm: () => void;
  readonly fail: (error: Error) => void;
  /** By the clock, in ms. */
  due: number;
}

/** The receipts that one connection waits for. */
export class ReceiptBook {
  readonly #entries = new Map<string, Entry>();
  /** Of those that were open at an ERROR which named none. */
  #suspects = new Set<string>();
  /** Such errors, in the order of the frames that they are about. */
  #nameless: Error[] = [];
  #last = 0;

  /** How many have not come. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Makes the id of a new receipt, and what settles when it comes.
   *
   * @param due when it must have come
   * @param came hears of it before any frame behind it is looked at, which a promise would not
   */
  open(due: number, came?: () => void): { readonly id: string; readonly confirmed: Promise<void> } {
    const id = `${++this.#last}`;
    const confirmed = new Promise<void>((resolve, fail) => {
      const confirm = () => {
        came?.();
        resolve();
      };
      this.#entries.set(id, { confirm, fail, due });
    });
    return { id, confirmed };
  }

  /** A receipt came; one that nobody waits for, or no more, is nothing. */
  confirm(id: string): void {
    this.#take(id)?.confirm();
    this.#convict();
  }

  /**
   * One of those that are open has failed, and nobody says which. It is known
   * once all others are confirmed; if that takes too long, all that are left fail.
   */
  failSome(error: Error, due: number): void {
    this.#suspects = new Set(this.#entries.keys());
    this.#nameless.push(error);
    this.hurry(due);
    this.#convict();
  }

  /** It will not come; nothing if nobody waits for it, or no more. */
  fail(id: string, error: Error): void {
    this.#take(id)?.fail(error);
  }

  failAll(error: Error): void {
    for (const id of [...this.#entries.keys()]) this.fail(id, error);
  }

  /** Lets no receipt wait for longer than until then. */
  hurry(due: number): void {
    for (const entry of this.#entries.values()) entry.due = Math.min(entry.due, due);
  }

  /** Gives up on those that are overdue. */
  check(now: number, error: () => Error): void {
    for (const [id, { due }] of this.#entries) {
      if (due < now) this.fail(id, error());
    }
  }

  #convict(): void {
    const errors = this.#nameless;
    if (errors.length === 0 || this.#suspects.size > errors.length) return;
    this.#nameless = [];
    for (const [n, id] of [...this.#suspects].entries()) this.fail(id, errors[n] as Error);
  }

  #take(id: string): Entry | undefined {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#suspects.delete(id);
    if (this.#suspects.size === 0) this.#nameless = [];
    return entry;
  }
}
