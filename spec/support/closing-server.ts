// A process that serves until SIGTERM, closes, and does nothing to exit. Its output is read by a spec.
import "reflect-metadata";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, stompMessaging } from "express-stomp";

@Controller()
class Echo {
  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(@Payload() text: string) {
    return text;
  }
}

const app = express();
const messaging = stompMessaging({
  endpoints: [{ path: "/ws", sockJS: true }],
  applicationDestinationPrefixes: ["/app"],
  controllers: [Echo],
});
app.use(messaging);
const server = createServer(app);
messaging.attach(server);
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

process.once("SIGTERM", () => {
  server.close();
  void messaging.close().then(() => console.log("closed"));
});
