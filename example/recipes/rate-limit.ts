// How do I limit how many messages a user may send in a second, without closing the connection?
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";

@Controller()
class ChatController {
  @MessageMapping("/say")
  @SendTo("/topic/chat")
  say(@Payload() text: string) {
    return text;
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  rateLimits: [
    // Over all tabs of a user. Beyond, nobody handles the message, and /user/queue/errors says so once in a window;
    // "ignore" says nothing, "wait" handles it later, "end" closes the connection.
    { destinations: ["/app/say"], per: "user", limit: 5, window: 1_000, beyond: "refuse" },
  ],
  controllers: [ChatController],
});
messaging.on("limitExceeded", ({ limit, user, address }) => {
  console.log(`${user?.name ?? address} passes ${limit}`);
});
const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);
