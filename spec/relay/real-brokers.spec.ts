import { expect } from "chai";
import {
  BrokerNotAvailableError,
  Controller,
  MessageMapping,
  type StompBrokerRelayOptions,
  stompBrokerRelay,
} from "express-stomp";
import type { RealBroker } from "../../example/shared/broker-process.js";
import { onActiveMq, onEachBroker, onRabbitMq } from "../support/brokers.js";
import { FaultProxy } from "../support/fault-proxy.js";
import { startServer, type TestServer } from "../support/server.js";
import { type ReadFrame, StompSession } from "../support/stomp-session.js";
import { TcpStomp } from "../support/tcp-stomp.js";

@Controller()
class Prices {
  @MessageMapping("price.{ticker}")
  price(price: string) {
    return `${price} EUR`;
  }
}

describe("The relay", function () {
  this.timeout(30_000);
  let server: TestServer;
  let names = 0;
  const sessions: StompSession[] = [];

  async function start({ host, port, login, passcode }: RealBroker, options: StompBrokerRelayOptions = {}) {
    server = await startServer({
      controllers: [Prices],
      destinationSeparator: ".",
      broker: stompBrokerRelay({
        destinationPrefixes: ["/topic", "/queue", "/exchange", "/amq/queue", "/reply-queue", "/elsewhere"],
        relayHost: host,
        relayPort: port,
        clientLogin: login,
        clientPasscode: passcode,
        systemLogin: login,
        systemPasscode: passcode,
        reconnectInterval: 200,
        ...options,
      }),
    });
    await available();
  }

  async function available(isAvailable = true) {
    if (server.messaging.isBrokerAvailable() === isAvailable) return;
    await new Promise<void>((resolve) => {
      const off = server.messaging.on("brokerAvailability", (event) => {
        if (event.isAvailable !== isAvailable) return;
        off();
        resolve();
      });
    });
  }

  async function connect(version = "1.2", headers = {}) {
    const session = await StompSession.connect(server.port, version, headers);
    sessions.push(session);
    return session;
  }

  /** A name that no other spec has used. */
  const fresh = (kind: string) => `/${kind}/relay.${process.pid}.${++names}`;

  async function receipt(session: StompSession, command: string, headers: Record<string, string>, body = "") {
    session.send(command, { ...headers, receipt: "done" }, body);
    const frame = await session.frame();
    expect(Object.fromEntries(frame.headers)).to.deep.equal({ "receipt-id": "done" });
  }

  const decoded = (frame: ReadFrame, name: string) => frame.headers.get(name)?.replaceAll("\\c", ":") ?? "";

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server?.close();
  });

  onEachBroker((broker) => {
    for (const version of ["1.0", "1.1", "1.2"]) {
      it(`carries messages of clients and of the application, in STOMP ${version}`, async () => {
        await start(broker());
        const destination = fresh("topic");
        const [sender, listener] = [await connect(version), await connect(version)];
        await receipt(listener, "SUBSCRIBE", { id: "1", destination });

        await receipt(sender, "SEND", { destination, color: "red" }, "from a client");
        await server.messaging.template.convertAndSend(destination, "from the application");

        const [one, two] = [await listener.frame(), await listener.frame()];
        expect([one.body, one.headers.get("color"), one.headers.get("subscription")]).to.deep.equal([
          "from a client",
          "red",
          "1",
        ]);
        expect([two.body, two.headers.get("destination")]).to.deep.equal([
          "from the application",
          destination,
        ]);
      });

      it(`gives what was not acknowledged to the next, in STOMP ${version}`, async () => {
        await start(broker());
        const destination = fresh("queue");
        const first = await connect(version);
        await receipt(first, "SEND", { destination, persistent: "true" }, "work");
        first.send("SUBSCRIBE", { id: "1", destination, ack: "client" });
        expect((await first.frame()).body).to.equal("work");
        first.send("DISCONNECT", { receipt: "bye" });
        await first.frame();

        const second = await connect(version);
        second.send("SUBSCRIBE", { id: "2", destination, ack: "client" });
        const again = await second.frame();
        expect(again.body).to.equal("work");
        const ack =
          version === "1.2"
            ? { id: decoded(again, "ack") }
            : { "message-id": decoded(again, "message-id"), subscription: "2" };
        const escaped = Object.entries(ack).map(([name, value]) => {
          return [name, version === "1.0" ? value : value.replaceAll(":", "\\c")];
        });
        await receipt(second, "ACK", Object.fromEntries(escaped) as Record<string, string>);
        second.send("DISCONNECT", { receipt: "bye" });
        await second.frame();

        const third = await connect(version);
        await receipt(third, "SUBSCRIBE", { id: "3", destination, ack: "client" });
        third.send("SEND", { destination }, "more work");
        expect((await third.frame()).body).to.equal("more work");
      });
    }

    it("carries transactions: all at COMMIT, or nothing", async () => {
      await start(broker());
      const destination = fresh("queue");
      const [sender, listener] = [await connect(), await connect()];
      await receipt(listener, "SUBSCRIBE", { id: "1", destination });

      sender.send("BEGIN", { transaction: "lost" });
      sender.send("SEND", { destination, transaction: "lost" }, "never");
      sender.send("ABORT", { transaction: "lost" });
      sender.send("BEGIN", { transaction: "t" });
      // RabbitMQ confirms it after COMMIT only: who waited for that would wait for ever.
      sender.send("SEND", { destination, transaction: "t", receipt: "in it" }, "one");
      sender.send("SEND", { destination, transaction: "t" }, "two");
      sender.send("COMMIT", { transaction: "t", receipt: "committed" });

      const receipts = [await sender.frame(), await sender.frame()].map(({ headers }) =>
        headers.get("receipt-id"),
      );
      expect(receipts.sort()).to.deep.equal(["committed", "in it"]);
      expect([(await listener.frame()).body, (await listener.frame()).body]).to.deep.equal(["one", "two"]);
    });

    it("lets the application listen", async () => {
      await start(broker());
      const destination = fresh("topic");
      const heard = new Promise<string>((resolve) => {
        void server.messaging.system
          ?.subscribe(destination, ({ payload }) => resolve(Buffer.from(payload).toString()))
          .then(() => server.messaging.template.convertAndSend(destination, "to ourselves"));
      });
      expect(await heard).to.equal("to ourselves");
    });

    it("delivers bytes as they are", async () => {
      await start(broker());
      const destination = fresh("topic");
      const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
      const heard = new Promise<Uint8Array>((resolve) => {
        void server.messaging.system
          ?.subscribe(destination, ({ payload }) => resolve(new Uint8Array(payload)))
          .then(() => server.messaging.template.convertAndSend(destination, bytes));
      });
      expect(Buffer.compare(await heard, bytes)).to.equal(0);
    });

    it("answers by destinations with dots", async () => {
      await start(broker());
      const client = await connect();
      await receipt(client, "SUBSCRIBE", { id: "1", destination: "/topic/price.*" });
      client.send("SEND", { destination: "/app/price.acme" }, "7");
      expect((await client.frame()).body).to.equal("7 EUR");
    });

    it("keeps private what is a user's", async () => {
      await start(broker());
      const [client, other] = [await connect(), await connect()];
      const id = new Promise<string>((resolve) => {
        server.messaging.on("subscribed", ({ sessionId }) => resolve(sessionId));
      });
      await receipt(client, "SUBSCRIBE", { id: "1", destination: "/user/queue/a/b c" });
      await receipt(other, "SUBSCRIBE", { id: "1", destination: "/queue/a" });
      await server.messaging.template.convertAndSendToUser(await id, "/queue/a/b c", "psst");
      expect((await client.frame()).body).to.equal("psst");
      expect(await other.messages()).to.deep.equal([]);
    });

    it("notices a line that is cut, and works again when it is whole", async () => {
      const proxy = await FaultProxy.open(broker());
      await start({ ...broker(), host: proxy.host, port: proxy.port });
      const client = await connect();
      proxy.refuse();
      proxy.cut();
      expect((await client.frame()).headers.get("message")).to.equal("Broker not available");
      await available(false);

      proxy.refuse(false);
      await available();
      await server.messaging.template.convertAndSend(fresh("topic"), "again");
      await connect();
      await server.close();
      await proxy.close();
    });

    it("notices a line on which nothing comes any more", async () => {
      const proxy = await FaultProxy.open(broker());
      await start(
        { ...broker(), host: proxy.host, port: proxy.port },
        { systemHeartbeatSendInterval: 200, systemHeartbeatReceiveInterval: 200, connectedTimeout: 300 },
      );
      const client = await connect();
      proxy.stall();
      const sent = server.messaging.template
        .convertAndSend(fresh("topic"), "lost?")
        .catch((error: Error) => error);
      expect((await client.frame()).headers.get("message")).to.equal("Broker not available");
      expect(await sent).to.be.instanceOf(BrokerNotAvailableError);
      await proxy.close();
    });
  });

  onRabbitMq((broker) => {
    it("explains destinations that RabbitMQ does not have", async () => {
      await start(broker());
      const refusals = [];
      for (const destination of ["/topic/a/b", "/elsewhere/a", "/exchange/nobody/a"]) {
        refusals.push(await (await connect()).refusal("SEND", { destination }));
      }
      expect(refusals[0]).to.match(/^Invalid destination: '\/a\/b' is not a valid topic destination/);
      expect(refusals[1]).to.match(/^Unknown destination: '\/?elsewhere\/a' is not a valid destination/);
      expect(refusals[2]).to.match(/no exchange 'nobody'/);
    });

    it("tells the application what RabbitMQ refuses, and harms nothing else", async () => {
      await start(broker());
      const { template } = server.messaging;
      const error = await template.convertAndSend("/topic/a/b", "x").catch((refused: Error) => refused);
      expect((error as Error).message).to.match(
        /Invalid destination: '\/a\/b' is not a valid topic destination/,
      );
      expect(server.messaging.isBrokerAvailable()).to.equal(true);
      await template.convertAndSend(fresh("topic"), "x");
    });

    it("carries answers to temporary queues", async () => {
      await start(broker());
      const destination = fresh("queue");
      const [asking, answering] = [await connect(), await connect()];
      await receipt(answering, "SUBSCRIBE", { id: "1", destination });
      asking.send("SEND", { destination, "reply-to": "/temp-queue/mine" }, "what?");
      const question = await answering.frame();
      answering.send("SEND", { destination: decoded(question, "reply-to") }, "that");
      const answer = await asking.frame();
      expect([answer.headers.get("subscription"), answer.body]).to.deep.equal(["/temp-queue/mine", "that"]);
    });

    it("carries exchanges, patterns, existing queues, and prefetch", async () => {
      await start(broker());
      const client = await connect();
      const queue = fresh("queue");
      await receipt(client, "SUBSCRIBE", { id: "x", destination: "/exchange/amq.topic/relay.#" });
      client.send("SEND", { destination: "/topic/relay.a.b" }, "by its exchange");
      expect((await client.frame()).body).to.equal("by its exchange");

      const worker = await connect();
      for (const work of ["1", "2"]) await receipt(worker, "SEND", { destination: queue }, work);
      const headers = { ack: "client-individual", "prefetch-count": "1" };
      worker.send("SUBSCRIBE", { id: "q", destination: `/amq${queue}`, ...headers });
      const first = await worker.frame();
      expect([first.body, (await worker.messages()).length]).to.deep.equal(["1", 0]);
      worker.send("ACK", { id: decoded(first, "ack").replaceAll(":", "\\c") });
      expect((await worker.frame()).body).to.equal("2");
    });

    it("carries durable subscriptions, until they are ended", async () => {
      await start(broker());
      const destination = fresh("topic");
      const durable = { durable: "true", "auto-delete": "false" };
      const before = await connect();
      await receipt(before, "SUBSCRIBE", { id: "d", destination, ...durable });
      before.send("DISCONNECT", { receipt: "bye" });
      await before.frame();
      await server.messaging.template.convertAndSend(destination, "meanwhile");

      const after = await connect();
      after.send("SUBSCRIBE", { id: "d", destination, ...durable });
      expect((await after.frame()).body).to.equal("meanwhile");
      await receipt(after, "UNSUBSCRIBE", { id: "d", ...durable });
      await server.messaging.template.convertAndSend(destination, "for nobody");
      await receipt(after, "SUBSCRIBE", { id: "d", destination, ...durable });
      await server.messaging.template.convertAndSend(destination, "since then");
      expect((await after.frame()).body).to.equal("since then");
      await receipt(after, "UNSUBSCRIBE", { id: "d", ...durable });
    });

    it("keeps another's queue from who names it in a header", async () => {
      await start(broker());
      const queue = fresh("queue");
      const name = queue.slice("/queue/".length);
      await server.messaging.template.convertAndSend(queue, "for its owner");
      const named = { id: "t", destination: fresh("topic"), durable: "true", "x-queue-name": name };
      expect(await (await connect()).refusal("SUBSCRIBE", named)).to.match(/^The header x-queue-name/);

      // Over a connection of its own RabbitMQ would delete it.
      const stranger = await connect();
      await receipt(stranger, "SUBSCRIBE", { id: "t", destination: named.destination });
      await receipt(stranger, "UNSUBSCRIBE", { id: "t", durable: "true", "x-queue-name": name });
      await receipt(stranger, "UNSUBSCRIBE", named);

      const owner = await connect();
      owner.send("SUBSCRIBE", { id: "1", destination: queue });
      expect((await owner.frame()).body).to.equal("for its owner");
    });

    it("ends a queue that a client may name, with passQueueHeaders", async () => {
      await start(broker(), { passQueueHeaders: true });
      const destination = fresh("topic");
      const queue = fresh("queue");
      const name = queue.slice("/queue/".length);
      const durable = { durable: "true", "auto-delete": "false" };
      const client = await connect();
      await receipt(client, "SUBSCRIBE", { id: "d", destination, ...durable, "x-queue-name": name });
      await receipt(client, "UNSUBSCRIBE", { id: "d", ...durable });
      expect(await client.refusal("SUBSCRIBE", { id: "q", destination: `/amq${queue}` })).to.match(
        /no queue '/,
      );
    });

    it("does not tell clients whose login it was that RabbitMQ refused", async () => {
      await start(broker());
      await server.close();
      server = await startServer({
        broker: stompBrokerRelay({ relayPort: broker().port, clientPasscode: "swordfish" }),
      });
      await available();
      const error = await connect().catch((refused: Error) => refused.message);
      expect(error).to.equal("ERROR instead of CONNECTED");
      expect(server.log.join("\n")).to.match(
        /refused a client's connection: Bad CONNECT: Access refused for user 'guest'/,
      );
      expect(server.log.join("\n")).not.to.include("swordfish");
    });
  });

  onActiveMq((broker) => {
    it("carries durable subscriptions by client-id", async () => {
      await start(broker());
      const destination = fresh("topic");
      const durable = { id: "d", destination, "activemq.subscriptionName": "mine" };
      const before = await connect("1.2", { "client-id": `relay-${process.pid}` });
      await receipt(before, "SUBSCRIBE", durable);
      before.send("DISCONNECT", { receipt: "bye" });
      await before.frame();
      await server.messaging.template.convertAndSend(destination, "meanwhile");

      const after = await connect("1.2", { "client-id": `relay-${process.pid}` });
      after.send("SUBSCRIBE", durable);
      expect((await after.frame()).body).to.equal("meanwhile");
    });

    it("carries answers to temporary queues", async () => {
      await start(broker(), { destinationPrefixes: [] });
      const destination = fresh("queue");
      const [asking, answering] = [await connect(), await connect()];
      await receipt(asking, "SUBSCRIBE", { id: "t", destination: "/temp-queue/mine" });
      await receipt(answering, "SUBSCRIBE", { id: "1", destination });
      asking.send("SEND", { destination, "reply-to": "/temp-queue/mine" }, "what?");
      const question = await answering.frame();
      answering.send("SEND", { destination: decoded(question, "reply-to").replaceAll(":", "\\c") }, "that");
      const answer = await asking.frame();
      expect([answer.headers.get("subscription"), answer.body]).to.deep.equal(["t", "that"]);
    });

    it("carries prefetch", async () => {
      await start(broker());
      const destination = fresh("queue");
      const worker = await connect();
      for (const work of ["1", "2"]) await receipt(worker, "SEND", { destination }, work);
      const headers = { ack: "client-individual", "activemq.prefetchSize": "1" };
      worker.send("SUBSCRIBE", { id: "q", destination, ...headers });
      const first = await worker.frame();
      expect([first.body, (await worker.messages()).length]).to.deep.equal(["1", 0]);
      worker.send("ACK", { id: decoded(first, "ack").replaceAll(":", "\\c") });
      expect((await worker.frame()).body).to.equal("2");
    });

    it("chooses by selectors, and carries wildcards", async () => {
      await start(broker());
      const client = await connect();
      const topic = fresh("topic");
      await receipt(client, "SUBSCRIBE", { id: "1", destination: `${topic}.>`, selector: "color = 'red'" });
      for (const color of ["blue", "red"]) {
        await server.messaging.template.convertAndSend(`${topic}.a.b`, color, { color });
      }
      expect((await client.frame()).body).to.equal("red");
    });

    it("ends a session with ActiveMQ's own words, and no stack trace", async () => {
      await start(broker());
      const text = await (await connect()).refusal("ACK", { id: "nothing" });
      expect(text).to.match(/^Unexpected ACK received for message-id/);
      expect(text).not.to.match(/\tat |Exception/);
    });
  });

  for (const onBroker of [onRabbitMq, onActiveMq]) {
    onBroker((broker) => {
      it("learns what was lost when the broker is killed under load, and recovers", async function () {
        this.timeout(60_000);
        await start(broker());
        const destination = `${fresh("queue")}`;
        const client = await connect();
        const settled = { confirmed: new Set<number>(), rejected: 0 };
        const received = new Set<string>();
        let sending = true;
        const load = (async () => {
          for (let n = 0; sending; n++) {
            await server.messaging.template.convertAndSend(destination, n, { persistent: "true" }).then(
              () => settled.confirmed.add(n),
              (error: Error) => {
                expect(error).to.be.instanceOf(BrokerNotAvailableError);
                settled.rejected++;
              },
            );
            await new Promise(setImmediate);
          }
          return true;
        })();
        const clients = (async () => {
          for (let n = 0; ; n++) {
            client.send("SEND", { destination, persistent: "true", receipt: "r" }, `client ${n}`);
            const { command, headers } = await client.frame();
            if (command === "ERROR") return headers.get("message");
            received.add(`client ${n}`);
          }
        })();
        while (settled.confirmed.size < 50 || received.size < 10) await new Promise(setImmediate);

        await broker().kill();
        await available(false);
        expect(await clients).to.equal("Broker not available");
        const before = new Set(settled.confirmed);
        await broker().restart();
        await available();
        while (settled.confirmed.size < before.size + 10) await new Promise(setImmediate);
        sending = false;
        await load;

        expect(settled.rejected).to.be.greaterThan(0);
        // All that anybody was told of is there, whatever else is.
        const promised = new Set([...received, ...[...settled.confirmed].map(String)]);
        const reader = await TcpStomp.connect(broker());
        reader.send("SUBSCRIBE", { id: "1", destination });
        while (promised.size > 0) promised.delete((await reader.frame()).body);
        reader.cut();
      });
    });
  }
});
