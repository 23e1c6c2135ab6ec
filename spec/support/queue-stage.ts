import {
  type MessagingEvents,
  type SimpleBrokerOptions,
  type StompMessagingOptions,
  simpleBroker,
} from "express-stomp";
import { startServer, type TestServer } from "./server.js";
import { type ReadFrame, StompSession } from "./stomp-session.js";

/** A server with queues under `/queue`, and who consumes from them. */
export class QueueStage {
  readonly dropped: MessagingEvents["messageDropped"][] = [];
  readonly #sessions: StompSession[] = [];
  #server: TestServer | undefined;

  get server(): TestServer {
    return this.#server!;
  }

  readonly start = async (broker: SimpleBrokerOptions = {}, options: Partial<StompMessagingOptions> = {}) => {
    this.#server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"], ...broker }),
      ...options,
    });
    this.dropped.length = 0;
    this.server.messaging.on("messageDropped", (event) => void this.dropped.push(event));
  };

  /** Connects; with an ack mode it subscribes to `/queue/a`, too. */
  readonly consumer = async (ack?: string, headers: Record<string, string | number> = {}) => {
    const session = await StompSession.connect(this.server.port);
    this.#sessions.push(session);
    if (ack !== undefined) {
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/a", ack, receipt: "there", ...headers });
      await session.frame();
    }
    return session;
  };

  readonly publish = async (...bodies: string[]) => {
    for (const body of bodies) await this.server.messaging.template.convertAndSend("/queue/a", body);
  };

  readonly end = async (session: StompSession) => {
    const gone = new Promise((resolve) => this.server.messaging.on("disconnect", resolve));
    session.cut();
    await gone;
  };

  async close(): Promise<void> {
    for (const session of this.#sessions.splice(0)) session.cut();
    await this.server.close();
  }
}

export const ackOf = (frame: ReadFrame | undefined) => frame?.headers.get("ack") ?? "";
export const redelivered = (frame: ReadFrame | undefined) => frame?.headers.get("redelivered");
