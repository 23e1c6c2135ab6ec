/**
 * A road for bytes between servers, in one order, which may remember. Drivers make one of what is at hand: node:cluster,
 * Redis, NATS, or something else.
 */
export interface Backplane {
  /** As logs name it. */
  readonly name: string;
  /** The bytes that one entry may have. Default: no limit of its own. */
  readonly sizeLimit?: number;
  /** Whether something can be published. */
  readonly isAvailable: boolean;
  /**
   * Resolves when all who listen will hear it, this server among them. Rejects when nobody can know; it may be heard all
   * the same, then once. What one server publishes, also before the first of it is there, is heard in that order.
   */
  publish(bytes: Uint8Array): Promise<void>;
  /**
   * Listens from now on, until `close`: resolves when all that is published after that is heard, each entry once, in one
   * order for all servers, what this one publishes among them. Called once, and never waits for what it gives to `take`, which it does not call within
   * `publish`. Tells `availability` when it is there, and of each change. While the store is away it waits for it; it rejects only when listening is not possible at all.
   */
  subscribe(listener: BackplaneListener): Promise<void>;
  /** Hears and publishes nothing any more, when what was published before is there. A client that was passed in stays open. */
  close(): Promise<void>;
  /** The memory, of a backplane that has one. */
  readonly log?: BackplaneLog;
}

/** Something that was published. */
export interface BackplaneEntry {
  /**
   * The place in the log: `<epoch>-<number>`, in which the number is whole, below 2^53 and without leading zeros, and
   * grows from one entry to the next, by one or by more. The epoch is any text without blanks and `:`, of 64 characters
   * at most, and is another one as soon as numbers could come again: the store was emptied, or is an older copy. Empty
   * where there is no log.
   */
  readonly position: string;
  readonly bytes: Uint8Array;
}

/** Hears what is published. */
export interface BackplaneListener {
  /** Takes an entry. Gives what to wait for before the next is given; that never rejects. */
  take(entry: BackplaneEntry): void | Promise<void>;
  /** Something may be missing between the entry before and the next. With a log it is looked for there. */
  lost(): void;
  /** Whether what is published is heard, and can be published; told at first, and when it changes. */
  availability(isAvailable: boolean): void;
}

/** The memory of a backplane: entries that were published before. */
export interface BackplaneLog {
  /**
   * Gives the entries behind a position, oldest first: `limit` of them, or fewer when there are no more, or when they are long.
   * No entries means that there are none behind it. All that `take` was given is found here.
   *
   * @param position empty is from the oldest that is kept. Any number of the present epoch will do, whether or not an entry has it
   * @returns `complete` is false when some behind the position are kept no longer, or it is of another epoch: the entries
   *   are then from the oldest that is kept. For an empty position it says whether that is the first there ever was
   */
  since(
    position: string,
    limit: number,
  ): Promise<{ readonly entries: readonly BackplaneEntry[]; readonly complete: boolean }>;
}
