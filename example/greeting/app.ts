import "reflect-metadata";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import { trustProxy } from "../shared/trust-proxy.js";

@Controller()
class GreetingController {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greeting(@Payload() message: { name: string }) {
    return { content: `Hello, ${message.name}!` };
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/gs-guide-websocket" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [GreetingController],
});

export const app = express();
app.set("trust proxy", trustProxy(process.env.TRUST_PROXY));
const examples = join(import.meta.dirname, "../../../example");
app.get("/", (_req, res) => res.sendFile(join(examples, "greeting/index.html")));
app.use("/public", express.static(join(examples, "shared/public")));
app.use("/stompjs", express.static(dirname(fileURLToPath(import.meta.resolve("@stomp/stompjs")))));
app.use(messaging);
