import { createServer } from "node:http";
import { closeAtSignal } from "../shared/close-at-signal.js";
import { closeServer, listen } from "../shared/http-server.js";
import { app, messaging } from "./app.js";

const server = createServer(app);
messaging.attach(server);
const port = await listen(server, Number(process.env.PORT ?? 8080), "localhost");
closeAtSignal(async () => {
  await messaging.close();
  await closeServer(server);
});
console.log(`Greetings at http://localhost:${port}`);
