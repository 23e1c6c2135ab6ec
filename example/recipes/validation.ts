// How do I validate what clients send with zod, valibot or arktype, and tell the sender which field is wrong?
import express from "express";
import {
  Controller,
  MessageExceptionHandler,
  MessageMapping,
  MethodArgumentNotValidError,
  Payload,
  SendTo,
  SendToUser,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { z } from "zod";

const Order = z.object({
  item: z.string().trim().min(1),
  count: z.number().int().positive().max(99),
});

@Controller()
class OrderController {
  /** The method is not called with anything else than the schema gives; its types come from the schema too. */
  @MessageMapping("/orders")
  @SendTo("/topic/orders")
  order(@Payload(Order) { item, count }: z.infer<typeof Order>) {
    return `${count} × ${item}`;
  }

  /** To the one tab that sent: [{ path: ["count"], message: "Too small: expected number to be >0" }] */
  @MessageExceptionHandler(MethodArgumentNotValidError)
  @SendToUser("/queue/errors", { broadcast: false })
  invalid({ issues }: MethodArgumentNotValidError) {
    return issues;
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
