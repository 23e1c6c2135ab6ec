import { expect } from "chai";
import type { MessagingEvents } from "express-stomp";
import { ackOf, QueueStage, redelivered } from "../support/queue-stage.js";

describe("What queues give a second time", () => {
  const stage = new QueueStage();
  const { start, consumer, publish, end } = stage;

  afterEach(() => stage.close());

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
        expect(stage.dropped).to.deep.equal([]);
        const [frame] = await session.messages();
        session.send("NACK", { id: ackOf(frame) });
      }
      expect(await session.messages()).to.deep.equal([]);
      expect(stage.dropped).to.have.length(1);
      expect(stage.dropped[0]).to.include({ reason: "attempts", destination: "/queue/a" });
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
        expect(stage.dropped).to.deep.equal([]);

        undertaker.send("NACK", { id: ackOf(letter) });
        expect(await undertaker.messages()).to.deep.equal([]);
        expect(stage.dropped).to.have.length(deadLetterDestination === "/queue/dead" ? 1 : 0);
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
        expect(stage.dropped.map(({ reason, destination }) => [reason, destination])).to.deep.equal([
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
      await stage.server.messaging.template.convertAndSend("/queue/b", "3");
      await session.messages();
      await end(session);
      expect(stage.dropped.map(({ destination }) => destination)).to.have.members(["/queue/a", "/queue/b"]);
    });
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
    await start(
      { deliveryAttempts: 3 },
      {
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
      },
    );
    const lost = new Promise<MessagingEvents["messageDropped"]>((resolve) => {
      stage.server.messaging.on("messageDropped", resolve);
    });
    await consumer("client");
    await publish("1");
    expect(await lost).to.include({ reason: "attempts" });
    expect(attempts).to.equal(3);
  });
});
