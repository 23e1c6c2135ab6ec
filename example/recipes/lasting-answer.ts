// How does the answer of a language model survive that its page is loaded again, and how does a second tab read along?
import { setTimeout } from "node:timers/promises";
import type { Client, IMessage } from "@stomp/stompjs";
import express from "express";
import {
  Controller,
  Detached,
  MessageMapping,
  Payload,
  SendTo,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { resuming } from "express-stomp/client";

const TOKEN_MS = Number(process.env.TOKEN_MS ?? 100);

@Controller()
class AnswerController {
  /** It goes on without the session that asked, once for each id. `messaging.abort("answer 7")` ends it. */
  @MessageMapping("/answers/{id}")
  @SendTo("/topic/answers/{id}")
  @Detached({ key: "answer {id}", timeout: 120_000 })
  async *answer(@Payload() question: string, signal: AbortSignal) {
    const tokens = `You asked: ${question}`.split(" "); // your model: any async iterable that heeds a signal
    for (const token of tokens) yield await setTimeout(TOKEN_MS, token, { signal });
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({
    destinationPrefixes: ["/topic"],
    history: { destinations: ["/topic/answers/*"], size: 10_000, ttl: 600_000 },
    replayLimit: 10_000, // as many tokens as one answer may have
  }),
  controllers: [AnswerController],
});

const app = express();
app.use(messaging);
app.delete("/answers/:id", (req, res) =>
  res.sendStatus(messaging.abort(`answer ${req.params.id}`) ? 204 : 404),
);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);

/** The client: the page that asks, the same page loaded again, and a second tab are given every token once. */
export function readAnswer(client: Client, id: string, write: (token: string) => void): Promise<string> {
  return new Promise((resolve) => {
    const take = ({ headers, body }: IMessage) => {
      if (headers.stream === undefined) return write(body);
      answer.unsubscribe();
      resolve(headers.stream); // "end", or "error"
    };
    const answer = resuming(client).subscribe(`/topic/answers/${id}`, take, { since: "first" });
  });
}
