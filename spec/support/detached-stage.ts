import {
  Authorize,
  type ChannelInterceptor,
  Controller,
  Detached,
  type Message,
  MessageHandlingError,
  MessageMapping,
  Payload,
  SendTo,
  type StompMessagingOptions,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "./fake-time.js";
import { startServer, type TestServer } from "./server.js";
import { type ReadFrame, StompSession } from "./stomp-session.js";

/** Answers token by token, each when the spec gives it. */
@Controller()
export class Answers {
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #waiting: ((token: string | Error | undefined) => void)[] = [];
  readonly #tokens: (string | Error | undefined)[] = [];

  /** The next token of any answer: an error fails it, and `undefined` ends it. */
  give(...tokens: (string | Error | undefined)[]): void {
    for (const token of tokens) {
      const waiting = this.#waiting.shift();
      if (waiting) waiting(token);
      else this.#tokens.push(token);
    }
  }

  #next(signal: AbortSignal): Promise<string | Error | undefined> {
    if (this.#tokens.length > 0) return Promise.resolve(this.#tokens.shift());
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      signal.addEventListener("abort", () => resolve(undefined));
    });
  }

  async *#answer(signal: AbortSignal) {
    for (;;) {
      const token = await this.#next(signal);
      if (token instanceof Error) throw token;
      if (token === undefined) return;
      yield token;
    }
  }

  @MessageMapping("/answers/{id}")
  @SendTo("/topic/answers/{id}")
  @Detached({ key: "answer {id}", timeout: 60_000 })
  answer(@Payload() question: string, signal: AbortSignal) {
    this.asked.push(question);
    this.signals.push(signal);
    if (question === "refused") throw new MessageHandlingError("no", { publicMessage: "Not this" });
    return this.#answer(signal);
  }

  #called = () => {};
  /** Lets the newest call of `late` return. */
  open = () => {};

  /** Settles when `late` is called. */
  call(): Promise<void> {
    return new Promise((resolve) => {
      this.#called = resolve;
    });
  }

  @MessageMapping("/late/{id}")
  @SendTo("/topic/answers/{id}")
  @Detached({ key: "late {id}" })
  async late(@Payload() question: string, signal: AbortSignal) {
    this.asked.push(question);
    await new Promise<void>((resolve) => {
      this.open = resolve;
      this.#called();
    });
    return this.#answer(signal);
  }

  @MessageMapping("/secrets/{id}")
  @SendTo("/topic/answers/{id}")
  @Authorize((user) => user?.name === "rod")
  @Detached({ key: "secret {id}" })
  secret(@Payload() question: string, signal: AbortSignal) {
    return this.answer(question, signal);
  }
}

/** Users are who they say. */
const login: ChannelInterceptor = {
  preSend: (message: Message) => {
    const name = message.headers.native.get("login");
    return name === undefined ? message : withHeaders(message, { user: { name } });
  },
};

/** A message as one line: its body, and how its stream ended. */
function told({ headers, body }: ReadFrame): string {
  const stream = headers.get("stream");
  return stream === undefined ? body : `${stream}: ${body}`.replace(/: $/, "");
}

/** A server with streams that outlive their sessions, and those who ask and listen. */
export class DetachedStage {
  server!: TestServer;
  answers!: Answers;
  time!: FakeTime;
  sessions: StompSession[] = [];

  readonly start = async (options: Partial<StompMessagingOptions> = {}) => {
    this.answers = new Answers();
    this.time = new FakeTime();
    this.sessions = [];
    this.server = await startServer({
      controllers: [this.answers],
      clock: this.time,
      clientInboundChannel: { interceptors: [login] },
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        heartbeatValue: [0, 0],
        history: { destinations: ["/topic/answers/*"], size: 100, ttl: 600_000 },
      }),
      ...options,
    });
  };

  readonly connect = async (user = "rod") => {
    const session = await StompSession.connect(this.server.port, "1.2", { login: user });
    this.sessions.push(session);
    return session;
  };

  readonly listening = async (id = "7", since?: string) => {
    const session = await this.connect("listener");
    const headers = { id: "s", destination: `/topic/answers/${id}`, ...(since && { since }) };
    session.send("SUBSCRIBE", headers);
    return session;
  };

  /** SENDs, and waits until that is handled. */
  readonly ask = async (session: StompSession, question: string, to = "/app/answers/7") => {
    session.send("SEND", { destination: to, receipt: "asked" }, question);
    return session.frame();
  };

  /** The next messages, as lines. */
  readonly lines = async (session: StompSession, count: number) => {
    const got: string[] = [];
    while (got.length < count) got.push(told(await session.frame()));
    return got;
  };

  readonly gone = () => new Promise((resolve) => this.server.messaging.on("disconnect", resolve));

  readonly close = async () => {
    for (const session of this.sessions) session.cut();
    const closed = this.server.close();
    this.time.pass(5_000);
    await closed;
  };
}
