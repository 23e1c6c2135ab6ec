import { expect } from "chai";
import { ackOf, QueueStage } from "../support/queue-stage.js";
import type { StompSession } from "../support/stomp-session.js";

describe("Queues", () => {
  const stage = new QueueStage();
  const { start, consumer, publish } = stage;

  afterEach(() => stage.close());

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
      await stage.server.messaging.template.convertAndSend("/queue/b", "2");
      await stage.server.messaging.template.convertAndSend("/queue/b/c", "3");
      const session = await consumer();
      session.send("SUBSCRIBE", { id: "s", destination: "/queue/*", ack: "client" });
      expect(await session.bodies()).to.deep.equal(["1", "2"]);
    });

    it("drop the oldest when there are too many, and say so", async () => {
      await start({ backlogLimit: 2 });
      await publish("1", "2", "3");
      expect(stage.dropped).to.have.length(1);
      expect(stage.dropped[0]).to.include({
        reason: "backlog",
        destination: "/queue/a",
        sessionId: undefined,
      });
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
      expect(stage.dropped).to.deep.equal([]);
    });

    it("hold so many bytes together: their own oldest go first, then another's", async () => {
      await start({ backlogSizeLimit: 7000 });
      const big = "x".repeat(1500);
      await stage.server.messaging.template.convertAndSend("/queue/b", big);
      await publish(`1${big}`);
      await publish(`2${big}`);
      expect(stage.dropped.map(({ destination }) => destination)).to.deep.equal(["/queue/a"]);
      await stage.server.messaging.template.convertAndSend("/queue/c", big);
      expect(stage.dropped.map(({ destination }) => destination)).to.deep.equal(["/queue/a", "/queue/b"]);
      await stage.server.messaging.template.convertAndSend("/queue/d", "x".repeat(7000));
      expect(
        stage.dropped.slice(2).map(({ destination }) => destination),
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
      expect(stage.dropped).to.have.length(1);

      for (let i = 0; i < 12; i++) publisher.send("SEND", { destination: `/queue/${i}` });
      await publisher.messages();
      expect(stage.dropped).to.have.length.above(3);
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
      for (const body of ["4", "5"]) await stage.server.messaging.template.convertAndSend("/topic/a", body);
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

      expect(stage.dropped.length).to.be.above(10);
      expect(stage.dropped.filter(({ destination }) => destination === "/queue/a")).to.deep.equal([]);
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
      await start(
        { backlogSizeLimit: 50_000 },
        {
          endpoints: [{ path: "/ws", user: ({ headers }) => ({ name: headers["user-agent"] ?? "greedy" }) }],
        },
      );
      await publish(...Array.from({ length: 10 }, () => big));
      for (let i = 0; i < 6; i++) await fill(await consumer(), () => `/queue/reply-${i}`, 10);
      expect(stage.dropped.filter(({ destination }) => destination === "/queue/a")).to.deep.equal([]);
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
      expect(stage.dropped).to.deep.equal([]);
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
          await stage.server.messaging.template.convertAndSend("/queue/hog", big).catch(() => {});
        }
        expect((await hog.messages()).length).to.be.below(20);

        for (let i = 0; i < 20; i++) {
          await publish(`${i}`);
          const frame = await good.frame();
          expect(frame.body).to.equal(`${i}`);
          good.send("ACK", { id: ackOf(frame) });
          await good.messages();
        }
        expect(stage.dropped.filter(({ destination }) => destination === "/queue/a")).to.deep.equal([]);
      });
    }

    it("give one at a time to whoever comes when others have taken all", async () => {
      await start({ backlogSizeLimit: 20_000, prefetchCount: 0 });
      const big = "x".repeat(3_000);
      const hogs = [
        await consumer("client", { destination: "/queue/hog" }),
        await consumer("client", { destination: "/queue/hog" }),
      ];
      for (let i = 0; i < 10; i++) await stage.server.messaging.template.convertAndSend("/queue/hog", big);
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
    await stage.server.messaging.template.convertAndSend("/queue/b", "3");
    const frames = await session.messages();
    expect(frames.map(({ body }) => body)).to.deep.equal(["1", "2"]);
    session.send("ACK", { id: ackOf(frames[0]) });
    expect(await session.bodies()).to.deep.equal(["3"]);
  });

  it("hold nothing that is private to a session, though it is under their prefix", async () => {
    await start({ queuePrefixes: ["/user/queue", "/queue"], retainLast: ["/user/**"] });
    const session = await consumer();
    const other = await consumer("client", { destination: "/user/queue/a" });
    session.send("SUBSCRIBE", { id: "1", destination: "/user/queue/a", receipt: "r" });
    const { headers } = await session.frame();
    expect(headers.get("receipt-id")).to.equal("r");
    let id = "";
    stage.server.messaging.on("unsubscribe", ({ sessionId }) => {
      id = sessionId;
    });
    session.send("UNSUBSCRIBE", { id: "none" });
    await session.messages();
    for (const body of ["1", "2"])
      await stage.server.messaging.template.convertAndSendToUser(id, "/queue/a", body);
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
