// How do I send a request over STOMP and await the answer to it, with a time-out, as with HTTP?
import type { Client } from "@stomp/stompjs";
import express from "express";
import {
  Controller,
  Header,
  MessageMapping,
  Payload,
  SendToUser,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

@Controller()
class PriceController {
  /** The answer goes to the one tab that asked; the id says which of its questions is answered. */
  @MessageMapping("/price")
  @SendToUser("/queue/replies", { broadcast: false })
  price(@Payload() ticker: string, @Header("correlation-id") id: string) {
    return { id, value: { ticker, price: 100 + ticker.length } };
  }

  @MessageMapping("/never")
  never() {
    return undefined;
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [PriceController],
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

/** The client, once it is connected: `const ask = requester(client); await ask("/app/price", "KRX")`. */
export function requester(client: Client, timeoutMs = 5_000) {
  const waiting = new Map<string, (value: unknown) => void>();
  client.subscribe("/user/queue/replies", ({ body }) => {
    const { id, value } = JSON.parse(body);
    waiting.get(id)?.(value);
  });

  return (destination: string, question: string): Promise<unknown> => {
    const id = crypto.randomUUID();
    const headers = { "correlation-id": id, "content-type": "text/plain" };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${destination} has not answered`)), timeoutMs);
      waiting.set(id, (value) => resolve(clearTimeout(timer) ?? value));
      client.publish({ destination, headers, body: question });
    }).finally(() => waiting.delete(id));
  };
}
