import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  MessageMapping,
  type MessagingEvents,
  Payload,
  type RateLimitOptions,
  type StompMessagingOptions,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { RelayStage } from "../support/relay-stage.js";
import { startServer, type TestServer } from "../support/server.js";
import { SockJsReader } from "../support/sockjs-reader.js";
import { StompSession } from "../support/stomp-session.js";

/** Has what it was told, in order. */
@Controller()
class Chat {
  readonly said: string[] = [];

  @MessageMapping("/chat/{room}")
  say(@Payload() text: string) {
    this.said.push(text);
  }
}

/** Users are who they say. */
const login: ChannelInterceptor = {
  preSend: (message) => {
    const name = message.headers.native.get("login");
    return name === undefined ? message : withHeaders(message, { user: { name } });
  },
};

const CHAT = { destinations: ["/app/chat/**"], per: "session", limit: 2, window: 1_000 } as const;

describe("rateLimits", () => {
  let server: TestServer;
  let time: FakeTime;
  let chat: Chat;
  let exceeded: MessagingEvents["limitExceeded"][];

  async function start(
    rateLimits: readonly RateLimitOptions[],
    options: Partial<StompMessagingOptions> = {},
  ): Promise<void> {
    time = new FakeTime();
    chat = new Chat();
    exceeded = [];
    const clientInboundChannel = { interceptors: [login] };
    server = await startServer(
      { clock: time, controllers: [chat], clientInboundChannel, rateLimits, ...options },
      (app) => app.set("trust proxy", "loopback"),
    );
    server.messaging.on("limitExceeded", (event) => void exceeded.push(event));
  }

  /** SENDs to the chat, one for each text. */
  function say(client: StompSession, ...texts: string[]): void {
    for (const text of texts) client.send("SEND", { destination: "/app/chat/7" }, text);
  }

  afterEach(() => server?.close());

  describe('with beyond "ignore"', () => {
    it("handle as many as may come at once, and as many again within the window", async () => {
      await start([{ ...CHAT, beyond: "ignore" }]);
      const client = await StompSession.connect(server.port);

      say(client, "1", "2", "3", "4");
      expect(await client.messages()).to.deep.equal([]);
      expect(chat.said).to.deep.equal(["1", "2"]);
      time.pass(500);
      say(client, "5", "6");
      await client.messages();
      time.pass(10_000);
      say(client, "7", "8", "9");
      await client.messages();
      expect(chat.said).to.deep.equal(["1", "2", "5", "7", "8"]);
      client.cut();
    });

    for (const version of ["1.0", "1.1", "1.2"]) {
      it(`answer ERROR where a receipt is asked for, which would be a lie (STOMP ${version})`, async () => {
        await start([{ ...CHAT, beyond: "ignore" }]);
        const client = await StompSession.connect(server.port, version);

        say(client, "1", "2");
        client.send("SEND", { destination: "/app/chat/7", receipt: "r" }, "3");
        const { command, headers } = await client.frame();
        expect(command).to.equal("ERROR");
        expect(headers.get("receipt-id")).to.equal("r");
        expect(headers.get("message")).to.equal("More than 2 SEND in 1000 ms");
        expect(Number(headers.get("retry"))).to.be.within(1, 500);
        expect(chat.said).to.deep.equal(["1", "2"]);
      });
    }

    it("count each frame, and tell of them once in a window", async () => {
      await start([{ ...CHAT, beyond: "ignore" }]);
      const client = await StompSession.connect(server.port, "1.2", { login: "rod" });

      say(client, "1", "2", "3", "4", "5");
      await client.messages();
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ "rateLimits[0]": 3 });
      expect(exceeded).to.have.length(1);
      expect(exceeded[0]).to.deep.include({ limit: "rateLimits[0]", user: { name: "rod" } });
      time.pass(1_000);
      say(client, "6", "7", "8");
      await client.messages();
      expect(exceeded).to.have.length(2);
      client.cut();
    });

    it("leave other destinations and commands alone", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "ignore" }]);
      const client = await StompSession.connect(server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/topic/news" });
      say(client, "1", "2");
      for (const text of ["a", "b", "c"]) client.send("SEND", { destination: "/topic/news" }, text);
      expect(await client.bodies()).to.deep.equal(["a", "b", "c"]);
      expect(chat.said).to.deep.equal(["1"]);
      client.cut();
    });

    it("do not take a dedup-id of a frame that they let nobody handle", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "ignore" }], {
        clientInboundChannel: { deduplicate: true },
      });
      const client = await StompSession.connect(server.port);

      say(client, "1");
      client.send("SEND", { destination: "/app/chat/7", "dedup-id": "d" }, "2");
      await client.messages();
      time.pass(1_000);
      client.send("SEND", { destination: "/app/chat/7", "dedup-id": "d" }, "2 again");
      await client.messages();
      expect(chat.said).to.deep.equal(["1", "2 again"]);
      client.cut();
    });
  });

  describe('with beyond "refuse"', () => {
    it("tell the session, once in a window, and let it live", async () => {
      await start([{ ...CHAT, beyond: "refuse" }]);
      const client = await StompSession.connect(server.port, "1.2", { login: "rod" });
      const other = await StompSession.connect(server.port, "1.2", { login: "rod" });

      for (const each of [client, other])
        each.send("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
      say(client, "1", "2", "3", "4", "5");
      expect((await client.bodies()).map((body) => JSON.parse(body) as unknown)).to.deep.equal([
        { destination: "/app/chat/7", message: "More than 2 SEND in 1000 ms", retry: 500 },
      ]);
      expect(await other.bodies()).to.deep.equal([]);
      expect(chat.said).to.deep.equal(["1", "2"]);
      client.cut();
      other.cut();
    });

    it("answer ERROR where a receipt is asked for", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "refuse" }]);
      const client = await StompSession.connect(server.port);

      say(client, "1");
      const text = await client.refusal("SEND", { destination: "/app/chat/7" });
      expect(text).to.equal("More than 1 SEND in 1000 ms");
    });

    it("answer ERROR to a SUBSCRIBE, whatever wildcards it writes", async () => {
      const destinations = ["/topic/room/*"];
      await start([{ ...CHAT, destinations, command: "SUBSCRIBE", beyond: "refuse" }]);
      const client = await StompSession.connect(server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/topic/room/1" });
      client.send("SUBSCRIBE", { id: "2", destination: "/topic/news" });
      client.send("SUBSCRIBE", { id: "3", destination: "/topic/**" });
      await client.messages();
      client.send("SUBSCRIBE", { id: "4", destination: "/topic/*/7" });
      const { command, headers } = await client.frame();
      expect([command, headers.get("message")]).to.deep.equal(["ERROR", "More than 2 SUBSCRIBE in 1000 ms"]);
    });

    it("count what is a user's own", async () => {
      const destinations = ["/user/queue/**"];
      await start([{ ...CHAT, limit: 1, destinations, command: "SUBSCRIBE", beyond: "refuse" }]);
      const client = await StompSession.connect(server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/user/queue/a" });
      await client.messages();
      expect(await client.refusal("SUBSCRIBE", { id: "2", destination: "/user/queue/b" })).to.match(/^More/);
    });
  });

  describe('with beyond "wait"', () => {
    it("hold up that session, in order, and no other", async () => {
      await start([{ ...CHAT, beyond: "wait" }]);
      const client = await StompSession.connect(server.port);
      const other = await StompSession.connect(server.port);

      say(client, "1", "2", "3", "4");
      client.send("SEND", { destination: "/topic/x", receipt: "behind" });
      say(other, "a");
      await other.messages();
      expect(chat.said).to.deep.equal(["1", "2", "a"]);
      await passed(500);
      expect(chat.said).to.deep.equal(["1", "2", "a", "3"]);
      await passed(500);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("behind");
      expect(chat.said).to.deep.equal(["1", "2", "a", "3", "4"]);
      client.cut();
      other.cut();
    });

    it("keep the order where frames may overlap", async () => {
      await start([{ ...CHAT, beyond: "wait" }], { preserveReceiveOrder: false });
      const client = await StompSession.connect(server.port);

      say(client, "1", "2", "3");
      client.send("SEND", { destination: "/topic/x", receipt: "behind" });
      await reached(() => exceeded.length === 1);
      await passed(500);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("behind");
      expect(chat.said).to.deep.equal(["1", "2", "3"]);
      client.cut();
    });

    it("do not hold up who leaves by DISCONNECT behind it longer than that", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await StompSession.connect(server.port);

      say(client, "1", "2");
      client.send("DISCONNECT", { receipt: "bye" });
      await reached(() => exceeded.length === 1);
      await passed(1_000);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("bye");
      expect(chat.said).to.deep.equal(["1", "2"]);
    });

    it("end a session of many that would have to wait more than 10 s", async () => {
      await start([{ ...CHAT, per: "user", limit: 1, window: 4_000, beyond: "wait" }]);
      const clients = [];
      for (let i = 0; i < 5; i++)
        clients.push(await StompSession.connect(server.port, "1.2", { login: "rod" }));
      const [first, second, third, fourth] = clients as [StompSession, ...StompSession[]];

      say(first, "1");
      await first.messages();
      for (const [i, client] of [second, third].entries()) {
        say(client as StompSession, `${i + 2}`);
        await reached(() => server.messaging.stats().limitsExceeded["rateLimits[0]"] === i + 1);
      }
      say(fourth as StompSession, "too late");
      const { command } = await (fourth as StompSession).frame();
      expect(command).to.equal("ERROR");
      await passed(8_000);
      expect(chat.said).to.deep.equal(["1", "2", "3"]);
      for (const client of clients) client.cut();
    });

    it("drop what a client left behind after 10 s, the rest of a wait that had begun before among them", async () => {
      await start([{ ...CHAT, limit: 1, window: 4_000, beyond: "wait" }]);
      const client = await StompSession.connect(server.port, "1.2", { login: "rod" });
      const gone = new Promise<unknown>((resolve) => server.messaging.on("disconnect", resolve));

      say(client, "1", "2", "3", "4", "5", "6");
      await reached(() => exceeded.length === 1);
      client.cut();
      // It has ended, and what it had read goes on.
      await reached(() => server.messaging.userRegistry.getUserCount() === 0);
      for (let i = 0; i < 8; i++) await passed(2_000);
      await gone;
      expect(chat.said).to.deep.equal(["1", "2", "3"]);
    });

    it("hold up what a client left behind longer than handlerTimeout, which is for methods that hang", async () => {
      await start([{ ...CHAT, limit: 1, window: 4_000, beyond: "wait" }], { handlerTimeout: 1_000 });
      const client = await StompSession.connect(server.port, "1.2", { login: "rod" });
      const gone = new Promise<unknown>((resolve) => server.messaging.on("disconnect", resolve));

      say(client, "1", "2", "3");
      await reached(() => exceeded.length === 1);
      client.cut();
      await reached(() => server.messaging.userRegistry.getUserCount() === 0);
      for (let i = 0; i < 10; i++) await passed(1_000);
      await gone;
      expect(chat.said).to.deep.equal(["1", "2", "3"]);
      expect(server.log.join("\n")).not.to.include("did not settle");
    });

    it("let all that came be handled at once when the server closes", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await StompSession.connect(server.port);

      say(client, "1", "2", "3");
      await reached(() => exceeded.length === 1);
      await server.messaging.close();
      expect(chat.said).to.deep.equal(["1", "2", "3"]);
    });

    it("begin nothing for a session that the server ends meanwhile", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await StompSession.connect(server.port, "1.2", { login: "rod" });

      say(client, "1", "2");
      await reached(() => exceeded.length === 1);
      server.messaging.disconnect({ user: "rod" });
      expect((await client.frame()).command).to.equal("ERROR");
      await passed(1_000);
      expect(chat.said).to.deep.equal(["1"]);
    });

    it("stop reading from a session of which 64 frames wait", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await RawClient.connect(server.port);
      const frame = "SEND\ndestination:/app/chat/7\n\nx^@";

      client.send(frame.repeat(66));
      await reached(() => server.messaging.stats().framesReceived >= 66);
      client.send(frame);
      const other = await StompSession.connect(server.port);
      const before = server.messaging.stats().framesReceived;
      await other.messages();
      await nextTurn();
      expect(server.messaging.stats().framesReceived - before).to.equal(1);
      client.cut();
      other.cut();
    });
  });

  it('with beyond "end" end the session, and name the limit', async () => {
    await start([{ ...CHAT, limit: 1, beyond: "end" }]);
    const client = await RawClient.connect(server.port);

    client.send("SEND\ndestination:/app/chat/7\n\n1^@SEND\ndestination:/app/chat/7\nreceipt:r\n\n2^@");
    expect(await client.frame()).to.match(/^ERROR\nmessage:More than 1 SEND in 1000 ms\nreceipt-id:r\n/);
    expect(await client.closed()).to.equal(4500);
    expect(exceeded.map(({ limit }) => limit)).to.deep.equal(["rateLimits[0]"]);
    expect(server.messaging.stats().limitsExceeded).to.deep.equal({ "rateLimits[0]": 1 });
  });

  describe("count together", () => {
    it('all sessions of a user (per "user"), and strangers each by itself', async () => {
      await start([{ ...CHAT, per: "user", beyond: "ignore" }]);
      const rod = [
        await StompSession.connect(server.port, "1.2", { login: "rod" }),
        await StompSession.connect(server.port, "1.2", { login: "rod" }),
      ];
      const strangers = [await StompSession.connect(server.port), await StompSession.connect(server.port)];

      for (const client of [...rod, ...strangers]) {
        say(client, "x", "x");
        await client.messages();
      }
      expect(chat.said).to.have.length(2 + 4);
      for (const client of [...rod, ...strangers]) client.cut();
    });

    it('all sessions from one address (per "address"), as a trusted proxy tells it', async () => {
      await start([{ ...CHAT, per: "address", beyond: "ignore" }]);
      const from = (address: string) =>
        RawClient.connect(server.port, "", "/ws", { headers: { "x-forwarded-for": address } });
      const clients = [await from("10.0.0.1"), await from("10.0.0.1"), await from("10.0.0.2")];

      for (const client of clients) {
        client.send("SEND\ndestination:/app/chat/7\n\nx^@".repeat(2));
        await client.synchronize();
      }
      expect(chat.said).to.have.length(2 + 2);
      expect(exceeded[0]?.address).to.equal("10.0.0.1");
      for (const client of clients) client.cut();
    });

    it("every limit that fits, and none of a frame that one of them stops", async () => {
      const all = { per: "session", limit: 3, window: 1_000, beyond: "ignore" } as const;
      await start([all, { ...CHAT, limit: 1, beyond: "ignore" }]);
      const client = await StompSession.connect(server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/topic/x" });
      say(client, "1", "2", "3");
      for (const text of ["a", "b", "c"]) client.send("SEND", { destination: "/topic/x" }, text);
      expect(await client.bodies()).to.deep.equal(["a", "b"]);
      expect(chat.said).to.deep.equal(["1"]);
      client.cut();
    });
  });

  it("tell of one when it lets a frame wait, though another has refused the frame before", async () => {
    const wait = { ...CHAT, limit: 1, window: 8_000, beyond: "wait" } as const;
    await start([wait, { ...CHAT, limit: 1, beyond: "ignore" }]);
    const client = await StompSession.connect(server.port);
    const told = () => exceeded.map(({ limit }) => limit);

    say(client, "1", "2");
    await client.messages();
    expect(told()).to.deep.equal(["rateLimits[1]"]);
    time.pass(1_000);
    say(client, "3");
    await reached(() => server.messaging.stats().limitsExceeded["rateLimits[0]"] === 1);
    expect(told()).to.deep.equal(["rateLimits[1]", "rateLimits[0]"]);
    client.cut();
  });

  for (const transport of ["xhr", "xhr_streaming"] as const) {
    it(`hold for SockJS by ${transport}`, async () => {
      await start([{ ...CHAT, window: 60_000, beyond: "ignore" }], { clock: systemClock });
      const client = await SockJsReader.connect(server.port, transport);
      for (const text of ["1", "2", "3"]) await client.send(`SEND\ndestination:/app/chat/7\n\n${text}^@`);
      await client.send("SEND\ndestination:/topic/x\nreceipt:r\n\n^@");
      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
      expect(chat.said).to.deep.equal(["1", "2"]);
      client.leave();
    });
  }

  it("have patterns of prefixes with their slash where dots separate", async () => {
    const broker = simpleBroker({ destinationPrefixes: ["/topic"] });
    const destinations = ["/topic/**"];
    await start([{ ...CHAT, destinations, limit: 1, beyond: "ignore" }], {
      broker,
      controllers: [],
      destinationSeparator: ".",
    });
    const client = await StompSession.connect(server.port);
    client.send("SUBSCRIBE", { id: "1", destination: "/topic/chat.7" });
    for (const text of ["1", "2"]) client.send("SEND", { destination: "/topic/chat.7" }, text);
    expect(await client.bodies()).to.deep.equal(["1"]);
    client.cut();
  });

  /** Lets time pass, and what that begins go on. */
  async function passed(ms: number): Promise<void> {
    time.pass(ms);
    for (let i = 0; i < 20; i++) await nextTurn();
  }

  async function reached(isSo: () => boolean): Promise<void> {
    while (!isSo()) await nextTurn();
  }
});

describe("rateLimits with the relay", () => {
  it("count a SUBSCRIBE by what its wildcards reach at the broker", async () => {
    const rule: RateLimitOptions = {
      destinations: ["/topic/room/*"],
      command: "SUBSCRIBE",
      per: "session",
      limit: 1,
      window: 1_000,
      beyond: "refuse",
    };
    const stage = await RelayStage.open({ broker: { receipts: true }, server: { rateLimits: [rule] } });
    await stage.system();
    const { client } = await stage.connect();
    client.send("SUBSCRIBE", { id: "1", destination: "/topic/#", receipt: "r" });
    expect((await client.frame()).command).to.equal("RECEIPT");
    expect(await client.refusal("SUBSCRIBE", { id: "2", destination: "/topic/room/7" })).to.match(/^More/);
    await stage.close();
  });
});
