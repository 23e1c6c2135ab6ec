// How does a client know that the server has handled its message, and how does it send again without doing it twice?
import type { Client } from "@stomp/stompjs";
import express from "express";
import { Controller, MessageMapping, Payload, SendTo, simpleBroker, stompMessaging } from "express-stomp";
import { resuming } from "express-stomp/client";

@Controller()
class OrderController {
  @MessageMapping("/orders")
  @SendTo("/topic/orders")
  order(@Payload() item: string) {
    return { item };
  }
}

export const messaging = stompMessaging({
  // Your login stands here: a repeat over another session is known by its user's name.
  endpoints: [{ path: "/ws", user: (req) => ({ name: String(req.query.user ?? "rod") }) }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  clientInboundChannel: { deduplicate: true },
  controllers: [OrderController],
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

/** The client: an order is sent again after each reconnect until its receipt has come, which means handled, not only received. */
export function reliableSender(client: Client) {
  const live = resuming(client);
  return (item: string) => live.publish({ destination: "/app/orders", body: item }, { retry: true });
}
