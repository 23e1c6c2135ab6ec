import { KeepAlive } from "../driver/keep-alive.js";
import { answered, SilenceError } from "../driver/patience.js";
import type { BackplaneListener } from "../index.js";
import type { RedisConnection } from "./redis-connection.js";

/** The two connections that a server has: reading waits, and so needs one of its own. */
export interface Pair {
  readonly reader: RedisConnection;
  readonly writer: RedisConnection;
  /** Is aborted when they are lost. */
  readonly signal: AbortSignal;
}

export interface RedisLineOptions {
  connect(): RedisConnection;
  /** Makes new connections ready to be used, and finds out what was missed meanwhile. */
  prepare(pair: Pair, listener: BackplaneListener): Promise<void>;
  /** Reads until something fails, or until it has lost its connections. */
  read(pair: Pair, listener: BackplaneListener): Promise<void>;
}

/** Errors that waiting does not mend. */
const FOR_GOOD = /\b(WRONGPASS|NOAUTH|NOPERM|WRONGTYPE)\b|Invalid stream ID/;
/** Answers of a server that others have taken the place of, or that is not ready. */
const AWAY = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|MOVED)\b/;

/** The connections to Redis of one server, opened anew whenever they are lost or do not answer. */
export class RedisLine {
  readonly #options: RedisLineOptions;
  readonly #alive: KeepAlive;
  #listener: BackplaneListener | undefined;
  #writer: RedisConnection | undefined;
  #fail: (error: Error) => void = () => {};

  constructor(options: RedisLineOptions) {
    this.#options = options;
    this.#alive = new KeepAlive({
      live: (opened) => this.#live(opened),
      hopeless: (error) => (FOR_GOOD.test(textOf(error)) ? explained(error) : undefined),
      interrupt: (error) => this.#fail(error),
    });
  }

  get isAvailable(): boolean {
    return this.#writer !== undefined;
  }

  /** Resolves when it is available for the first time; rejects when that cannot be. */
  open(listener: BackplaneListener): Promise<void> {
    this.#listener = listener;
    return this.#alive.open();
  }

  /** Lets something be written. Rejects when Redis is away, or does not answer. */
  async write<T>(write: (writer: RedisConnection) => Promise<T>): Promise<T> {
    if (!this.#writer) throw new Error("Redis cannot be reached", { cause: this.#alive.trouble });
    try {
      return await this.#alive.answer(write(this.#writer));
    } catch (error) {
      if (error instanceof SilenceError || AWAY.test(textOf(error))) this.#fail(error as Error);
      throw error;
    }
  }

  /** Opens the connections anew, to look what has become of the store. */
  renew(error: Error): void {
    this.#fail(error);
  }

  /** Ends the connections when what was written has been answered. */
  close(): Promise<void> {
    return this.#alive.close();
  }

  /** Opens a pair, and reads until it fails. */
  async #live(opened: () => void): Promise<void> {
    const { connect, prepare, read } = this.#options;
    const listener = this.#listener as BackplaneListener;
    const over = new AbortController();
    const pair = { reader: connect(), writer: connect(), signal: over.signal };
    let reading: Promise<void> | undefined;
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    failed.catch(() => {});
    try {
      for (const connection of [pair.reader, pair.writer]) {
        await Promise.race([answered(connection.open()), failed]);
        connection.onLost(this.#fail);
      }
      await Promise.race([answered(prepare(pair, listener)), failed]);
      this.#writer = pair.writer;
      listener.availability(true);
      opened();
      reading = read(pair, listener);
      await Promise.race([reading, failed]);
    } finally {
      over.abort();
      const was = this.#writer;
      this.#writer = undefined;
      pair.reader.destroy();
      pair.writer.destroy();
      if (was) listener.availability(false);
      // An entry may be on its way to the listener still: the next are read when it has been taken.
      await reading?.catch(() => {});
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function explained(error: unknown): Error {
  const text = textOf(error);
  const what = /Invalid stream ID/.test(text)
    ? "redisStreams needs Redis 7.0, Valkey, or newer"
    : /WRONGTYPE/.test(text)
      ? "There is something else at the key of the stream"
      : "Redis refuses";
  return new Error(`${what}: ${text}`, { cause: error });
}
