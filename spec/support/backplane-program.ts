// A server on a Redis, in a process of its own, for the specs of several: it tells its parent the port, and ends with it.
// GET /say/<text> sends to all, /long/<text> the same in 1 MiB; GET /lost tells how often something was said to be lost,
// and /log what was logged.

import type { Response } from "express";
import { simpleBroker } from "express-stomp";
import { redisPubSub, redisStreams } from "express-stomp/redis";
import { createClient } from "redis";
import { untilAvailable } from "./until-available.js";
import { withUsers } from "./users.js";

process.once("disconnect", () => process.exit());

const [url = "", kind = "stream", name = "servers", secret = "a secret of the servers"] =
  process.argv.slice(2);
const client = createClient({ url });
const backplane =
  kind === "stream"
    ? redisStreams({ client, stream: name, maxLength: 100 })
    : redisPubSub({ client, channel: name });
const { server } = await withUsers({
  broker: simpleBroker({ destinationPrefixes: ["/topic"], backplane, secret }),
});
const { app, messaging } = server;
let lost = 0;
messaging.on("messagesLost", () => {
  lost++;
});
function say(text: string, response: Response): void {
  messaging.template.convertAndSend("/topic/news", text).then(
    () => response.sendStatus(200),
    () => response.sendStatus(503),
  );
}
app.get("/say/:text", (request, response) => say(request.params.text, response));
app.get("/long/:text", (request, response) => say(request.params.text.padEnd(1024 * 1024, "."), response));
app.get("/lost", (_request, response) => {
  response.json(lost);
});
app.get("/log", (_request, response) => {
  response.json(server.log);
});

await untilAvailable(messaging);
process.send?.(server.port);
