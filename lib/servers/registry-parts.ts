import type { SimpSession } from "../user/simp-user-registry.js";

/** One thing that one server tells the others of its sessions. */
export type RegistryEntry =
  | readonly ["session", id: string, user: string, info?: string]
  /** `true`: it will not come back. */
  | readonly ["ended", id: string, isMeant?: boolean]
  | readonly ["subscription", session: string, id: string, destination: string]
  | readonly ["unsubscribed", session: string, id: string]
  | readonly ["info", session: string, info: string | null]
  /** Whether presence is silent of it at a destination. */
  | readonly ["hidden", session: string, destination: string, isHidden: boolean]
  /** How many sessions without a user subscribe to a destination. */
  | readonly ["strangers", destination: string, count: number];

/** Entries are gathered until they have so many bytes; the last one may go beyond. */
const PART_SIZE = 32 * 1024;
/** Bytes beside them in a message, at most. */
const BESIDE = 256;

/** The length of a part without entries. */
export const NO_ENTRIES = 2;

/** Entries as bytes, in parts that fit into a message. */
export class RegistryParts {
  readonly #entries: Iterator<RegistryEntry>;
  readonly #sizeLimit: () => number;
  readonly #tooLong: (entry: RegistryEntry) => void;
  #isDone = false;

  /**
   * @param sizeLimit what a part may have, in bytes
   * @param tooLong hears of an entry that is left out, since no message could carry it
   */
  constructor(
    entries: Iterable<RegistryEntry>,
    { sizeLimit, tooLong }: { sizeLimit(): number; tooLong(entry: RegistryEntry): void },
  ) {
    this.#entries = entries[Symbol.iterator]();
    this.#sizeLimit = sizeLimit;
    this.#tooLong = tooLong;
  }

  /** Whether there are no more. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Reads entries, as they are now, until there are enough for a part: no more than it gives. */
  next(): Buffer {
    const longest = (this.#sizeLimit() - BESIDE) / 2;
    const texts: string[] = [];
    let size = NO_ENTRIES;
    while (size < Math.min(PART_SIZE, longest)) {
      const { done, value } = this.#entries.next();
      if (done) {
        this.#isDone = true;
        break;
      }
      const text = JSON.stringify(value);
      const length = Buffer.byteLength(text) + 1;
      if (length > longest) {
        this.#tooLong(value);
        continue;
      }
      texts.push(text);
      size += length;
    }
    return Buffer.from(`[${texts.join(",")}]`);
  }
}

export function readEntries(part: Uint8Array): RegistryEntry[] {
  return JSON.parse(Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString()) as RegistryEntry[];
}

/** All that there is to tell of sessions, read as it is asked for. */
export function* entriesOf(sessions: Iterable<SimpSession>): Generator<RegistryEntry> {
  for (const { id, user, info, hiddenAt, subscriptions } of sessions) {
    yield info === undefined ? ["session", id, user.name] : ["session", id, user.name, info];
    // First, or somebody would be shown for a moment.
    for (const destination of hiddenAt ?? []) yield ["hidden", id, destination, true];
    for (const { id: subscription, destination } of subscriptions.values()) {
      yield ["subscription", id, subscription, destination];
    }
  }
}

/** All that there is to tell of strangers. */
export function* strangersOf(
  counts: Iterable<readonly [destination: string, count: number]>,
): Generator<RegistryEntry> {
  for (const [destination, count] of counts) yield ["strangers", destination, count];
}
