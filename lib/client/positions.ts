/** Where positions are kept over a reload of the page: `sessionStorage`, or anything like it. */
export interface PositionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** So many positions of subscriptions that are over, or that are not there yet, are kept. */
const LIMIT = 100;

/** The positions of subscriptions that are not there at present, in the page and in its storage. */
export class Positions {
  readonly #key: string;
  readonly #storage: PositionStorage | undefined;
  readonly #known: Map<string, string>;

  constructor(storage: PositionStorage | undefined, key: string) {
    this.#storage = storage;
    this.#key = key;
    this.#known = new Map(this.#read());
  }

  get(name: string): string | undefined {
    return this.#known.get(name);
  }

  /** Remembers where a subscription stands; `undefined` forgets it. */
  set(name: string, position: string | undefined): void {
    this.#known.delete(name);
    if (position !== undefined) this.#known.set(name, position);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= LIMIT) break;
      this.#known.delete(oldest);
    }
  }

  /** A storage that is full, or shut, costs the positions and nothing else. */
  save(): void {
    try {
      this.#storage?.setItem(this.#key, JSON.stringify([...this.#known]));
    } catch {
      // The next page begins as the first one did.
    }
  }

  /** Any other text is somebody else's, or of another version. */
  #read(): [string, string][] {
    try {
      const read: unknown = JSON.parse(this.#storage?.getItem(this.#key) ?? "[]");
      if (!Array.isArray(read)) return [];
      return read
        .filter((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText))
        .slice(-LIMIT);
    } catch {
      return [];
    }
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
