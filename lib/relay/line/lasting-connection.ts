import type { TickingClock } from "../../clock/ticking-clock.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../../errors.js";
import type { Logger } from "../../logger.js";
import { NativeHeaders } from "../../message/native-headers.js";
import type { Frame } from "../../stomp/frame.js";
import type { BrokerAddress, RelaySettings } from "../relay-settings.js";
import { BackOff } from "./back-off.js";
import { BrokerConnection } from "./broker-connection.js";
import type { BrokerConnections } from "./broker-connections.js";
import { type LastingSubscription, LastingSubscriptions, type Listener } from "./lasting-subscriptions.js";

export interface LastingConnectionOptions {
  readonly settings: RelaySettings;
  readonly login: string;
  readonly passcode: string;
  readonly clock: TickingClock;
  readonly connections: BrokerConnections;
  readonly logger: Logger;
  /** It is there, or not any more. */
  changed(isAvailable: boolean): void;
}

/** A connection to the broker for many, the application's first of all: there again, for ever, when it was lost. */
export class LastingConnection {
  readonly #options: LastingConnectionOptions;
  readonly #backOff: BackOff;
  readonly #subscriptions: LastingSubscriptions;
  #connection: BrokerConnection | undefined;
  /** Of the brokers, the one that is next, or connected to. */
  #turn = 0;
  #started = false;
  #closed = false;
  #reported: string | undefined;
  #openedAt = 0;
  #stopTimer = () => {};

  constructor(options: LastingConnectionOptions) {
    this.#options = options;
    const { settings, logger } = options;
    this.#backOff = new BackOff(settings.reconnectInterval);
    this.#subscriptions = new LastingSubscriptions({ receiptTimeout: settings.receiptTimeout, logger });
  }

  /** The broker that it is connected to. */
  get address(): BrokerAddress | undefined {
    return this.#connection?.isOpen ? this.#nextAddress : undefined;
  }

  start(): void {
    if (this.#started || this.#closed) return;
    this.#started = true;
    void this.#connect();
  }

  /** Resolves when the broker has confirmed the subscription. */
  async listen(listener: Listener): Promise<LastingSubscription> {
    if (this.#closed) throw this.#absence();
    return this.#subscriptions.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    this.#subscriptions.close(this.#absence());
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
    const { settings, login, passcode, clock, connections, changed, logger } = this.#options;
    const { virtualHost } = settings;
    const address = this.#nextAddress;
    const connection = new BrokerConnection({
      address,
      settings,
      clock,
      connections,
      versions: ["1.1", "1.2"],
      headers: NativeHeaders.of({ login, passcode, host: virtualHost }),
      message: (frame) => this.#subscriptions.take(frame),
      refused: (error, frame) => this.#refused(error, frame),
      ended: (error) => this.#ended(error),
    });
    this.#connection = connection;
    try {
      await connection.connect();
    } catch (error) {
      this.#failed(error as Error);
      return;
    }
    // It may be over already; `ended` hears of that.
    if (this.#closed || !connection.isOpen) return;
    this.#openedAt = clock.now;
    if (this.#reported !== undefined)
      logger.warn(`The broker at ${address.host}:${address.port} is available again`);
    this.#reported = undefined;
    this.#subscriptions.resume(connection);
    changed(true);
  }

  /** A broker that leaves the connection open refused one frame. Was it a subscription, we must begin anew. */
  #refused(error: MessageDeliveryError, frame: Frame): boolean {
    this.#options.logger.error(`The broker refused a frame of ours: ${error.message}`);
    return this.#subscriptions.refused(error, frame);
  }

  #ended(error: Error): void {
    if (this.#closed) return;

    const { clock, settings, changed } = this.#options;
    this.#connection = undefined;
    // One that lives for a moment only is no better than one that fails.
    if (clock.now - this.#openedAt > settings.reconnectInterval) this.#backOff.reset();
    this.#subscriptions.lost();
    changed(false);
    this.#failed(error);
  }

  #failed(error: Error): void {
    if (this.#closed) return;

    const { clock, logger, settings } = this.#options;
    if (this.#reported !== error.message) logger.warn(`${error.message}. Trying again`);
    this.#reported = error.message;
    this.#turn++;
    // The others are asked at once: all of them were tried before there is a pause.
    const pause = this.#turn % settings.addresses.length === 0 ? this.#backOff.next() : 0;
    this.#stopTimer = clock.after(pause, () => void this.#connect(), true);
  }
}
