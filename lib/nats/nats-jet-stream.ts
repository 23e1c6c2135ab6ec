import { randomBytes } from "node:crypto";
import { answered, Pauses } from "../driver/patience.js";
import { type Backplane, type BackplaneEntry, type BackplaneListener, ConfigurationError } from "../index.js";
import { watchConnection } from "./connection-watch.js";
import type { ConsumedMessage, ConsumedMessages, JetStreamClient, StreamState } from "./jet-stream.js";
import { checkConnection, checkName } from "./nats.js";
import type { NatsConnection } from "./nats-connection.js";
import { refusalOf } from "./refusals.js";

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

/** Messages that wait here to be taken, at most. */
const AHEAD = 64;
/** NATS has so many ms to answer. */
const TIMEOUT = 4_000;

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
  readonly #options: Required<NatsJetStreamOptions>;
  readonly #pauses = new Pauses();
  readonly #over = new AbortController();
  readonly #sayings = new Set<Promise<unknown>>();
  #running: Promise<void> | undefined;
  #isAvailable = false;
  #trouble: unknown;
  /** Resolves when the connection is there: what is asked before is lost with the old one. */
  #connected: Promise<void> = Promise.resolve();
  /** Ends the present consumer. */
  #interrupt = () => {};
  /** When the stream was made, as NATS says it. */
  #created = "";
  #epoch = "";
  /** The number before the first of the epoch. */
  #base = 0;
  #at: Place | undefined;
  /** The newest number that this server has read or was told. */
  #newest = 0;

  constructor(options: Required<NatsJetStreamOptions>) {
    this.#options = options;
    this.name = options.stream;
  }

  get sizeLimit(): number {
    return this.#options.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  subscribe(listener: BackplaneListener): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(listener, resolve).catch((error: unknown) => reject(error as Error));
    });
  }

  async publish(bytes: Uint8Array): Promise<void> {
    const before = this.#newest;
    const { jetStream, subject } = this.#options;
    const { seq } = await this.#said(() => jetStream.publish(subject, bytes, { timeout: TIMEOUT })).catch(
      (error: Error) => {
        // Nobody stores it: the stream was deleted, and is made anew.
        if (error.name === "JetStreamNotEnabled") this.#interrupt();
        throw error;
      },
    );
    if (seq <= before) {
      this.#interrupt();
      throw new Error(`The stream has gone back: ${seq} comes after ${before}`);
    }
    this.#newest = Math.max(this.#newest, seq);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#sayings);
    this.#over.abort();
    this.#interrupt();
    await this.#running;
  }

  async #run(listener: BackplaneListener, opened: () => void): Promise<void> {
    const { signal } = this.#over;
    const { connection } = this.#options;
    let isFirst = true;
    let back = () => {};
    let isConnected = true;
    const stopWatching = watchConnection(connection, {
      away: () => {
        if (isConnected && !connection.isClosed()) {
          this.#connected = new Promise((resolve) => {
            back = resolve;
          });
        }
        isConnected = false;
        if (connection.isClosed()) back();
        this.#interrupt();
      },
      back: () => {
        isConnected = true;
        back();
      },
    });
    signal.addEventListener("abort", () => back());
    try {
      while (!signal.aborted) {
        try {
          await this.#live(listener, () => {
            isFirst = false;
            opened();
          });
        } catch (error) {
          this.#trouble = error;
          if (isFirst) this.#expectMendable(error);
        }
        await this.#pauses.pass(signal);
        // The connection may have gone since it was closed: nobody waits for it any more.
        if (signal.aborted) break;
        await this.#connected;
        if (connection.isClosed()) break;
      }
      if (isFirst)
        throw new Error(signal.aborted ? "The backplane was closed" : "The connection to NATS is closed");
    } finally {
      stopWatching();
    }
  }

  /** @throws Error when trying again is of no use */
  #expectMendable(error: unknown): void {
    if (error instanceof ConfigurationError) throw error;
    const refusal = refusalOf(error, this.#options.connection.info?.jetstream);
    if (refusal !== undefined) throw new Error(refusal, { cause: error });
  }

  /** Listens until the connection is lost. */
  async #live(listener: BackplaneListener, opened: () => void): Promise<void> {
    let isLive = true;
    let messages: ConsumedMessages | undefined;
    const interrupted = new Promise<void>((resolve) => {
      this.#interrupt = () => {
        if (!isLive) return;
        isLive = false;
        if (this.#isAvailable) {
          this.#isAvailable = false;
          listener.availability(false);
        }
        void messages?.close().catch(() => {});
        resolve();
      };
    });
    try {
      await answered(this.#prepare(listener));
      const next = this.#at!.seq + 1;
      messages = await answered(this.#consume(next));
      if (!isLive) return;
      this.#isAvailable = true;
      this.#pauses.reset();
      listener.availability(true);
      opened();
      const reading = this.#read(messages, listener, () => isLive);
      await Promise.race([reading, interrupted]);
      this.#interrupt();
      // A message may be on its way to the listener still: the next are read when it has been taken.
      await reading;
    } finally {
      this.#interrupt();
    }
  }

  async #read(messages: ConsumedMessages, listener: BackplaneListener, isLive: () => boolean): Promise<void> {
    for await (const message of messages) {
      if (!isLive()) return;
      const taken = this.#take(message, listener);
      if (taken) await taken;
    }
  }

  #take(message: ConsumedMessage, listener: BackplaneListener): void | Promise<void> {
    const { seq, data, subject, timestampNanos } = message;
    const isNext = seq === this.#at!.seq + 1;
    this.#at = { seq, time: timestampNanos };
    this.#newest = Math.max(this.#newest, seq);
    if (subject === this.#options.subject) {
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
    const { created, state } = await this.#stream();
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
    const mark = randomBytes(6).toString("base64url");
    const { jetStream, subject } = this.#options;
    await jetStream.publish(`${subject}.epoch`, Buffer.from(mark), { timeout: TIMEOUT });
    this.#at = { seq: Math.min(at.seq, state.last_seq), time: 0n };
    this.#newest = state.last_seq;
  }

  /** Whether a number now belongs to another message than the one that was read. */
  async #isAnother({ seq, time }: Place, state: StreamState["state"]): Promise<boolean> {
    if (time === 0n || seq < state.first_seq) return false;
    const { streams } = await this.#options.jetStream.jetstreamManager();
    const found = await streams.getMessage(this.name, { seq });
    return found !== null && BigInt(found.time.getTime()) !== time / 1_000_000n;
  }

  /** Reads of what epoch the numbers are. */
  async #readEpoch(created: string): Promise<void> {
    const { jetStream, stream, subject } = this.#options;
    const { streams } = await jetStream.jetstreamManager();
    const mark = await streams.getMessage(stream, { last_by_subj: `${subject}.epoch` });
    this.#created = created;
    this.#epoch = epochOf(created, mark?.data);
    this.#base = mark?.seq ?? 0;
  }

  /** Gives what the stream is like; makes it if it is not there. */
  async #stream(): Promise<StreamState> {
    const { jetStream, stream, subject, maxLength, replicas, storage } = this.#options;
    const { streams } = await jetStream.jetstreamManager();
    const subjects = [subject, `${subject}.epoch`];
    const found = await streams.info(stream).catch(async (error: { name?: string }) => {
      if (error.name !== "StreamNotFoundError") throw error;
      const settings = { name: stream, subjects, max_msgs: maxLength, num_replicas: replicas, storage };
      const failure = await streams.add(settings).catch((refusal: unknown) => refusal);
      // Another server may have made it meanwhile, with other settings.
      return streams.info(stream).catch(() => {
        throw failure;
      });
    });
    const missing = subjects.filter((each) => !found.config.subjects?.includes(each));
    if (missing.length > 0)
      throw new ConfigurationError(
        `The stream ${stream} of NATS needs the subjects ${subjects.join(" and ")}; ${missing.join(" and ")} is missing`,
      );
    return found;
  }

  async #consume(from: number): Promise<ConsumedMessages> {
    const consumer = await this.#consumerFrom(from);
    return consumer.consume({ max_messages: AHEAD });
  }

  #consumerFrom(number: number): ReturnType<JetStreamClient["consumers"]["get"]> {
    return this.#options.jetStream.consumers.get(this.name, {
      deliver_policy: "by_start_sequence",
      opt_start_seq: number,
    });
  }

  #since(
    position: string,
    limit: number,
  ): Promise<{ readonly entries: readonly BackplaneEntry[]; readonly complete: boolean }> {
    return this.#said(async () => {
      const [epoch, base] = [this.#epoch, this.#base];
      const { first_seq: first, last_seq: last } = (await this.#stream()).state;
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
        for (const { seq, subject, data } of await this.#page(next, Math.min(count, last - next + 1))) {
          // It was trimmed meanwhile, or deleted.
          if (seq !== expected) complete = false;
          expected = seq + 1;
          if (subject === this.#options.subject) entries.push({ position: `${epoch}-${seq}`, bytes: data });
        }
      }
      // They were trimmed meanwhile, all of them, or NATS did not give them in time.
      if (entries.length === 0 && expected <= last) complete = false;
      return { entries, complete };
    });
  }

  /** Reads messages that are there. */
  async #page(from: number, count: number): Promise<ConsumedMessage[]> {
    const consumer = await this.#consumerFrom(from);
    try {
      const found: ConsumedMessage[] = [];
      for await (const message of await consumer.fetch({ max_messages: count, expires: TIMEOUT / 2 }))
        found.push(message);
      return found;
    } finally {
      void consumer.delete().catch(() => {});
    }
  }

  /** Does something that `close` waits for, while NATS can be reached. */
  async #said<T>(say: () => Promise<T>): Promise<T> {
    if (!this.#isAvailable) throw new Error("NATS cannot be reached", { cause: this.#trouble });
    const saying = answered(say());
    this.#sayings.add(saying);
    try {
      return await saying;
    } finally {
      this.#sayings.delete(saying);
    }
  }
}

/** A text for an epoch: when the stream was made, and the newest mark in it. */
function epochOf(created: string, mark: Uint8Array | undefined): string {
  const made = created.replaceAll(/\D/g, "");
  return mark ? `${made}.${Buffer.from(mark).toString()}` : made;
}
