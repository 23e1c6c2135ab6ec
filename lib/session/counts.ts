/** So many names are told apart where the set of them is not said: an application's errors may name limits. */
const NAMES_LIMIT = 64;

/** Counts by name, of few names: all others count together as `other`. */
export class Counts {
  readonly #known: ReadonlySet<string> | undefined;
  readonly #counts = new Map<string, number>();

  /** @param known the names that are told apart; by default the first 64 */
  constructor(known?: readonly string[]) {
    this.#known = known && new Set(known);
  }

  one(name: string): void {
    const key = this.#isKnown(name) ? name : "other";
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  get all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  #isKnown(name: string): boolean {
    if (this.#known) return this.#known.has(name);
    return this.#counts.has(name) || this.#counts.size < NAMES_LIMIT;
  }
}
