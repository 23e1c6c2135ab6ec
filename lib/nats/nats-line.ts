import { KeepAlive } from "../driver/keep-alive.js";
import { answered } from "../driver/patience.js";
import { type BackplaneListener, ConfigurationError } from "../index.js";
import { watchConnection } from "./connection-watch.js";
import type { ConsumedMessage, ConsumedMessages } from "./jet-stream.js";
import type { NatsConnection } from "./nats-connection.js";
import { refusalOf } from "./refusals.js";

export interface NatsLineOptions {
  readonly connection: NatsConnection;
  /** Finds out where to read on, and what was missed meanwhile. */
  prepare(listener: BackplaneListener): Promise<void>;
  /** Begins to read there. */
  consume(): Promise<ConsumedMessages>;
  take(message: ConsumedMessage, listener: BackplaneListener): void | Promise<void>;
}

/** The listening to one stream over a connection of the application's, begun anew whenever that was lost. */
export class NatsLine {
  readonly #options: NatsLineOptions;
  readonly #alive: KeepAlive;
  #listener: BackplaneListener | undefined;
  #isAvailable = false;
  /** Resolves when the connection is there: what is asked before is lost with the old one. */
  #connected: Promise<void> = Promise.resolve();
  /** Ends the present consumer. */
  #interrupt = () => {};
  #stopWatching = () => {};

  constructor(options: NatsLineOptions) {
    const { connection } = options;
    this.#options = options;
    this.#alive = new KeepAlive({
      live: (opened) => this.#live(opened),
      hopeless: (error) => {
        if (error instanceof ConfigurationError) return error;
        const refusal = refusalOf(error, connection.info?.jetstream);
        return refusal === undefined ? undefined : new Error(refusal, { cause: error });
      },
      ready: async () => {
        await this.#connected;
        return connection.isClosed() ? new Error("The connection to NATS is closed") : undefined;
      },
      interrupt: () => this.#interrupt(),
      ended: () => this.#stopWatching(),
    });
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  /** Resolves when it listens for the first time; rejects when that cannot be. */
  open(listener: BackplaneListener): Promise<void> {
    this.#listener = listener;
    this.#stopWatching = this.#watch();
    return this.#alive.open();
  }

  /** Does something that `close` waits for, while NATS can be reached. */
  async ask<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.#isAvailable) throw new Error("NATS cannot be reached", { cause: this.#alive.trouble });
    return this.#alive.answer(ask());
  }

  /** Begins anew, to look what has become of the stream. */
  renew(): void {
    this.#interrupt();
  }

  close(): Promise<void> {
    return this.#alive.close();
  }

  /** Hears when the connection goes and comes; gives what ends that. */
  #watch(): () => void {
    const { connection } = this.#options;
    let back = () => {};
    let isConnected = true;
    this.#alive.signal.addEventListener("abort", () => back());
    return watchConnection(connection, {
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
  }

  /** Listens until the connection is lost. */
  async #live(opened: () => void): Promise<void> {
    const { prepare, consume } = this.#options;
    const listener = this.#listener as BackplaneListener;
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
      await answered(prepare(listener));
      const consuming = consume();
      // It may begin when nobody wants it any more: it would ask NATS, by a timer that keeps the process alive.
      consuming.then((begun) => (isLive ? undefined : begun.close())).catch(() => {});
      messages = await answered(consuming);
      if (!isLive) return;
      this.#isAvailable = true;
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
      const taken = this.#options.take(message, listener);
      if (taken) await taken;
    }
  }
}
