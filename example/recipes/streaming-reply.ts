// How do I stream an answer piece by piece, such as the tokens of a language model, and stop when the reader leaves?
import { setTimeout } from "node:timers/promises";
import express from "express";
import {
  Controller,
  DestinationVariable,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

const TOKEN_MS = Number(process.env.TOKEN_MS ?? 100);

/** Stands for your model: anything that is an async iterable will do, and that heeds an AbortSignal. */
async function* tokens(question: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const token of `You asked: ${question}`.split(" ")) {
    yield await setTimeout(TOKEN_MS, token, { signal });
  }
}

@Controller()
class AnswerController {
  /**
   * Each element is a MESSAGE to the one who subscribed to /app/answers/<question>, given only while there is room in
   * the socket. UNSUBSCRIBE, or the end of the session, aborts the signal.
   */
  @SubscribeMapping("/answers/{question}")
  async *answer(@DestinationVariable("question") question: string, signal: AbortSignal) {
    signal.addEventListener("abort", () => console.log(`nobody reads the answer to: ${question}`));
    for await (const token of tokens(question, signal)) yield { token };
    yield { done: true };
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  controllers: [AnswerController],
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);
