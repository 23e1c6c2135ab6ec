// A server on a Redis, in a process of its own, for the specs of several: it tells its parent the port, and ends with it.
// GET /say/<text> sends to all; GET /lost tells how often something was said to be lost.
import { simpleBroker } from "express-stomp";
import { redisPubSub, redisStreams } from "express-stomp/redis";
import { createClient } from "redis";
import { untilAvailable } from "./until-available.js";
import { withUsers } from "./users.js";

process.once("disconnect", () => process.exit());

const [url = "", kind = "stream"] = process.argv.slice(2);
const client = createClient({ url });
const backplane =
  kind === "stream"
    ? redisStreams({ client, stream: "servers" })
    : redisPubSub({ client, channel: "servers" });
const { server } = await withUsers({
  broker: simpleBroker({ destinationPrefixes: ["/topic"], backplane, secret: "a secret of the servers" }),
});
const { app, messaging } = server;
let lost = 0;
messaging.on("messagesLost", () => {
  lost++;
});
app.get("/say/:text", (request, response) => {
  messaging.template.convertAndSend("/topic/news", request.params.text).then(
    () => response.sendStatus(200),
    () => response.sendStatus(503),
  );
});
app.get("/lost", (_request, response) => {
  response.json(lost);
});

await untilAvailable(messaging);
process.send?.(server.port);
