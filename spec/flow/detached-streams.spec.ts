import { expect } from "chai";
import {
  Authorize,
  type ChannelInterceptor,
  ConfigurationError,
  Controller,
  Detached,
  type Message,
  MessageHandlingError,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { startServer, type TestServer } from "../support/server.js";
import { type ReadFrame, StompSession } from "../support/stomp-session.js";

/** Answers token by token, each when the spec gives it. */
@Controller()
class Answers {
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

describe("A stream with @Detached", () => {
  let server: TestServer;
  let answers: Answers;
  let time: FakeTime;
  let sessions: StompSession[];

  async function start(options: Partial<StompMessagingOptions> = {}) {
    answers = new Answers();
    time = new FakeTime();
    sessions = [];
    server = await startServer({
      controllers: [answers],
      clock: time,
      clientInboundChannel: { interceptors: [login] },
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        heartbeatValue: [0, 0],
        history: { destinations: ["/topic/answers/*"], size: 100, ttl: 600_000 },
      }),
      ...options,
    });
  }

  async function connect(user = "rod") {
    const session = await StompSession.connect(server.port, "1.2", { login: user });
    sessions.push(session);
    return session;
  }

  async function listening(id = "7", since?: string) {
    const session = await connect("listener");
    const headers = { id: "s", destination: `/topic/answers/${id}`, ...(since && { since }) };
    session.send("SUBSCRIBE", headers);
    return session;
  }

  /** SENDs, and waits until that is handled. */
  async function ask(session: StompSession, question: string, to = "/app/answers/7") {
    session.send("SEND", { destination: to, receipt: "asked" }, question);
    return session.frame();
  }

  /** The next messages, as lines. */
  async function lines(session: StompSession, count: number) {
    const got: string[] = [];
    while (got.length < count) got.push(told(await session.frame()));
    return got;
  }

  const gone = () => new Promise((resolve) => server.messaging.on("disconnect", resolve));

  afterEach(async () => {
    for (const session of sessions) session.cut();
    const closed = server.close();
    time.pass(5_000);
    await closed;
  });

  it("goes on when its session has ended, and a page that comes back has every token once, and its end", async () => {
    await start();
    const asker = await connect();
    expect((await ask(asker, "why?")).command).to.equal("RECEIPT");
    answers.give("a", "b");
    const live = await listening("7", "first");
    expect(await lines(live, 3)).to.deep.equal(["", "a", "b"]);
    const over = gone();
    asker.cut();
    await over;
    answers.give("c");
    expect(await lines(live, 1)).to.deep.equal(["c"]);
    const again = await listening("7", "first");
    expect(await lines(again, 4)).to.deep.equal(["", "a", "b", "c"]);
    answers.give("d", undefined);

    for (const session of [live, again]) expect(await lines(session, 2)).to.deep.equal(["d", "end"]);
    expect(answers.signals[0]?.aborted).to.equal(false);
  });

  it("runs once for its key: a second SEND joins it, and is receipted", async () => {
    await start();
    const [first, second] = [await connect(), await connect()];
    await ask(first, "why?");
    expect((await ask(second, "why?")).command).to.equal("RECEIPT");
    await ask(second, "why not?", "/app/answers/8");
    expect(answers.asked).to.deep.equal(["why?", "why not?"]);
    const live = await listening();
    await live.messages();
    answers.give(undefined);
    expect(await lines(live, 1)).to.deep.equal(["end"]);
    await ask(second, "again?");
    expect(answers.asked).to.deep.equal(["why?", "why not?", "again?"]);
  });

  it("is begun by the second SEND when the first came to nothing", async () => {
    await start();
    const refused = await ask(await connect(), "refused");
    expect(refused.headers.get("message")).to.equal("Not this");
    expect((await ask(await connect(), "why?")).command).to.equal("RECEIPT");
    expect(answers.asked).to.deep.equal(["refused", "why?"]);
  });

  it("says at its end that it has failed, with what everybody may read of that", async () => {
    await start();
    const live = await listening();
    for (const [fault, end] of [
      [new Error("password 1234"), "error"],
      [
        new MessageHandlingError("no money", { publicMessage: "The model is busy" }),
        "error: The model is busy",
      ],
    ] as const) {
      await ask(await connect(), "why?");
      answers.give("a", fault);
      expect(await lines(live, 2)).to.deep.equal(["a", end]);
    }
    expect(server.log.join("\n")).to.contain("password 1234");
  });

  it("ends by its timeout, and its method hears of that", async () => {
    await start({ transport: { timeToFirstMessage: 600_000, connectTimeLimit: 600_000 } });
    const live = await listening();
    await ask(await connect(), "why?");
    answers.give("a");
    expect(await lines(live, 1)).to.deep.equal(["a"]);
    time.pass(60_000);
    expect(await lines(live, 1)).to.deep.equal(["error: It did not end within 60000 ms"]);
    expect(String(answers.signals[0]?.reason)).to.contain("answer 7 was ended");
  });

  it("ends by messaging.abort, and its key is free then", async () => {
    await start();
    const live = await listening();
    await ask(await connect(), "why?");
    expect(server.messaging.abort("answer 8")).to.equal(false);
    expect(server.messaging.abort("answer 7", "Stopped by rod")).to.equal(true);
    expect(server.messaging.abort("answer 7")).to.equal(false);
    expect(await lines(live, 1)).to.deep.equal(["error: Stopped by rod"]);
    expect(answers.signals[0]?.aborted).to.equal(true);
    await ask(await connect(), "again?");
    expect(answers.asked).to.have.length(2);
  });

  describe("whose method has not returned yet", () => {
    async function asking() {
      await start();
      const live = await listening();
      const [first, second] = [await connect(), await connect()];
      const called = answers.call();
      first.send("SEND", { destination: "/app/late/7", receipt: "asked" }, "why?");
      await called;
      second.send("SEND", { destination: "/app/late/7", receipt: "asked" }, "why not?");
      await (await connect()).messages();
      return { live, first, second };
    }

    it("is joined by a second SEND when it has", async () => {
      const { live, first, second } = await asking();
      answers.open();
      for (const session of [first, second]) expect((await session.frame()).command).to.equal("RECEIPT");
      answers.give("a", undefined);
      expect(await lines(live, 2)).to.deep.equal(["a", "end"]);
      expect(answers.asked).to.deep.equal(["why?"]);
    });

    it("is over by messaging.abort when it has, before the second SEND begins another", async () => {
      const { live, first, second } = await asking();
      expect(server.messaging.abort("late 7", "Stopped by rod")).to.equal(true);
      await (await connect()).messages();
      expect(answers.asked).to.deep.equal(["why?"]);
      const called = answers.call();
      answers.open();
      expect((await first.frame()).command).to.equal("RECEIPT");
      expect(await lines(live, 1)).to.deep.equal(["error: Stopped by rod"]);
      await called;
      answers.open();
      expect((await second.frame()).command).to.equal("RECEIPT");
      answers.give("a", undefined);
      expect(await lines(live, 2)).to.deep.equal(["a", "end"]);
    });
  });

  it("may end while messaging closes, else it is ended before the sessions are", async () => {
    await start();
    const live = await listening();
    const other = await listening("8");
    const asker = await connect();
    await ask(asker, "why?");
    await ask(asker, "why not?", "/app/answers/8");
    const ends: string[] = [];
    server.messaging.on("detachedEnded", ({ key, how }) => void ends.push(`${key}: ${how}`));
    // In turn for the one and the other.
    answers.give("a", "b", undefined);
    const closed = server.messaging.close({ drainMs: 1_000 });
    expect(await lines(live, 2)).to.deep.equal(["a", "end"]);
    time.pass(1_000);
    expect(await lines(other, 2)).to.deep.equal(["b", "error: The server is shutting down"]);
    expect(answers.signals[1]?.aborted).to.equal(true);
    expect(ends).to.deep.equal(["answer 7: end", "answer 8: closing"]);
    for (const session of sessions.splice(0)) session.cut();
    await closed;
  });

  describe("is told of", () => {
    it("when it begins and ends, by whatever, and counted", async () => {
      await start({ transport: { timeToFirstMessage: 600_000, connectTimeLimit: 600_000 } });
      const { messaging } = server;
      const told: string[] = [];
      messaging.on("detachedStarted", ({ key, user }) => void told.push(`${key} of ${user?.name}`));
      messaging.on("detachedEnded", ({ key, how, error }) => {
        told.push(`${key}: ${how}${error instanceof Error ? `, ${error.message}` : ""}`);
      });
      const live = await listening();
      const asker = await connect();
      for (const end of [
        () => answers.give(undefined),
        () => answers.give(new Error("no money")),
        () => time.pass(60_000),
        () => messaging.abort("answer 7", "Enough"),
      ]) {
        await ask(asker, "why?");
        // It joins, and is not told.
        await ask(asker, "why?");
        expect(messaging.stats().detached.running).to.equal(1);
        end();
        await live.frame();
      }
      expect(told).to.deep.equal([
        "answer 7 of rod",
        "answer 7: end",
        "answer 7 of rod",
        "answer 7: error, no money",
        "answer 7 of rod",
        "answer 7: timeout, The stream answer 7 was ended: It did not end within 60000 ms",
        "answer 7 of rod",
        "answer 7: abort, The stream answer 7 was ended: Enough",
      ]);
      expect(messaging.stats().detached).to.deep.equal({ running: 0, ended: 1, failed: 3 });
    });

    it("also if a listener ends it at its beginning, once", async () => {
      await start();
      const { messaging } = server;
      const told: string[] = [];
      messaging.on("detachedStarted", ({ key }) => void messaging.abort(key));
      messaging.on("detachedEnded", ({ how }) => void told.push(how));
      const live = await listening();
      await ask(await connect(), "why?");
      expect(await lines(live, 1)).to.deep.equal(["error: It was ended"]);
      await messaging.close({ drainMs: 0 });
      time.pass(60_000);
      expect(told).to.deep.equal(["abort"]);
      expect(messaging.stats().detached).to.deep.equal({ running: 0, ended: 0, failed: 1 });
    });
  });

  it("has as many of one user, and in all, as there may be", async () => {
    await start({ detachedStreams: { limit: 3, limitPerUser: 2 } });
    const rod = await connect();
    for (const id of [1, 2]) await ask(rod, "why?", `/app/answers/${id}`);
    expect((await ask(rod, "why?", "/app/answers/3")).headers.get("message")).to.equal(
      "A user has at most 2 detached streams",
    );
    const ann = await connect("ann");
    // Who joins has none of their own.
    await ask(ann, "why?", "/app/answers/1");
    await ask(ann, "why?", "/app/answers/4");
    expect((await ask(ann, "why?", "/app/answers/5")).headers.get("message")).to.equal(
      "There are too many detached streams at present",
    );
    server.messaging.abort("answer 1");
    expect((await ask(await connect(), "why?", "/app/answers/3")).command).to.equal("RECEIPT");
  });

  it("is joined by those only who may begin it", async () => {
    await start();
    expect((await ask(await connect("rod"), "why?", "/app/secrets/7")).command).to.equal("RECEIPT");
    expect((await ask(await connect("ann"), "why?", "/app/secrets/7")).command).to.equal("ERROR");
  });

  it("is what the header `stream` says, which clients cannot", async () => {
    await start();
    const live = await listening();
    (await connect()).send("SEND", { destination: "/topic/answers/7", stream: "end" }, "not mine");
    expect(await lines(live, 1)).to.deep.equal(["not mine"]);
  });

  describe("fails at start", () => {
    class Plain {
      @SubscribeMapping("/a")
      @Detached({ key: "a" })
      async *a() {}
    }
    class ToUser {
      @MessageMapping("/a")
      @SendToUser("/queue/a")
      @Detached({ key: "a" })
      async *a() {}
    }
    class NoVariable {
      @MessageMapping("/a/{id}")
      @Detached({ key: "{room}" })
      async *a() {}
    }
    class Twice {
      @MessageMapping("/a")
      @Detached({ key: "a" })
      async *a() {}
      @MessageMapping("/b")
      @Detached({ key: "a" })
      async *b() {}
    }
    for (const [controller, text] of [
      [Plain, "Plain.a has @Detached: it stands above methods with @MessageMapping only"],
      [ToUser, 'ToUser.a has @Detached, and @SendToUser for whoever sent: write @SendTo("/…")'],
      [NoVariable, "NoVariable.a wants {room}, which its mapping to /a/{id} does not have"],
      [Twice, "Twice.a and Twice.b have @Detached with the same key: a"],
    ] as const) {
      it(`where ${controller.name} makes no sense`, async () => {
        await start();
        Controller()(controller);
        const message = await startServer({ controllers: [controller] }).then(
          () => "none",
          (error: Error) => error.message,
        );
        expect(message).to.contain(text);
      });
    }

    it("where its options make none", async () => {
      await start();
      for (const [options, text] of [
        [{}, '@Detached: key must be a text such as "answer {id}", not undefined'],
        [{ key: "a", timeout: 0 }, "@Detached: timeout must be a whole number of ms from 1, not 0"],
        [{ key: "a", limit: 1 }, '@Detached has no option "limit"; it has key, timeout'],
      ] as const) {
        expect(() => Detached(options as unknown as { key: string })).to.throw(ConfigurationError, text);
      }
      const message = await startServer({ detachedStreams: { limit: 0 } }).then(
        () => "none",
        (error: Error) => error.message,
      );
      expect(message).to.equal("detachedStreams.limit is 0: it must be a whole number above 0");
    });
  });
});
