import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Gathered } from "../driver/gathered.js";
import { answered } from "../driver/patience.js";
import type { Backplane, BackplaneEntry, BackplaneListener } from "../index.js";
import { ConfigurationError } from "../index.js";
import { connector } from "./connector.js";
import { type EntryId, isBehind, readId, textOfId } from "./entry-id.js";
import type { RedisClient } from "./redis-client.js";
import type { RedisConnection } from "./redis-connection.js";
import { type Pair, RedisLine } from "./redis-line.js";
import { type NewEntry, type StoredEntry, StreamKeys } from "./stream-keys.js";

/** Options of `redisStreams`. */
export interface RedisStreamsOptions {
  /** How Redis is reached: two connections are made from it. */
  readonly client: RedisClient;
  /**
   * The key of the stream, which is for these servers alone. In a cluster, it and the key `{<stream>}:epoch` beside it are
   * on one node. Default: `express-stomp`.
   */
  readonly stream?: string;
  /**
   * Entries that Redis keeps at least, about a hundred more at most. They bound how long a server may be away without
   * missing something, and how far clients are caught up. Default: 10,000.
   */
  readonly maxLength?: number;
}

/** How long Redis may wait for an entry before it answers that there is none, in ms: a sign of life. */
const BLOCK = 2_000;
/** Entries that are read at once. */
const MOST = 256;
/** Bytes that are read at once, if they are as long as the longest was. */
const READ_SIZE = 8 * 1024 * 1024;
/** An answer to XADD when the numbers have begun anew meanwhile. */
const OUTDATED = /equal or smaller/;

/**
 * Makes a backplane of a stream of Redis 7, Valkey, or newer: it remembers, so that a server that was away for a while
 * catches up, and clients are caught up over servers and restarts.
 *
 * @throws ConfigurationError when an option is not what it has to be
 * @example
 * ```ts
 * const client = createClient({ url: "redis://localhost" });
 * const backplane = redisStreams({ client, stream: "chat", maxLength: 100_000 });
 * ```
 */
export function redisStreams(options: RedisStreamsOptions): Backplane {
  return new RedisStreams(options);
}

class RedisStreams implements Backplane {
  readonly name: string;
  readonly log = {
    since: (position: string, limit: number) => this.#since(position, limit),
  };
  readonly #keys: StreamKeys;
  readonly #maxLength: number;
  readonly #line: RedisLine;
  readonly #gathered = new Gathered<NewEntry, EntryId>((entries) => this.#add(entries));
  /** In front of the number of what this server publishes. */
  readonly #server = randomBytes(6).toString("base64url");
  #published = 0;
  /** Where the numbers of what is published now belong. */
  #epoch = 0;
  /** The entry that was read last. */
  #at: EntryId | undefined;
  /** The newest entry that this server has read or published. */
  #newest: Required<Pick<StoredEntry, "id">> & { readonly token?: string | undefined } = {
    id: { epoch: 0, number: 0 },
  };
  #longest = 64 * 1024;

  constructor({ client, stream = "express-stomp", maxLength = 10_000 }: RedisStreamsOptions) {
    if (typeof stream !== "string" || stream === "")
      throw new ConfigurationError(`stream is the key of a stream, not ${JSON.stringify(stream)}`);
    if (!Number.isSafeInteger(maxLength) || maxLength < 1)
      throw new ConfigurationError(`maxLength is a whole number from 1, not ${maxLength}`);
    this.name = stream;
    this.#keys = new StreamKeys(stream);
    this.#maxLength = maxLength;
    this.#line = new RedisLine({
      connect: connector(client),
      prepare: ({ writer }) => this.#prepare(writer),
      read: (pair, listener) => this.#read(pair, listener),
    });
  }

  get isAvailable(): boolean {
    return this.#line.isAvailable;
  }

  subscribe(listener: BackplaneListener): Promise<void> {
    return this.#line.open(listener);
  }

  async publish(bytes: Uint8Array): Promise<void> {
    const { id: before } = this.#newest;
    const entry = { bytes, token: `${this.#server}${(++this.#published).toString(36)}` };
    this.#longest = Math.max(this.#longest, bytes.length);
    const id = await this.#gathered.add(entry);
    if (!isBehind(id, before)) {
      const error = new Error(`The stream has gone back: ${textOfId(id)} comes after ${textOfId(before)}`);
      this.#line.renew(error);
      throw error;
    }
    this.#note({ id, token: entry.token });
  }

  close(): Promise<void> {
    return this.#line.close();
  }

  #add(gathered: Promise<readonly NewEntry[]>): Promise<readonly EntryId[]> {
    return this.#line.write(async (writer) => {
      try {
        const entries = await gathered;
        return await this.#keys.add(writer, this.#epoch, entries, this.#maxLength);
      } catch (error) {
        if (error instanceof Error && OUTDATED.test(error.message)) this.#line.renew(error);
        throw error;
      }
    });
  }

  /** Finds out where to read on, and whether the store is still the one that it was. */
  async #prepare(writer: RedisConnection): Promise<void> {
    let epoch = await this.#keys.epoch(writer);
    const last = await this.#keys.last(writer);
    if (!(await this.#isTheSame(writer, epoch, last))) {
      const next = Math.max(
        Date.now(),
        ...[Number(epoch), this.#newest.id.epoch, last?.epoch ?? 0].map((old) => old + 1),
      );
      await this.#keys.renew(writer, epoch, next);
      epoch = await this.#keys.epoch(writer);
    }
    this.#epoch = Number(epoch);
    this.#at ??= (await this.#lastOf(this.#epoch, writer)) ?? { epoch: this.#epoch, number: 0 };
  }

  /** Whether numbers may go on as they are: nothing that anybody may have read is missing at the end of the stream. */
  async #isTheSame(writer: RedisConnection, epoch: string, last: EntryId | undefined): Promise<boolean> {
    const { id, token } = this.#newest;
    const present = Number(epoch);
    if (epoch === "" || present < id.epoch || (last && last.epoch > present)) return false;
    if (present > id.epoch || id.number === 0) return true;
    const [found] = await this.#keys.range(writer, id, 1);
    // Another server has begun an epoch meanwhile.
    if (found === undefined || found.id.epoch > present) return false;
    // An entry that is kept no longer has others behind it.
    return isBehind(found.id, id) || found.token === token;
  }

  async #lastOf(epoch: number, writer: RedisConnection): Promise<EntryId | undefined> {
    const last = await this.#keys.last(writer);
    return last?.epoch === epoch ? last : undefined;
  }

  async #read(pair: Pair, listener: BackplaneListener): Promise<void> {
    for (;;) {
      const at = this.#at as EntryId;
      const entries = await answered(this.#keys.read(pair.reader, at, this.#count(), BLOCK), BLOCK);
      for (const entry of entries) {
        if (pair.signal.aborted) return;
        const taken = this.#take(entry, listener);
        if (taken) await taken;
      }
      // Clients are written to at the end of this turn. All that is published meanwhile comes together then.
      if (entries.length > 0) await nextTurn();
    }
  }

  #take({ id, bytes, token }: StoredEntry, listener: BackplaneListener): void | Promise<void> {
    const at = this.#at as EntryId;
    // Numbers have no gaps, but by what is trimmed or deleted.
    if (id.epoch !== at.epoch || id.number !== at.number + 1) listener.lost();
    this.#at = id;
    this.#epoch = Math.max(this.#epoch, id.epoch);
    this.#note({ id, token });
    if (bytes === undefined) return;
    this.#longest = Math.max(this.#longest, bytes.length);
    return listener.take({ position: textOfId(id), bytes });
  }

  #note(entry: { readonly id: EntryId; readonly token?: string | undefined }): void {
    if (isBehind(entry.id, this.#newest.id)) this.#newest = entry;
  }

  /** How many entries are asked for at once. */
  #count(): number {
    return Math.max(1, Math.min(MOST, Math.floor(READ_SIZE / this.#longest)));
  }

  #since(
    position: string,
    limit: number,
  ): Promise<{ readonly entries: readonly BackplaneEntry[]; readonly complete: boolean }> {
    return this.#line.write(async (writer) => {
      const epoch = this.#epoch;
      const asked = position === "" ? undefined : readId(position);
      const isPresent = asked?.epoch === epoch;
      let behind = isPresent ? asked : { epoch, number: 0 };
      let complete = asked === undefined || isPresent;
      const entries: BackplaneEntry[] = [];
      let stored: StoredEntry[];
      do {
        // Some may be of somebody else: that there are none of ours is known when nothing is left.
        stored = await this.#keys.range(writer, next(behind), Math.min(limit, this.#count()));
        for (const { id, bytes } of stored) {
          if (id.epoch !== epoch) return { entries, complete };
          if (id.number !== behind.number + 1) complete = false;
          behind = id;
          if (bytes) entries.push({ position: textOfId(id), bytes });
        }
      } while (entries.length === 0 && stored.length > 0);
      if (entries.length === 0 && behind.number > 0) {
        const last = await this.#lastOf(epoch, writer);
        if (!last || last.number < behind.number) complete = false;
      }
      return { entries, complete };
    });
  }
}

function next({ epoch, number }: EntryId): EntryId {
  return { epoch, number: number + 1 };
}
