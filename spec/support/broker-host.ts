import {
  type Broker,
  createMessage,
  type MessageHeaders,
  MessagingError,
  NativeHeaders,
  type SimpleBrokerOptions,
  simpleBroker,
} from "express-stomp";
import { EventPublisher } from "#lib/events.js";
import { recordingChannel, recordingLogger } from "./recording.js";

const NOTHING = new Uint8Array(0);

/** A simple broker by itself, and what it sends. Whoever is not named is alice. */
export class BrokerHost {
  broker!: Broker;
  outbound!: ReturnType<typeof recordingChannel>;
  logger!: ReturnType<typeof recordingLogger>;

  start(options?: SimpleBrokerOptions, destinationSeparator?: "/" | "."): void {
    this.outbound = recordingChannel();
    this.logger = recordingLogger();
    this.broker = simpleBroker(options)({
      clientOutboundChannel: this.outbound.channel,
      sessions: {
        end() {},
        room: () => undefined,
        roomForLive: () => undefined,
        feed: (deliver) => void deliver(),
      },
      events: new EventPublisher(this.logger),
      logger: this.logger,
      ...(destinationSeparator && { destinationSeparator }),
    });
  }

  handle(messageType: MessageHeaders["messageType"], headers: Partial<MessageHeaders> = {}) {
    return this.broker.handle(createMessage(NOTHING, { messageType, sessionId: "alice", ...headers }));
  }

  /** Connects a session and forgets the answer. */
  async connect(sessionId: string): Promise<void> {
    await this.handle("CONNECT", { sessionId });
    this.outbound.messages.length = 0;
  }

  subscribe(sessionId: string, subscriptionId: string, destination: string, native = {}): void {
    void this.handle("SUBSCRIBE", {
      sessionId,
      subscriptionId,
      destination,
      native: NativeHeaders.of(native),
    });
  }

  publish(destination: string, headers: Partial<MessageHeaders> = {}, payload = "hello"): void {
    void this.broker.handle(createMessage(Buffer.from(payload), { destination, ...headers }));
  }

  deliveries(): string[] {
    return this.outbound.messages.map(({ headers, payload }) => {
      return `${headers.sessionId} ${headers.subscriptionId} ${headers.destination} ${Buffer.from(payload)}`;
    });
  }

  /** What a client reads when the broker refuses. */
  refusal(act: () => unknown): string | undefined {
    try {
      act();
    } catch (error) {
      if (error instanceof MessagingError) return error.publicMessage;
      throw error;
    }
    throw new Error("nothing was refused");
  }
}
