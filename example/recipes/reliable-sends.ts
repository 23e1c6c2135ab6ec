// How does a client know that the server has handled its message, and how does it send again without doing it twice?
import type { Client } from "@stomp/stompjs";
import express from "express";
import {
  Controller,
  Header,
  MessageMapping,
  Payload,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

const REMEMBERED = 10_000;
@Controller()
class OrderController {
  /** The newest ids, oldest first. With several servers: a unique column in the database. */
  readonly #seen = new Set<string>();

  @MessageMapping("/orders")
  @SendTo("/topic/orders")
  order(@Payload() item: string, @Header("order-id") id: string) {
    if (this.#seen.has(id)) return undefined; // sent again, since the receipt was lost: the client gets another
    this.#seen.add(id);
    for (const oldest of this.#seen) if (this.#seen.size > REMEMBERED) this.#seen.delete(oldest);
    return { id, item };
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [OrderController],
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

/** The client: an order without a receipt is sent again at each connect. A receipt means handled, not only received. */
export function reliableSender(client: Client) {
  const waiting = new Map<string, () => void>();
  client.onConnect = () => {
    for (const send of waiting.values()) send();
  };

  return (item: string) =>
    new Promise<void>((resolve) => {
      const id = crypto.randomUUID();
      const send = () => {
        client.watchForReceipt(id, () => waiting.delete(id) && resolve());
        client.publish({ destination: "/app/orders", headers: { "order-id": id, receipt: id }, body: item });
      };
      waiting.set(id, send);
      if (client.connected) send();
    });
}
