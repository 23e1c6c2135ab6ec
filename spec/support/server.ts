import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import express, { type Express } from "express";
import { type StompMessaging, type StompMessagingOptions, simpleBroker, stompMessaging } from "express-stomp";
import { CERTIFICATE, KEY } from "./certificate.js";
import { recordingLogger } from "./recording.js";

export interface TestServer {
  readonly app: Express;
  readonly server: Server;
  readonly messaging: StompMessaging;
  readonly port: number;
  readonly log: readonly string[];
  close(): Promise<void>;
}

/**
 * An Express application with the middleware on a free port: endpoint `/ws`
 * (SockJS too), prefix `/app`, broker on `/topic` and `/queue`, unless told otherwise.
 *
 * @param before what the application does before the middleware is mounted
 * @param secure over TLS: what loopback swallows at once by itself waits in the process then, as on a network
 */
export async function startServer(
  options: Partial<StompMessagingOptions> = {},
  before: (app: Express) => void = () => {},
  secure = false,
): Promise<TestServer> {
  const logger = recordingLogger();
  const app = express();
  before(app);

  const messaging = stompMessaging({
    endpoints: [{ path: "/ws", sockJS: true }],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"] }),
    logger,
    ...options,
  });
  app.use(messaging);

  const server = secure ? createSecureServer({ key: KEY, cert: CERTIFICATE }, app) : createServer(app);
  messaging.attach(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    app,
    server,
    messaging,
    port: (server.address() as AddressInfo).port,
    log: logger.lines,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await messaging.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
