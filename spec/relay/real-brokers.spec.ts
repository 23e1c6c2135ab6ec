import { expect } from "chai";
import { onEachBroker } from "../support/brokers.js";
import { decoded, fresh, RealBrokerStage, receipt } from "../support/real-broker-stage.js";

describe("The relay", function () {
  this.timeout(60_000);
  const stage = new RealBrokerStage();

  afterEach(() => stage.close());

  /** What the application hears of what it sends. */
  async function heardBySelf(destination: string, payload: string | Uint8Array): Promise<Uint8Array> {
    const { system, template } = stage.server.messaging;
    let tell: (heard: Uint8Array) => void;
    const heard = new Promise<Uint8Array>((resolve) => {
      tell = resolve;
    });
    await system?.subscribe(destination, (message) => tell(message.payload));
    await template.convertAndSend(destination, payload);
    return heard;
  }

  onEachBroker((broker) => {
    for (const version of ["1.0", "1.1", "1.2"]) {
      it(`carries messages of clients and of the application, in STOMP ${version}`, async () => {
        await stage.start(broker());
        const destination = fresh("topic");
        const [sender, listener] = [await stage.connect(version), await stage.connect(version)];
        await receipt(listener, "SUBSCRIBE", { id: "1", destination });

        await receipt(sender, "SEND", { destination, color: "red" }, "from a client");
        await stage.server.messaging.template.convertAndSend(destination, "from the application");

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
        await stage.start(broker());
        const destination = fresh("queue");
        const first = await stage.connect(version);
        await receipt(first, "SEND", { destination, persistent: "true" }, "work");
        first.send("SUBSCRIBE", { id: "1", destination, ack: "client" });
        expect((await first.frame()).body).to.equal("work");
        first.send("DISCONNECT", { receipt: "bye" });
        await first.frame();

        const second = await stage.connect(version);
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

        const third = await stage.connect(version);
        await receipt(third, "SUBSCRIBE", { id: "3", destination, ack: "client" });
        third.send("SEND", { destination }, "more work");
        expect((await third.frame()).body).to.equal("more work");
      });
    }

    for (const connections of ["own", "shared"] as const) {
      it(`gives what an ended session held to the next, though its socket stays: ${connections} connections`, async () => {
        await stage.start(broker(), { connections });
        const { messaging } = stage.server;
        const destination = fresh("queue");
        const jobs = Array.from({ length: 10 }, (_, n) => `job ${n}`);
        const first = await stage.connect();
        await receipt(first, "SUBSCRIBE", { id: "1", destination, ack: "client-individual" });
        for (const job of jobs) await messaging.template.convertAndSend(destination, job);
        const { headers } = await first.frame();
        expect(headers.get("subscription")).to.equal("1");

        const second = await stage.connect();
        await receipt(second, "SUBSCRIBE", { id: "2", destination });
        first.pause();
        const [{ sessionId }] = await Promise.all([
          new Promise<{ sessionId: string }>((resolve) => {
            messaging.on("sessionError", resolve);
          }),
          // No frame of a client's.
          first.send("NONSENSE"),
        ]);
        expect(sessionId).to.be.a("string");
        const heard = [];
        for (const _ of jobs) heard.push((await second.frame()).body);
        expect(heard.toSorted()).to.deep.equal(jobs);
        expect(messaging.stats().connections).to.equal(2);
      });
    }

    it("carries transactions: all at COMMIT, or nothing", async () => {
      await stage.start(broker());
      const destination = fresh("queue");
      const [sender, listener] = [await stage.connect(), await stage.connect()];
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
      await stage.start(broker());
      const destination = fresh("topic");
      expect(Buffer.from(await heardBySelf(destination, "to ourselves")).toString()).to.equal("to ourselves");
    });

    it("delivers bytes as they are", async () => {
      await stage.start(broker());
      const destination = fresh("topic");
      const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
      expect(Buffer.compare(await heardBySelf(destination, bytes), bytes)).to.equal(0);
    });

    it("answers by destinations with dots", async () => {
      await stage.start(broker());
      const client = await stage.connect();
      await receipt(client, "SUBSCRIBE", { id: "1", destination: "/topic/price.*" });
      client.send("SEND", { destination: "/app/price.acme" }, "7");
      expect((await client.frame()).body).to.equal("7 EUR");
    });

    it("keeps private what is a user's", async () => {
      await stage.start(broker());
      const [client, other] = [await stage.connect(), await stage.connect()];
      const id = new Promise<string>((resolve) => {
        stage.server.messaging.on("subscribed", ({ sessionId }) => resolve(sessionId));
      });
      await receipt(client, "SUBSCRIBE", { id: "1", destination: "/user/queue/a/b c" });
      await receipt(other, "SUBSCRIBE", { id: "1", destination: "/queue/a" });
      await stage.server.messaging.template.convertAndSendToUser(await id, "/queue/a/b c", "psst");
      expect((await client.frame()).body).to.equal("psst");
      expect(await other.messages()).to.deep.equal([]);
    });
  });
});
