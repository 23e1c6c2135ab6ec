import { expect } from "chai";
import { type ChannelInterceptor, simpleBroker } from "express-stomp";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

describe("What is published", () => {
  let server: TestServer;
  const sessions: StompSession[] = [];

  async function start(interceptors: ChannelInterceptor[] = []) {
    server = await startServer({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        queuePrefixes: ["/queue"],
        retainLast: ["/topic/retained"],
        backlogLimit: 3,
        overflowStrategy: "reject",
      }),
      clientOutboundChannel: { interceptors },
    });
  }

  async function subscriber(destination: string, headers = {}): Promise<StompSession> {
    const session = await StompSession.connect(server.port);
    sessions.push(session);
    session.send("SUBSCRIBE", { id: "1", destination, ...headers });
    await session.messages();
    return session;
  }

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  describe("while something is fanned out", () => {
    /** Publishes once, when the first subscriber is delivered what is being fanned out. */
    function echo(destination: string, isAsync: boolean): ChannelInterceptor {
      let done = false;
      return {
        preSend(message) {
          if (message.headers.messageType !== "MESSAGE" || done) return message;
          done = true;
          const sent = server.messaging.template.convertAndSend(destination, "echo");
          if (!isAsync) return message;
          return sent.then(() => message);
        },
      };
    }

    for (const isAsync of [false, true]) {
      it(`comes behind it for every subscriber, by an interceptor that ${isAsync ? "waits for it" : "does not wait"}`, async () => {
        await start([echo("/topic/a", isAsync)]);
        const all = [
          await subscriber("/topic/a"),
          await subscriber("/topic/*"),
          await subscriber("/topic/a"),
        ];

        await server.messaging.template.convertAndSend("/topic/a", "first");
        await server.messaging.template.convertAndSend("/topic/a", "last");

        const heard = await Promise.all(all.map((session) => session.bodies()));
        const [one, ...others] = heard;
        expect(one).to.have.members(["first", "echo", "last"]);
        for (const other of others) expect(other).to.deep.equal(["first", "echo", "last"]);
      });
    }

    it("comes behind it in a queue that is being given to a new consumer", async () => {
      await start([echo("/queue/a", false)]);
      for (const body of ["1", "2", "3"]) await server.messaging.template.convertAndSend("/queue/a", body);
      const session = await StompSession.connect(server.port);
      sessions.push(session);
      session.send("SUBSCRIBE", { id: "1", destination: "/queue/a" });
      expect(await session.bodies()).to.deep.equal(["1", "2", "3", "echo"]);
    });

    it("is refused to its own sender", async () => {
      const refusals: string[] = [];
      await start([
        {
          preSend(message) {
            if (message.headers.messageType === "MESSAGE") {
              server.messaging.template
                .convertAndSend("/queue/full", "another")
                .catch((error: Error) => void refusals.push(error.message));
            }
            return message;
          },
        },
      ]);
      const session = await subscriber("/topic/a");
      for (const body of ["1", "2", "3"]) await server.messaging.template.convertAndSend("/queue/full", body);
      await server.messaging.template.convertAndSend("/topic/a", "first");
      expect(await session.bodies()).to.deep.equal(["first"]);
      expect(refusals).to.deep.equal(["The queue /queue/full is full"]);
    });
  });

  describe("from a Buffer that is written to afterwards, is delivered as it was", () => {
    const buffer = Buffer.alloc(2_000, "a");
    const before = "a".repeat(2_000);

    beforeEach(() => {
      buffer.fill("a");
    });

    async function publishAndRewrite(destination: string) {
      await server.messaging.template.convertAndSend(destination, buffer);
      buffer.fill("b");
    }

    it("from a queue's backlog", async () => {
      await start();
      await publishAndRewrite("/queue/a");
      const session = await StompSession.connect(server.port);
      sessions.push(session);
      session.send("SUBSCRIBE", { id: "1", destination: "/queue/a" });
      expect(await session.bodies()).to.deep.equal([before]);
    });

    it("again, to the next consumer of a queue", async () => {
      await start();
      const first = await subscriber("/queue/a", { ack: "client" });
      await publishAndRewrite("/queue/a");
      expect(await first.bodies()).to.deep.equal([before]);
      const second = await subscriber("/queue/a", { ack: "client" });
      first.cut();
      expect((await second.frame()).body).to.equal(before);
    });

    it("when it is retained", async () => {
      await start();
      await publishAndRewrite("/topic/retained");
      const session = await StompSession.connect(server.port);
      sessions.push(session);
      session.send("SUBSCRIBE", { id: "1", destination: "/topic/retained" });
      expect(await session.bodies()).to.deep.equal([before]);
    });

    it("when its subscriber has no room for it yet", async () => {
      await start();
      const session = await subscriber("/topic/a", { ack: "client", "prefetch-count": 1 });
      await server.messaging.template.convertAndSend("/topic/a", "first");
      const frame = await session.frame();
      await publishAndRewrite("/topic/a");
      session.send("ACK", { id: frame.headers.get("ack") ?? "" });
      expect(await session.bodies()).to.deep.equal([before]);
    });

    it("when an interceptor holds it up", async () => {
      await start([
        {
          async preSend(message) {
            await settled();
            return message;
          },
        },
      ]);
      const session = await subscriber("/topic/a");
      await publishAndRewrite("/topic/a");
      expect(await session.bodies()).to.deep.equal([before]);
    });
  });
});
