import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect } from "chai";
import {
  BrokerNotAvailableError,
  type ChannelInterceptor,
  type Message,
  MessageDeliveryError,
  withHeaders,
} from "express-stomp";
import { CERTIFICATE, KEY } from "../support/certificate.js";
import type { RawClient } from "../support/raw-client.js";
import { RelayStage, type RelayStageOptions } from "../support/relay-stage.js";
import { ScriptedBroker, type ScriptedLine } from "../support/scripted-broker.js";

const CONNECT = "CONNECT\naccept-version:1.2\nhost:spec\n\n^@";

const rejection = (promise: Promise<unknown> | undefined): Promise<Error> =>
  Promise.resolve(promise).then(
    () => {
      throw new Error("did not reject");
    },
    (error: Error) => error,
  );

describe("stompBrokerRelay, at faults", () => {
  let stage: RelayStage;
  let system: ScriptedLine;
  const servers: Server[] = [];

  async function start(options: RelayStageOptions = {}) {
    stage = await RelayStage.open(options);
    system = await stage.system();
  }

  /** Sends CONNECT and gives the line that this opens to the broker, and what is answered. */
  async function knock() {
    const client = await stage.open();
    client.send(CONNECT);
    const line = await stage.broker.line();
    return { client, line };
  }

  async function ends(client: RawClient, message: string) {
    const frame = await client.frame();
    expect(frame.split("\n").slice(0, 2)).to.deep.equal(["ERROR", `message:${message}`]);
    expect(await client.closed()).to.equal(1002);
  }

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return (server.address() as AddressInfo).port;
  }

  afterEach(async () => {
    await stage.close();
    for (const server of servers.splice(0)) server.close();
  });

  describe("of a broker that has accepted a client", () => {
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
        const { client, line } = await knock();
        expect(await client.frame()).to.match(/^CONNECTED/);
        line.raw(bytes);
        await ends(client, "Broker not available");
        await line.closed();
        expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
        await stage.server.messaging.template.convertAndSend("/topic/a", "others go on");
      });
    }

    it("delivers nothing of a message that ends in the middle", async () => {
      await start();
      const { client, line } = await knock();
      await client.frame();
      line.raw("MESSAGE\nsubscription:s\ndestination:/topic/a\nmessage-id:1\ncontent-length:9\n\nhalf");
      line.socket.end();
      await ends(client, "Broker not available");
    });

    it("ignores receipts that nobody asked for", async () => {
      await start();
      const { client, line } = await stage.connect();
      for (const id of ["1", "-1", "__proto__", "constructor"]) line.send("RECEIPT", { "receipt-id": id });
      line.raw("RECEIPT\n\n^@");
      line.send("MESSAGE", { subscription: "s", "message-id": "1", destination: "/topic/a" }, "after them");
      expect((await client.frame()).body).to.equal("after them");
    });

    it("is noticed when it falls silent, and kept while it beats", async () => {
      await start({
        broker: { heartBeat: "100,100" },
        relay: { systemHeartbeatSendInterval: 100, systemHeartbeatReceiveInterval: 100 },
      });
      system.socket.on("data", () => system.raw("\n"));
      const { client, line } = await knock();
      await client.frame();
      let beats = 0;
      await new Promise<void>((resolve) => {
        line.socket.on("data", (chunk) => {
          if (!chunk.equals(Buffer.from("\n"))) return;
          if (++beats <= 8) line.raw("\n");
          else resolve();
        });
      });
      await ends(client, "Broker not available");
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(true);
    });
  });

  describe("of a broker that is to accept a client", () => {
    const mischief: [what: string, bytes: string][] = [
      ["MESSAGE first", "MESSAGE\nsubscription:s\nmessage-id:1\ndestination:/a\n\n^@"],
      ["bytes that are no frame", "220 smtp.example ESMTP\r\n"],
      ["heart-beats that make no sense", "CONNECTED\nversion:1.2\nheart-beat:often\n\n^@"],
    ];
    for (const [what, bytes] of mischief) {
      it(`refuses the client when it sends ${what}`, async () => {
        await start();
        stage.broker.options = { connects: false };
        const { client, line } = await knock();
        line.raw(bytes);
        await ends(client, "Broker not available");
      });
    }

    it("refuses the client when it speaks another version", async () => {
      await start();
      stage.broker.options = { connects: false };
      const { client, line } = await knock();
      line.raw("CONNECTED\nversion:1.1\n\n^@");
      await ends(client, "The broker does not speak STOMP 1.2");
    });

    it("refuses the client when it says nothing", async () => {
      await start({ relay: { connectedTimeout: 50 } });
      stage.broker.options = { connects: false };
      const { client, line } = await knock();
      await ends(client, "Broker not available");
      await line.closed();
    });

    it("keeps its words and our passcode from the client, and the passcode from the log", async () => {
      await start({ relay: { clientLogin: "web", clientPasscode: "swordfish" } });
      stage.broker.options = { connects: false };
      const { client, line } = await knock();
      line.send("ERROR", { message: "Bad CONNECT" }, "web may not enter with swordfish");
      await ends(client, "Broker not available");
      const log = stage.server.log.join("\n");
      expect(log).to.include("refused a client's connection: Bad CONNECT: web may not enter with ***");
      expect(log).not.to.include("swordfish");
    });

    it("tells the client what it said of the client's own login", async () => {
      await start({ relay: { passClientLogin: true } });
      stage.broker.options = { connects: false };
      const { client, line } = await knock();
      line.send("ERROR", { message: "Bad CONNECT" });
      await ends(client, "Bad CONNECT");
    });
  });

  describe("in what is to be written", () => {
    for (const value of ["a\nlogin:admin", "a\rb", "a\0b"]) {
      it(`refuses a CONNECT that ${JSON.stringify(value)} would break out of`, async () => {
        const careless: ChannelInterceptor = {
          preSend: (message: Message) =>
            message.headers.messageType === "CONNECT"
              ? withHeaders(message, { native: message.headers.native.with("x-name", value) })
              : message,
        };
        await start({ server: { clientInboundChannel: { interceptors: [careless] } } });
        const { client, line } = await knock();
        await ends(client, "CONNECT has no escapes, but its header x-name needs one");
        await line.closed();
      });
    }
  });

  describe("of a client", () => {
    it("refuses more receipts at a time than can be kept", async () => {
      await start({ broker: { receipts: false } });
      const { client } = await knock();
      await client.frame();
      for (let n = 0; n <= 10_000; n++) client.send("SEND\ndestination:/topic/a\nreceipt:r\n\n^@");
      const frame = await client.frame();
      expect(frame).to.match(/^ERROR\nmessage:At most 10000 receipts can be outstanding\n/);
    });

    it("refuses more subscriptions than it may have", async () => {
      await start({ relay: { subscriptionLimit: 2 } });
      const { client } = await stage.connect();
      for (const id of ["1", "2"]) client.send("SUBSCRIBE", { id, destination: "/topic/a" });
      expect(await client.refusal("SUBSCRIBE", { id: "3", destination: "/topic/a" })).to.equal(
        "A session has at most 2 subscriptions",
      );
    });
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

  describe("when the broker refuses what the application does", () => {
    it("says so to the one sender, if it names the receipt", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const [bad, good] = [
        rejection(template.convertAndSend("/topic/a", 1)),
        template.convertAndSend("/topic/b", 2),
      ];
      const [one, two] = [await system.frame(), await system.frame()];
      system.send("ERROR", { message: "No", "receipt-id": one.headers.get("receipt")! });
      system.send("RECEIPT", { "receipt-id": two.headers.get("receipt")! });
      expect((await bad).message).to.equal("No");
      await good;
    });

    it("says so to the right one, if it names none, as soon as the others are confirmed", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const sent = [1, 2, 3, 4].map((n) => template.convertAndSend("/topic/a", n).then(() => "", String));
      const ids: string[] = [];
      for (const _ of sent) ids.push((await system.frame()).headers.get("receipt")!);
      system.send("ERROR", { message: "No to 2" });
      system.send("RECEIPT", { "receipt-id": ids[3]! });
      system.send("ERROR", { message: "No to 3" });
      system.send("RECEIPT", { "receipt-id": ids[0]! });
      expect(await Promise.all(sent)).to.deep.equal([
        "",
        "MessageDeliveryError: No to 2",
        "MessageDeliveryError: No to 3",
        "",
      ]);
      const next = template.convertAndSend("/topic/a", "later ones are not meant");
      system.send("RECEIPT", { "receipt-id": (await system.frame()).headers.get("receipt")! });
      await next;
    });

    it("tells all whose messages were in flight, if it closes", async () => {
      await start({ broker: { receipts: false } });
      const { template } = stage.server.messaging;
      const all = [1, 2].map((n) => rejection(template.convertAndSend("/topic/a", n)));
      await system.frame();
      await system.frame();
      system.send("ERROR", { message: "No" });
      system.socket.end();
      for (const error of await Promise.all(all)) {
        expect(error).to.be.instanceOf(BrokerNotAvailableError);
        expect(error.message).to.match(/closed the connection, after ERROR: No$/);
      }
    });

    it("gives up a subscription that was never taken, and keeps the others", async () => {
      await start();
      const kept = stage.server.messaging.system?.subscribe("/topic/good", () => {});
      await system.until("SUBSCRIBE");
      await kept;
      stage.broker.options = { receipts: false };
      const refused = rejection(stage.server.messaging.system?.subscribe("/bad", () => {}));
      const { headers } = await system.until("SUBSCRIBE");
      system.send("ERROR", { message: "No such place", "receipt-id": headers.get("receipt")! });
      expect(await refused)
        .to.be.instanceOf(MessageDeliveryError)
        .and.include({ message: "No such place" });

      stage.broker.options = {};
      system = await stage.system();
      expect((await system.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/good");
      await stage.server.messaging.template.convertAndSend("/topic/a", "nothing follows it");
      expect((await system.frame()).command).to.equal("SEND");
    });

    it("begins anew when a subscription is cancelled", async () => {
      await start();
      void stage.server.messaging.system?.subscribe("/topic/x", () => {});
      const { headers } = await system.until("SUBSCRIBE");
      system.send("ERROR", { message: "Server cancelled subscription", subscription: headers.get("id")! });
      system = await stage.system();
      expect((await system.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/x");
    });
  });

  describe("when the broker cannot be reached", () => {
    it("starts all the same, and connects when there is one", async () => {
      const broker = await ScriptedBroker.open();
      const { port } = broker;
      await broker.close();
      stage = await RelayStage.open({ relay: { relayPort: port } });
      const refused = await stage.open();
      refused.send(CONNECT);
      await ends(refused, "Broker not available");

      const again = await ScriptedBroker.open({ port });
      await stage.available();
      await stage.server.messaging.template.convertAndSend("/topic/a", "x");
      await stage.server.close();
      await again.close();
    });

    it("tries one broker after the other, and the next when one is lost", async () => {
      const [one, two] = [await ScriptedBroker.open(), await ScriptedBroker.open()];
      const addresses = [one, two].map(({ port }) => ({ host: "127.0.0.1", port }));
      const nobody = await ScriptedBroker.open();
      stage = await RelayStage.open({
        relay: { addresses: [{ host: "127.0.0.1", port: nobody.port }, ...addresses] },
      });
      (await nobody.line()).cut();
      const line = await one.line();
      await stage.available();
      const client = await stage.open();
      client.send(CONNECT);
      await (await one.line()).until("CONNECT");

      const lost = stage.available(false);
      line.cut();
      await lost;
      await (await two.line()).until("CONNECT");
      await stage.available();
      await stage.server.close();
      for (const broker of [one, two, nobody]) await broker.close();
    });

    it("gives up a line on which nobody answers", async () => {
      const accepted: Socket[] = [];
      const port = await listening(createServer((socket) => accepted.push(socket.on("error", () => {}))));
      stage = await RelayStage.open({ relay: { relayPort: port, tls: true, connectTimeout: 50 } });
      const warning = () => stage.server.log.some((line) => line.includes("did not let us connect in time"));
      while (!warning()) await new Promise((resolve) => setImmediate(resolve));
      for (const socket of accepted) socket.destroy();
    });

    it("closes at once, though it is being connected to", async () => {
      stage = await RelayStage.open({ broker: { connects: false } });
      const line = await stage.broker.line();
      await line.until("CONNECT");
      await stage.server.messaging.close();
      await line.closed();
    });
  });

  describe("with TLS", () => {
    async function tlsBroker(): Promise<number> {
      return listening(
        createTlsServer({ key: KEY, cert: CERTIFICATE }, (socket) => {
          socket.on("error", () => {});
          socket.once("data", () => socket.write("CONNECTED\nversion:1.2\n\n\0"));
        }),
      );
    }

    it("speaks it with a broker whose certificate it trusts", async () => {
      const relayPort = await tlsBroker();
      stage = await RelayStage.open({
        relay: { relayHost: "localhost", relayPort, tls: { ca: CERTIFICATE } },
      });
      await stage.available();
      await stage.server.close();
    });

    it("does not speak with a broker whom nobody knows", async () => {
      const relayPort = await tlsBroker();
      stage = await RelayStage.open({ relay: { relayHost: "localhost", relayPort, tls: true } });
      const warning = () => stage.server.log.find((line) => line.includes("cannot be reached"));
      while (!warning()) await new Promise((resolve) => setImmediate(resolve));
      expect(warning()).to.match(/self.signed certificate/);
      expect(stage.server.messaging.isBrokerAvailable()).to.equal(false);
    });
  });

  describe("when one end is slow", function () {
    this.timeout(30_000);
    const SIZE = 8 * 1024;
    const COUNT = 4_000;
    const body = "x".repeat(SIZE);
    const total = SIZE * COUNT;

    let lines: Socket[];

    /** The server's side of a client's connection. */
    async function knocked() {
      lines = [];
      stage.server.server.on("connection", (socket) => lines.push(socket));
      const { client, line } = await knock();
      await client.frame();
      await line.until("CONNECT");
      return { client, line, own: lines[0]! };
    }

    /** Waits until something holds, and goes on to hold while others do a lot. */
    async function still(holds: () => boolean): Promise<void> {
      for (let times = 0; times < 50; ) {
        await stage.server.messaging.template.convertAndSend("/topic/elsewhere", "time passes");
        times = holds() ? times + 1 : 0;
      }
    }

    function flood(line: ScriptedLine) {
      for (let n = 0; n < COUNT; n++) {
        line.send("MESSAGE", { subscription: "s", destination: "/topic/a", "message-id": `${n}` }, body);
      }
    }

    it("leaves at the broker what a client does not read, and delivers all of it in the end", async () => {
      await start({ server: { transport: { sendBufferSizeLimit: 64 * 1024, sendTimeLimit: 60_000 } } });
      const { client, line, own } = await knocked();
      client.webSocket.pause();
      flood(line);
      await still(() => own.writableNeedDrain);
      expect(own.writableLength).to.be.within(1, 64 * 1024);
      // What is neither here nor there is in the buffers of the two lines.
      expect(line.socket.writableLength).to.be.greaterThan(total / 3);

      client.webSocket.resume();
      for (let n = 0; n < COUNT; n++) {
        if (!(await client.frame()).includes(`\nmessage-id:${n}\n`)) throw new Error(`not message ${n}`);
      }
      expect(stage.server.messaging.stats().limitsExceeded).to.deep.equal({});
    });

    it("drops the oldest of what a client does not read, if it was told to", async () => {
      const transport = { overflowStrategy: "drop-oldest", sendTimeLimit: 60_000 } as const;
      await start({ server: { transport } });
      const { client, line } = await knocked();
      client.webSocket.pause();
      flood(line);
      await still(() => line.socket.writableLength === 0);
      expect(stage.server.messaging.stats().messagesDropped).to.be.greaterThan(0);
    });

    it("says goodbye for a client that went while it was slow", async () => {
      await start();
      const { client, line, own } = await knocked();
      client.webSocket.pause();
      flood(line);
      await still(() => own.writableNeedDrain);
      client.cut();
      await line.until("DISCONNECT");
      await line.closed();
    });

    it("reads no more of a client than the broker takes, and passes all of it on in the end", async () => {
      await start({ relay: { sendTimeLimit: 60_000 } });
      const { client, line, own } = await knocked();
      line.socket.pause();
      for (let n = 0; n < COUNT; n++) client.send(`SEND\ndestination:/topic/a\nn:${n}\n\n${body}^@`);
      await still(() => own.isPaused());
      const { framesReceived } = stage.server.messaging.stats();
      expect(framesReceived).to.be.lessThan((COUNT * 2) / 3);

      line.socket.resume();
      for (let n = 0; n < COUNT; n++) {
        if ((await line.frame()).headers.get("n") !== `${n}`) throw new Error(`not message ${n}`);
      }
    });

    it("ends a connection of which the broker takes nothing", async () => {
      await start({ relay: { sendTimeLimit: 200 } });
      const { client, line } = await knock();
      await client.frame();
      line.socket.pause();
      for (let n = 0; n < COUNT; n++) client.send(`SEND\ndestination:/topic/a\nn:${n}\n\n${body}^@`);
      await ends(client, "Broker not available");
    });

    it("rejects what the application sends beyond what may wait", async () => {
      await start({ relay: { sendBufferSizeLimit: 100_000 } });
      system.socket.pause();
      const bytes = new Uint8Array(60_000);
      const sends = Array.from({ length: 400 }, () =>
        rejection(stage.server.messaging.template.convertAndSend("/topic/a", bytes)),
      );
      const error = await Promise.race(sends);
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect(error.message).to.match(/^The broker reads too slowly: \d+ bytes wait for it$/);
      system.cut();
      await Promise.all(sends);
    });
  });
});
