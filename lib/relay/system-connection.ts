import type { BrokerSystem } from "../broker/broker.js";
import { isPromise } from "../channel/passage.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import { type Message, NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { Frame } from "../stomp/frame.js";
import type { HeartBeatClock } from "../stomp/heart-beat-clock.js";
import { BackOff } from "./back-off.js";
import { BrokerConnection } from "./broker-connection.js";
import { brokerMessage } from "./relay-frame.js";
import type { BrokerAddress, RelaySettings } from "./relay-settings.js";

export interface SystemConnectionOptions {
  readonly settings: RelaySettings;
  readonly login: string;
  readonly passcode: string;
  readonly clock: HeartBeatClock;
  readonly logger: Logger;
  /** It is there, or not any more. */
  changed(isAvailable: boolean): void;
}

interface Subscription {
  readonly destination: string;
  readonly take: (message: Message) => void | Promise<void>;
  readonly ended: ((error: Error) => void) | undefined;
  /** The first SUBSCRIBE was confirmed. */
  accepted: boolean;
  readonly accept: () => void;
  readonly refuse: (error: Error) => void;
}

/** A connection to the broker for many, the application's first of all: there again, for ever, when it was lost. */
export class SystemConnection implements BrokerSystem {
  readonly #options: SystemConnectionOptions;
  readonly #backOff: BackOff;
  readonly #subscriptions = new Map<string, Subscription>();
  #connection: BrokerConnection | undefined;
  /** Of the brokers, the one that is next, or connected to. */
  #turn = 0;
  #ids = 0;
  #started = false;
  #closed = false;
  #reported: string | undefined;
  #openedAt = 0;
  #resumed: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SystemConnectionOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.settings.reconnectInterval);
  }

  /** The broker that it is connected to. */
  get address(): BrokerAddress | undefined {
    return this.#connection?.isOpen ? this.#nextAddress : undefined;
  }

  /** Settles when what was subscribed to before the connection was lost is confirmed again, or given up. */
  get resumed(): Promise<unknown> {
    return this.#resumed;
  }

  start(): void {
    if (this.#started || this.#closed) return;
    this.#started = true;
    void this.#connect();
  }

  /** Sends a frame; settles when the broker has it. @throws MessageDeliveryError when it does not, or nobody knows */
  send(frame: Frame): Promise<void> {
    const connection = this.available;
    const { sendBufferSizeLimit, receiptTimeout } = this.#options.settings;
    if (connection.waiting + frame.body.length > sendBufferSizeLimit) {
      throw new MessageDeliveryError(`The broker reads too slowly: ${connection.waiting} bytes wait for it`);
    }
    return connection.request(frame, receiptTimeout).confirmed;
  }

  /**
   * @param ended hears when the broker has ended a subscription, or refuses it or does not
   *   confirm it after the connection was lost. Who gives it does not wait for a connection
   */
  async subscribe(
    destination: string,
    take: (message: Message) => void | Promise<void>,
    ended?: (error: Error) => void,
  ): Promise<() => Promise<void>> {
    if (this.#closed) throw this.#absence();

    const id = `${++this.#ids}`;
    await new Promise<void>((accept, refuse) => {
      const subscription = { destination, take, ended, accepted: false, accept, refuse };
      this.#subscriptions.set(id, subscription);
      if (this.#connection?.isOpen) void this.#subscribeTo(id, subscription);
    });
    return async () => {
      if (this.#subscriptions.delete(id)) await this.#unsubscribe(id);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { refuse } of this.#subscriptions.values()) refuse(this.#absence());
    this.#subscriptions.clear();
    if (this.#connection?.isOpen) {
      const left = this.#connection.disconnect();
      this.#options.changed(false);
      await left;
    } else {
      this.#connection?.destroy();
    }
  }

  get #nextAddress(): BrokerAddress {
    const { addresses } = this.#options.settings;
    return addresses[this.#turn % addresses.length] as BrokerAddress;
  }

  /** The connection as it is now. @throws BrokerNotAvailableError when there is none */
  get available(): BrokerConnection {
    if (this.#connection?.isOpen) return this.#connection;
    throw this.#absence();
  }

  #absence(): BrokerNotAvailableError {
    return new BrokerNotAvailableError(
      this.#closed
        ? "The connection to the broker was closed"
        : this.#started
          ? `The broker is not available: ${this.#reported ?? "it is being connected to"}`
          : "The connection to the broker was not started: call messaging.start()",
    );
  }

  async #connect(): Promise<void> {
    const { settings, login, passcode, clock, changed, logger } = this.#options;
    const { virtualHost } = settings;
    const address = this.#nextAddress;
    this.#connection = new BrokerConnection({
      address,
      settings,
      clock,
      versions: ["1.1", "1.2"],
      headers: NativeHeaders.of({ login, passcode, host: virtualHost }),
      message: (frame) => this.#take(frame),
      refused: (error, frame) => this.#refused(error, frame),
      ended: (error) => this.#ended(error),
    });
    try {
      await this.#connection.connect();
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    if (this.#closed) return;
    this.#openedAt = clock.now;
    if (this.#reported !== undefined)
      logger.warn(`The broker at ${address.host}:${address.port} is available again`);
    this.#reported = undefined;
    this.#resumed = Promise.all(
      [...this.#subscriptions].map(([id, subscription]) => this.#subscribeTo(id, subscription)),
    );
    changed(true);
  }

  #subscribeTo(id: string, subscription: Subscription): Promise<void> {
    const { destination, ended, accepted } = subscription;
    const connection = this.available;
    const frame = frameOf("SUBSCRIBE", { id, destination, ack: "auto" });
    // Only who knows that it is not confirmed yet may wait for a broker that says nothing.
    const within = ended || accepted ? this.#options.settings.receiptTimeout : undefined;
    return connection.request(frame, within).confirmed.then(
      () => {
        subscription.accepted = true;
        subscription.accept();
      },
      (error: Error) => this.#unsubscribed(id, error, connection),
    );
  }

  async #unsubscribe(id: string): Promise<void> {
    if (this.#connection?.isOpen) await this.send(frameOf("UNSUBSCRIBE", { id })).catch(() => {});
  }

  /** One that the broker never took would cost every connection to come; and who was heard must not become deaf. */
  #unsubscribed(id: string, error: Error, connection: BrokerConnection): void {
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;

    const { accepted, ended, destination } = subscription;
    const isRefused = (error as MessageDeliveryError).code === "BROKER_ERROR";
    // What was lost with the connection is subscribed to again.
    if (!isRefused && !connection.isOpen && (accepted || !ended)) return;
    if (accepted && !ended) {
      if (!isRefused) connection.fail(`did not confirm the subscription to ${printable(destination)} again`);
      return;
    }

    this.#subscriptions.delete(id);
    if (!isRefused) void this.#unsubscribe(id).catch(() => {});
    if (accepted) ended?.(isRefused ? error : this.#unconfirmed(destination, error));
    else subscription.refuse(error);
  }

  #unconfirmed(destination: string, cause: Error): Error {
    const text = `The broker has not confirmed the subscription to ${printable(destination)} again: subscribe anew`;
    this.#options.logger.error(text, cause);
    return new MessageDeliveryError(text, { cause, publicMessage: text });
  }

  #take(frame: Frame): void {
    const subscription = this.#subscriptions.get(frame.headers.get("subscription") ?? "");
    if (!subscription) return;

    const { destination, take } = subscription;
    const failed = (error: unknown) => {
      this.#options.logger.error(`A message of ${printable(destination)} was not taken`, error);
    };
    try {
      // What follows does not wait for an async function: it may await a receipt.
      const taken = take(brokerMessage(frame));
      if (isPromise(taken)) taken.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** A broker that leaves the connection open refused one frame. Was it a subscription, we must begin anew. */
  #refused(error: MessageDeliveryError, { headers }: Frame): boolean {
    this.#options.logger.error(`The broker refused a frame of ours: ${error.message}`);
    const id = headers.get("subscription") ?? "";
    const { ended } = this.#subscriptions.get(id) ?? {};
    if (ended) {
      this.#subscriptions.delete(id);
      ended(error);
      return true;
    }
    return (
      !headers.has("subscription") && [...this.#subscriptions.values()].every(({ accepted }) => accepted)
    );
  }

  #ended(error: Error): void {
    if (this.#closed) return;

    const { clock, settings, changed } = this.#options;
    this.#connection = undefined;
    // One that lives for a moment only is no better than one that fails.
    if (clock.now - this.#openedAt > settings.reconnectInterval) this.#backOff.reset();
    changed(false);
    this.#failed(error);
  }

  #failed(error: Error): void {
    if (this.#closed) return;

    const { logger, settings } = this.#options;
    if (this.#reported !== error.message) logger.warn(`${error.message}. Trying again`);
    this.#reported = error.message;
    this.#turn++;
    // The others are asked at once: all of them were tried before there is a pause.
    const pause = this.#turn % settings.addresses.length === 0 ? this.#backOff.next() : 0;
    this.#timer = setTimeout(() => void this.#connect(), pause);
  }
}

function frameOf(command: "SUBSCRIBE" | "UNSUBSCRIBE", headers: Readonly<Record<string, string>>): Frame {
  return { command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD };
}
