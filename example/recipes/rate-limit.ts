// How do I limit how many messages a user may send in a second, without closing the connection?
import express from "express";
import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  Payload,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

const [LIMIT, WINDOW_MS] = [5, 1_000];

@Controller()
class ChatController {
  @MessageMapping("/say")
  @SendTo("/topic/chat")
  say(@Payload() text: string) {
    return text;
  }
}

/** So many SENDs in a window for each user, over all their tabs; what is beyond is dropped, and the sender told. */
class RateLimit implements ChannelInterceptor {
  readonly #counts = new Map<string, number>();

  constructor() {
    setInterval(() => this.#counts.clear(), WINDOW_MS).unref();
  }

  async preSend(message: Message) {
    const { messageType, user, sessionId = "", destination } = message.headers;
    if (messageType !== "MESSAGE") return message;

    const name = user?.name ?? sessionId;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    if (count <= LIMIT) return message;

    const problem = { destination, problem: `No more than ${LIMIT} messages a second` };
    await messaging.template.convertAndSendToUser(name, "/queue/errors", problem, { sessionId });
    return null; // `throw new AccessDeniedError("…")` would end the session, with ERROR
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  clientInboundChannel: { interceptors: [new RateLimit()] },
  controllers: [ChatController],
});
const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);
