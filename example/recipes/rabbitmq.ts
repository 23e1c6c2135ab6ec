// How do I run several servers behind a load balancer, with RabbitMQ as the broker (a STOMP broker relay)?
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, stompBrokerRelay, stompMessaging } from "express-stomp";

const {
  RABBITMQ_HOST = "127.0.0.1",
  RABBITMQ_PORT = "61613",
  RABBITMQ_LOGIN = "guest",
  RABBITMQ_PASSCODE = "guest",
} = process.env;

@Controller()
class ChatController {
  @MessageMapping("/say")
  @SendTo("/topic/chat")
  say(@Payload() text: string) {
    return text;
  }
}

/** The same as with the simple broker, but for this option. RabbitMQ needs `rabbitmq-plugins enable rabbitmq_stomp`. */
export const messaging = stompMessaging({
  endpoints: [{ path: "/ws", user: ({ query }) => ({ name: String(query.user) }) }],
  applicationDestinationPrefixes: ["/app"],
  broker: stompBrokerRelay({
    destinationPrefixes: ["/topic", "/queue"],
    relayHost: RABBITMQ_HOST,
    relayPort: Number(RABBITMQ_PORT),
    clientLogin: RABBITMQ_LOGIN,
    clientPasscode: RABBITMQ_PASSCODE,
    systemLogin: RABBITMQ_LOGIN,
    systemPasscode: RABBITMQ_PASSCODE,
    // A message for a user reaches them on whatever server they are, and the registry knows the users of all servers.
    userDestinationBroadcast: "/topic/servers.users",
    userRegistryBroadcast: "/topic/servers.registry",
    // With this the servers seal what they say to each other: the same text on all of them, and nowhere else.
    secret: process.env.SERVERS_SECRET ?? "for the recipe only",
  }),
  controllers: [ChatController],
});
messaging.on("brokerAvailability", ({ isAvailable }) => {
  console.log(isAvailable ? "The broker can be reached" : "The broker is away: clients get ERROR meanwhile");
});

const app = express();
app.get("/ready", (_req, res) => res.sendStatus(messaging.isBrokerAvailable() ? 200 : 503));
app.post("/notify/:name", express.text(), async (req, res) => {
  await messaging.template.convertAndSendToUser(req.params.name, "/queue/notes", req.body);
  res.sendStatus(202); // RabbitMQ has confirmed it
});
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);
