import type { SubscriptionGaps } from "../../broker/broker-system.js";
import { MessageDeliveryError, refusal } from "../../errors.js";
import { type Logger, printable } from "../../logger.js";
import { type Message, NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import { isPromise } from "../../promise.js";
import type { Frame } from "../../stomp/frame.js";
import type { BrokerConnection } from "./broker-connection.js";
import { brokerMessage } from "./relay-frame.js";

export interface LastingSubscriptionsOptions {
  readonly receiptTimeout: number;
  readonly logger: Logger;
}

/** One that listens to a destination: the application, or the shared subscription of many clients. */
export interface Listener {
  readonly destination: string;
  readonly take: (message: Message) => void | Promise<void>;
  /**
   * Hears when the broker has ended the subscription, or refuses it or does not
   * confirm it after the connection was lost. A listener that gives it does not wait for a connection.
   */
  readonly ended: ((error: Error) => void) | undefined;
  /** Hears when messages are missed, and when they arrive again; says whether `take` is waited for. */
  readonly gaps?: SubscriptionGaps | undefined;
}

/** A listener's subscription. */
export interface LastingSubscription {
  /** Settles when the broker has confirmed it, since the connection was lost last, or it was given up. Never rejects. */
  readonly confirmed: Promise<void>;
  end(): Promise<void>;
}

interface Entry extends Listener {
  /** The first SUBSCRIBE was confirmed. */
  accepted: boolean;
  /** The newest SUBSCRIBE was, and its connection is there. */
  active: boolean;
  /** Of the newest SUBSCRIBE. */
  confirmed: Promise<void>;
  readonly accept: () => void;
  readonly refuse: (error: Error) => void;
}

/** Subscriptions of a connection that may be lost: they are made again over each that comes after it. */
export class LastingSubscriptions {
  readonly #options: LastingSubscriptionsOptions;
  readonly #byId = new Map<string, Entry>();
  #connection: BrokerConnection | undefined;
  #ids = 0;

  constructor(options: LastingSubscriptionsOptions) {
    this.#options = options;
  }

  /** Resolves when the broker has confirmed it. */
  add(listener: Listener): Promise<LastingSubscription> {
    const id = `${++this.#ids}`;
    return new Promise((resolve, refuse) => {
      const subscription: LastingSubscription = {
        get confirmed() {
          return entry.confirmed;
        },
        end: async () => {
          if (this.#byId.delete(id)) await this.#unsubscribe(id);
        },
      };
      const accept = () => resolve(subscription);
      const confirmed = Promise.resolve();
      const entry: Entry = { ...listener, accepted: false, active: false, confirmed, accept, refuse };
      this.#byId.set(id, entry);
      if (this.#connection?.isOpen) this.#subscribe(id, entry, this.#connection);
    });
  }

  /** Goes on over a connection that has just been opened. */
  resume(connection: BrokerConnection): void {
    this.#connection = connection;
    for (const [id, entry] of this.#byId) this.#subscribe(id, entry, connection);
  }

  /** The connection is lost: nothing comes until the next one. */
  lost(): void {
    for (const entry of this.#byId.values()) {
      if (!entry.active) continue;
      entry.active = false;
      this.#tell(entry, "lost");
    }
  }

  /** Forgets all of them; listeners that still wait for the broker hear why. */
  close(error: Error): void {
    for (const { refuse } of this.#byId.values()) refuse(error);
    this.#byId.clear();
  }

  /** Hands a MESSAGE to its listener; the next frames wait for the promise. Never throws or rejects. */
  take(frame: Frame): void | Promise<void> {
    const subscription = this.#byId.get(frame.headers.get("subscription") ?? "");
    if (!subscription) return;

    const { destination, take, gaps } = subscription;
    const failed = (error: unknown) => {
      this.#options.logger.error(`The listener of ${printable(destination)} failed`, error);
    };
    try {
      const taken = take(brokerMessage(frame));
      if (!isPromise(taken)) return;
      const settled = Promise.resolve(taken).catch(failed);
      // Not for an async function of the application's: it may await a receipt.
      if (gaps?.isWaitedFor === true) return settled;
    } catch (error) {
      failed(error);
    }
  }

  /** The broker sent ERROR. Returns whether all that listen still do: if not, the connection has to be made anew. */
  refused(error: MessageDeliveryError, { headers }: Frame): boolean {
    const id = headers.get("subscription");
    if (id !== undefined) return this.#endedByBroker(id, error);
    // It names its frame, and whoever waits for that is told: nobody else is concerned.
    return headers.has("receipt-id") || [...this.#byId.values()].every(({ accepted }) => accepted);
  }

  /** One without anybody who could be told has to be made again, by a connection anew. */
  #endedByBroker(id: string, error: MessageDeliveryError): boolean {
    const entry = this.#byId.get(id);
    // It was over already: our UNSUBSCRIBE and the ERROR have crossed.
    if (!entry) return true;
    if (!entry.ended) return false;
    this.#byId.delete(id);
    entry.ended(error);
    return true;
  }

  #subscribe(id: string, entry: Entry, connection: BrokerConnection): void {
    const { destination, ended, accepted } = entry;
    const frame = frameOf("SUBSCRIBE", { id, destination, ack: "auto" });
    // A listener that was never confirmed, and has nowhere to hear of it, waits for a broker that says nothing.
    const within = ended || accepted ? this.#options.receiptTimeout : undefined;
    entry.confirmed = connection.request(frame, within).confirmed.then(
      () => this.#confirmed(id, entry),
      (error: Error) => this.#unconfirmed(id, error, connection),
    );
  }

  #confirmed(id: string, entry: Entry): void {
    entry.active = true;
    // It may have been ended meanwhile.
    if (entry.accepted && this.#byId.has(id)) this.#tell(entry, "resumed");
    entry.accepted = true;
    entry.accept();
  }

  #tell({ destination, gaps }: Entry, what: "lost" | "resumed"): void {
    const failed = (error: unknown) => {
      this.#options.logger.error(`The listener for gaps at ${printable(destination)} failed`, error);
    };
    try {
      const told: unknown = gaps?.[what]?.();
      if (isPromise(told)) Promise.resolve(told).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  async #unsubscribe(id: string): Promise<void> {
    const { receiptTimeout } = this.#options;
    if (!this.#connection?.isOpen) return;
    await this.#connection.request(frameOf("UNSUBSCRIBE", { id }), receiptTimeout).confirmed.catch(() => {});
  }

  /** One that the broker never took would cost every connection to come; and one that was confirmed must not become deaf. */
  #unconfirmed(id: string, error: Error, connection: BrokerConnection): void {
    const entry = this.#byId.get(id);
    if (!entry) return;

    const { accepted, ended, destination } = entry;
    const isRefused = (error as MessageDeliveryError).code === "BROKER_ERROR";
    // A SUBSCRIBE that was lost with the connection is said again over the next.
    if (!isRefused && !connection.isOpen && (accepted || !ended)) return;
    if (accepted && !ended) {
      const what = isRefused ? "refused" : "did not confirm";
      connection.fail(`${what} the subscription to ${printable(destination)} again`);
      return;
    }

    this.#byId.delete(id);
    if (!isRefused) void this.#unsubscribe(id);
    if (accepted) ended?.(isRefused ? error : this.#lost(destination, error));
    else entry.refuse(error);
  }

  #lost(destination: string, cause: Error): Error {
    const text = `The broker has not confirmed the subscription to ${printable(destination)} again: subscribe anew`;
    this.#options.logger.error(text, cause);
    return refusal(text, { cause, retry: "now" });
  }
}

function frameOf(command: "SUBSCRIBE" | "UNSUBSCRIBE", headers: Readonly<Record<string, string>>): Frame {
  return { command, headers: NativeHeaders.of(headers), body: NO_PAYLOAD };
}
