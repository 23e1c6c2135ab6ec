import { type EntryId, readId, textOfId } from "./entry-id.js";
import { asBuffer, type RedisConnection } from "./redis-connection.js";

/** An entry as it was read. */
export interface StoredEntry {
  readonly id: EntryId;
  /** Of ours; somebody else's has none. */
  readonly bytes?: Buffer;
  /** Tells entries apart that have the same id, since the store has gone back. */
  readonly token?: string;
}

/** The names of the fields: short, since each entry has them. */
const BYTES = "b";
const TOKEN = "t";

/** Puts another epoch in the place of the old one, unless another server has done so, and tells all who read. */
const RENEW = `
if (redis.call("GET", KEYS[2]) or "") ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[2], ARGV[2])
redis.call("XADD", KEYS[1], ARGV[2] .. "-*", "epoch", ARGV[2])
return 1`;

/** Adds entries together: whoever reads is given the first when the last is there. */
const ADD = `
local ids = {}
for i = 3, #ARGV, 2 do
  ids[#ids + 1] = redis.call("XADD", KEYS[1], "MAXLEN", "~", ARGV[1], ARGV[2], "${TOKEN}", ARGV[i], "${BYTES}", ARGV[i + 1])
end
return ids`;

/** An entry that is to be stored. */
export interface NewEntry {
  readonly bytes: Uint8Array;
  readonly token: string;
}

/** The commands over a stream, and over the key beside it that says which epoch it is. */
export class StreamKeys {
  readonly #stream: string;
  readonly #epoch: string;

  constructor(stream: string) {
    this.#stream = stream;
    // Of a cluster, both are to be on one node: what stands in braces decides about that.
    this.#epoch = /\{[^}]+\}/.test(stream) ? `${stream}:epoch` : `{${stream}}:epoch`;
  }

  /** The epoch that is written in; none yet, or none any more, is "". */
  async epoch(connection: RedisConnection): Promise<string> {
    return String((await connection.send(this.#stream, ["GET", this.#epoch])) ?? "");
  }

  async renew(connection: RedisConnection, old: string, next: number): Promise<void> {
    await connection.send(this.#stream, ["EVAL", RENEW, "2", this.#stream, this.#epoch, old, String(next)]);
  }

  /** Stores entries, one behind the other, and gives their ids. */
  async add(
    connection: RedisConnection,
    epoch: number,
    entries: readonly NewEntry[],
    maxLength: number,
  ): Promise<EntryId[]> {
    const [id, length] = [`${epoch}-*`, String(maxLength)];
    const [first] = entries;
    if (first && entries.length === 1) {
      const fields = [TOKEN, first.token, BYTES, asBuffer(first.bytes)];
      return [
        readId(
          await connection.send(this.#stream, ["XADD", this.#stream, "MAXLEN", "~", length, id, ...fields]),
        ),
      ];
    }
    const words = entries.flatMap(({ token, bytes }) => [token, asBuffer(bytes)]);
    const ids = await connection.send(this.#stream, ["EVAL", ADD, "1", this.#stream, length, id, ...words]);
    return (ids as unknown[]).map(readId);
  }

  /** Waits for entries behind one. Gives none when none came. */
  async read(
    connection: RedisConnection,
    behind: EntryId,
    count: number,
    ms: number,
  ): Promise<StoredEntry[]> {
    const range = ["COUNT", String(count), "BLOCK", String(ms), "STREAMS", this.#stream, textOfId(behind)];
    const reply = (await connection.send(this.#stream, ["XREAD", ...range])) as unknown[] | null;
    // RESP 2 has pairs of a stream and its entries, RESP 3 a map of them.
    const entries = Array.isArray(reply?.[0]) ? reply[0][1] : reply?.[1];
    return storedIn((entries ?? []) as RawEntry[]);
  }

  async last(connection: RedisConnection): Promise<EntryId | undefined> {
    const reply = await connection.send(this.#stream, ["XREVRANGE", this.#stream, "+", "-", "COUNT", "1"]);
    return storedIn(reply as RawEntry[])[0]?.id;
  }

  /** Entries from one on, oldest first. */
  async range(connection: RedisConnection, from: EntryId, count: number): Promise<StoredEntry[]> {
    const reply = await connection.send(this.#stream, [
      "XRANGE",
      this.#stream,
      textOfId(from),
      "+",
      "COUNT",
      String(count),
    ]);
    return storedIn(reply as RawEntry[]);
  }
}

type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];

function storedIn(entries: readonly RawEntry[]): StoredEntry[] {
  return entries.map(([id, fields]) => {
    const stored: { id: EntryId; bytes?: Buffer; token?: string } = { id: readId(id) };
    for (let i = 0; fields && i + 1 < fields.length; i += 2) {
      const name = String(fields[i]);
      if (name === BYTES) stored.bytes = fields[i + 1]!;
      else if (name === TOKEN) stored.token = String(fields[i + 1]);
    }
    return stored;
  });
}
