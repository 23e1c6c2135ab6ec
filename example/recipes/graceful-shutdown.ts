// How do I shut down on SIGTERM (Kubernetes, PM2, docker stop) without losing what clients have sent?
import { setTimeout } from "node:timers/promises";
import express from "express";
import {
  Controller,
  MessageMapping,
  Payload,
  readiness,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

@Controller()
class OrderController {
  @MessageMapping("/orders")
  @SendTo("/topic/orders")
  async order(@Payload() item: string) {
    await setTimeout(500); // a database, perhaps
    return item;
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [OrderController],
});

const app = express();
/** For the load balancer's readiness probe: with 503 no new clients come here any more. */
app.get("/ready", readiness(messaging));
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

async function shutDown() {
  // Frames that have come are handled and get their receipts, for 10 s at most; then clients are closed with 1001,
  // "going away", and connect to another server. Kubernetes kills after 30 s: be done before.
  await messaging.close({ drainMs: 10_000 });
  server.close();
  server.closeAllConnections();
}
process.on("SIGTERM", () => void shutDown());
