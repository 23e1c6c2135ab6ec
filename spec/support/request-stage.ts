import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type ChannelInterceptor,
  ClientRequestError,
  type ClientRequestOptions,
  type StompMessagingOptions,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "./fake-time.js";
import { startServer, type TestServer } from "./server.js";
import { type ReadFrame, StompSession } from "./stomp-session.js";

/** Users are who they say. */
export const login: ChannelInterceptor = {
  preSend: (message) => {
    const name = message.headers.native.get("login");
    return name === undefined ? message : withHeaders(message, { user: { name } });
  },
};

/** A server that asks clients, and those who answer. */
export class RequestStage {
  server!: TestServer;
  time!: FakeTime;
  readonly clients: StompSession[] = [];

  readonly start = async (options: Partial<StompMessagingOptions> = {}): Promise<void> => {
    this.time = new FakeTime();
    this.server = await startServer({
      clock: this.time,
      clientInboundChannel: { interceptors: [login] },
      broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
      ...options,
    });
  };

  /** A session of a user that hears what it is asked. */
  readonly open = async (name = "rod", version = "1.2"): Promise<StompSession> => {
    const client = await StompSession.connect(this.server.port, version, { login: name });
    this.clients.push(client);
    client.send("SUBSCRIBE", { id: "q", destination: "/user/queue/confirm" });
    await client.messages();
    return client;
  };

  readonly ask = <A>(options: ClientRequestOptions<A> = {}, name = "rod") =>
    this.server.messaging.template.request<A>(name, "/queue/confirm", { text: "Sure?" }, options);

  readonly answer = (client: StompSession, { headers }: ReadFrame, body: string, more = {}): void => {
    const to = headers.get("reply-to") ?? "";
    const id = headers.get("correlation-id") ?? "";
    client.send(
      "SEND",
      { destination: to, "correlation-id": id, "content-type": "application/json", ...more },
      body,
    );
  };

  /** Waits until the server has read so many frames. */
  readonly received = async (frames: number): Promise<void> => {
    while (this.server.messaging.stats().framesReceived < frames) await nextTurn();
  };

  /** The reason for which a question has no answer. */
  readonly reason = async (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      (value) => ({ answered: value }),
      (error: unknown) => (error instanceof ClientRequestError ? error.reason : error),
    );

  readonly close = async (): Promise<void> => {
    for (const client of this.clients.splice(0)) client.cut();
    await this.server.close();
  };
}
