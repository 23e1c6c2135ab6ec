import { expect } from "chai";
import {
  type ChannelInterceptor,
  ClientRequestError,
  Controller,
  MessageMapping,
  messageSecurity,
  SimpMessagingTemplate,
  type StandardSchema,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";
import { login, RequestStage } from "../support/request-stage.js";
import { SockJsReader } from "../support/sockjs-reader.js";
import { StompSession } from "../support/stomp-session.js";

const ANSWERS = "/app/express-stomp/answers";

/** Asks the one whose message it handles. */
@Controller()
class Transfers {
  readonly done: string[] = [];

  constructor(private readonly template: SimpMessagingTemplate) {}

  @MessageMapping("/transfer")
  async transfer(amount: string): Promise<void> {
    const isSure = await this.template.request<boolean>("rod", "/queue/confirm", { amount });
    this.done.push(isSure ? `sent ${amount}` : `kept ${amount}`);
  }

  @MessageMapping("/**")
  other(text: string): void {
    this.done.push(text);
  }
}

describe("template.request", () => {
  const stage = new RequestStage();
  const { start, open, ask, answer, received, reason } = stage;

  afterEach(() => stage.close());

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`resolves with what the client answers (STOMP ${version})`, async () => {
      await start();
      const client = await open("rod", version);

      const asked = ask();
      const question = await client.frame();
      expect(JSON.parse(question.body)).to.deep.equal({ text: "Sure?" });
      expect(question.headers.get("reply-to")).to.equal(ANSWERS);
      answer(client, question, '{"sure":true}', { receipt: "r" });
      expect(await asked).to.deep.equal({ sure: true });
      expect((await client.frame()).headers.get("receipt-id")).to.equal("r");
    });
  }

  for (const transport of ["xhr", "xhr_streaming"] as const) {
    it(`reaches SockJS by ${transport}`, async () => {
      await start({ clock: systemClock });
      const reader = await SockJsReader.connect(stage.server.port, transport);
      const subscribed = new Promise<string>((resolve) =>
        stage.server.messaging.on("subscribed", ({ sessionId }) => resolve(sessionId)),
      );
      await reader.send("SUBSCRIBE\nid:q\ndestination:/user/queue/confirm\n\n^@");
      const asked = ask({}, await subscribed);
      const id = /correlation-id:(.*)/.exec(await reader.frame())?.[1];
      await reader.send(`SEND\ndestination:${ANSWERS}\ncorrelation-id:${id}\n\n7^@`);
      expect(await asked).to.equal(7);
      reader.leave();
    });
  }

  it("takes text, bytes and an empty answer as what they are", async () => {
    await start();
    const client = await open();
    for (const [type, body, value] of [
      ["text/plain", "yes", "yes"],
      ["application/octet-stream", "yes", Buffer.from("yes")],
      ["application/json", "", undefined],
    ] as const) {
      const asked = ask();
      answer(client, await client.frame(), body, { "content-type": type });
      const answered = await asked;
      expect(answered instanceof Uint8Array ? Buffer.from(answered) : answered).to.deep.equal(value);
    }
  });

  it("takes the first answer of several sessions, and the later ones for nothing", async () => {
    await start();
    const [one, two] = [await open(), await open()];

    const asked = ask();
    const [first, second] = [await one.frame(), await two.frame()];
    answer(two, second, "2");
    expect(await asked).to.equal(2);
    answer(one, first, "1", { receipt: "late" });
    expect((await one.frame()).headers.get("receipt-id")).to.equal("late");
  });

  it("asks the one session that is meant", async () => {
    await start();
    const [one, two] = [await open(), await open()];
    const [session] = [...(stage.server.messaging.userRegistry.getUser("rod")?.sessions.values() ?? [])];

    const asked = ask({ sessionId: session?.id });
    expect(await two.bodies()).to.deep.equal([]);
    answer(one, await one.frame(), "1");
    expect(await asked).to.equal(1);
    expect(await reason(ask({ sessionId: "another" }))).to.equal("nobody");
  });

  it("hears nobody but those who were asked", async () => {
    await start();
    const [rod, eve] = [await open(), await open("eve")];

    const asked = ask();
    const question = await rod.frame();
    answer(eve, question, "666", { receipt: "r" });
    expect((await eve.frame()).headers.get("receipt-id")).to.equal("r");
    answer(rod, question, "7");
    expect(await asked).to.equal(7);
  });

  it("rejects when nobody is there, or nobody has subscribed", async () => {
    await start();
    expect(await reason(ask())).to.equal("nobody");
    stage.clients.push(await StompSession.connect(stage.server.port, "1.2", { login: "rod" }));
    expect(await reason(ask())).to.equal("nobody");
    const client = await open();
    client.send("UNSUBSCRIBE", { id: "q" });
    client.send("SUBSCRIBE", { id: "all", destination: "/user/queue/*" });
    await client.messages();
    const asked = ask();
    answer(client, await client.frame(), "1");
    expect(await asked).to.equal(1);
  });

  it("rejects when no answer comes in time, and forgets the question", async () => {
    await start();
    const client = await open();

    const asked = reason(ask({ timeout: 500 }));
    const question = await client.frame();
    stage.time.pass(500);
    expect(await asked).to.equal("timeout");
    answer(client, question, "late", { receipt: "r" });
    expect((await client.frame()).headers.get("receipt-id")).to.equal("r");
  });

  it("rejects when the last session that was asked ends", async () => {
    await start();
    const [one, two] = [await open(), await open()];

    let isOver = false;
    const asked = reason(ask()).finally(() => {
      isOver = true;
    });
    await Promise.all([one.frame(), two.frame()]);
    one.send("DISCONNECT", { receipt: "bye" });
    await one.frame();
    expect(isOver).to.equal(false);
    two.cut();
    expect(await asked).to.equal("ended");
  });

  it("rejects when it is aborted, before or meanwhile", async () => {
    await start();
    const client = await open();
    const why = new Error("not needed any more");

    expect(await reason(ask({ signal: AbortSignal.abort(why) }))).to.equal(why);
    expect(await client.bodies()).to.deep.equal([]);
    const abort = new AbortController();
    const asked = reason(ask({ signal: abort.signal }));
    await client.frame();
    abort.abort(why);
    expect(await asked).to.equal(why);
  });

  it("rejects beyond requestLimit, and asks again when one is answered", async () => {
    await start({ requestLimit: 2 });
    const client = await open();

    const asked = [ask(), ask()];
    expect(await reason(ask())).to.equal("limit");
    for (const each of asked) {
      answer(client, await client.frame(), "1");
      expect(await each).to.equal(1);
    }
    const again = ask();
    answer(client, await client.frame(), "2");
    expect(await again).to.equal(2);
  });

  it("rejects when the messaging closes, which waits for no answer", async () => {
    await start();
    const client = await open();
    const asked = reason(ask());
    await client.frame();
    const closed = stage.server.messaging.close();
    expect(await asked).to.equal("closed");
    expect(await reason(ask())).to.equal("closed");
    await closed;
  });

  it("rejects with what the client says of its own failure", async () => {
    await start();
    const client = await open();
    const asked = ask().catch((error: unknown) => error);
    answer(client, await client.frame(), "", { error: "nobody at home" });
    const error = (await asked) as ClientRequestError;
    expect([error.reason, error.message]).to.deep.equal([
      "refused",
      "The question to rod at /queue/confirm was answered with an error: nobody at home",
    ]);
  });

  it("rejects an answer that cannot be read, or that the schema refuses, and lets the session live", async () => {
    await start();
    const client = await open();
    const schema: StandardSchema<number> = {
      "~standard": {
        version: 1,
        vendor: "spec",
        validate: async (value) =>
          typeof value === "number" ? { value: value + 1 } : { issues: [{ message: "no number" }] },
      },
    };

    for (const [body, expected] of [
      ["{", "The payload is no valid JSON"],
      ['"x"', "The payload is not valid: no number"],
    ] as const) {
      const asked = ask({ schema }).catch((error: Error) => error.message);
      answer(client, await client.frame(), body);
      expect(await asked).to.equal(expected);
    }
    const asked: Promise<number> = ask({ schema });
    answer(client, await client.frame(), "6");
    expect(await asked).to.equal(7);
  });

  it("fails with the interceptor that refuses the question, and with a payload that cannot be written", async () => {
    const refuse: ChannelInterceptor = { preSend: () => null };
    await start({ brokerChannel: { interceptors: [refuse] } });
    await open();
    const stopped = await ask().catch((error: Error) => error.message);
    expect(stopped).to.match(/^An interceptor stopped the message/);
    const { template } = stage.server.messaging;
    const unwritten = await template.request("rod", "/queue/confirm", 1n).catch((error: Error) => error.name);
    expect(unwritten).to.equal("MessageConversionError");
  });

  it("lets a method ask the very session whose message it handles", async () => {
    await start({ controllers: [Transfers] });
    const client = await open();
    const transfers = () => stage.server.messaging.stats().controllers.calls;

    client.send("SEND", { destination: "/app/transfer", receipt: "done" }, "100");
    client.send("SEND", { destination: "/app/later" }, "behind");
    const question = await client.frame();
    expect(transfers()).to.equal(1);
    answer(client, question, "true");
    expect((await client.frame()).headers.get("receipt-id")).to.equal("done");
    await client.messages();
    expect(transfers(), "the answer is no controller's").to.equal(2);
  });

  it("lets no other frame overtake by the name of an answer", async () => {
    await start({ controllers: [Transfers] });
    const client = await open();
    client.send("SEND", { destination: "/app/transfer" }, "100");
    const question = await client.frame();
    // Two of the same, of which one may pass, and one that answers nothing.
    client.send("SEND", { destination: ANSWERS, "correlation-id": "guessed", receipt: "guessed" });
    answer(client, question, "true", { receipt: "first" });
    answer(client, question, "true", { receipt: "second" });
    const receipts = [];
    for (let i = 0; i < 3; i++) receipts.push((await client.frame()).headers.get("receipt-id"));
    expect(receipts).to.deep.equal(["first", "guessed", "second"]);
  });

  it("lets one answer of each session overtake, be it still on its way", async () => {
    let came = 0;
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow: ChannelInterceptor = {
      preSend: async (message) => {
        if (message.headers.destination !== ANSWERS) return message;
        came++;
        await gate;
        return message;
      },
    };
    await start({ clientInboundChannel: { interceptors: [login, slow] } });
    const client = await open();
    const asked = ask();
    const question = await client.frame();
    for (let i = 0; i < 5; i++) answer(client, question, `${i}`);
    await received(8);
    // The next in its order has begun too, as any frame would.
    expect(came).to.equal(2);
    letGo();
    expect(await asked).to.equal(0);
  });

  it("is never heard by others: the answers are no broker's, where there are no prefixes either", async () => {
    await start({
      applicationDestinationPrefixes: [],
      broker: simpleBroker(),
    });
    const [rod, eve] = [await open(), await open("eve")];
    eve.send("SUBSCRIBE", { id: "all", destination: "/**" });
    await eve.messages();

    const asked = ask();
    answer(rod, await rod.frame(), "42");
    expect(await asked).to.equal(42);
    expect(await eve.bodies()).to.deep.equal([]);
  });

  it("needs a rule that lets answers pass", async () => {
    const rules = (allowed: string) =>
      messageSecurity((messages) =>
        messages
          .nullDestMatcher()
          .permitAll()
          .simpSubscribeDestMatchers("/user/**")
          .authenticated()
          .simpMessageDestMatchers(allowed)
          .authenticated()
          .anyMessage()
          .denyAll(),
      );
    await start({ security: rules(ANSWERS) });
    const client = await open();
    const asked = ask();
    answer(client, await client.frame(), "1");
    expect(await asked).to.equal(1);
  });

  it("does not end the process when nobody takes its failure: it is told", async () => {
    await start();
    const told = new Promise<{ destination: string | undefined }>((resolve) =>
      stage.server.messaging.on("sendFailed", resolve),
    );
    void stage.server.messaging.template.request("nobody", "/queue/confirm", "?");
    expect((await told).destination).to.equal("/queue/confirm");
  });

  it("refuses options that make no sense", async () => {
    await start();
    const message = async (options: object) => ask(options).catch((error: Error) => error.message);
    expect(await message({ timeout: 0 })).to.match(/^request: timeout is 0: it must be a whole number of ms/);
    expect(await message({ time: 1 })).to.match(/^request has no option "time"/);
    expect(() => stompMessaging({ endpoints: [{ path: "/ws" }], requestLimit: 0 })).to.throw(
      "requestLimit is 0: it must be a whole number above 0",
    );
  });
});
