import { expect } from "chai";
import {
  createMessage,
  MessageDeliveryError,
  type MessageHeaders,
  NativeHeaders,
  SubscribableChannel,
  simpleBroker,
} from "express-stomp";
import { EventPublisher } from "#lib/events.js";
import { Delivery } from "#lib/message/delivery.js";
import { recordingLogger } from "../support/recording.js";

/** What a session asks for; `/topic/*` and `/queue/*` are the only patterns. */
export interface Subscription {
  readonly session: string;
  readonly id: string;
  readonly destination: string;
  readonly ack: string;
  readonly prefetch: number;
  readonly color: string | undefined;
}

export type Content = Readonly<Record<"destination" | "color" | "body", string>>;

export const LIMITS = { unacknowledgedLimit: 3, backlogLimit: 2, deliveryAttempts: 3 };

/** The broker itself, spoken to as the model is. */
export class BrokerDriver {
  readonly log: string[] = [];
  readonly #ackIds: (string | undefined)[] = [];
  readonly #sessions = new Set<string>();
  readonly #broker;

  constructor() {
    const logger = recordingLogger();
    const clientOutboundChannel = new SubscribableChannel("clientOutboundChannel", { logger });
    clientOutboundChannel.subscribe({
      handle: (message) => {
        if (!(message instanceof Delivery)) return;
        const { headers, payload } = message;
        const again = headers.native.has("redelivered") ? " again" : "";
        this.log.push(
          `${message.sessionId} ${message.subscriptionId} ${headers.destination} ${Buffer.from(payload)}${again}`,
        );
        this.#ackIds.push(message.ackId);
      },
    });
    const events = new EventPublisher(logger);
    events.on("messageDropped", ({ destination, reason, sessionId }) => {
      this.log.push(`dropped ${destination} ${reason}${sessionId === undefined ? "" : ` ${sessionId}`}`);
    });
    this.#broker = simpleBroker({
      ...LIMITS,
      queuePrefixes: ["/queue"],
      deadLetterDestination: "/queue/dead",
      retainLast: ["/topic/a"],
      selectorHeaderName: "selector",
    })({
      clientOutboundChannel,
      sessions: { end() {}, room: () => undefined, roomForLive: () => undefined },
      events,
      logger,
    });
  }

  subscribe(given: Subscription): void {
    const { session, id, destination, ack, prefetch, color } = given;
    const native = NativeHeaders.of({
      ack,
      "prefetch-count": prefetch === Number.POSITIVE_INFINITY ? undefined : prefetch,
      selector: color && `color = '${color}'`,
    });
    this.#handle("SUBSCRIBE", session, { subscriptionId: id, destination, native });
  }

  unsubscribe(session: string, id: string): void {
    this.#handle("UNSUBSCRIBE", session, { subscriptionId: id });
  }

  send(session: string, { destination, color, body }: Content, transaction?: string): void {
    const native = NativeHeaders.of({ color, transaction });
    this.#handle("MESSAGE", session, { destination, native }, body);
  }

  settle(session: string, delivery: number, acknowledged: boolean, transaction?: string): void {
    this.#handle("OTHER", session, {
      stompCommand: acknowledged ? "ACK" : "NACK",
      ackId: this.#ackIds[delivery] ?? "none",
      native: NativeHeaders.of({ transaction }),
    });
  }

  transact(session: string, stompCommand: string, transaction: string): void {
    this.#handle("OTHER", session, { stompCommand, native: NativeHeaders.of({ transaction }) });
  }

  disconnect(session: string): void {
    this.#handle("DISCONNECT", session);
    this.#sessions.delete(session);
  }

  #handle(messageType: MessageHeaders["messageType"], sessionId: string, headers = {}, body = ""): void {
    if (!this.#sessions.has(sessionId)) {
      this.#sessions.add(sessionId);
      void this.#broker.handle(createMessage(new Uint8Array(0), { messageType: "CONNECT", sessionId }));
    }
    try {
      void this.#broker.handle(createMessage(Buffer.from(body), { messageType, sessionId, ...headers }));
    } catch (error) {
      expect(error).to.be.instanceOf(MessageDeliveryError);
      throw new Error("refused", { cause: error });
    }
  }
}
