import { expect } from "chai";
import { FakeTime } from "../support/fake-time.js";
import { HistoryStage, idOf, ROOM, ROOMS, told } from "../support/history-stage.js";

describe("History", () => {
  const stage = new HistoryStage();
  const { start, connect, publish, subscribe, heard, position } = stage;

  afterEach(() => stage.close());

  describe("says recovered:false and the newest position, and never ERROR,", () => {
    async function expectRefused(
      since: string,
      reason: string,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      const session = await connect();
      const [marker, ...others] = await subscribe(session, since, headers);
      expect([told(marker!), others], since).to.deep.equal(["false 0", []]);
      expect(idOf(marker)).to.match(/^[\w-]{12}-[0-9]+$/);
      const { destination = ROOM } = headers;
      const { sessionId, ...event } = stage.events.at(-1)!;
      expect(event).to.deep.equal({ user: undefined, destination, recovered: false, replayed: 0, reason });
      expect(stage.server.messaging.stats().recoveries).to.deep.equal({
        recovered: 0,
        refused: stage.events.length,
      });
      await publish("live", destination.replaceAll("*", "x"));
      expect(await heard(session)).to.deep.equal(["live"]);
    }

    it("to who names what is no position, or one of the future", async () => {
      await start();
      for (const since of ["7", "abc", "latest", "ID:queue-1", `${await position()}9`, "x".repeat(1_000)]) {
        await expectRefused(since, "epoch");
      }
    });

    it("after a restart", async () => {
      await start();
      await publish("a");
      const from = await position();
      await stage.server.close();
      await start();
      await publish("b");
      await expectRefused(from, "epoch");
    });

    it("when more was missed than is kept", async () => {
      await start({ history: { ...ROOMS, size: 3 } });
      const from = await position();
      for (const body of ["a", "b", "c", "d"]) await publish(body);
      await expectRefused(from, "trimmed");
    });

    it("when it was longer ago than messages are kept, and not a moment before", async () => {
      const time = new FakeTime();
      await start({}, { clock: time });
      const from = await position();
      await publish("a");
      time.pass(300_000);
      const session = await connect();
      expect((await subscribe(session, from)).map(told)).to.deep.equal(["true 1", "↩a"]);
      time.pass(1);
      session.send("UNSUBSCRIBE", { id: "1" });
      expect((await subscribe(session, from)).map(told)).to.deep.equal(["false 0"]);
      session.send("UNSUBSCRIBE", { id: "1" });
      expect((await subscribe(session, await position())).map(told)).to.deep.equal(["true 0"]);
    });

    it("when more was missed than one SUBSCRIBE may get", async () => {
      await start({ replayLimit: 3 });
      const from = await position();
      for (const body of ["a", "b", "c", "d"]) await publish(body);
      await expectRefused(from, "limit");
    });

    it("when all messages together took too many bytes", async () => {
      await start({ historySizeLimit: 10_000 });
      const from = await position();
      await publish("x".repeat(5_000));
      await publish("y".repeat(5_000), "/topic/room/8");
      await expectRefused(from, "trimmed");
    });

    it("when a message was too large to be kept at all", async () => {
      await start({ historySizeLimit: 1_000 });
      const from = await position();
      await publish("x".repeat(2_000));
      await expectRefused(from, "trimmed");
    });

    it("where no messages are kept, or not all that the subscription hears", async () => {
      await start();
      for (const destination of ["/topic/other", "/topic/**", "/topic/*/7"]) {
        await expectRefused(await position(), "none", { destination });
      }
    });

    it("where no history is configured", async () => {
      await start({ history: [] });
      const session = await connect();
      const [now] = await subscribe(session, "now");
      expect(told(now!)).to.equal("false 0");
      session.send("UNSUBSCRIBE", { id: "1" });
      expect((await subscribe(session, idOf(now))).map(told)).to.deep.equal(["false 0"]);
    });

    it("on a queue, which gives what waits in it besides", async () => {
      await start();
      await publish("job", "/queue/jobs");
      const frames = await subscribe(await connect(), await position(), { destination: "/queue/jobs" });
      expect(frames.map(told)).to.deep.equal(["false 0", "job"]);
    });
  });
});
