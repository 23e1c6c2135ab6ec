import { expect } from "chai";
import { type RateLimitOptions, simpleBroker } from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";
import { CHAT, RateLimitedChat, reached } from "../support/rate-limited-chat.js";
import { RawClient } from "../support/raw-client.js";
import { RelayStage } from "../support/relay-stage.js";
import { SockJsReader } from "../support/sockjs-reader.js";
import { StompSession } from "../support/stomp-session.js";

describe("rateLimits", () => {
  let stage: RateLimitedChat;

  async function start(...given: Parameters<typeof RateLimitedChat.start>): Promise<void> {
    stage = await RateLimitedChat.start(...given);
  }

  afterEach(() => stage?.close());

  describe('with beyond "ignore"', () => {
    it("handle as many as may come at once, and as many again within the window", async () => {
      await start([{ ...CHAT, beyond: "ignore" }]);
      const client = await StompSession.connect(stage.server.port);

      stage.say(client, "1", "2", "3", "4");
      expect(await client.messages()).to.deep.equal([]);
      expect(stage.chat.said).to.deep.equal(["1", "2"]);
      stage.time.pass(500);
      stage.say(client, "5", "6");
      await client.messages();
      stage.time.pass(10_000);
      stage.say(client, "7", "8", "9");
      await client.messages();
      expect(stage.chat.said).to.deep.equal(["1", "2", "5", "7", "8"]);
      client.cut();
    });

    for (const version of ["1.0", "1.1", "1.2"]) {
      it(`answer ERROR where a receipt is asked for, which would be a lie (STOMP ${version})`, async () => {
        await start([{ ...CHAT, beyond: "ignore" }]);
        const client = await StompSession.connect(stage.server.port, version);

        stage.say(client, "1", "2");
        client.send("SEND", { destination: "/app/chat/7", receipt: "r" }, "3");
        const { command, headers } = await client.frame();
        expect(command).to.equal("ERROR");
        expect(headers.get("receipt-id")).to.equal("r");
        expect(headers.get("message")).to.equal("More than 2 SEND in 1000 ms");
        expect(Number(headers.get("retry"))).to.be.within(1, 500);
        expect(stage.chat.said).to.deep.equal(["1", "2"]);
      });
    }

    it("count each frame, and tell of them once in a window", async () => {
      await start([{ ...CHAT, beyond: "ignore" }]);
      const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });

      stage.say(client, "1", "2", "3", "4", "5");
      await client.messages();
      expect(stage.server.messaging.stats().limitsExceeded).to.deep.equal({ "rateLimits[0]": 3 });
      expect(stage.exceeded).to.have.length(1);
      expect(stage.exceeded[0]).to.deep.include({ limit: "rateLimits[0]", user: { name: "rod" } });
      stage.time.pass(1_000);
      stage.say(client, "6", "7", "8");
      await client.messages();
      expect(stage.exceeded).to.have.length(2);
      client.cut();
    });

    it("leave other destinations and commands alone", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "ignore" }]);
      const client = await StompSession.connect(stage.server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/topic/news" });
      stage.say(client, "1", "2");
      for (const text of ["a", "b", "c"]) client.send("SEND", { destination: "/topic/news" }, text);
      expect(await client.bodies()).to.deep.equal(["a", "b", "c"]);
      expect(stage.chat.said).to.deep.equal(["1"]);
      client.cut();
    });

    it("do not take a dedup-id of a frame that they let nobody handle", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "ignore" }], {
        clientInboundChannel: { deduplicate: true },
      });
      const client = await StompSession.connect(stage.server.port);

      stage.say(client, "1");
      client.send("SEND", { destination: "/app/chat/7", "dedup-id": "d" }, "2");
      await client.messages();
      stage.time.pass(1_000);
      client.send("SEND", { destination: "/app/chat/7", "dedup-id": "d" }, "2 again");
      await client.messages();
      expect(stage.chat.said).to.deep.equal(["1", "2 again"]);
      client.cut();
    });
  });

  describe('with beyond "refuse"', () => {
    it("tell the session, once in a window, and let it live", async () => {
      await start([{ ...CHAT, beyond: "refuse" }]);
      const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });
      const other = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });

      for (const each of [client, other])
        each.send("SUBSCRIBE", { id: "e", destination: "/user/queue/errors" });
      stage.say(client, "1", "2", "3", "4", "5");
      expect((await client.bodies()).map((body) => JSON.parse(body) as unknown)).to.deep.equal([
        { destination: "/app/chat/7", message: "More than 2 SEND in 1000 ms", retry: 500 },
      ]);
      expect(await other.bodies()).to.deep.equal([]);
      expect(stage.chat.said).to.deep.equal(["1", "2"]);
      client.cut();
      other.cut();
    });

    it("answer ERROR where a receipt is asked for", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "refuse" }]);
      const client = await StompSession.connect(stage.server.port);

      stage.say(client, "1");
      const text = await client.refusal("SEND", { destination: "/app/chat/7" });
      expect(text).to.equal("More than 1 SEND in 1000 ms");
    });

    it("answer ERROR to a SUBSCRIBE, whatever wildcards it writes", async () => {
      const destinations = ["/topic/room/*"];
      await start([{ ...CHAT, destinations, command: "SUBSCRIBE", beyond: "refuse" }]);
      const client = await StompSession.connect(stage.server.port);

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
      const client = await StompSession.connect(stage.server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/user/queue/a" });
      await client.messages();
      expect(await client.refusal("SUBSCRIBE", { id: "2", destination: "/user/queue/b" })).to.match(/^More/);
    });
  });

  it('with beyond "end" end the session, and name the limit', async () => {
    await start([{ ...CHAT, limit: 1, beyond: "end" }]);
    const client = await RawClient.connect(stage.server.port);

    client.send("SEND\ndestination:/app/chat/7\n\n1^@SEND\ndestination:/app/chat/7\nreceipt:r\n\n2^@");
    expect(await client.frame()).to.match(/^ERROR\nmessage:More than 1 SEND in 1000 ms\nreceipt-id:r\n/);
    expect(await client.closed()).to.equal(4500);
    expect(stage.exceeded.map(({ limit }) => limit)).to.deep.equal(["rateLimits[0]"]);
    expect(stage.server.messaging.stats().limitsExceeded).to.deep.equal({ "rateLimits[0]": 1 });
  });

  describe("count together", () => {
    it('all sessions of a user (per "user"), and strangers each by itself', async () => {
      await start([{ ...CHAT, per: "user", beyond: "ignore" }]);
      const rod = [
        await StompSession.connect(stage.server.port, "1.2", { login: "rod" }),
        await StompSession.connect(stage.server.port, "1.2", { login: "rod" }),
      ];
      const strangers = [
        await StompSession.connect(stage.server.port),
        await StompSession.connect(stage.server.port),
      ];

      for (const client of [...rod, ...strangers]) {
        stage.say(client, "x", "x");
        await client.messages();
      }
      expect(stage.chat.said).to.have.length(2 + 4);
      for (const client of [...rod, ...strangers]) client.cut();
    });

    it('all sessions from one address (per "address"), as a trusted proxy tells it', async () => {
      await start([{ ...CHAT, per: "address", beyond: "ignore" }]);
      const from = (address: string) =>
        RawClient.connect(stage.server.port, "", "/ws", { headers: { "x-forwarded-for": address } });
      const clients = [await from("10.0.0.1"), await from("10.0.0.1"), await from("10.0.0.2")];

      for (const client of clients) {
        client.send("SEND\ndestination:/app/chat/7\n\nx^@".repeat(2));
        await client.synchronize();
      }
      expect(stage.chat.said).to.have.length(2 + 2);
      expect(stage.exceeded[0]?.address).to.equal("10.0.0.1");
      for (const client of clients) client.cut();
    });

    it("every limit that fits, and none of a frame that one of them stops", async () => {
      const all = { per: "session", limit: 3, window: 1_000, beyond: "ignore" } as const;
      await start([all, { ...CHAT, limit: 1, beyond: "ignore" }]);
      const client = await StompSession.connect(stage.server.port);

      client.send("SUBSCRIBE", { id: "1", destination: "/topic/x" });
      stage.say(client, "1", "2", "3");
      for (const text of ["a", "b", "c"]) client.send("SEND", { destination: "/topic/x" }, text);
      expect(await client.bodies()).to.deep.equal(["a", "b"]);
      expect(stage.chat.said).to.deep.equal(["1"]);
      client.cut();
    });
  });

  it("tell of one when it lets a frame wait, though another has refused the frame before", async () => {
    const wait = { ...CHAT, limit: 1, window: 8_000, beyond: "wait" } as const;
    await start([wait, { ...CHAT, limit: 1, beyond: "ignore" }]);
    const client = await StompSession.connect(stage.server.port);
    const told = () => stage.exceeded.map(({ limit }) => limit);

    stage.say(client, "1", "2");
    await client.messages();
    expect(told()).to.deep.equal(["rateLimits[1]"]);
    stage.time.pass(1_000);
    stage.say(client, "3");
    await reached(() => stage.server.messaging.stats().limitsExceeded["rateLimits[0]"] === 1);
    expect(told()).to.deep.equal(["rateLimits[1]", "rateLimits[0]"]);
    client.cut();
  });

  for (const transport of ["xhr", "xhr_streaming"] as const) {
    it(`hold for SockJS by ${transport}`, async () => {
      await start([{ ...CHAT, window: 60_000, beyond: "ignore" }], { clock: systemClock });
      const client = await SockJsReader.connect(stage.server.port, transport);
      for (const text of ["1", "2", "3"]) await client.send(`SEND\ndestination:/app/chat/7\n\n${text}^@`);
      await client.send("SEND\ndestination:/topic/x\nreceipt:r\n\n^@");
      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
      expect(stage.chat.said).to.deep.equal(["1", "2"]);
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
    const client = await StompSession.connect(stage.server.port);
    client.send("SUBSCRIBE", { id: "1", destination: "/topic/chat.7" });
    for (const text of ["1", "2"]) client.send("SEND", { destination: "/topic/chat.7" }, text);
    expect(await client.bodies()).to.deep.equal(["1"]);
    client.cut();
  });
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
