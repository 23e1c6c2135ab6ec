import "reflect-metadata";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
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

const messaging = stompMessaging({
  endpoints: [{ path: "/gs-guide-websocket" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [GreetingController],
});

const app = express();
app.set("trust proxy", trustProxy(process.env.TRUST_PROXY));
const page = fileURLToPath(new URL("../../../example/greeting/index.html", import.meta.url));
app.get("/", (_req, res) => res.sendFile(page));
app.use("/stompjs", express.static(dirname(fileURLToPath(import.meta.resolve("@stomp/stompjs")))));
app.use(messaging);

const server = app.listen(Number(process.env.PORT ?? 8080), "localhost", (error) => {
  if (error) throw error;
  console.log(`Greetings at http://localhost:${(server.address() as AddressInfo).port}`);
});
messaging.attach(server);
