import { expect } from "chai";
import {
  BrokerNotAvailableError,
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageDeliveryError,
  MessageMapping,
  SendTo,
  withHeaders,
} from "express-stomp";
import { RelayStage, type RelayStageOptions } from "../support/relay-stage.js";
import type { ScriptedLine } from "../support/scripted-broker.js";
import type { StompSession } from "../support/stomp-session.js";

@Controller()
class Shout {
  @MessageMapping("/shout")
  @SendTo("/topic/shouts")
  shout(text: string) {
    return text.toUpperCase();
  }
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("did not reject");
    },
    (error: Error) => error,
  );
}

describe("stompBrokerRelay", () => {
  let stage: RelayStage;
  let system: ScriptedLine;

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    system = await stage.system();
  }

  async function subscribe({ client, line }: { client: StompSession; line: ScriptedLine }, headers = {}) {
    client.send("SUBSCRIBE", { id: "s", destination: "/topic/a", ...headers });
    return line.until("SUBSCRIBE");
  }

  afterEach(() => stage.close());

  describe("when it starts", () => {
    it("connects as the system, as it was told", async () => {
      stage = await RelayStage.open({
        relay: {
          systemLogin: "app",
          systemPasscode: "secret",
          virtualHost: "stocks",
          systemHeartbeatSendInterval: 20_000,
          systemHeartbeatReceiveInterval: 0,
        },
      });
      const { headers } = await (await stage.broker.line()).frame();
      expect(Object.fromEntries(headers)).to.deep.equal({
        "accept-version": "1.1,1.2",
        "heart-beat": "20000,0",
        login: "app",
        passcode: "secret",
        host: "stocks",
      });
    });

    it("is a guest without a host by default", async () => {
      stage = await RelayStage.open();
      const { headers } = await (await stage.broker.line()).frame();
      expect(Object.fromEntries(headers)).to.deep.equal({
        "accept-version": "1.1,1.2",
        "heart-beat": "10000,10000",
        login: "guest",
        passcode: "guest",
      });
    });

    it("says when the broker is available, and when not any more", async () => {
      stage = await RelayStage.open({ broker: { connects: false } });
      const heard: boolean[] = [];
      stage.server.messaging.on("brokerAvailability", ({ isAvailable }) => void heard.push(isAvailable));
      const line = await stage.broker.line();
      await line.until("CONNECT");
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(false);

      line.connected();
      await stage.available();
      line.cut();
      await stage.available(false);

      expect(heard).to.deep.equal([true, false]);
    });

    it("waits for messaging.start() with autoStartup: false", async () => {
      stage = await RelayStage.open({ relay: { autoStartup: false } });
      const { messaging } = stage.server;
      const error = await rejection(messaging.template.convertAndSend("/topic/a", "x"));
      expect(error.message).to.equal("The connection to the broker was not started: call messaging.start()");
      expect(stage.broker.accepted).to.equal(0);

      messaging.start();
      await stage.system();
      await messaging.template.convertAndSend("/topic/a", "x");
    });
  });

  describe("when a client connects", () => {
    it("connects it to the broker, as the client's login, in its version, with what else it says", async () => {
      await start({ relay: { clientLogin: "web", clientPasscode: "pass", virtualHost: "stocks" } });
      const client = await stage.open();
      client.send(
        "CONNECT\naccept-version:1.1,1.0\nhost:x\nlogin:rod\npasscode:own\nheart-beat:0,0\nclient-id:me\nAuthorization:t\nmy-token:t\nX-CSRF-TOKEN:t\n\n^@",
      );
      const line = await stage.broker.line();
      const { headers } = await line.frame();
      expect(Object.fromEntries(headers)).to.deep.equal({
        "accept-version": "1.1",
        "heart-beat": "10000,10000",
        login: "web",
        passcode: "pass",
        host: "stocks",
        "client-id": "me",
      });
      expect(await client.frame()).to.match(/^CONNECTED\nversion:1.1\n/);
    });

    it("passes its own login on with passClientLogin", async () => {
      await start({ relay: { passClientLogin: true } });
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\nlogin:rod\npasscode:own\n\n^@");
      const { headers } = await (await stage.broker.line()).frame();
      expect([headers.get("login"), headers.get("passcode")]).to.deep.equal(["rod", "own"]);
    });

    it("answers only when the broker did", async () => {
      await start();
      stage.broker.options = { connects: false };
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
      const line = await stage.broker.line();
      await line.until("CONNECT");
      line.connected();
      expect(await client.frame()).to.match(/^CONNECTED\n/);
    });

    it("opens one connection, however often CONNECT comes", async () => {
      await start();
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@".repeat(100));
      expect(await client.frame()).to.match(/^CONNECTED\n/);
      expect(await client.frame()).to.match(/^ERROR\nmessage:CONNECT came twice/);
      await client.closed();
      expect(stage.broker.accepted).to.equal(2);
    });
  });

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
      client.send("SUBSCRIBE", { id: "other", destination: "/elsewhere" });
      await subscribe({ client, line });
      line.send("MESSAGE", { destination: "/topic/a", "message-id": "1", subscription: "s" });
      await client.frame();
    });

    it("passes UNSUBSCRIBE on, but for ids that it does not know", async () => {
      await start();
      const { client, line } = await stage.connect();
      await subscribe({ client, line });
      client.send("UNSUBSCRIBE", { id: "nobody" });
      client.send("UNSUBSCRIBE", { id: "s", durable: "true", receipt: "r" });
      const { headers } = await line.frame();
      expect([headers.get("id"), headers.get("durable")]).to.deep.equal(["s", "true"]);
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

  describe("when the application sends", () => {
    it("sends over the system's connection, and is done when the broker has it", async () => {
      await start({ broker: { receipts: false } });
      const order: string[] = [];
      const sent = stage.server.messaging.template
        .convertAndSend("/topic/a", { price: 1 }, { color: "red", receipt: "no", transaction: "no" })
        .then(() => order.push("sent"));
      const { command, headers, body } = await system.frame();
      order.push("came");
      system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      await sent;

      expect(order).to.deep.equal(["came", "sent"]);
      expect([
        command,
        headers.get("destination"),
        headers.get("content-type"),
        headers.get("color"),
        body,
      ]).to.deep.equal(["SEND", "/topic/a", "application/json", "red", '{"price":1}']);
      expect(headers.has("transaction")).to.equal(false);
    });

    it("has many messages on the way at once, in order, with an interceptor too", async () => {
      const passing: ChannelInterceptor = { preSend: async (message: Message) => message };
      await start({
        broker: { receipts: false },
        server: { brokerChannel: { interceptors: [passing] } },
      });
      const { template } = stage.server.messaging;
      const numbers = Array.from({ length: 50 }, (_, n) => `${n}`);
      const all = numbers.map((n) => template.convertAndSend("/topic/a", n));
      const came = [];
      for (const _ of numbers) came.push(await system.frame());
      expect(came.map(({ body }) => body)).to.deep.equal(numbers);
      for (const { headers } of came) system.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      await Promise.all(all);
    });

    it("sends the replies of controllers so, too", async () => {
      await start({ server: { controllers: [Shout] } });
      const { client } = await stage.connect();
      client.send("SEND", { destination: "/app/shout", receipt: "r" }, "hello");
      const { headers, body } = await system.frame();
      expect([headers.get("destination"), body]).to.deep.equal(["/topic/shouts", "HELLO"]);
      expect((await client.frame()).command).to.equal("RECEIPT");
    });

    it("rejects while the broker is away", async () => {
      await start();
      await stage.broker.close();
      await stage.available(false);
      const error = await rejection(stage.server.messaging.template.convertAndSend("/topic/a", "x"));
      expect(error).to.be.instanceOf(BrokerNotAvailableError).and.include({ code: "BROKER_NOT_AVAILABLE" });
    });

    it("rejects what was in flight when the connection was lost, and sends again when it is back", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const all = [1, 2, 3].map((n) => rejection(template.convertAndSend("/topic/a", n)));
      const first = await system.frame();
      system.send("RECEIPT", { "receipt-id": `${first.headers.get("receipt")}0` });
      await system.frame();
      system.cut();
      for (const error of await Promise.all(all)) expect(error).to.be.instanceOf(BrokerNotAvailableError);

      stage.broker.options = {};
      await stage.system();
      await template.convertAndSend("/topic/a", "again");
    });

    it("rejects what the broker refuses, with its reason", async () => {
      await start({ broker: { receipts: false } });
      const refused = rejection(stage.server.messaging.template.convertAndSend("/topic/a/b", "x"));
      await system.frame();
      system.send(
        "ERROR",
        { message: "Invalid destination" },
        "'a/b' is not a valid topic destination\nmore",
      );
      system.socket.end();
      const error = await refused;
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect(error.message).to.equal("Invalid destination: 'a/b' is not a valid topic destination");
    });
  });

  describe("when the application subscribes", () => {
    it("hears what comes, also after the connection was lost", async () => {
      await start();
      const heard: string[] = [];
      let tell = () => {};
      const subscribed = stage.server.messaging.system?.subscribe("/topic/x", ({ payload, headers }) => {
        heard.push(`${headers.destination} ${Buffer.from(payload)}`);
        tell();
      });
      const first = await system.until("SUBSCRIBE");
      await subscribed;
      const message = (n: string, id: string) =>
        [{ destination: "/topic/x", "message-id": n, subscription: id }, n] as const;
      system.send("MESSAGE", ...message("1", first.headers.get("id")!));
      await new Promise<void>((resolve) => {
        tell = resolve;
      });

      system.cut();
      system = await stage.system();
      const again = await system.until("SUBSCRIBE");
      system.send("MESSAGE", ...message("2", again.headers.get("id")!));
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
      expect(heard).to.deep.equal(["/topic/x 1", "/topic/x 2"]);

      await (await subscribed)!();
      expect((await system.until("UNSUBSCRIBE")).headers.get("id")).to.equal(again.headers.get("id"));
    });
  });

  describe("when the session ends", () => {
    it("says DISCONNECT to the broker, and answers the client's when the broker has", async () => {
      await start({ broker: { receipts: false } });
      const { client, line } = await stage.connect();
      client.send("DISCONNECT", { receipt: "bye" });
      const { headers } = await line.until("DISCONNECT");
      line.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
      expect((await client.frame()).headers.get("receipt-id")).to.equal("bye");
      await line.closed();
    });

    it("says DISCONNECT for a client that just went", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.cut();
      await line.until("DISCONNECT");
      await line.closed();
    });
  });

  describe("when the broker ends a client's connection", () => {
    it("ends the session with ERROR", async () => {
      await start();
      const { client, line } = await stage.connect();
      line.cut();
      const frame = await client.frame();
      expect([frame.command, frame.headers.get("message")]).to.deep.equal(["ERROR", "Broker not available"]);
    });

    it("passes its ERROR on, for the frame it names", async () => {
      await start({ broker: { receipts: false } });
      const { client, line } = await stage.connect();
      client.send("SEND", { destination: "/queue/a", receipt: "one" });
      client.send("SEND", { destination: "/queue/b", receipt: "two" });
      await line.frame();
      const { headers } = await line.frame();
      line.send("ERROR", { message: "No such queue", "receipt-id": headers.get("receipt")! });
      const frame = await client.frame();
      expect(Object.fromEntries(frame.headers)).to.include({ message: "No such queue", "receipt-id": "two" });
      await line.closed();
    });
  });

  describe("when the broker is away", () => {
    it("refuses clients with ERROR", async () => {
      await start();
      await stage.broker.close();
      await stage.available(false);
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:x\n\n^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:Broker not available\n/);
      expect(await client.closed()).to.equal(1002);
    });
  });

  describe("to users", () => {
    it("delivers here, and the broker hears nothing of it", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.send("SUBSCRIBE", { id: "u", destination: "/user/anything/at/all", ack: "client-individual" });
      await client.messages();
      const session = await new Promise<string>((resolve) => {
        stage.server.messaging.on("subscribed", ({ sessionId }) => resolve(sessionId));
        client.send("SUBSCRIBE", { id: "v", destination: "/topic/a" });
      });
      await stage.server.messaging.template.convertAndSendToUser(session, "/anything/at/all", "psst");
      const { headers, body } = await client.frame();
      expect([headers.get("subscription"), headers.get("destination"), body]).to.deep.equal([
        "u",
        "/user/anything/at/all",
        "psst",
      ]);
      client.send("ACK", { id: headers.get("ack")!, receipt: "acked" });
      expect((await client.frame()).command).to.equal("RECEIPT");
      expect((await line.frame()).headers.get("id")).to.equal("v");
      client.send("ACK", { id: "the-brokers" });
      expect((await line.frame()).headers.get("id")).to.equal("the-brokers");
    });
  });
});
