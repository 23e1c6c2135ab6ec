import { expect } from "chai";
import { type MessagingEvents, type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { type ReadFrame, StompSession } from "../support/stomp-session.js";

describe("Queues", () => {
  let server: TestServer;
  let dropped: MessagingEvents["messageDropped"][];
  const sessions: StompSession[] = [];

  async function start(options: SimpleBrokerOptions = {}) {
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"], ...options }),
    });
    dropped = [];
    server.messaging.on("messageDropped", (event) => void dropped.push(event));
  }

  /** Connects; with an ack mode it subscribes to `/queue/a`, too. */
  async function consumer(ack?: string, headers: Record<string, string | number> = {}) {
    const session = await StompSession.connect(server.port);
    sessions.push(session);
    if (ack !== undefined) {
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/a", ack, receipt: "there", ...headers });
      await session.frame();
    }
    return session;
  }

  async function publish(...bodies: string[]) {
    for (const body of bodies) await server.messaging.template.convertAndSend("/queue/a", body);
  }

  async function end(session: StompSession) {
    const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    session.cut();
    await gone;
  }

  const ackOf = (frame: ReadFrame | undefined) => frame?.headers.get("ack") ?? "";
  const redelivered = (frame: ReadFrame | undefined) => frame?.headers.get("redelivered");

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  describe("with several subscribers", () => {
    it("give each message to one of them, in turn", async () => {
      await start();
      const all = [await consumer("auto"), await consumer("auto"), await consumer("auto")];
      await publish("1", "2", "3", "4", "5", "6");
      const heard = await Promise.all(all.map((session) => session.bodies()));
      expect(heard).to.deep.equal([
        ["1", "4"],
        ["2", "5"],
        ["3", "6"],
      ]);
    });

    it("count those by pattern among them", async () => {
      await start();
      const exact = await consumer("auto");
      const byPattern = await consumer("auto", { destination: "/queue/*" });
      await publish("1", "2", "3");
      expect(await exact.bodies()).to.deep.equal(["1", "3"]);
      expect(await byPattern.bodies()).to.deep.equal(["2"]);
    });

    it("pass over those whose prefetch-count is used up", async () => {
      await start();
      const slow = await consumer("client", { "prefetch-count": 1 });
      const quick = await consumer("auto");
      await publish("1", "2", "3", "4");
      expect(await slow.bodies()).to.deep.equal(["1"]);
      expect(await quick.bodies()).to.deep.equal(["2", "3", "4"]);
    });
  });

  describe("without a subscriber", () => {
    it("keep what comes, in order, for the first who does", async () => {
      await start();
      await publish("1", "2", "3");
      const first = await consumer();
      first.send("SUBSCRIBE", { id: "s", destination: "/queue/a" });
      expect(await first.bodies()).to.deep.equal(["1", "2", "3"]);
      const second = await consumer();
      second.send("SUBSCRIBE", { id: "s", destination: "/queue/*" });
      expect(await second.bodies()).to.deep.equal([]);
    });

    it("feed one who subscribes by pattern, from each that fits", async () => {
      await start();
      await publish("1");
      await server.messaging.template.convertAndSend("/queue/b", "2");
      await server.messaging.template.convertAndSend("/queue/b/c", "3");
      const session = await consumer();
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/*", ack: "client" });
      expect(await session.bodies()).to.deep.equal(["1", "2"]);
    });

    it("drop the oldest when there are too many, and say so", async () => {
      await start({ backlogLimit: 2 });
      await publish("1", "2", "3");
      expect(dropped).to.have.length(1);
      expect(dropped[0]).to.include({ reason: "backlog", destination: "/queue/a", sessionId: undefined });
      const session = await consumer();
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/a" });
      expect(await session.bodies()).to.deep.equal(["2", "3"]);
    });

    it("refuse the newest instead, if told so", async () => {
      await start({ backlogLimit: 2, overflowStrategy: "reject" });
      await publish("1", "2");
      const publisher = await consumer();
      expect(await publisher.refusal("SEND", { destination: "/queue/a" }, "3")).to.equal(
        "The queue /queue/a is full",
      );
      const failure = await publish("3").catch((error: unknown) => error);
      expect(failure).to.have.property("name", "MessageDeliveryError");
      expect(dropped).to.deep.equal([]);
    });

    it("hold so many bytes together: their own oldest go first, then another's", async () => {
      await start({ backlogSizeLimit: 7000 });
      const big = "x".repeat(1500);
      await server.messaging.template.convertAndSend("/queue/b", big);
      await publish(`1${big}`);
      await publish(`2${big}`);
      expect(dropped.map(({ destination }) => destination)).to.deep.equal(["/queue/a"]);
      await server.messaging.template.convertAndSend("/queue/c", big);
      expect(dropped.map(({ destination }) => destination)).to.deep.equal(["/queue/a", "/queue/b"]);
      await server.messaging.template.convertAndSend("/queue/d", "x".repeat(7000));
      expect(
        dropped.slice(2).map(({ destination }) => destination),
        "one that is too large for all",
      ).to.deep.equal(["/queue/d"]);
    });

    it("count the text of headers among those bytes, and what a queue takes by itself", async () => {
      await start({ backlogSizeLimit: 12_000 });
      const publisher = await consumer();
      for (const id of ["1", "2"]) {
        publisher.send("SEND", { destination: "/queue/a", "x-large": "x".repeat(7000) }, id);
      }
      await publisher.messages();
      expect(dropped).to.have.length(1);

      for (let i = 0; i < 12; i++) publisher.send("SEND", { destination: `/queue/${i}` });
      await publisher.messages();
      expect(dropped).to.have.length.above(3);
    });

    it("count what is not acknowledged among those bytes, until it is", async () => {
      await start({ backlogSizeLimit: 3000, overflowStrategy: "reject" });
      const big = "x".repeat(2000);
      const session = await consumer("client");
      await publish(big);
      expect(await publish(big).catch((error: Error) => error.message)).to.equal(
        "The queue /queue/a is full",
      );
      const [frame] = await session.messages();
      session.send("ACK", { id: ackOf(frame) });
      await session.messages();
      await publish(big);
      expect(await session.bodies()).to.deep.equal([big]);
    });
  });

  describe("whose message is not acknowledged", () => {
    it("have as much for a consumer as ever, however much it has acknowledged", async () => {
      await start({ backlogSizeLimit: 20_000 });
      const session = await consumer("client-individual");
      for (let i = 0; i < 100; i++) {
        await publish(`${i}`);
        session.send("ACK", { id: ackOf(await session.frame()) });
      }
      await session.bodies();
      await publish("a", "b");
      expect(await session.bodies()).to.deep.equal(["a", "b"]);
    });

    it("give a NACKed one to another, marked", async () => {
      await start();
      const first = await consumer("client");
      const second = await consumer("client");
      await publish("1");
      const [frame] = await first.messages();
      expect(redelivered(frame)).to.equal(undefined);
      first.send("NACK", { id: ackOf(frame) });
      expect(await first.messages()).to.deep.equal([]);
      const [again] = await second.messages();
      expect([again?.body, redelivered(again)]).to.deep.equal(["1", "true"]);
      expect(again?.headers.get("message-id")).to.equal(frame?.headers.get("message-id"));
    });

    it("give it to the same when there is no other", async () => {
      await start();
      const session = await consumer("client");
      await publish("1");
      const [frame] = await session.messages();
      session.send("NACK", { id: ackOf(frame) });
      expect(await session.bodies()).to.deep.equal(["1"]);
    });

    it("give what one had who left to those who stay, in order", async () => {
      await start();
      const leaving = await consumer("client");
      await publish("1", "2", "3");
      const frames = await leaving.messages();
      leaving.send("ACK", { id: ackOf(frames[0]) });
      await leaving.messages();
      const staying = await consumer("client");
      await end(leaving);
      const given = await staying.messages();
      expect(given.map(({ body }) => body)).to.deep.equal(["2", "3"]);
      expect(given.map(redelivered)).to.deep.equal(["true", "true"]);
    });

    it("keep it for the next, before what came later", async () => {
      await start();
      const leaving = await consumer("client", { "prefetch-count": 2 });
      await publish("1", "2", "3");
      await end(leaving);
      const session = await consumer();
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/a" });
      expect(await session.bodies()).to.deep.equal(["1", "2", "3"]);
    });

    it("keep it with one who unsubscribed, until he answers or leaves", async () => {
      await start();
      const session = await consumer("client");
      await publish("1", "2");
      const [first, second] = await session.messages();
      session.send("UNSUBSCRIBE", { id: "s" });
      await session.messages();
      const other = await consumer("client");
      expect(await other.messages()).to.deep.equal([]);
      session.send("ACK", { id: ackOf(first) });
      session.send("NACK", { id: ackOf(second) });
      await session.messages();
      expect(await other.bodies()).to.deep.equal(["2"]);
    });

    it("know no second attempt in mode auto", async () => {
      await start();
      const leaving = await consumer("auto");
      const staying = await consumer("client");
      await publish("1");
      await end(leaving);
      expect(await staying.messages()).to.deep.equal([]);
    });

    it("drop it after so many attempts, and say so", async () => {
      await start({ deliveryAttempts: 2 });
      const session = await consumer("client");
      await publish("1");
      for (let attempt = 1; attempt <= 2; attempt++) {
        expect(dropped).to.deep.equal([]);
        const [frame] = await session.messages();
        session.send("NACK", { id: ackOf(frame) });
      }
      expect(await session.messages()).to.deep.equal([]);
      expect(dropped).to.have.length(1);
      expect(dropped[0]).to.include({ reason: "attempts", destination: "/queue/a" });
    });

    for (const deadLetterDestination of ["/topic/dead", "/queue/dead"]) {
      it(`send it to ${deadLetterDestination} instead, if told so`, async () => {
        await start({ deliveryAttempts: 1, deadLetterDestination });
        const undertaker = await consumer("client", { destination: deadLetterDestination });
        const session = await consumer("client");
        session.send("SEND", { destination: "/queue/a", color: "red" }, "1");
        const [frame] = await session.messages();
        session.send("NACK", { id: ackOf(frame) });
        await session.messages();
        const [letter] = await undertaker.messages();
        expect(letter?.body).to.equal("1");
        expect(Object.fromEntries(letter?.headers ?? [])).to.include({
          destination: deadLetterDestination,
          "original-destination": "/queue/a",
          color: "red",
        });
        expect(redelivered(letter)).to.equal(undefined);
        expect(dropped).to.deep.equal([]);

        undertaker.send("NACK", { id: ackOf(letter) });
        expect(await undertaker.messages()).to.deep.equal([]);
        expect(dropped).to.have.length(deadLetterDestination === "/queue/dead" ? 1 : 0);
      });
    }
  });

  describe("whose consumer crashes", () => {
    /** Consumes until it is given what crashes it; a new one comes each time. */
    async function crashOn(body: string, options: { ack: string; times: number }): Promise<Set<string>> {
      const done = new Set<string>();
      for (let crash = 0; crash < options.times; crash++) {
        const session = await consumer();
        session.send("SUBSCRIBE", { id: "s", destination: "/queue/a", ack: options.ack });
        for (;;) {
          const frame = await session.frame();
          if (frame.body === body) break;
          done.add(frame.body);
          session.send("ACK", { id: ackOf(frame) });
        }
        await end(session);
      }
      return done;
    }

    for (const ack of ["client", "client-individual"]) {
      it(`count that as the fault of the message it was at work on, ack:${ack}`, async () => {
        await start();
        await publish("poison", ...Array.from({ length: 299 }, (_, i) => `${i}`));

        await crashOn("poison", { ack, times: 5 });
        expect(dropped.map(({ reason, destination }) => [reason, destination])).to.deep.equal([
          ["attempts", "/queue/a"],
        ]);
        const survivor = await consumer();
        survivor.send("SUBSCRIBE", { id: "s", destination: "/queue/a", ack: "auto" });
        expect(await survivor.bodies()).to.deep.equal(Array.from({ length: 299 }, (_, i) => `${i}`));
      });
    }

    it("find the one that is at fault behind others", async () => {
      await start({ deliveryAttempts: 2 });
      await publish("1", "2", "poison", "3");
      const done = await crashOn("poison", { ack: "client-individual", times: 2 });
      expect([...done]).to.deep.equal(["1", "2"]);
      const survivor = await consumer();
      survivor.send("SUBSCRIBE", { id: "s", destination: "/queue/a" });
      expect(await survivor.bodies()).to.deep.equal(["3"]);
    });

    it("count for each of its subscriptions", async () => {
      await start({ deliveryAttempts: 1 });
      const session = await consumer("client");
      session.send("SUBSCRIBE", { id: "b", destination: "/queue/b", ack: "client" });
      await session.messages();
      await publish("1", "2");
      await server.messaging.template.convertAndSend("/queue/b", "3");
      await session.messages();
      await end(session);
      expect(dropped.map(({ destination }) => destination)).to.have.members(["/queue/a", "/queue/b"]);
    });
  });

  describe("without prefetch-count", () => {
    for (const [prefetchCount, expected] of [
      [undefined, 100],
      [3, 3],
      [0, 150],
    ] as const) {
      it(`give a consumer that acknowledges ${expected} messages, prefetchCount ${prefetchCount}`, async () => {
        await start(prefetchCount === undefined ? {} : { prefetchCount });
        await publish(...Array.from({ length: 150 }, (_, i) => `${i}`));
        const session = await consumer();
        session.send("SUBSCRIBE", { id: "s", destination: "/queue/a", ack: "client" });
        const frames = await session.messages();
        expect(frames).to.have.length(expected);
        session.send("ACK", { id: ackOf(frames.at(-1)) });
        expect(await session.bodies()).to.have.length(Math.min(150 - expected, expected));
      });
    }

    it("are bounded by what SUBSCRIBE says, 0 being no limit, and topics are not", async () => {
      await start({ prefetchCount: 1 });
      const session = await consumer("client", { "prefetch-count": 0 });
      session.send("SUBSCRIBE", { id: "t", destination: "/topic/a", ack: "client" });
      await session.messages();
      await publish("1", "2", "3");
      for (const body of ["4", "5"]) await server.messaging.template.convertAndSend("/topic/a", body);
      expect(await session.bodies()).to.deep.equal(["1", "2", "3", "4", "5"]);
    });
  });

  describe("that are filled by one client", () => {
    const big = "x".repeat(1_500);

    /** Sends as many as are taken; gives what it was refused with, if it was. */
    async function fill(session: StompSession, destination: (i: number) => string, count: number) {
      for (let i = 0; i < count; i++) session.send("SEND", { destination: destination(i) }, big);
      await session.messages();
    }

    it("lose what that one has sent, and not others' messages, however many queues it names", async () => {
      await start({ backlogSizeLimit: 50_000 });
      const honest = await consumer();
      for (let i = 0; i < 5; i++) honest.send("SEND", { destination: "/queue/a" }, `order ${i}`);
      await honest.messages();
      await fill(await consumer(), (i) => `/queue/reply-${i}`, 60);

      expect(dropped.length).to.be.above(10);
      expect(dropped.filter(({ destination }) => destination === "/queue/a")).to.deep.equal([]);
      const session = await consumer();
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/a" });
      expect(await session.bodies()).to.deep.equal([0, 1, 2, 3, 4].map((i) => `order ${i}`));
    });

    it("lose what that one has sent to the same queue", async () => {
      await start({ backlogLimit: 10 });
      const honest = await consumer();
      for (let i = 0; i < 3; i++) honest.send("SEND", { destination: "/queue/a" }, `order ${i}`);
      await honest.messages();
      const greedy = await consumer();
      for (let i = 0; i < 30; i++) greedy.send("SEND", { destination: "/queue/a" }, `spam ${i}`);
      await greedy.messages();

      const session = await consumer();
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/a" });
      expect(await session.bodies()).to.deep.equal([
        ...[0, 1, 2].map((i) => `order ${i}`),
        ...[23, 24, 25, 26, 27, 28, 29].map((i) => `spam ${i}`),
      ]);
    });

    it("lose it of all its sessions, if they are one user's", async () => {
      server = await startServer({
        endpoints: [{ path: "/ws", user: ({ headers }) => ({ name: headers["user-agent"] ?? "greedy" }) }],
        broker: simpleBroker({ queuePrefixes: ["/queue"], backlogSizeLimit: 50_000 }),
      });
      dropped = [];
      server.messaging.on("messageDropped", (event) => void dropped.push(event));
      await publish(...Array.from({ length: 10 }, () => big));
      for (let i = 0; i < 6; i++) await fill(await consumer(), () => `/queue/reply-${i}`, 10);
      expect(dropped.filter(({ destination }) => destination === "/queue/a")).to.deep.equal([]);
    });

    it("refuse its messages, and take others', with reject", async () => {
      await start({ backlogSizeLimit: 50_000, overflowStrategy: "reject" });
      const greedy = await consumer();
      for (let i = 0; i < 40; i++) greedy.send("SEND", { destination: `/queue/reply-${i}` }, big);
      expect(await greedy.refusal("SEND", { destination: "/queue/b" }, big)).to.match(
        /^Too much of yours waits in queues: \/queue\/reply-\d+ takes no more of it$/,
      );
      const honest = await consumer();
      await fill(honest, () => "/queue/a", 4);
      await publish(big);
      expect(dropped).to.deep.equal([]);
    });
  });

  describe("with a consumer that never acknowledges", () => {
    for (const overflowStrategy of ["drop-oldest", "reject"] as const) {
      it(`go on with all others, ${overflowStrategy}`, async () => {
        await start({ backlogSizeLimit: 100_000, overflowStrategy, prefetchCount: 0 });
        const big = "x".repeat(3_000);
        const hog = await consumer("client", { destination: "/queue/hog" });
        const good = await consumer("client");
        for (let i = 0; i < 40; i++) {
          await server.messaging.template.convertAndSend("/queue/hog", big).catch(() => {});
        }
        expect((await hog.messages()).length).to.be.below(20);

        for (let i = 0; i < 20; i++) {
          await publish(`${i}`);
          const frame = await good.frame();
          expect(frame.body).to.equal(`${i}`);
          good.send("ACK", { id: ackOf(frame) });
          await good.messages();
        }
        expect(dropped.filter(({ destination }) => destination === "/queue/a")).to.deep.equal([]);
      });
    }

    it("give one at a time to whoever comes when others have taken all", async () => {
      await start({ backlogSizeLimit: 20_000, prefetchCount: 0 });
      const big = "x".repeat(3_000);
      const hogs = [
        await consumer("client", { destination: "/queue/hog" }),
        await consumer("client", { destination: "/queue/hog" }),
      ];
      for (let i = 0; i < 10; i++) await server.messaging.template.convertAndSend("/queue/hog", big);
      for (const hog of hogs) await hog.messages();
      const late = await consumer("client");
      for (let i = 0; i < 3; i++) await publish(big);
      const [frame] = await late.messages();
      expect(frame?.body).to.equal(big);
    });
  });

  it("deliver at most unacknowledgedLimit to a session, over all its subscriptions", async () => {
    await start({ unacknowledgedLimit: 2 });
    const session = await consumer("client");
    session.send("SUBSCRIBE", { id: "t", destination: "/queue/b", ack: "client" });
    await session.messages();
    await publish("1", "2");
    await server.messaging.template.convertAndSend("/queue/b", "3");
    const frames = await session.messages();
    expect(frames.map(({ body }) => body)).to.deep.equal(["1", "2"]);
    session.send("ACK", { id: ackOf(frames[0]) });
    expect(await session.bodies()).to.deep.equal(["3"]);
  });

  it("hear a publisher's redelivered as nothing", async () => {
    await start();
    const session = await consumer("client");
    session.send("SEND", { destination: "/queue/a", redelivered: "true" }, "1");
    const [frame] = await session.messages();
    expect(redelivered(frame)).to.equal(undefined);
  });

  it("give a message back whose delivery an interceptor failed, up to the last attempt", async () => {
    let attempts = 0;
    server = await startServer({
      broker: simpleBroker({ queuePrefixes: ["/queue"], deliveryAttempts: 3 }),
      clientOutboundChannel: {
        interceptors: [
          {
            preSend(message) {
              if (message.headers.messageType === "MESSAGE" && ++attempts > 0) throw new Error("no");
              return message;
            },
          },
        ],
      },
    });
    const lost = new Promise<MessagingEvents["messageDropped"]>((resolve) => {
      server.messaging.on("messageDropped", resolve);
    });
    await consumer("client");
    await publish("1");
    expect(await lost).to.include({ reason: "attempts" });
    expect(attempts).to.equal(3);
  });

  it("hold nothing that is private to a session, though it is under their prefix", async () => {
    await start({ queuePrefixes: ["/user/queue", "/queue"], retainLast: ["/user/**"] });
    const session = await consumer();
    const other = await consumer("client", { destination: "/user/queue/a" });
    session.send("SUBSCRIBE", { id: "1", destination: "/user/queue/a", receipt: "r" });
    const { headers } = await session.frame();
    expect(headers.get("receipt-id")).to.equal("r");
    let id = "";
    server.messaging.on("unsubscribe", ({ sessionId }) => {
      id = sessionId;
    });
    session.send("UNSUBSCRIBE", { id: "none" });
    await session.messages();
    for (const body of ["1", "2"]) await server.messaging.template.convertAndSendToUser(id, "/queue/a", body);
    expect(await session.bodies()).to.deep.equal(["1", "2"]);
    other.send("SUBSCRIBE", { id: "2", destination: "/user/queue/*" });
    expect(await other.bodies()).to.deep.equal([]);
  });

  it("are none without queuePrefixes: all subscribers of /queue hear everything, as in Spring", async () => {
    await start({ destinationPrefixes: ["/queue"], queuePrefixes: [] });
    await publish("nobody is there");
    const all = [await consumer("auto"), await consumer("client")];
    await publish("1");
    expect(await Promise.all(all.map((session) => session.bodies()))).to.deep.equal([["1"], ["1"]]);
  });
});
