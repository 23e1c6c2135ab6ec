import { expect } from "chai";
import { type MessagingEvents, type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { type ReadFrame, StompSession } from "../support/stomp-session.js";

describe("Acknowledgements", () => {
  let server: TestServer;
  const sessions: StompSession[] = [];

  async function start(options: SimpleBrokerOptions = {}) {
    server = await startServer({ broker: simpleBroker({ destinationPrefixes: ["/topic"], ...options }) });
  }

  async function connect(version?: string) {
    const session = await StompSession.connect(server.port, version);
    sessions.push(session);
    return session;
  }

  async function subscribe(
    session: StompSession,
    ack: string,
    headers: Record<string, string | number> = {},
  ) {
    session.send("SUBSCRIBE", { id: "s", destination: "/topic/a", ack, ...headers });
    expect(await session.messages()).to.deep.equal([]);
  }

  /** Publishes, and gives what the session was delivered of it. */
  async function publish(session: StompSession, ...bodies: string[]): Promise<readonly ReadFrame[]> {
    for (const body of bodies) await server.messaging.template.convertAndSend("/topic/a", body);
    return session.messages();
  }

  const ackOf = (frame: ReadFrame | undefined) => frame?.headers.get("ack") ?? "";
  const bodiesOf = (frames: readonly ReadFrame[]) => frames.map(({ body }) => body);

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  describe("in mode auto", () => {
    it("are not asked for, nor taken", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "auto", { "prefetch-count": 1 });
      const [first, ...others] = await publish(session, "1", "2");
      expect(first?.headers.has("ack")).to.equal(false);
      expect(others).to.have.length(1);
      expect(await session.refusal("ACK", { id: first?.headers.get("message-id") ?? "" })).to.match(
        /^No unacknowledged message has the id /,
      );
    });
  });

  describe("in mode client", () => {
    it("count for all that was delivered before, and for nothing after", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client");
      const [first, second, third] = await publish(session, "1", "2", "3");
      session.send("ACK", { id: ackOf(second) });
      session.send("ACK", { id: ackOf(third) });
      await session.messages();
      expect(await session.refusal("ACK", { id: ackOf(first) })).to.include("No unacknowledged message");
    });

    it("count for their own subscription only", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client", { id: "1" });
      await subscribe(session, "client", { id: "2" });
      const [first, second] = await publish(session, "x");
      session.send("ACK", { id: ackOf(second) });
      session.send("ACK", { id: ackOf(first) });
      expect(await session.messages()).to.deep.equal([]);
    });

    it("are NACKs likewise", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client");
      const [first, second] = await publish(session, "1", "2");
      session.send("NACK", { id: ackOf(second) });
      expect(await session.refusal("ACK", { id: ackOf(first) })).to.include("No unacknowledged message");
    });
  });

  describe("in mode client-individual", () => {
    it("count for one, in any order", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client-individual");
      const frames = await publish(session, "1", "2", "3");
      expect(new Set(frames.map(ackOf))).to.have.property("size", 3);
      for (const i of [1, 2, 0]) session.send("ACK", { id: ackOf(frames[i]) });
      expect(await session.messages()).to.deep.equal([]);
    });

    for (const command of ["ACK", "NACK"]) {
      it(`refuse a second ${command}`, async () => {
        await start();
        const session = await connect();
        await subscribe(session, "client-individual");
        const [first] = await publish(session, "1");
        session.send(command, { id: ackOf(first) });
        expect(await session.refusal(command, { id: ackOf(first) })).to.equal(
          `No unacknowledged message has the id ${ackOf(first)}`,
        );
      });
    }
  });

  it("refuse an id that never was, and that of another session", async () => {
    await start();
    const alice = await connect();
    const bob = await connect();
    for (const session of [alice, bob]) await subscribe(session, "client-individual");
    const [hers] = await publish(alice, "1");
    expect(await bob.refusal("ACK", { id: ackOf(hers) })).to.include("No unacknowledged message");

    alice.send("ACK", { id: ackOf(hers) });
    await alice.messages();
    expect(await alice.refusal("ACK", { id: "__proto__" })).to.include("has the id __proto__");
  });

  it("count after UNSUBSCRIBE, in the mode of that time", async () => {
    await start();
    const session = await connect();
    await subscribe(session, "client");
    const [first, second] = await publish(session, "1", "2");
    session.send("UNSUBSCRIBE", { id: "s" });
    await subscribe(session, "client-individual");
    const [third] = await publish(session, "3");
    session.send("ACK", { id: ackOf(second) });
    session.send("ACK", { id: ackOf(third) });
    await session.messages();
    expect(await session.refusal("ACK", { id: ackOf(first) })).to.include("No unacknowledged message");
  });

  describe("in STOMP 1.1", () => {
    it("name message-id and subscription", async () => {
      await start();
      const session = await connect("1.1");
      await subscribe(session, "client-individual", { id: "1" });
      await subscribe(session, "client-individual", { id: "2" });
      const [first, second] = await publish(session, "x");
      expect(first?.headers.has("ack")).to.equal(false);

      const id = first?.headers.get("message-id") as string;
      expect(second?.headers.get("message-id")).to.equal(id);
      session.send("ACK", { "message-id": id, subscription: "2" });
      session.send("NACK", { "message-id": id, subscription: "1" });
      await session.messages();
      expect(await session.refusal("ACK", { "message-id": id, subscription: "1" })).to.equal(
        `No unacknowledged message has the id ${id}`,
      );
    });

    for (const [lacking, headers] of [
      ["message-id", { subscription: "s" }],
      ["subscription", { "message-id": "1" }],
    ] as const) {
      it(`refuse an ACK without ${lacking}`, async () => {
        await start();
        const session = await connect("1.1");
        expect(await session.refusal("ACK", headers)).to.equal(`ACK has no ${lacking} header`);
      });
    }
  });

  describe("in STOMP 1.0", () => {
    it("name message-id alone: one ACK for each delivery", async () => {
      await start();
      const session = await connect("1.0");
      await subscribe(session, "client", { id: "1" });
      await subscribe(session, "client", { id: "2" });
      const [first] = await publish(session, "x");
      const id = first?.headers.get("message-id") as string;
      session.send("ACK", { "message-id": id });
      session.send("ACK", { "message-id": id });
      await session.messages();
      expect(await session.refusal("ACK", { "message-id": id })).to.include("No unacknowledged message");
    });

    it("know no NACK", async () => {
      await start();
      const session = await connect("1.0");
      expect(await session.refusal("NACK", { "message-id": "1" })).to.equal("STOMP 1.0 has no NACK");
    });
  });

  it("refuse an ACK without id in STOMP 1.2", async () => {
    await start();
    const session = await connect();
    expect(await session.refusal("ACK", { "message-id": "1" })).to.equal("ACK has no id header");
  });

  describe("with prefetch-count", () => {
    it("hold back what is more, in order, until there is room", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client", { "prefetch-count": 2 });
      const [, second, ...more] = await publish(session, "1", "2", "3", "4", "5");
      expect(more).to.deep.equal([]);

      session.send("ACK", { id: ackOf(second) });
      const next = await session.messages();
      expect(bodiesOf(next)).to.deep.equal(["3", "4"]);
      session.send("NACK", { id: ackOf(next[0]) });
      expect(await session.bodies()).to.deep.equal(["5"]);
    });

    it("hold nothing back from others", async () => {
      await start();
      const slow = await connect();
      const other = await connect();
      await subscribe(slow, "client", { "prefetch-count": 1 });
      await subscribe(other, "auto");
      await publish(other, "1").then((frames) => expect(frames).to.have.length(1));
      expect(bodiesOf(await publish(other, "2", "3"))).to.deep.equal(["2", "3"]);
      expect(await slow.bodies()).to.deep.equal(["1"]);
    });

    it("take 0 for no limit", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client", { "prefetch-count": 0 });
      expect(await publish(session, "1", "2", "3")).to.have.length(3);
    });

    for (const count of ["-1", "1.5", "many", "", "9999999999"]) {
      it(`refuse ${count || "an empty one"}`, async () => {
        await start();
        const session = await connect();
        const headers = { id: "s", destination: "/topic/a", ack: "client", "prefetch-count": count };
        expect(await session.refusal("SUBSCRIBE", headers)).to.equal(
          `prefetch-count must be a whole number, not ${count}`,
        );
      });
    }

    it("drop the oldest of too many that wait, and say so", async () => {
      await start({ unacknowledgedLimit: 2 });
      const dropped: MessagingEvents["messageDropped"][] = [];
      server.messaging.on("messageDropped", (event) => void dropped.push(event));
      const session = await connect();
      await subscribe(session, "client", { "prefetch-count": 1 });
      const [first] = await publish(session, "1", "2", "3", "4");
      expect(dropped).to.have.length(1);
      expect(dropped[0]).to.include({ reason: "prefetch", destination: "/topic/a" });
      expect(dropped[0]?.sessionId).to.be.a("string");
      expect(server.messaging.stats()).to.include({ messagesDroppedByBroker: 1, messagesDropped: 0 });
      session.send("ACK", { id: ackOf(first) });
      expect(await session.bodies()).to.deep.equal(["3"]);
    });

    it("drop the oldest of too many bytes that wait", async () => {
      await start();
      const dropped: string[] = [];
      server.messaging.on("messageDropped", ({ reason }) => void dropped.push(reason));
      const session = await connect();
      await subscribe(session, "client", { "prefetch-count": 1 });
      const half = "x".repeat(500 * 1024);
      const [first] = await publish(session, "1", "2", half, half);
      expect(dropped).to.deep.equal([]);
      await publish(session, half);
      expect(dropped).to.deep.equal(["prefetch", "prefetch"]);
      session.send("ACK", { id: ackOf(first) });
      expect(await session.bodies()).to.deep.equal([half]);
    });

    it("forget what waits at UNSUBSCRIBE", async () => {
      await start();
      const session = await connect();
      await subscribe(session, "client", { "prefetch-count": 1 });
      const [first] = await publish(session, "1", "2");
      session.send("UNSUBSCRIBE", { id: "s" });
      session.send("ACK", { id: ackOf(first) });
      expect(await session.messages()).to.deep.equal([]);
    });
  });

  describe("that never come", () => {
    it("hold nothing back: a client of Spring's broker, which asks for none, hears everything", async () => {
      await start({ unacknowledgedLimit: 3 });
      const session = await connect();
      await subscribe(session, "client");
      const bodies = Array.from({ length: 20 }, (_, i) => `${i}`);
      expect(bodiesOf(await publish(session, ...bodies))).to.deep.equal(bodies);
    });

    it("are taken late for those that were forgotten, and count for the newest", async () => {
      await start({ unacknowledgedLimit: 3 });
      const session = await connect();
      await subscribe(session, "client-individual");
      const frames = await publish(session, "1", "2", "3", "4", "5");
      for (const frame of frames) session.send("ACK", { id: ackOf(frame) });
      expect(await session.messages()).to.deep.equal([]);
    });

    it("are taken twice then, since the broker does not remember more than the limit", async () => {
      await start({ unacknowledgedLimit: 3 });
      const session = await connect();
      await subscribe(session, "client-individual");
      const [first] = await publish(session, "1", "2", "3", "4");
      for (let i = 0; i < 2; i++) session.send("ACK", { id: ackOf(first) });
      expect(await session.messages()).to.deep.equal([]);
    });
  });

  it("are over when an interceptor stopped the delivery", async () => {
    let stop = true;
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
      clientOutboundChannel: {
        interceptors: [
          { preSend: (message) => (message.headers.messageType === "MESSAGE" && stop ? null : message) },
        ],
      },
    });
    const session = await connect();
    await subscribe(session, "client", { "prefetch-count": 1 });
    expect(await publish(session, "1")).to.deep.equal([]);
    stop = false;
    expect(bodiesOf(await publish(session, "2"))).to.deep.equal(["2"]);
  });

  it("show an interceptor what a delivery is acknowledged by", async () => {
    const seen: (string | undefined)[] = [];
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
      clientOutboundChannel: {
        interceptors: [
          {
            preSend(message) {
              if (message.headers.messageType === "MESSAGE") seen.push(message.headers.ackId);
              return message;
            },
          },
        ],
      },
    });
    const session = await connect();
    await subscribe(session, "client");
    const [frame] = await publish(session, "1");
    expect(seen).to.deep.equal([ackOf(frame)]);
  });
});
