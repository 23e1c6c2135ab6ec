import type { StompMessagingOptions } from "express-stomp";
import { CERTIFICATE } from "./certificate.js";
import { RawClient } from "./raw-client.js";
import { startServer, type TestServer } from "./server.js";

/** A server that believes everybody's name, and people on it. */
export interface Users {
  readonly server: TestServer;
  /** Connects a person, or a stranger. */
  connect(name?: string): Promise<RawClient & { readonly sessionId: string }>;
  close(): Promise<void>;
}

/** @param secure over TLS */
export async function withUsers(
  options: Partial<StompMessagingOptions> = {},
  secure = false,
): Promise<Users> {
  const believing: Partial<StompMessagingOptions> = {
    endpoints: [
      {
        path: "/ws",
        user: (req) => {
          const name = req.get("x-user");
          return name === undefined ? undefined : { name: decodeURIComponent(name) };
        },
      },
    ],
    ...options,
  };
  const server = await startServer(believing, undefined, secure);
  const clients: RawClient[] = [];

  return {
    server,
    async connect(name) {
      let sessionId = "";
      const stop = server.messaging.on("connected", (event) => {
        sessionId = event.sessionId;
      });
      const headers = name === undefined ? {} : { "x-user": encodeURIComponent(name) };
      const client = await RawClient.connect(server.port, "", "/ws", {
        headers,
        ...(secure && { ca: CERTIFICATE }),
      });
      clients.push(client);
      await client.synchronize();
      stop();
      return Object.assign(client, { sessionId });
    },
    async close() {
      for (const client of clients) client.cut();
      await server.close();
    },
  };
}

/** Subscribes a person to something. */
export function subscribe(client: RawClient, id: string, destination: string): void {
  client.send(`SUBSCRIBE\nid:${id}\ndestination:${destination}\n\n^@`);
}

/** What a client heard: subscription, destination and body of each MESSAGE. */
export async function heard(client: RawClient): Promise<string[]> {
  return (await client.synchronize()).map((event) => {
    const frame = String(event);
    const header = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(frame)?.[1];
    return `${header("subscription")} ${header("destination")} ${/\n\n(.*)\^@$/s.exec(frame)?.[1]}`;
  });
}
