import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import { CHAT, RateLimitedChat, reached } from "../support/rate-limited-chat.js";
import { RawClient } from "../support/raw-client.js";
import { StompSession } from "../support/stomp-session.js";

describe("rateLimits", () => {
  let stage: RateLimitedChat;

  async function start(...given: Parameters<typeof RateLimitedChat.start>): Promise<void> {
    stage = await RateLimitedChat.start(...given);
  }

  afterEach(() => stage?.close());

  describe('with beyond "wait"', () => {
    it("hold up that session, in order, and no other", async () => {
      await start([{ ...CHAT, beyond: "wait" }]);
      const client = await StompSession.connect(stage.server.port);
      const other = await StompSession.connect(stage.server.port);

      stage.say(client, "1", "2", "3", "4");
      client.send("SEND", { destination: "/topic/x", receipt: "behind" });
      stage.say(other, "a");
      await other.messages();
      expect(stage.chat.said).to.deep.equal(["1", "2", "a"]);
      await stage.passed(500);
      expect(stage.chat.said).to.deep.equal(["1", "2", "a", "3"]);
      await stage.passed(500);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("behind");
      expect(stage.chat.said).to.deep.equal(["1", "2", "a", "3", "4"]);
      client.cut();
      other.cut();
    });

    it("keep the order where frames may overlap", async () => {
      await start([{ ...CHAT, beyond: "wait" }], { preserveReceiveOrder: false });
      const client = await StompSession.connect(stage.server.port);

      stage.say(client, "1", "2", "3");
      client.send("SEND", { destination: "/topic/x", receipt: "behind" });
      await reached(() => stage.exceeded.length === 1);
      await stage.passed(500);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("behind");
      expect(stage.chat.said).to.deep.equal(["1", "2", "3"]);
      client.cut();
    });

    it("do not hold up who leaves by DISCONNECT behind it longer than that", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await StompSession.connect(stage.server.port);

      stage.say(client, "1", "2");
      client.send("DISCONNECT", { receipt: "bye" });
      await reached(() => stage.exceeded.length === 1);
      await stage.passed(1_000);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("bye");
      expect(stage.chat.said).to.deep.equal(["1", "2"]);
    });

    it("end a session of many that would have to wait more than 10 s", async () => {
      await start([{ ...CHAT, per: "user", limit: 1, window: 4_000, beyond: "wait" }]);
      const clients = [];
      for (let i = 0; i < 5; i++)
        clients.push(await StompSession.connect(stage.server.port, "1.2", { login: "rod" }));
      const [first, second, third, fourth] = clients as [StompSession, ...StompSession[]];

      stage.say(first, "1");
      await first.messages();
      for (const [i, client] of [second, third].entries()) {
        stage.say(client as StompSession, `${i + 2}`);
        await reached(() => stage.server.messaging.stats().limitsExceeded["rateLimits[0]"] === i + 1);
      }
      stage.say(fourth as StompSession, "too late");
      const { command } = await (fourth as StompSession).frame();
      expect(command).to.equal("ERROR");
      await stage.passed(8_000);
      expect(stage.chat.said).to.deep.equal(["1", "2", "3"]);
      for (const client of clients) client.cut();
    });

    it("drop what a client left behind after 10 s, the rest of a wait that had begun before among them", async () => {
      await start([{ ...CHAT, limit: 1, window: 4_000, beyond: "wait" }]);
      const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });
      const gone = new Promise<unknown>((resolve) => stage.server.messaging.on("disconnect", resolve));

      stage.say(client, "1", "2", "3", "4", "5", "6");
      await reached(() => stage.exceeded.length === 1);
      client.cut();
      // It has ended, and what it had read goes on.
      await reached(() => stage.server.messaging.userRegistry.getUserCount() === 0);
      for (let i = 0; i < 8; i++) await stage.passed(2_000);
      await gone;
      expect(stage.chat.said).to.deep.equal(["1", "2", "3"]);
    });

    it("hold up what a client left behind longer than handlerTimeout, which is for methods that hang", async () => {
      await start([{ ...CHAT, limit: 1, window: 4_000, beyond: "wait" }], { handlerTimeout: 1_000 });
      const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });
      const gone = new Promise<unknown>((resolve) => stage.server.messaging.on("disconnect", resolve));

      stage.say(client, "1", "2", "3");
      await reached(() => stage.exceeded.length === 1);
      client.cut();
      await reached(() => stage.server.messaging.userRegistry.getUserCount() === 0);
      for (let i = 0; i < 10; i++) await stage.passed(1_000);
      await gone;
      expect(stage.chat.said).to.deep.equal(["1", "2", "3"]);
      expect(stage.server.log.join("\n")).not.to.include("did not settle");
    });

    it("let all that came be handled at once when the server closes", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await StompSession.connect(stage.server.port);

      stage.say(client, "1", "2", "3");
      await reached(() => stage.exceeded.length === 1);
      await stage.server.messaging.close();
      expect(stage.chat.said).to.deep.equal(["1", "2", "3"]);
    });

    it("begin nothing for a session that the server ends meanwhile", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await StompSession.connect(stage.server.port, "1.2", { login: "rod" });

      stage.say(client, "1", "2");
      await reached(() => stage.exceeded.length === 1);
      stage.server.messaging.disconnect({ user: "rod" });
      expect((await client.frame()).command).to.equal("ERROR");
      await stage.passed(1_000);
      expect(stage.chat.said).to.deep.equal(["1"]);
    });

    it("stop reading from a session of which 64 frames wait", async () => {
      await start([{ ...CHAT, limit: 1, beyond: "wait" }]);
      const client = await RawClient.connect(stage.server.port);
      const frame = "SEND\ndestination:/app/chat/7\n\nx^@";

      client.send(frame.repeat(66));
      await reached(() => stage.server.messaging.stats().framesReceived >= 66);
      client.send(frame);
      const other = await StompSession.connect(stage.server.port);
      const before = stage.server.messaging.stats().framesReceived;
      await other.messages();
      await nextTurn();
      expect(stage.server.messaging.stats().framesReceived - before).to.equal(1);
      client.cut();
      other.cut();
    });
  });
});
