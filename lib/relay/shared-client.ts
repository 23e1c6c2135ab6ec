import type { PrivateBroker } from "../broker/private-broker.js";
import { refusal } from "../broker/refusal.js";
import type { MessageHandler } from "../channel/channel.js";
import { BrokerNotAvailableError } from "../errors.js";
import { printable } from "../logger.js";
import type { Message } from "../message/message.js";
import type { ClientRelay } from "./client-relay.js";
import { isShareableSend, isShareableSubscribe } from "./shareable.js";
import type { SharedConnections } from "./shared-connections.js";

export interface SharedClientOptions {
  readonly sessionId: string;
  readonly shared: SharedConnections;
  readonly privates: PrivateBroker;
  readonly subscriptionLimit: number;
  /** Whether a destination is the broker's. */
  isOurs(destination: string): boolean;
  /** Makes what gives this client a connection of its own. */
  relay(): ClientRelay;
}

/**
 * One client of those who share connections to the broker. What cannot be
 * shared, acknowledgements, transactions, and headers that the broker acts on,
 * gets a connection of its own when it comes.
 */
export class SharedClient implements MessageHandler {
  readonly #options: SharedClientOptions;
  readonly #subscriptions = new Set<string>();
  #connect: Message | undefined;
  #own: Promise<ClientRelay> | undefined;
  #ownRelay: ClientRelay | undefined;
  #gone = false;

  constructor(options: SharedClientOptions) {
    this.#options = options;
  }

  hasSubscription(id: string): boolean {
    return this.#subscriptions.has(id) || this.#ownRelay?.hasSubscription(id) === true;
  }

  handle(message: Message): void | Promise<void> {
    switch (message.headers.messageType) {
      case "CONNECT":
        return this.#connected(message);
      case "SUBSCRIBE":
        return this.#subscribe(message);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(message);
      case "MESSAGE":
        return this.#isOurs(message) ? this.#send(message) : undefined;
      case "OTHER":
        return this.#other(message);
      case "CONNECT_ACK":
      case "DISCONNECT":
        return;
    }
  }

  async disconnect(): Promise<void> {
    this.#leave();
    await (await this.#own?.catch(() => undefined))?.disconnect();
  }

  destroy(): void {
    this.#leave();
    this.#ownRelay?.destroy();
  }

  #connected(message: Message): void | Promise<void> {
    const { shared, privates } = this.#options;
    if (!shared.isAvailable)
      throw new BrokerNotAvailableError("A client came while the broker was not available");
    this.#connect = message;
    return privates.handle(message);
  }

  async #subscribe(message: Message): Promise<void> {
    const { sessionId, shared, privates, subscriptionLimit } = this.#options;
    const { subscriptionId = "", destination = "", privateTo } = message.headers;
    if (privateTo === undefined && !this.#isOurs(message)) return;

    if (this.hasSubscription(subscriptionId) || privates.hasSubscription(sessionId, subscriptionId)) {
      throw refusal(`The subscription id ${printable(subscriptionId)} is in use`);
    }
    if (privateTo !== undefined) return privates.handle(message);
    if (!isShareableSubscribe(message)) return (await this.#ownConnection()).handle(message);

    if (this.#subscriptions.size >= subscriptionLimit) {
      throw refusal(`A session has at most ${subscriptionLimit} subscriptions`);
    }
    this.#subscriptions.add(subscriptionId);
    await shared.subscribe(destination, { sessionId, id: subscriptionId });
    // It left while the broker was asked.
    if (!this.#subscriptions.has(subscriptionId)) shared.unsubscribe({ sessionId, id: subscriptionId });
  }

  #unsubscribe(message: Message): void | Promise<void> {
    const { sessionId, shared, privates } = this.#options;
    const { subscriptionId = "" } = message.headers;
    if (this.#subscriptions.delete(subscriptionId)) {
      shared.unsubscribe({ sessionId, id: subscriptionId });
      return;
    }
    if (privates.hasSubscription(sessionId, subscriptionId)) return privates.handle(message);

    if (this.#own) return this.#own.then((own) => own.handle(message));
  }

  /** Once it has a connection of its own, all it sends goes there: so its order holds. */
  #send(message: Message): void | Promise<void> {
    if (this.#own || !isShareableSend(message))
      return this.#ownConnection().then((own) => own.handle(message));
    return this.#options.shared.send(message, this.#options.sessionId);
  }

  #other(message: Message): void | Promise<void> {
    const { stompCommand } = message.headers;
    const acknowledges = stompCommand === "ACK" || stompCommand === "NACK";
    return acknowledges && this.#options.privates.delivered(message.headers)
      ? this.#options.privates.handle(message)
      : this.#ownConnection().then((own) => own.handle(message));
  }

  #ownConnection(): Promise<ClientRelay> {
    this.#own ??= this.#openOwn();
    return this.#own;
  }

  async #openOwn(): Promise<ClientRelay> {
    const { shared, sessionId, relay } = this.#options;
    const connect = this.#connect;
    if (!connect) throw refusal("Only a connected session can use the broker");
    await shared.flush(sessionId);
    const own = relay();
    this.#ownRelay = own;
    await own.connect(connect);
    if (this.#gone) own.destroy();
    return own;
  }

  #leave(): void {
    this.#gone = true;
    for (const id of this.#subscriptions) {
      this.#options.shared.unsubscribe({ sessionId: this.#options.sessionId, id });
    }
    this.#subscriptions.clear();
  }

  #isOurs({ headers }: Message): boolean {
    return headers.destination !== undefined && this.#options.isOurs(headers.destination);
  }
}
