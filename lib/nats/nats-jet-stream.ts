import { type Backplane, type BackplaneEntry, type BackplaneListener, ConfigurationError } from "../index.js";
import type { ConsumedMessage, JetStreamClient, StreamState } from "./jet-stream.js";
import { checkConnection, checkName } from "./nats.js";
import type { NatsConnection } from "./nats-connection.js";
import { NatsLine } from "./nats-line.js";
import { AHEAD, StoredStream } from "./stored-stream.js";

/** Options of `natsJetStream`. */
export interface NatsJetStreamOptions {
  /** The connection that `connect` gave; it stays the application's, which closes it. */
  readonly connection: NatsConnection;
  /** The client that `jetstream(connection)` of `@nats-io/jetstream` gave. */
  readonly jetStream: JetStreamClient;
  /**
   * The name of the stream, which is for these servers alone. It is made if it is not there; one that is there has the
   * subjects `<subject>` and `<subject>.epoch`. Default: `express-stomp`.
   */
  readonly stream?: string;
  /** Default: the stream's name. */
  readonly subject?: string;
  /** Messages that a stream keeps which is made here. Default: 10,000. */
  readonly maxLength?: number;
  /** Servers of NATS that keep such a stream. Default: 1. */
  readonly replicas?: number;
  /** Where they keep it. Default: `file`. */
  readonly storage?: "file" | "memory";
}

/**
 * Makes a backplane of a stream of NATS's JetStream: it remembers, so that a server that was away for a while catches up, and
 * clients are caught up over servers and restarts. There is one order for all.
 *
 * @throws ConfigurationError when an option is not what it has to be
 * @example
 * ```ts
 * const connection = await connect({ servers: "localhost" });
 * const backplane = natsJetStream({ connection, jetStream: jetstream(connection), stream: "chat" });
 * ```
 */
export function natsJetStream(options: NatsJetStreamOptions): Backplane {
  const { connection, jetStream, stream = "express-stomp", subject = stream, maxLength = 10_000 } = options;
  const { replicas = 1, storage = "file" } = options;
  checkConnection(connection);
  if (typeof jetStream?.jetstreamManager !== "function")
    throw new ConfigurationError("jetStream is what jetstream(connection) of @nats-io/jetstream gives");
  checkName("stream", stream);
  if (stream.includes("."))
    throw new ConfigurationError(`stream is a name without full stops, not ${JSON.stringify(stream)}`);
  checkName("subject", subject);
  for (const [name, value] of Object.entries({ maxLength, replicas })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ConfigurationError(`${name} is a whole number from 1, not ${value}`);
  }
  if (storage !== "file" && storage !== "memory")
    throw new ConfigurationError(`storage is "file" or "memory", not ${JSON.stringify(storage)}`);
  return new NatsJetStream({ connection, jetStream, stream, subject, maxLength, replicas, storage });
}

/** A message that was read: its number, and when it was stored; 0 is not known. */
interface Place {
  readonly seq: number;
  readonly time: bigint;
}

class NatsJetStream implements Backplane {
  readonly name: string;
  readonly log = {
    since: (position: string, limit: number) => this.#since(position, limit),
  };
  readonly #subject: string;
  readonly #connection: NatsConnection;
  readonly #stored: StoredStream;
  readonly #line: NatsLine;
  /** When the stream was made, as NATS says it. */
  #created = "";
  #epoch = "";
  /** The number before the first of the epoch. */
  #base = 0;
  #at: Place | undefined;
  /** The newest number that this server has read or was told. */
  #newest = 0;

  constructor(options: Required<NatsJetStreamOptions>) {
    const { connection, stream, subject } = options;
    this.name = stream;
    this.#subject = subject;
    this.#connection = connection;
    this.#stored = new StoredStream(options);
    this.#line = new NatsLine({
      connection,
      prepare: (listener) => this.#prepare(listener),
      consume: () => this.#stored.consume(this.#at!.seq + 1),
      take: (message, listener) => this.#take(message, listener),
    });
  }

  get sizeLimit(): number {
    return this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  get isAvailable(): boolean {
    return this.#line.isAvailable;
  }

  subscribe(listener: BackplaneListener): Promise<void> {
    return this.#line.open(listener);
  }

  async publish(bytes: Uint8Array): Promise<void> {
    const before = this.#newest;
    const seq = await this.#line
      .ask(() => this.#stored.publish(bytes))
      .catch((error: Error) => {
        // Nobody stores it: the stream was deleted, and is made anew.
        if (error.name === "JetStreamNotEnabled") this.#line.renew();
        throw error;
      });
    if (seq <= before) {
      this.#line.renew();
      throw new Error(`The stream has gone back: ${seq} comes after ${before}`);
    }
    this.#newest = Math.max(this.#newest, seq);
  }

  close(): Promise<void> {
    return this.#line.close();
  }

  #take(message: ConsumedMessage, listener: BackplaneListener): void | Promise<void> {
    const { seq, data, subject, timestampNanos } = message;
    const isNext = seq === this.#at!.seq + 1;
    this.#at = { seq, time: timestampNanos };
    this.#newest = Math.max(this.#newest, seq);
    if (subject === this.#subject) {
      // Numbers have no gaps, but by what is trimmed or deleted.
      if (!isNext) listener.lost();
      return listener.take({ position: `${this.#epoch}-${seq}`, bytes: data });
    }
    const epoch = epochOf(this.#created, data);
    if (epoch !== this.#epoch || !isNext) listener.lost();
    if (epoch !== this.#epoch) [this.#epoch, this.#base] = [epoch, seq];
  }

  /** Finds out where to read on, and whether the stream is still the one that it was. */
  async #prepare(listener: BackplaneListener): Promise<void> {
    const { created, state } = await this.#stored.state();
    const isFirst = this.#at === undefined;
    if (created !== this.#created) {
      await this.#readEpoch(created);
      // Another stream under the same name is read from its beginning.
      this.#at = { seq: isFirst ? state.last_seq : 0, time: 0n };
      this.#newest = state.last_seq;
      if (!isFirst) listener.lost();
      return;
    }
    const at = this.#at!;
    if (state.last_seq >= this.#newest && !(await this.#isAnother(at, state))) return;
    // It is an older copy, in which numbers come again. All servers read of that, this one too.
    await this.#stored.mark();
    this.#at = { seq: Math.min(at.seq, state.last_seq), time: 0n };
    this.#newest = state.last_seq;
  }

  /** Whether a number now belongs to another message than the one that was read. */
  async #isAnother({ seq, time }: Place, state: StreamState["state"]): Promise<boolean> {
    if (time === 0n || seq < state.first_seq) return false;
    const stored = await this.#stored.storedAt(seq);
    return stored !== undefined && BigInt(stored.getTime()) !== time / 1_000_000n;
  }

  /** Reads of what epoch the numbers are. */
  async #readEpoch(created: string): Promise<void> {
    const mark = await this.#stored.newestMark();
    this.#created = created;
    this.#epoch = epochOf(created, mark?.data);
    this.#base = mark?.seq ?? 0;
  }

  #since(
    position: string,
    limit: number,
  ): Promise<{ readonly entries: readonly BackplaneEntry[]; readonly complete: boolean }> {
    return this.#line.ask(async () => {
      const [epoch, base] = [this.#epoch, this.#base];
      const { first_seq: first, last_seq: last } = (await this.#stored.state()).state;
      const dash = position.lastIndexOf("-");
      const isPresent = position.slice(0, dash) === epoch;
      const behind = isPresent ? Number(position.slice(dash + 1)) : base;
      let complete = (isPresent || position === "") && first <= behind + 1 && behind <= last;
      const from = Math.max(first, behind + 1);
      const count = Math.min(limit, AHEAD);
      const entries: BackplaneEntry[] = [];
      let expected = from;
      // Marks may be among them: that there are none of ours is known at the end.
      for (let next = from; next <= last && entries.length === 0; next += count) {
        for (const { seq, subject, data } of await this.#stored.page(
          next,
          Math.min(count, last - next + 1),
        )) {
          // It was trimmed meanwhile, or deleted.
          if (seq !== expected) complete = false;
          expected = seq + 1;
          if (subject === this.#subject) entries.push({ position: `${epoch}-${seq}`, bytes: data });
        }
      }
      // They were trimmed meanwhile, all of them, or NATS did not give them in time.
      if (entries.length === 0 && expected <= last) complete = false;
      return { entries, complete };
    });
  }
}

/** A text for an epoch: when the stream was made, and the newest mark in it. */
function epochOf(created: string, mark: Uint8Array | undefined): string {
  const made = created.replaceAll(/\D/g, "");
  return mark ? `${made}.${Buffer.from(mark).toString()}` : made;
}
