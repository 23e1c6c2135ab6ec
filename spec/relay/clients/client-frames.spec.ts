import { expect } from "chai";
import { type ChannelInterceptor, type Message, withHeaders } from "express-stomp";
import { rejection } from "../../support/channels.js";
import { RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";
import type { StompSession } from "../../support/stomp-session.js";

describe("What a client sends to the broker", () => {
  let stage: RelayStage;

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    await stage.system();
  }

  async function subscribe({ client, line }: { client: StompSession; line: ScriptedLine }, headers = {}) {
    client.send("SUBSCRIBE", { id: "s", destination: "/topic/a", ...headers });
    return line.until("SUBSCRIBE");
  }

  afterEach(() => stage.close());

  describe("when a client subscribes", () => {
    it("hears what the broker sends, with all its headers", async () => {
      await start();
      const { client, line } = await stage.connect();
      const { headers } = await subscribe(
        { client, line },
        { ack: "client", "prefetch-count": 3, selector: "a" },
      );
      expect([...headers.keys()].sort()).to.deep.equal([
        "ack",
        "destination",
        "id",
        "prefetch-count",
        "receipt",
        "selector",
      ]);

      const ids = { "message-id": "m1", ack: "T_s@@1", subscription: "s" };
      line.send("MESSAGE", { destination: "/topic/a", color: "red", ...ids }, "hello");
      const frame = await client.frame();
      expect(Object.fromEntries(frame.headers)).to.deep.equal({
        destination: "/topic/a",
        color: "red",
        ...ids,
        "content-length": "5",
      });
      expect(frame.body).to.equal("hello");
    });

    it("knows what is to be acknowledged in versions that do not say so", async () => {
      const ids: unknown[] = [];
      const noting: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.messageType === "MESSAGE") ids.push(message.headers.ackId);
          return message;
        },
      };
      await start({ server: { clientOutboundChannel: { interceptors: [noting] } } });
      const { client, line } = await stage.connect("1.1");
      await subscribe({ client, line }, { ack: "client" });
      await subscribe({ client, line }, { id: "auto" });
      for (const subscription of ["s", "auto"]) {
        line.send("MESSAGE", { destination: "/topic/a", "message-id": `m-${subscription}`, subscription });
        expect((await client.frame()).headers.has("ack")).to.equal(false);
      }
      expect(ids).to.deep.equal(["m-s", undefined]);
    });

    it("logs a delivery that an interceptor fails, and goes on", async () => {
      const failing: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.native.has("bad")) throw new Error("no good");
          return message;
        },
      };
      await start({ server: { clientOutboundChannel: { interceptors: [failing] } } });
      const { client, line } = await stage.connect();
      await subscribe({ client, line });
      const message = { destination: "/topic/a", "message-id": "1", subscription: "s" };
      line.send("MESSAGE", { ...message, bad: "yes" });
      line.send("MESSAGE", message, "the next");
      expect((await client.frame()).body).to.equal("the next");
      expect(stage.server.log.join("\n")).to.match(/A delivery to subscription s of session .+ failed/);
    });

    it("answers its receipt when the broker has confirmed it", async () => {
      await start({ broker: { receipts: false } });
      const { client, line } = await stage.connect();
      const { headers } = await subscribe({ client, line }, { receipt: "mine" });
      line.send("MESSAGE", { destination: "/topic/a", "message-id": "1", subscription: "s" }, "first");
      expect((await client.frame()).body).to.equal("first");
      line.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      expect(Object.fromEntries((await client.frame()).headers)).to.deep.equal({ "receipt-id": "mine" });
    });

    it("refuses an id that is in use", async () => {
      await start();
      const { client, line } = await stage.connect();
      await subscribe({ client, line });
      expect(await client.refusal("SUBSCRIBE", { id: "s", destination: "/user/queue/a" })).to.equal(
        "The subscription id s is in use",
      );
    });

    it("does not pass on what is under other prefixes", async () => {
      await start();
      const { client, line } = await stage.connect();
      expect(await client.refusal("SUBSCRIBE", { id: "other", destination: "/elsewhere" })).to.equal(
        "Nothing here serves /elsewhere",
      );
      expect((await line.frame()).command).to.equal("DISCONNECT");
    });

    it("passes UNSUBSCRIBE on, but for ids that it does not know", async () => {
      await start();
      const { client, line } = await stage.connect();
      await subscribe({ client, line });
      client.send("UNSUBSCRIBE", { id: "nobody" });
      client.send("UNSUBSCRIBE", { id: "s", color: "red", receipt: "r" });
      const { headers } = await line.frame();
      expect([headers.get("id"), headers.get("color")]).to.deep.equal(["s", "red"]);
      expect((await client.frame()).command).to.equal("RECEIPT");
    });
  });

  describe("when a client sends", () => {
    it("passes on SEND, ACK, NACK and transactions as they came", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.send("BEGIN", { transaction: "t" });
      client.send(
        "SEND",
        { destination: "/queue/a", transaction: "t", persistent: "true", "content-type": "a/b" },
        "x",
      );
      client.send("ACK", { id: "T_1@@2", transaction: "t" });
      client.send("NACK", { id: "T_1@@3", requeue: "false" });
      client.send("COMMIT", { transaction: "t" });
      client.send("ABORT", { transaction: "u" });

      const came = [];
      for (let i = 0; i < 6; i++) came.push(await line.frame());
      expect(
        came.map(({ command, headers, body }) => [command, Object.fromEntries(headers), body]),
      ).to.deep.equal([
        ["BEGIN", { transaction: "t" }, ""],
        [
          "SEND",
          {
            destination: "/queue/a",
            "content-type": "a/b",
            transaction: "t",
            persistent: "true",
            "content-length": "1",
          },
          "x",
        ],
        ["ACK", { id: "T_1@@2", transaction: "t" }, ""],
        ["NACK", { id: "T_1@@3", requeue: "false" }, ""],
        ["COMMIT", { transaction: "t" }, ""],
        ["ABORT", { transaction: "u" }, ""],
      ]);
    });

    it("answers receipts when the broker does, in its order, and stops nobody meanwhile", async () => {
      await start({ broker: { receipts: false } });
      const { client, line } = await stage.connect();
      client.send("SEND", { destination: "/queue/a", transaction: "t", receipt: "same" });
      client.send("COMMIT", { transaction: "t", receipt: "same" });
      client.send("SEND", { destination: "/queue/a", receipt: "last" });
      const [send, commit, last] = [await line.frame(), await line.frame(), await line.frame()];

      for (const frame of [last, commit, send])
        line.send("RECEIPT", { "receipt-id": frame.headers.get("receipt")! });

      const ids = [await client.frame(), await client.frame(), await client.frame()];
      expect(ids.map(({ headers }) => headers.get("receipt-id"))).to.deep.equal(["last", "same", "same"]);
    });

    it("sends what interceptors made of it", async () => {
      const redirect: ChannelInterceptor = {
        preSend: (message: Message) =>
          message.headers.messageType === "MESSAGE"
            ? withHeaders(message, { destination: "/topic/b" })
            : message,
      };
      await start({ server: { clientInboundChannel: { interceptors: [redirect] } } });
      const { client, line } = await stage.connect();
      client.send("SEND", { destination: "/topic/a" }, "x");
      expect((await line.frame()).headers.get("destination")).to.equal("/topic/b");
    });
  });

  describe("when a client wants too much", () => {
    it("refuses more receipts at a time than can be kept", async () => {
      await start({ broker: { receipts: false } });
      const { client } = await stage.knock();
      await client.frame();
      for (let n = 0; n <= 10_000; n++) client.send("SEND\ndestination:/topic/a\nreceipt:r\n\n^@");
      const frame = await client.frame();
      expect(frame).to.match(/^ERROR\nmessage:At most 10000 receipts can be outstanding\n/);
    });

    it("refuses more subscriptions than it may have, private ones counted", async () => {
      await start({ relay: { subscriptionLimit: 2 } });
      const { client } = await stage.connect();
      client.send("SUBSCRIBE", { id: "0", destination: "/topic/a" });
      client.send("UNSUBSCRIBE", { id: "0" });
      client.send("SUBSCRIBE", { id: "1", destination: "/topic/a" });
      client.send("SUBSCRIBE", { id: "2", destination: "/user/queue/a" });
      expect(await client.refusal("SUBSCRIBE", { id: "3", destination: "/topic/a" })).to.equal(
        "A session has at most 2 subscriptions",
      );
    });
  });

  describe("when a destination is longer than any may be", () => {
    const LONG = `/topic/${"a".repeat(1_018)}`;
    const DEEP = `/topic${"/a".repeat(64)}`;

    for (const [what, destination, limit] of [
      ["1,024 characters", LONG, "A destination has at most 1024 characters"],
      ["64 segments", DEEP, "A destination has at most 64 segments"],
    ] as const) {
      for (const connections of ["own", "shared"] as const) {
        for (const command of ["SUBSCRIBE", "SEND"]) {
          it(`refuses a ${command} to more than ${what}, which the broker never sees (${connections})`, async () => {
            await start({ relay: { connections } });
            const client = await stage.session();
            expect(await client.refusal(command, { id: "s", destination })).to.match(
              new RegExp(`^/topic/[a/]*…? is no destination here: ${limit}$`),
            );
          });
        }
      }

      it(`rejects what the application sends to more than ${what}`, async () => {
        await start();
        const error = await rejection(stage.server.messaging.template.convertAndSend(destination, "x"));
        expect(error.message).to.include(limit);
      });
    }

    it("takes what is as long as it may be", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.send("SEND", { destination: LONG.slice(0, 1_024) });
      expect((await line.until("SEND")).headers.get("destination")).to.have.length(1_024);
    });
  });
});
