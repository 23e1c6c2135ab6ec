import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import {
  type ConflationOptions,
  type SimpleBrokerOptions,
  type StompMessagingOptions,
  simpleBroker,
} from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { startServer, type TestServer } from "../support/server.js";
import { SockJsReader } from "../support/sockjs-reader.js";
import { StompSession } from "../support/stomp-session.js";

const PRICES: ConflationOptions = { destinations: ["/topic/price/*"], every: 100 };

describe("conflate", () => {
  let server: TestServer;
  let time: FakeTime;
  let client: StompSession;

  async function start(
    conflate: readonly ConflationOptions[] = [PRICES],
    options: SimpleBrokerOptions = {},
    others: Partial<StompMessagingOptions> = {},
  ): Promise<void> {
    time = new FakeTime();
    server = await startServer({
      clock: time,
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        queuePrefixes: ["/queue"],
        conflate,
        ...options,
      }),
      ...others,
    });
    client = await StompSession.connect(server.port);
  }

  async function subscribe(destination: string, headers: Record<string, string> = {}): Promise<void> {
    client.send("SUBSCRIBE", { id: destination, destination, ...headers });
    await client.messages();
  }

  async function publish(destination: string, ...texts: string[]): Promise<void> {
    for (const text of texts) {
      await server.messaging.template.convertAndSend(destination, text, { of: text.charAt(0) });
    }
  }

  /** Lets time pass, and what goes out in it be written. */
  async function pass(ms: number): Promise<void> {
    time.pass(ms);
    await nextTurn();
  }

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  it("lets the first message out at once, and then the newest every so often", async () => {
    await start();
    await subscribe("/topic/price/ACME");

    await publish("/topic/price/ACME", "1", "2", "3");
    expect(await client.bodies()).to.deep.equal(["1"]);
    await pass(99);
    expect(await client.bodies()).to.deep.equal([]);
    await publish("/topic/price/ACME", "4");
    await pass(1);
    await publish("/topic/price/ACME", "5", "6");
    expect(await client.bodies()).to.deep.equal(["4"]);
    await pass(100);
    expect(await client.bodies()).to.deep.equal(["6"]);
    await pass(100);
    await publish("/topic/price/ACME", "7");
    expect(await client.bodies(), "after a while of quiet").to.deep.equal(["7"]);
    expect(server.messaging.stats()).to.include({ publications: 7, conflated: 3, deliveries: 4 });
  });

  it("has a newest of each destination, and leaves others alone", async () => {
    await start();
    await subscribe("/topic/**");

    for (const n of ["1", "2", "3"]) {
      for (const destination of ["/topic/price/A", "/topic/price/B", "/topic/news"])
        await publish(destination, n);
    }
    expect(await client.bodies()).to.deep.equal(["1", "1", "1", "2", "3"]);
    await pass(100);
    const messages = await client.messages();
    expect(messages.map(({ headers, body }) => [headers.get("destination"), body])).to.deep.equal([
      ["/topic/price/A", "3"],
      ["/topic/price/B", "3"],
    ]);
  });

  it("has a newest of each key", async () => {
    const key: ConflationOptions["key"] = ({ headers }) => headers.native.get("of");
    await start([{ destinations: ["/topic/map"], every: 100, key }]);
    await subscribe("/topic/map");

    await publish("/topic/map", "a1", "b1", "a2", "b2", "b3", "a3", "c1");
    expect(await client.bodies()).to.deep.equal(["a1", "b1", "c1"]);
    await pass(100);
    expect(await client.bodies()).to.deep.equal(["a3", "b3"]);
  });

  it("lets a message out as it is whose key cannot be told, and logs it once", async () => {
    let gives: () => unknown = () => {
      throw new Error("no such field");
    };
    await start([{ ...PRICES, key: (() => gives()) as ConflationOptions["key"] }]);
    await subscribe("/topic/price/A");

    await publish("/topic/price/A", "1", "2");
    for (const odd of [null, {}, Promise.reject(new Error("late")), Symbol("x")]) {
      gives = () => odd;
      await publish("/topic/price/A", "3");
    }
    expect(await client.bodies()).to.deep.equal(["1", "2", "3", "3", "3", "3"]);
    expect(server.log.filter((line) => line.includes("key of conflate"))).to.have.length(1);
  });

  it("receipts a client's SEND when the broker has it, be it replaced or not, in a transaction too", async () => {
    await start();
    await subscribe("/topic/price/A");

    const price = { destination: "/topic/price/A" };
    for (const receipt of ["1", "2", "3"]) client.send("SEND", { ...price, receipt }, receipt);
    client.send("BEGIN", { transaction: "t" });
    for (const text of ["4", "5"]) client.send("SEND", { ...price, transaction: "t" }, text);
    client.send("COMMIT", { transaction: "t", receipt: "commit" });
    const frames = await client.messages();
    expect(frames.map(({ headers, body }) => headers.get("receipt-id") ?? body)).to.deep.equal([
      ...["1", "1", "2", "3", "commit"],
    ]);
    await pass(100);
    expect(await client.bodies()).to.deep.equal(["5"]);
  });

  it("keeps in the history, and retains, what went out; a position has no gap", async () => {
    const history = { destinations: ["/topic/price/*"], size: 10, ttl: 60_000 };
    await start([PRICES], { history, retainLast: ["/topic/price/*"] });

    await publish("/topic/price/A", "1", "2", "3");
    await subscribe("/topic/price/A");
    await pass(100);
    await publish("/topic/price/A", "4");
    const page = await server.messaging.history("/topic/price/A");
    expect(page.messages.map(({ payload }) => Buffer.from(payload).toString())).to.deep.equal(["1", "3"]);
    client.send("SUBSCRIBE", { id: "again", destination: "/topic/price/A", since: "first" });
    const replayed = (await client.messages()).filter(
      ({ headers }) => headers.get("subscription") === "again",
    );
    expect(replayed.map(({ body }) => body)).to.deep.equal(["", "1", "3"]);
    expect(replayed[0]?.headers.get("recovered")).to.equal("true");
    await pass(100);
    const [last] = (await client.messages()).filter(({ headers }) => headers.get("subscription") === "again");
    expect(last?.body).to.equal("4");
  });

  it("gives a new subscriber the retained message, and the newest when it goes out", async () => {
    await start([PRICES], { retainLast: ["/topic/price/*"] });

    await publish("/topic/price/A", "1", "2");
    client.send("SUBSCRIBE", { id: "1", destination: "/topic/price/A" });
    expect(await client.bodies()).to.deep.equal(["1"]);
    await pass(100);
    expect(await client.bodies()).to.deep.equal(["2"]);
  });

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`is acknowledged as any other message (STOMP ${version})`, async () => {
      await start();
      client.cut();
      client = await StompSession.connect(server.port, version);
      await subscribe("/topic/price/A", { ack: "client", "prefetch-count": "1" });

      await publish("/topic/price/A", "1", "2", "3");
      await pass(100);
      const [first, ...others] = await client.messages();
      expect([first?.body, others]).to.deep.equal(["1", []]);
      const messageId = first?.headers.get("message-id") ?? "";
      if (version === "1.2") client.send("ACK", { id: first?.headers.get("ack") ?? "" });
      else client.send("ACK", { "message-id": messageId, subscription: "/topic/price/A" });
      expect(await client.bodies()).to.deep.equal(["3"]);
    });
  }

  it("lets all out that waits when the server closes, before clients are closed", async () => {
    await start();
    await subscribe("/topic/price/*");

    await publish("/topic/price/A", "1", "2");
    await publish("/topic/price/B", "3", "4");
    const closed = server.messaging.close();
    const bodies = [];
    while (bodies.length < 4) bodies.push((await client.frame()).body);
    expect(bodies).to.deep.equal(["1", "3", "2", "4"]);
    await closed;
  });

  it("keeps no more than conflationSizeLimit, and what is beyond goes out at once, behind nothing newer", async () => {
    await start([PRICES], { conflationSizeLimit: 20_000 });
    await subscribe("/topic/price/*");

    const long = "3".repeat(30_000);
    await publish("/topic/price/A", "1", "2", long);
    await publish("/topic/price/B", "1", "2", long, "4");
    expect((await client.bodies()).map((body) => body.charAt(0))).to.deep.equal(["1", "3", "1", "3"]);
    await pass(100);
    expect(await client.bodies(), "of A nothing waits any more").to.deep.equal(["4"]);
    await pass(100);

    for (let i = 0; i < 1_000; i++) await publish(`/topic/price/${i}`, "x", "y");
    expect(await client.bodies()).to.have.length.above(1_800);
    await pass(100);
    await pass(100);
    // Destinations alone, of which nothing waits, take all the space.
    for (let i = 0; i < 1_000; i++) await publish(`/topic/price/${i}`, "x");
    await pass(100);
    await publish("/topic/price/0", "5", "6");
    expect(await client.bodies(), "space is free again")
      .to.include("5")
      .and.not.include("6");
  });

  it("does not keep what its sender writes into the bytes afterwards", async () => {
    await start();
    await subscribe("/topic/price/A");

    // One with memory of its own: what is cut out of more is copied anyway.
    const bytes = Buffer.alloc(1);
    for (const text of ["1", "2"]) {
      bytes.write(text);
      await server.messaging.template.convertAndSend("/topic/price/A", bytes, {
        "content-type": "text/plain",
      });
    }
    bytes.write("?");
    await pass(100);
    expect(await client.bodies()).to.deep.equal(["1", "2"]);
  });

  it("keeps messages to users apart, whatever the pattern is", async () => {
    time = new FakeTime();
    const conflate = [{ destinations: ["/**"], every: 100 }];
    server = await startServer({
      clock: time,
      applicationDestinationPrefixes: ["/app"],
      broker: simpleBroker({ conflate }),
    });
    client = await StompSession.connect(server.port, "1.2");
    const [sessionId] = await sessionsOf();
    await subscribe("/user/queue/letters");
    for (const text of ["1", "2"]) {
      await server.messaging.template.convertAndSendToUser(sessionId, "/queue/letters", text);
    }
    expect(await client.bodies()).to.deep.equal(["1", "2"]);
  });

  for (const transport of ["xhr", "xhr_streaming"] as const) {
    it(`holds for SockJS by ${transport}`, async () => {
      server = await startServer({
        broker: simpleBroker({ destinationPrefixes: ["/topic"], conflate: [{ ...PRICES, every: 20 }] }),
      });
      client = await StompSession.connect(server.port);
      const reader = await SockJsReader.connect(server.port, transport);
      await reader.send("SUBSCRIBE\nid:1\ndestination:/topic/price/A\nreceipt:r\n\n^@");
      await reader.frame();
      await publish("/topic/price/A", "1", "2", "3");
      expect(await reader.frame()).to.match(/\n\n1\^@$/);
      expect(await reader.frame()).to.match(/\n\n3\^@$/);
      reader.leave();
    });
  }

  /** The id of the one session that is connected. */
  function sessionsOf(): Promise<[string]> {
    return new Promise((resolve) => {
      const stop = server.messaging.on("subscribed", ({ sessionId }) => {
        stop();
        resolve([sessionId]);
      });
      client.send("SUBSCRIBE", { id: "me", destination: "/topic/me" });
    });
  }
});
