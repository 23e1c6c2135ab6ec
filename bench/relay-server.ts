// A server behind the relay, in a process of its own: says its port when the broker is there.
import "reflect-metadata";
import { createServer } from "node:http";
import express from "express";
import { type StompBrokerRelayOptions, stompBrokerRelay, stompMessaging } from "express-stomp";
import { listen } from "./peers/listen.js";

process.once("disconnect", () => process.exit());

const options = JSON.parse(process.argv[2] as string) as StompBrokerRelayOptions;
const app = express();
const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: stompBrokerRelay(options),
});
app.use(messaging);
const server = createServer(app);
messaging.attach(server);
const { port } = await listen(server);
if (!messaging.isBrokerAvailable()) {
  await new Promise<void>((resolve) => {
    messaging.on("brokerAvailability", ({ isAvailable }) => {
      if (isAvailable) resolve();
    });
  });
}
process.send?.(port);
