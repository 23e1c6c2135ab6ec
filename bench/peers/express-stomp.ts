import { createServer, type Server } from "node:http";
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";

/** The whole product, its defaults kept: heart-beats and limits are on. */
export function expressStomp(): Server {
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  });
  app.use(messaging);
  const server = createServer(app);
  messaging.attach(server);
  return server;
}
