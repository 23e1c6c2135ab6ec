import { expect } from "chai";
import { BrokerNotAvailableError, type ChannelInterceptor, type Message, withHeaders } from "express-stomp";
import { rejection } from "../../support/channels.js";
import { expectEnd, RelayStage, type RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";

describe("A connection to the broker", () => {
  let stage: RelayStage;
  let system: ScriptedLine;

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    system = await stage.system();
  }

  afterEach(() => stage.close());

  describe("when the broker has accepted a client", () => {
    const mischief: [what: string, bytes: string][] = [
      ["bytes that are no frame", "HTTP/1.1 400 Bad Request\r\n\r\n"],
      ["a line without end", `MESSAGE\nx:${"y".repeat(70_000)}`],
      ["headers without end", `MESSAGE\n${"x:y\n".repeat(20_000)}`],
      ["a gigabyte of content-length", "MESSAGE\nsubscription:s\ncontent-length:1000000000\n\n"],
      ["a body without end", `MESSAGE\nsubscription:s\n\n${"y".repeat(1_100_000)}`],
      ["a negative content-length", "MESSAGE\ncontent-length:-1\n\n^@"],
      ["CONNECTED again", "CONNECTED\nversion:1.2\n\n^@"],
      ["a client's frame", "SEND\ndestination:/topic/a\n\n^@"],
    ];
    for (const [what, bytes] of mischief) {
      it(`costs the one connection when it sends ${what}`, async () => {
        await start();
        const { client, line } = await stage.knock();
        expect(await client.frame()).to.match(/^CONNECTED/);
        line.raw(bytes);
        await expectEnd(client, "Broker not available");
        await line.closed();
        expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
        await stage.server.messaging.template.convertAndSend("/topic/a", "others go on");
      });
    }

    it("delivers nothing of a message that ends in the middle", async () => {
      await start();
      const { client, line } = await stage.knock();
      await client.frame();
      line.raw("MESSAGE\nsubscription:s\ndestination:/topic/a\nmessage-id:1\ncontent-length:9\n\nhalf");
      line.socket.end();
      await expectEnd(client, "Broker not available");
    });

    it("ignores receipts that nobody asked for", async () => {
      await start();
      const { client, line } = await stage.connect();
      client.send("SUBSCRIBE", { id: "s", destination: "/topic/a" });
      await line.until("SUBSCRIBE");
      for (const id of ["2", "-1", "__proto__", "constructor"]) line.send("RECEIPT", { "receipt-id": id });
      line.raw("RECEIPT\n\n^@");
      line.send("MESSAGE", { subscription: "s", "message-id": "1", destination: "/topic/a" }, "after them");
      expect((await client.frame()).body).to.equal("after them");
    });

    it("ignores what RabbitMQ says of a delivery that met an UNSUBSCRIBE", async () => {
      await start();
      const { client, line } = await stage.connect();
      for (const to of [line, system]) {
        to.send(
          "ERROR",
          { message: "Subscription not found" },
          "There is no current subscription with tag 'T_s'.",
        );
      }
      client.send("SEND", { destination: "/topic/a", receipt: "r" });
      expect((await client.frame()).headers.get("receipt-id")).to.equal("r");
      await stage.server.messaging.template.convertAndSend("/topic/a", "goes on");
      line.send("ERROR", { message: "Subscription not found" }, 'Message with id "1" has no subscription');
      expect((await client.frame()).command).to.equal("ERROR");
    });

    it("is noticed when it falls silent, and kept while it beats", async () => {
      await start({
        broker: { heartBeat: "100,100" },
        relay: { systemHeartbeatSendInterval: 100, systemHeartbeatReceiveInterval: 100 },
      });
      system.socket.on("data", () => system.raw("\n"));
      const { client, line } = await stage.knock();
      await client.frame();
      let beats = 0;
      await new Promise<void>((resolve) => {
        line.socket.on("data", (chunk) => {
          if (!chunk.equals(Buffer.from("\n"))) return;
          if (++beats <= 8) line.raw("\n");
          else resolve();
        });
      });
      await expectEnd(client, "Broker not available");
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
    });
  });

  describe("when the broker is to accept a client", () => {
    const mischief: [what: string, bytes: string][] = [
      ["MESSAGE first", "MESSAGE\nsubscription:s\nmessage-id:1\ndestination:/a\n\n^@"],
      ["bytes that are no frame", "220 smtp.example ESMTP\r\n"],
      ["heart-beats that make no sense", "CONNECTED\nversion:1.2\nheart-beat:often\n\n^@"],
    ];
    for (const [what, bytes] of mischief) {
      it(`refuses the client when it sends ${what}`, async () => {
        await start();
        stage.broker.options = { connects: false };
        const { client, line } = await stage.knock();
        line.raw(bytes);
        await expectEnd(client, "Broker not available");
      });
    }

    it("refuses the client when it speaks another version", async () => {
      await start();
      stage.broker.options = { connects: false };
      const { client, line } = await stage.knock();
      line.raw("CONNECTED\nversion:1.1\n\n^@");
      await expectEnd(client, "The broker does not speak STOMP 1.2");
    });

    it("refuses the client when it says nothing", async () => {
      await start({ relay: { connectedTimeout: 50 } });
      stage.broker.options = { connects: false };
      const { client, line } = await stage.knock();
      await expectEnd(client, "Broker not available");
      await line.closed();
    });

    it("keeps its words and our passcode from the client, and the passcode from the log", async () => {
      await start({ relay: { clientLogin: "web", clientPasscode: "swordfish" } });
      stage.broker.options = { connects: false };
      const { client, line } = await stage.knock();
      line.send("ERROR", { message: "swordfish is wrong" }, "web may not enter with swordfish");
      await expectEnd(client, "Broker not available");
      const log = stage.server.log.join("\n");
      expect(log).to.include("refused a client's connection: *** is wrong: web may not enter with ***");
      expect(log).not.to.include("swordfish");
    });

    it("tells the client what it said of the client's own login", async () => {
      await start({ relay: { passClientLogin: true } });
      stage.broker.options = { connects: false };
      const { client, line } = await stage.knock();
      line.send("ERROR", { message: "Bad CONNECT" });
      await expectEnd(client, "Bad CONNECT");
    });
  });

  describe("when something is to be written", () => {
    // These headers of a client's CONNECT reach the broker's.
    for (const name of ["login", "passcode", "client-id"]) {
      for (const value of ["a\nlogin:admin", "a\rb", "a\0b"]) {
        it(`refuses a CONNECT that the ${name} ${JSON.stringify(value)} would break out of`, async () => {
          const careless: ChannelInterceptor = {
            preSend: (message: Message) =>
              message.headers.messageType === "CONNECT"
                ? withHeaders(message, { native: message.headers.native.with(name, value) })
                : message,
          };
          await start({
            relay: { passClientLogin: true, passQueueHeaders: true },
            server: { clientInboundChannel: { interceptors: [careless] } },
          });
          const { client, line } = await stage.knock();
          await expectEnd(client, `CONNECT has no escapes, but its header ${name} needs one`);
          await line.closed();
          expect(line.socket.bytesRead, "bytes that the broker got").to.equal(0);
        });
      }
    }
  });

  describe("when the broker does not confirm", () => {
    it("rejects what the application sends", async () => {
      await start({ broker: { receipts: false }, relay: { receiptTimeout: 100 } });
      const error = await rejection(stage.server.messaging.template.convertAndSend("/topic/a", "x"));
      expect(error).to.be.instanceOf(BrokerNotAvailableError);
      expect(error.message).to.match(/^The broker at 127.0.0.1:\d+ did not confirm in time$/);
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
    });

    it("refuses a subscription", async () => {
      await start({ broker: { receipts: false }, relay: { receiptTimeout: 100 } });
      const { client } = await stage.connect();
      expect(await client.refusal("SUBSCRIBE", { id: "1", destination: "/topic/a" })).to.equal(
        "Broker not available",
      );
    });
  });
});
