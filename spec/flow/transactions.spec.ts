import { expect } from "chai";
import { Controller, MessageMapping, Payload, type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

@Controller()
class Orders {
  readonly taken: string[] = [];

  @MessageMapping("/order")
  take(@Payload() order: string) {
    this.taken.push(order);
  }
}

describe("Transactions", () => {
  let server: TestServer;
  let orders: Orders;
  let client: StompSession;
  let listener: StompSession;
  const sessions: StompSession[] = [];

  async function start(options: SimpleBrokerOptions = {}) {
    orders = new Orders();
    server = await startServer({
      controllers: [orders],
      broker: simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"], ...options }),
    });
    client = await connect();
    listener = await connect();
    listener.send("SUBSCRIBE", { id: "s", destination: "/topic/**" });
    await listener.messages();
  }

  async function connect() {
    const session = await StompSession.connect(server.port);
    sessions.push(session);
    return session;
  }

  function send(transaction: string, body: string, destination = "/topic/a") {
    client.send("SEND", { destination, transaction, color: "red" }, body);
  }

  /** What the listener hears once all that the client sent has been handled. */
  async function heard(): Promise<readonly string[]> {
    await client.messages();
    return listener.bodies();
  }

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  describe("that are committed", () => {
    it("send in the order of their frames, and nothing before", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      send("t", "1");
      client.send("SEND", { destination: "/topic/a" }, "outside");
      send("t", "2", "/topic/b");
      expect(await heard()).to.deep.equal(["outside"]);
      client.send("COMMIT", { transaction: "t" });
      expect(await heard()).to.deep.equal(["1", "2"]);
    });

    it("are done whole, though a NACK among them fills the queue that their SEND goes to", async () => {
      await start({ overflowStrategy: "reject", backlogLimit: 1 });
      client.send("SUBSCRIBE", { id: "q", destination: "/queue/x", ack: "client-individual" });
      client.send("SEND", { destination: "/queue/x" }, "1");
      const frame = await client.frame();
      client.send("UNSUBSCRIBE", { id: "q" });
      client.send("BEGIN", { transaction: "t" });
      send("t", "to a topic");
      client.send("NACK", { id: frame.headers.get("ack") ?? "", transaction: "t" });
      send("t", "2", "/queue/x");
      client.send("COMMIT", { transaction: "t", receipt: "done" });
      expect((await client.frame()).headers.get("receipt-id")).to.equal("done");
      expect(await heard()).to.deep.equal(["to a topic"]);
      const consumer = await connect();
      consumer.send("SUBSCRIBE", { id: "q", destination: "/queue/x" });
      expect(await consumer.bodies()).to.deep.equal(["1", "2"]);
    });

    it("pass on the headers of SEND, but for their own", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      send("t", "1");
      client.send("COMMIT", { transaction: "t" });
      await client.messages();
      const [frame] = await listener.messages();
      expect(frame?.headers.get("color")).to.equal("red");
      expect(frame?.headers.has("transaction")).to.equal(false);
    });

    it("are several at a time, and their names free again", async () => {
      await start();
      for (const transaction of ["t", "u"]) client.send("BEGIN", { transaction });
      send("t", "1");
      send("u", "2");
      client.send("COMMIT", { transaction: "u" });
      expect(await heard()).to.deep.equal(["2"]);
      client.send("BEGIN", { transaction: "u" });
      send("u", "3");
      client.send("COMMIT", { transaction: "t" });
      client.send("COMMIT", { transaction: "u" });
      expect(await heard()).to.deep.equal(["1", "3"]);
    });

    it("confirm each frame when it has been taken", async () => {
      await start();
      client.send("BEGIN", { transaction: "t", receipt: "b" });
      client.send("SEND", { destination: "/topic/a", transaction: "t", receipt: "s" }, "1");
      client.send("COMMIT", { transaction: "t", receipt: "c" });
      const receipts = (await client.messages()).map(({ headers }) => headers.get("receipt-id"));
      expect(receipts).to.deep.equal(["b", "s", "c"]);
    });
  });

  describe("that are aborted", () => {
    it("send nothing", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      send("t", "1");
      client.send("ABORT", { transaction: "t" });
      expect(await heard()).to.deep.equal([]);
      expect(await client.refusal("COMMIT", { transaction: "t" })).to.equal("No transaction t is open");
    });

    it("are so by the end of their session", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      send("t", "1");
      await client.messages();
      const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
      client.cut();
      await gone;
      expect(await listener.bodies()).to.deep.equal([]);
    });
  });

  describe("with ACK and NACK", () => {
    const ackOf = (frames: readonly { headers: ReadonlyMap<string, string> }[], i: number) =>
      frames[i]?.headers.get("ack") ?? "";

    async function deliver(...bodies: string[]) {
      client.send("SUBSCRIBE", {
        id: "q",
        destination: "/queue/a",
        ack: "client-individual",
        "prefetch-count": bodies.length,
      });
      for (const body of bodies) client.send("SEND", { destination: "/queue/a" }, body);
      return client.messages();
    }

    it("settle at COMMIT, and give no room before", async () => {
      await start();
      const frames = await deliver("1", "2");
      client.send("SEND", { destination: "/queue/a" }, "3");
      client.send("BEGIN", { transaction: "t" });
      client.send("ACK", { id: ackOf(frames, 0), transaction: "t" });
      expect(await client.bodies()).to.deep.equal([]);
      client.send("COMMIT", { transaction: "t" });
      expect(await client.bodies()).to.deep.equal(["3"]);
    });

    it("give back to the queue what was NACKed", async () => {
      await start();
      const frames = await deliver("1");
      client.send("BEGIN", { transaction: "t" });
      client.send("NACK", { id: ackOf(frames, 0), transaction: "t" });
      expect(await client.bodies()).to.deep.equal([]);
      client.send("COMMIT", { transaction: "t" });
      const [again] = await client.messages();
      expect([again?.body, again?.headers.get("redelivered")]).to.deep.equal(["1", "true"]);
    });

    it("leave all as it was at ABORT", async () => {
      await start();
      const frames = await deliver("1", "2");
      client.send("BEGIN", { transaction: "t" });
      client.send("ACK", { id: ackOf(frames, 0), transaction: "t" });
      client.send("NACK", { id: ackOf(frames, 1), transaction: "t" });
      client.send("ABORT", { transaction: "t" });
      for (const i of [1, 0]) client.send("ACK", { id: ackOf(frames, i) });
      expect(await client.messages()).to.deep.equal([]);
      // Their room within the prefetch-count is free again, all of it.
      for (const body of ["3", "4"]) client.send("SEND", { destination: "/queue/a" }, body);
      expect(await client.bodies()).to.deep.equal(["3", "4"]);
    });

    it("give back what was acknowledged when the session ends instead", async () => {
      await start();
      const frames = await deliver("1");
      client.send("BEGIN", { transaction: "t" });
      client.send("ACK", { id: ackOf(frames, 0), transaction: "t" });
      await client.messages();
      const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
      client.cut();
      await gone;
      listener.send("SUBSCRIBE", { id: "q", destination: "/queue/a" });
      expect(await listener.bodies()).to.deep.equal(["1"]);
    });

    it("refuse a second ACK while the first waits", async () => {
      await start();
      const frames = await deliver("1");
      client.send("BEGIN", { transaction: "t" });
      client.send("ACK", { id: ackOf(frames, 0), transaction: "t" });
      expect(await client.refusal("ACK", { id: ackOf(frames, 0) })).to.include("No unacknowledged message");
    });
  });

  describe("that cannot be", () => {
    it("refuse a BEGIN that is a second one", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      expect(await client.refusal("BEGIN", { transaction: "t" })).to.equal(
        "The transaction t is open already",
      );
    });

    for (const command of ["COMMIT", "ABORT"]) {
      it(`refuse a ${command} of one that is not open, or another's`, async () => {
        await start();
        listener.send("BEGIN", { transaction: "t" });
        await listener.messages();
        expect(await client.refusal(command, { transaction: "t" })).to.equal("No transaction t is open");
      });
    }

    for (const command of ["BEGIN", "COMMIT", "ABORT"]) {
      it(`refuse a ${command} without a name`, async () => {
        await start();
        expect(await client.refusal(command, {})).to.equal(`${command} has no transaction header`);
      });
    }

    it("refuse a SEND and an ACK in one that is not open", async () => {
      await start();
      const text = await client.refusal("SEND", { destination: "/topic/a", transaction: "t" }, "1");
      expect(text).to.equal("No transaction t is open");
      expect(await listener.bodies()).to.deep.equal([]);

      const other = await connect();
      expect(await other.refusal("ACK", { id: "1", transaction: "t" })).to.equal("No transaction t is open");
    });

    it("refuse a SEND to a controller, whose work could not be undone", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      const text = await client.refusal("SEND", { destination: "/app/order", transaction: "t" }, "1");
      expect(text).to.equal("/app/order cannot be part of a transaction: a controller handles it");
      expect(orders.taken).to.deep.equal([]);
    });

    it("let nothing out when a queue would refuse a part of it", async () => {
      await start({ backlogLimit: 2, overflowStrategy: "reject" });
      client.send("BEGIN", { transaction: "t" });
      send("t", "before");
      for (const body of ["1", "2", "3"]) send("t", body, "/queue/a");
      expect(await client.refusal("COMMIT", { transaction: "t" })).to.equal("The queue /queue/a is full");
      expect(await listener.bodies()).to.deep.equal([]);
      listener.send("SUBSCRIBE", { id: "q", destination: "/queue/a" });
      expect(await listener.bodies()).to.deep.equal([]);
    });
  });

  describe("that are too much", () => {
    it("are at most 16 at a time", async () => {
      await start();
      for (let i = 0; i < 16; i++) client.send("BEGIN", { transaction: i });
      expect(await client.refusal("BEGIN", { transaction: 16 })).to.equal(
        "Session passes transactionLimit: 16",
      );
    });

    it("have at most 1,024 frames", async () => {
      await start();
      client.send("BEGIN", { transaction: "t" });
      for (let i = 0; i < 1024; i++) send("t", "");
      await client.messages();
      expect(await client.refusal("SEND", { destination: "/topic/a", transaction: "t" })).to.equal(
        "Transaction passes transactionFrameLimit: 1024",
      );
      expect(await listener.bodies()).to.deep.equal([]);
    });

    it("have at most so many bytes in a session, which are free again afterwards", async () => {
      await start({ transactionSizeLimit: 5000 });
      for (let i = 0; i < 3; i++) {
        client.send("BEGIN", { transaction: "t" });
        send("t", "x".repeat(4000));
        client.send(i === 1 ? "ABORT" : "COMMIT", { transaction: "t" });
      }
      expect(await heard()).to.have.length(2);
      for (const transaction of ["t", "u"]) client.send("BEGIN", { transaction });
      send("t", "x".repeat(4000));
      const text = await client.refusal(
        "SEND",
        { destination: "/topic/a", transaction: "u" },
        "x".repeat(1000),
      );
      expect(text).to.equal("Session passes transactionSizeLimit: 5000");
    });

    it("count the text of headers among those bytes", async () => {
      await start({ transactionSizeLimit: 5000 });
      client.send("BEGIN", { transaction: "t" });
      const headers = { destination: "/topic/a", transaction: "t", "x-large": "x".repeat(5000) };
      expect(await client.refusal("SEND", headers)).to.equal("Session passes transactionSizeLimit: 5000");
    });

    it("count an ACK among them, too", async () => {
      await start({ transactionSizeLimit: 5000 });
      client.send("SUBSCRIBE", { id: "q", destination: "/queue/a", ack: "client-individual" });
      for (let i = 0; i < 60; i++) client.send("SEND", { destination: "/queue/a" });
      const deliveries = await client.messages();
      client.send("BEGIN", { transaction: "t" });
      for (const { headers } of deliveries) {
        client.send("ACK", { id: headers.get("ack") ?? "", transaction: "t" });
      }
      expect(await client.refusal("SEND", { destination: "/topic/a" })).to.equal(
        "Session passes transactionSizeLimit: 5000",
      );
    });
  });

  it("are no business of the application's own messages", async () => {
    await start();
    client.send("BEGIN", { transaction: "t" });
    await client.messages();
    const sent = server.messaging.template.convertAndSend("/topic/a", "1", { transaction: "t" });
    expect(await sent.catch((error: Error) => error.message)).to.equal("No transaction t is open");
  });
});
