/** An entry in memory. */
export interface LoggedEntry {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** The newest entries: so many, and so many bytes of them. */
export class HubLog {
  readonly #length: number;
  readonly #size: number;
  #entries: LoggedEntry[] = [];
  /** Entries at the beginning of the array that are kept no longer. */
  #gone = 0;
  #bytes = 0;
  #last = 0;

  constructor(length: number, size: number) {
    this.#length = length;
    this.#size = size;
  }

  /** The number of the newest entry there has been. */
  get last(): number {
    return this.#last;
  }

  /** The number of the oldest that is kept, or would be. */
  get first(): number {
    return this.#last - (this.#entries.length - this.#gone) + 1;
  }

  add(bytes: Uint8Array): void {
    this.#entries.push({ number: ++this.#last, bytes });
    this.#bytes += bytes.length;
    // The newest is kept whatever its length: somebody is to be given it.
    while (
      this.#last - this.first + 1 > this.#length ||
      (this.#bytes > this.#size && this.first < this.#last)
    ) {
      this.#bytes -= this.#entries[this.#gone]!.bytes.length;
      this.#gone++;
    }
    if (this.#gone > 1000 && this.#gone * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** Gives an entry that is kept. */
  get(number: number): LoggedEntry | undefined {
    return number < this.first ? undefined : this.#entries[this.#gone + number - this.first];
  }

  /** Gives entries from one on, oldest first: so many, or fewer when they have more bytes than that; one at least, if there is one. */
  from(number: number, limit: number, size: number): LoggedEntry[] {
    const found: LoggedEntry[] = [];
    let bytes = 0;
    for (let next = Math.max(number, this.first); found.length < limit; next++) {
      const entry = this.get(next);
      if (!entry) break;
      bytes += entry.bytes.length;
      if (bytes > size && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }
}
