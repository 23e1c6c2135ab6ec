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
import { recordingLogger, settled } from "../support/recording.js";

/** What a session asks for; `/topic/*` and `/queue/*` are the only patterns. */
export interface Subscription {
  readonly session: string;
  readonly id: string;
  readonly destination: string;
  readonly ack: string;
  /** Infinite is none; `undefined` leaves it to the broker. */
  readonly prefetch: number | undefined;
  readonly color: string | undefined;
}

export type Content = Readonly<Record<"destination" | "color" | "body", string>>;

export const LIMITS = { unacknowledgedLimit: 3, backlogLimit: 3, deliveryAttempts: 3, prefetchCount: 2 };

/** The broker itself, spoken to as the model is. */
export class BrokerDriver {
  readonly log: string[] = [];
  readonly #ackIds: (string | undefined)[] = [];
  readonly #sessions = new Set<string>();
  /** What makes room for those whose socket has none. */
  readonly #crowded = new Map<string, { readonly room: Promise<void>; make(): void }>();
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
    const sessions = {
      end() {},
      room: (session: string) => this.#crowded.get(session)?.room,
      roomForLive: () => undefined,
      feed: (deliver: () => void) => void deliver(),
    };
    this.#broker = simpleBroker({
      ...LIMITS,
      queuePrefixes: ["/queue"],
      deadLetterDestination: "/queue/dead",
      retainLast: ["/topic/a"],
      selectorHeaderName: "selector",
    })({
      clientOutboundChannel,
      sessions,
      events,
      logger,
    });
  }

  subscribe(given: Subscription): void {
    const { session, id, destination, ack, prefetch, color } = given;
    const native = NativeHeaders.of({
      ack,
      "prefetch-count": prefetch === Number.POSITIVE_INFINITY ? 0 : prefetch,
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

  async crowd(session: string, isCrowded: boolean): Promise<void> {
    const crowded = this.#crowded.get(session);
    this.#crowded.delete(session);
    if (crowded) {
      crowded.make();
      await settled();
    }
    if (isCrowded) {
      let make = () => {};
      const room = new Promise<void>((resolve) => {
        make = resolve;
      });
      this.#crowded.set(session, { room, make });
    }
  }

  end(session: string): void {
    this.#connect(session);
    this.#broker.sessionEnded?.({ sessionId: session, handled: new Promise(() => {}), settles: true });
  }

  async disconnect(session: string): Promise<void> {
    this.#broker.sessionEnded?.({ sessionId: session, handled: undefined, settles: false });
    this.#handle("DISCONNECT", session);
    this.#sessions.delete(session);
    await this.crowd(session, false);
  }

  #handle(messageType: MessageHeaders["messageType"], sessionId: string, headers = {}, body = ""): void {
    this.#connect(sessionId);
    try {
      void this.#broker.handle(createMessage(Buffer.from(body), { messageType, sessionId, ...headers }));
    } catch (error) {
      expect(error).to.be.instanceOf(MessageDeliveryError);
      throw new Error("refused", { cause: error });
    }
  }

  #connect(sessionId: string): void {
    if (this.#sessions.has(sessionId)) return;
    this.#sessions.add(sessionId);
    void this.#broker.handle(createMessage(new Uint8Array(0), { messageType: "CONNECT", sessionId }));
  }
}
