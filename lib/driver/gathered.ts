interface Batch<T, R> {
  readonly items: T[];
  readonly sent: Promise<readonly R[]>;
}

/** So many are sent together at most: a store does nothing else meanwhile. */
const LENGTH_LIMIT = 256;
/** And of so many bytes, unless one alone has more. */
const SIZE_LIMIT = 1024 * 1024;

/**
 * Gathers what is published in one go, as by frames that came together, and sends it together. One by one, a store
 * gives the first to all who listen before it has seen the second, and each of them fans out twice.
 */
export class Gathered<T extends { readonly bytes: { readonly length: number } }, R> {
  readonly #send: (items: Promise<readonly T[]>) => Promise<readonly R[]>;
  #batch: Batch<T, R> | undefined;
  #size = 0;

  /** @param send is called with the first, and sends all when they are there. Gives the answer to each, if there is one */
  constructor(send: (items: Promise<readonly T[]>) => Promise<readonly R[]>) {
    this.#send = send;
  }

  /** Settles as what it is sent with. Those that are added first are sent first. */
  async add(item: T): Promise<R> {
    const { length } = item.bytes;
    if (!this.#batch || this.#isFull(this.#batch, length)) this.#batch = this.#begin();
    const batch = this.#batch;
    this.#size += length;
    const at = batch.items.push(item) - 1;
    const answers = await batch.sent;
    return answers[at] as R;
  }

  #isFull({ items }: Batch<T, R>, length: number): boolean {
    return items.length >= LENGTH_LIMIT || this.#size + length > SIZE_LIMIT;
  }

  #begin(): Batch<T, R> {
    const items: T[] = [];
    this.#size = 0;
    const gathered = Promise.resolve().then(() => {
      if (this.#batch === batch) this.#batch = undefined;
      return items;
    });
    const batch = { items, sent: this.#send(gathered) };
    return batch;
  }
}
