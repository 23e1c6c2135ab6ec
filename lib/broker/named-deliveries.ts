import type { Unacknowledged } from "./ack-window.js";
import { InOrder } from "./in-order.js";

/** Deliveries by a name that several may have: nearly always it is one. */
export class NamedDeliveries {
  readonly #named = new Map<string, Unacknowledged | InOrder<Unacknowledged>>();
  readonly #nameOf: (entry: Unacknowledged) => string;

  constructor(nameOf: (entry: Unacknowledged) => string, entries: Iterable<Unacknowledged>) {
    this.#nameOf = nameOf;
    for (const entry of entries) this.add(entry);
  }

  /** The one of that name that was delivered first. */
  first(name: string): Unacknowledged | undefined {
    const named = this.#named.get(name);
    return named instanceof InOrder ? named.first : named;
  }

  add(entry: Unacknowledged): void {
    const name = this.#nameOf(entry);
    const named = this.#named.get(name);
    if (!named) this.#named.set(name, entry);
    else if (named instanceof InOrder) named.insert(entry);
    else {
      const several = new InOrder<Unacknowledged>();
      several.insert(named);
      several.insert(entry);
      this.#named.set(name, several);
    }
  }

  delete(entry: Unacknowledged): void {
    const name = this.#nameOf(entry);
    const named = this.#named.get(name);
    if (named instanceof InOrder) {
      named.remove(entry);
      if (named.length === 0) this.#named.delete(name);
    } else if (named === entry) this.#named.delete(name);
  }
}
