import { BrokerNotAvailableError, refusal } from "../../errors.js";
import { namesEndNotice } from "../../message/end-notice.js";
import type { Message, Subscriber } from "../../message/message.js";
import type { BrokerAccess } from "../clients/broker-access.js";
import { isShareableSend, isShareableSubscribe } from "../clients/header-policy.js";
import type { OwnConnection } from "../clients/own-connection.js";
import type { SharedConnections } from "./shared-connections.js";

export interface SharedAccessOptions {
  readonly sessionId: string;
  readonly shared: SharedConnections;
  /** Makes a connection of the client's own, which is not open yet. */
  makeOwn(): OwnConnection;
}

/** One subscription of a client, which is known by this very object: its ids may be used again. */
interface SharedSubscriber extends Subscriber {
  gone: boolean;
}

/**
 * One client of those that share connections to the broker. It gets a
 * connection of its own as soon as it sends something that cannot be shared:
 * an acknowledgement, a frame of a transaction, a header that the broker acts on.
 */
export class SharedAccess implements BrokerAccess {
  readonly #options: SharedAccessOptions;
  readonly #subscriptions = new Map<string, SharedSubscriber>();
  #connect: Message | undefined;
  #opening: Promise<OwnConnection> | undefined;
  /** It may not be open yet. */
  #own: OwnConnection | undefined;
  #opened: OwnConnection | undefined;
  #gone = false;

  constructor(options: SharedAccessOptions) {
    this.#options = options;
  }

  connect(message: Message): void {
    if (!this.#options.shared.isAvailable)
      throw new BrokerNotAvailableError("A client came while the broker was not available");
    this.#connect = message;
  }

  async subscribe(message: Message, mayShare: boolean): Promise<void> {
    if (!mayShare || !isShareableSubscribe(message.headers)) return this.#subscribeAlone(message);

    const { sessionId, shared } = this.#options;
    const { subscriptionId: id = "", destination = "" } = message.headers;
    const subscriber = { sessionId, id, gone: false };
    this.#subscriptions.set(id, subscriber);
    // It may leave while the broker is asked, and be back with another one.
    const hasLeft = () => this.#subscriptions.get(id) !== subscriber;
    try {
      await shared.tryOut(destination);
    } catch (error) {
      // This client answers for what the broker refuses it.
      if (!hasLeft()) this.#subscriptions.delete(id);
      throw error;
    }
    if (hasLeft()) return;
    try {
      await shared.subscribe(destination, subscriber);
    } catch (error) {
      if (hasLeft()) return;
      this.#subscriptions.delete(id);
      if (shared.isAvailable) throw error;
      // The line may be lost over another client's frame; the broker's words about that are not for this one.
      throw new BrokerNotAvailableError("A shared connection to the broker was lost", { cause: error });
    }
    if (hasLeft()) shared.unsubscribe(subscriber);
  }

  unsubscribe(message: Message): void | Promise<void> {
    const { subscriptionId = "" } = message.headers;
    const subscriber = this.#subscriptions.get(subscriptionId);
    if (!subscriber) return this.#withOwn((own) => own.unsubscribe(message));

    this.#subscriptions.delete(subscriptionId);
    // A subscription that its client has ended still gets what was delivered before.
    subscriber.gone = namesEndNotice(message.headers);
    this.#options.shared.unsubscribe(subscriber);
  }

  /** Once it has a connection of its own, all it sends goes there: so its order holds. */
  send(message: Message, mayShare: boolean): void | Promise<void> {
    const { shared, sessionId } = this.#options;
    const isShareable =
      mayShare && isShareableSend(message.headers) && shared.mayShare(message.headers.destination ?? "");
    if (this.#opening || !isShareable) return this.#ownConnection().then((own) => own.send(message));
    return shared.send(message, sessionId);
  }

  other(message: Message): Promise<void> {
    return this.#ownConnection().then((own) => own.other(message));
  }

  leave(): void {
    this.#gone = true;
    // The session still gets what was delivered before its end.
    for (const subscriber of this.#subscriptions.values()) this.#options.shared.unsubscribe(subscriber);
    this.#subscriptions.clear();
    this.#own?.leave();
  }

  async disconnect(): Promise<void> {
    this.leave();
    await (await this.#opening?.catch(() => undefined))?.disconnect();
  }

  destroy(): void {
    this.leave();
    this.#own?.destroy();
  }

  async #subscribeAlone(message: Message): Promise<void> {
    await (await this.#ownConnection()).subscribe(message);
  }

  #ownConnection(): Promise<OwnConnection> {
    this.#opening ??= this.#openOwn();
    return this.#opening;
  }

  async #openOwn(): Promise<OwnConnection> {
    const { shared, sessionId, makeOwn } = this.#options;
    const connect = this.#connect;
    if (!connect) throw refusal("Only a connected session can use the broker");
    // A line that is lost keeps no order, and it was not lost over this client's frames alone.
    await shared.flush(sessionId).catch(() => {});
    const own = makeOwn();
    this.#own = own;
    await own.connect(connect);
    if (this.#gone) own.destroy();
    this.#opened = own;
    return own;
  }

  /** At once, if it is connected: what it is asked must not wait for a turn. */
  #withOwn(ask: (own: OwnConnection) => void | Promise<void>): void | Promise<void> {
    return this.#opened ? ask(this.#opened) : this.#opening?.then(ask);
  }
}
