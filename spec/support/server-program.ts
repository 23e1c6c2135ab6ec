import { type StompBrokerRelayOptions, stompBrokerRelay } from "express-stomp";
import { withUsers } from "./users.js";

// What `ServerProcess` runs: a server that tells its parent the port, and everybody who is connected. It ends with
// its parent, however that ends.
process.once("disconnect", () => process.exit());

const relay = JSON.parse(process.argv[2]!) as StompBrokerRelayOptions;
const { server } = await withUsers({ broker: stompBrokerRelay(relay), clientsMaySendToUsers: true });
const { messaging } = server;
server.app.get("/users", (_, response) => {
  response.json(messaging.userRegistry.getUsers().map(({ name }) => name));
});

if (!messaging.isBrokerAvailable()) {
  await new Promise<void>((resolve) => {
    messaging.on("brokerAvailability", ({ isAvailable }) => {
      if (isAvailable) resolve();
    });
  });
}
process.send?.(server.port);
