import "reflect-metadata";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import { closeAtSignal } from "../shared/close-at-signal.js";
import { closeServer, listen } from "../shared/http-server.js";
import { trustProxy } from "../shared/trust-proxy.js";

@Controller()
class GreetingController {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greeting(@Payload() message: { name: string }) {
    return { content: `Hello, ${message.name}!` };
  }
}

const messaging = stompMessaging({
  endpoints: [{ path: "/gs-guide-websocket" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [GreetingController],
});

const app = express();
app.set("trust proxy", trustProxy(process.env.TRUST_PROXY));
const examples = join(import.meta.dirname, "../../../example");
app.get("/", (_req, res) => res.sendFile(join(examples, "greeting/index.html")));
app.use("/public", express.static(join(examples, "shared/public")));
app.use("/stompjs", express.static(dirname(fileURLToPath(import.meta.resolve("@stomp/stompjs")))));
app.use(messaging);

const server = createServer(app);
messaging.attach(server);
const port = await listen(server, Number(process.env.PORT ?? 8080), "localhost");
closeAtSignal(async () => {
  await messaging.close();
  await closeServer(server);
});
console.log(`Greetings at http://localhost:${port}`);
