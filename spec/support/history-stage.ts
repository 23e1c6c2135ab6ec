import {
  type HistoryOptions,
  type MessagingEvents,
  type SimpleBrokerOptions,
  type StompMessagingOptions,
  simpleBroker,
} from "express-stomp";
import { startServer, type TestServer } from "./server.js";
import { type ReadFrame, StompSession } from "./stomp-session.js";

export const ROOMS: HistoryOptions = { destinations: ["/topic/room/**"], size: 100, ttl: 300_000 };
export const ROOM = "/topic/room/7";

/** A frame as one line: a marker by what it says, a message by its body, with an arrow if it was missed. */
export function told({ headers, body }: ReadFrame): string {
  const recovered = headers.get("recovered");
  if (recovered !== undefined) return `${recovered} ${headers.get("replayed")}`;
  return headers.get("replayed") === "true" ? `↩${body}` : body;
}

export const idOf = (frame: ReadFrame | undefined) => frame?.headers.get("message-id") ?? "";

/** A server with a history of rooms, its clients, and what it tells of them. */
export class HistoryStage {
  server!: TestServer;
  events: MessagingEvents["recovered"][] = [];
  readonly sessions: StompSession[] = [];

  readonly start = async (
    broker: SimpleBrokerOptions = {},
    options: Partial<StompMessagingOptions> = {},
  ): Promise<void> => {
    this.server = await startServer({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        queuePrefixes: ["/queue"],
        history: ROOMS,
        selectorHeaderName: "selector",
        ...broker,
      }),
      ...options,
    });
    this.events = [];
    this.server.messaging.on("recovered", (event) => void this.events.push(event));
  };

  readonly connect = async (version?: string): Promise<StompSession> => {
    const session = await StompSession.connect(this.server.port, version);
    this.sessions.push(session);
    return session;
  };

  readonly publish = (body: string, destination = ROOM) =>
    this.server.messaging.template.convertAndSend(destination, body);

  /** Subscribes and gives what has come when that was handled. */
  readonly subscribe = async (session: StompSession, since: string | undefined, headers = {}) => {
    session.send("SUBSCRIBE", { id: "1", destination: ROOM, ...(since && { since }), ...headers });
    return session.messages();
  };

  readonly heard = async (session: StompSession): Promise<string[]> => (await session.messages()).map(told);

  /** The position behind the messages so far. */
  readonly position = async (destination = ROOM) =>
    (await this.server.messaging.history(destination)).position;

  readonly close = async () => {
    for (const session of this.sessions.splice(0)) session.cut();
    await this.server.close();
  };
}
