import { Inlet } from "../driver/inlet.js";
import { answered } from "../driver/patience.js";
import { type Backplane, type BackplaneListener, ConfigurationError } from "../index.js";
import { watchConnection } from "./connection-watch.js";
import type { NatsConnection } from "./nats-connection.js";
import { isPublishRefused } from "./refusals.js";

/** Options of `nats`. */
export interface NatsOptions {
  /** The connection that `connect` gave; it stays the application's, which closes it. */
  readonly connection: NatsConnection;
  /** The subject, which is for these servers alone. Default: `express-stomp`. */
  readonly subject?: string;
}

/**
 * Makes a backplane of a subject of NATS. It remembers nothing: when the connection is lost, so is all that is published until
 * it is back, and that is told. Messages of one server are heard in the order in which it sent them; those of different
 * servers may be heard in different orders. `natsJetStream` has neither of these limits.
 *
 * @throws ConfigurationError when an option is not what it has to be
 * @example
 * ```ts
 * const connection = await connect({ servers: "localhost" });
 * const backplane = nats({ connection, subject: "chat" }); // for simpleBroker({ backplane })
 * ```
 */
export function nats({ connection, subject = "express-stomp" }: NatsOptions): Backplane {
  checkConnection(connection);
  checkName("subject", subject);
  return new NatsSubject(connection, subject);
}

/** @throws ConfigurationError when it is none */
export function checkConnection(connection: NatsConnection): void {
  if (typeof connection?.flush !== "function" || typeof connection.reconnect !== "function")
    throw new ConfigurationError(
      "connection is what connect() of @nats-io/transport-node gives, version 3 or newer",
    );
}

/** @throws ConfigurationError when it is a wildcard, or not a name at all */
export function checkName(option: string, name: string): void {
  if (typeof name !== "string" || !/^[^\s*>]+$/.test(name))
    throw new ConfigurationError(
      `${option} is a name without blanks and wildcards, not ${JSON.stringify(name)}`,
    );
}

class NatsSubject implements Backplane {
  readonly name: string;
  readonly #connection: NatsConnection;
  #inlet: Inlet | undefined;
  #listener: BackplaneListener | undefined;
  #isAvailable = false;
  /** Something may be missing before the next message. */
  #hasGap = false;
  #flushing: Promise<void> | undefined;
  #isClosed = false;
  /** NATS does not let us listen. */
  #isDenied = false;
  /** How often NATS has refused what was published, and why at last. */
  readonly #refused: { count: number; error?: Error } = { count: 0 };
  #stops: (() => void)[] = [];

  constructor(connection: NatsConnection, subject: string) {
    this.#connection = connection;
    this.name = subject;
  }

  get sizeLimit(): number {
    return this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  async subscribe(listener: BackplaneListener): Promise<void> {
    this.#listener = listener;
    this.#inlet = new Inlet(listener);
    let deny = (_error: Error) => {};
    const subscription = this.#connection.subscribe(this.name, {
      callback: (error, { data }) => {
        if (error) {
          // NATS has ended the subscription: its rights do not allow it, or do so no more.
          deny(error);
          return;
        }
        this.#tellLost();
        this.#inlet?.take(data);
      },
    });
    const back = new Promise<void>((resolve, reject) => {
      deny = (error) => {
        this.#isDenied = true;
        this.#setAvailable(false);
        reject(new Error(`NATS refuses: ${error.message}`, { cause: error }));
      };
      this.#stops = [
        () => subscription.unsubscribe(),
        watchConnection(this.#connection, {
          away: () => {
            this.#hasGap = true;
            this.#setAvailable(false);
            if (this.#connection.isClosed()) reject(new Error("The connection to NATS is closed"));
          },
          back: () => {
            this.#tellLost();
            this.#setAvailable(true);
            resolve();
          },
          refused: (error) => {
            if (!isPublishRefused(error, this.name)) return;
            this.#refused.count++;
            this.#refused.error = error;
          },
        }),
      ];
    });
    back.catch(() => {});
    // It may be away just now: then it listens when it is back.
    await Promise.race([this.#connection.flush().catch(() => back), back]);
    if (this.#isDenied) return back;
    if (this.#isClosed) throw new Error("The backplane was closed");
    this.#hasGap = false;
    this.#setAvailable(true);
  }

  async publish(bytes: Uint8Array): Promise<void> {
    if (!this.#isAvailable) throw new Error("NATS cannot be reached");
    this.#connection.publish(this.name, bytes);
    // All that is published in one turn is confirmed together.
    this.#flushing ??= this.#flush();
    await this.#flushing;
  }

  async close(): Promise<void> {
    if (this.#isAvailable) await answered(this.#connection.flush()).catch(() => {});
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#inlet?.close();
    this.#setAvailable(false);
  }

  async #flush(): Promise<void> {
    const before = this.#refused.count;
    await undefined;
    this.#flushing = undefined;
    await answered(this.#connection.flush());
    // A refusal comes before the answer, and is told a little later than that.
    await new Promise((resolve) => setImmediate(resolve));
    const { count, error } = this.#refused;
    if (count > before) throw new Error(`NATS refuses: ${error?.message}`, { cause: error });
  }

  #tellLost(): void {
    if (this.#hasGap) this.#inlet?.lost();
    this.#hasGap = false;
  }

  #setAvailable(wanted: boolean): void {
    const isAvailable = wanted && !this.#isDenied;
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    this.#listener?.availability(isAvailable);
  }
}
