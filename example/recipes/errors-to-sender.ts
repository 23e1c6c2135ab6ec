// How does the sender learn that a message failed? How do I handle exceptions of all controllers in one place?
import { randomUUID } from "node:crypto";
import express from "express";
import {
  Controller,
  ControllerAdvice,
  Message,
  MessageExceptionHandler,
  MessageMapping,
  Payload,
  SendToUser,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

class OutOfStock extends Error {}

@Controller()
class OrderController {
  @MessageMapping("/orders")
  order(@Payload() item: string) {
    if (item === "tea") throw new OutOfStock("There is no tea left");
    if (item === "coffee") throw new TypeError("cannot read properties of undefined");
    return item;
  }
}

/** For every controller. The closest class of the error wins; the sender reads it at /user/queue/errors. */
@ControllerAdvice()
@SendToUser("/queue/errors", { broadcast: false })
class ErrorAdvice {
  @MessageExceptionHandler(OutOfStock)
  refused(error: OutOfStock, @Message() { headers }: Message) {
    return { destination: headers.destination, problem: error.message };
  }

  /** Of a fault of ours the client reads nothing but a number, by which the log has the rest. */
  @MessageExceptionHandler()
  fault(error: Error, @Message() { headers }: Message) {
    const id = randomUUID();
    console.error(`fault ${id}:`, error.message);
    return { destination: headers.destination, problem: "Something went wrong on our side", id };
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [OrderController, ErrorAdvice],
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);
