import type { PrivateBroker } from "../../broker/private-broker.js";
import type { MessageHandler } from "../../channel/message-handler.js";
import { refusal } from "../../errors.js";
import { printable } from "../../logger.js";
import { type Message, withHeaders } from "../../message/message.js";
import type { SubscriptionView } from "../../observe/views.js";
import { ownText } from "../../own-text.js";
import { checkMessageSize } from "../line/message-size.js";
import type { RelayCounts } from "../relay-counts.js";
import type { RelaySettings } from "../relay-settings.js";
import type { BrokerAccess } from "./broker-access.js";
import { type JudgedCommand, judgeHeaders } from "./header-policy.js";

export interface RelayedSessionOptions {
  readonly sessionId: string;
  readonly access: BrokerAccess;
  /** Has the session's private subscriptions, and answers its CONNECT. */
  readonly privates: PrivateBroker;
  readonly settings: RelaySettings;
  readonly counts: RelayCounts;
  /** Whether a destination is the broker's. */
  isOurs(destination: string): boolean;
}

/** One client: its private subscriptions are served here, and its other frames go to the broker. */
export class RelayedSession implements MessageHandler {
  readonly #options: RelayedSessionOptions;
  /** All, private or the broker's, by their ids: what they hear, as those who run the server are told. */
  readonly #subscriptions = new Map<string, SubscriptionView>();
  #gone: Promise<void> | undefined;

  constructor(options: RelayedSessionOptions) {
    this.#options = options;
  }

  /** How many it has, private or the broker's. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  hasSubscription(id: string): boolean {
    return this.#subscriptions.has(id);
  }

  views(): Iterable<SubscriptionView> {
    return this.#subscriptions.values();
  }

  handle(message: Message): void | Promise<void> {
    switch (message.headers.messageType) {
      case "CONNECT":
        return this.#connect(message);
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

  leave(): void {
    this.#options.access.leave();
  }

  /** Is done when the broker has got what the client sent; it goes once, however often it is told to. */
  disconnect(): Promise<void> {
    this.#subscriptions.clear();
    this.#gone ??= this.#options.access.disconnect();
    return this.#gone;
  }

  destroy(): void {
    this.#options.access.destroy();
  }

  async #connect(message: Message): Promise<void> {
    const { access, privates } = this.#options;
    await access.connect(message);
    await privates.handle(message);
  }

  async #subscribe(message: Message): Promise<void> {
    const { access, privates, settings } = this.#options;
    const { subscriptionLimit } = settings;
    const { subscriptionId = "", privateTo } = message.headers;
    if (privateTo === undefined && !this.#isOurs(message)) return;

    if (this.hasSubscription(subscriptionId)) {
      throw refusal(`The subscription id ${printable(subscriptionId)} is in use`);
    }
    if (this.#subscriptions.size >= subscriptionLimit) {
      throw refusal(`A session has at most ${subscriptionLimit} subscriptions`);
    }
    const judged = privateTo === undefined ? this.#judge("SUBSCRIBE", message) : undefined;
    this.#subscriptions.set(subscriptionId, viewOf(message));
    await (judged ? access.subscribe(judged.message, judged.mayShare) : privates.handle(message));
  }

  #send(message: Message): void | Promise<void> {
    const judged = this.#judge("SEND", message);
    checkMessageSize(judged.message, this.#options.settings);
    this.#options.counts.publications++;
    return this.#options.access.send(judged.message, judged.mayShare);
  }

  #unsubscribe(message: Message): void | Promise<void> {
    const { access, privates, sessionId } = this.#options;
    const { subscriptionId = "" } = message.headers;
    this.#subscriptions.delete(subscriptionId);
    return privates.hasSubscription(sessionId, subscriptionId)
      ? privates.handle(message)
      : access.unsubscribe(this.#judge("UNSUBSCRIBE", message).message);
  }

  #other(message: Message): void | Promise<void> {
    const { access, privates, counts } = this.#options;
    const { stompCommand } = message.headers;
    const acknowledges = stompCommand === "ACK" || stompCommand === "NACK";
    if (acknowledges && privates.delivered(message.headers)) return privates.handle(message);

    const judged = this.#judge("OTHER", message).message;
    counts.settled(stompCommand);
    return access.other(judged);
  }

  /** Takes off a frame's headers that are not for the broker. @throws MessageDeliveryError that names a header which no client may say */
  #judge(
    command: JudgedCommand,
    message: Message,
  ): { readonly message: Message; readonly mayShare: boolean } {
    const given = message.headers.native;
    const { native, areShareable } = judgeHeaders(command, given, this.#options.settings.passQueueHeaders);
    return {
      message: native === given ? message : withHeaders(message, { native }),
      mayShare: areShareable,
    };
  }

  #isOurs({ headers }: Message): boolean {
    return headers.destination !== undefined && this.#options.isOurs(headers.destination);
  }
}

/** A subscription as its SUBSCRIBE says. */
function viewOf({ headers }: Message): SubscriptionView {
  const { sessionId = "", subscriptionId = "", destination = "", privateTo, native } = headers;
  const ack = native.get("ack");
  const selector = native.get("selector");
  return {
    sessionId,
    id: ownText(subscriptionId),
    destination: ownText(destination),
    isPrivate: privateTo !== undefined,
    ack: ack === "client" || ack === "client-individual" ? ack : "auto",
    selector: selector && ownText(selector),
    unacknowledged: undefined,
  };
}
