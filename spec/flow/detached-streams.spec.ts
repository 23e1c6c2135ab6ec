import { expect } from "chai";
import { MessageHandlingError } from "express-stomp";
import { DetachedStage } from "../support/detached-stage.js";

describe("A stream with @Detached", () => {
  const stage = new DetachedStage();
  const { start, connect, listening, ask, lines, gone } = stage;

  afterEach(() => stage.close());

  it("goes on when its session has ended, and a page that comes back has every token once, and its end", async () => {
    await start();
    const asker = await connect();
    expect((await ask(asker, "why?")).command).to.equal("RECEIPT");
    stage.answers.give("a", "b");
    const live = await listening("7", "first");
    expect(await lines(live, 3)).to.deep.equal(["", "a", "b"]);
    const over = gone();
    asker.cut();
    await over;
    stage.answers.give("c");
    expect(await lines(live, 1)).to.deep.equal(["c"]);
    const again = await listening("7", "first");
    expect(await lines(again, 4)).to.deep.equal(["", "a", "b", "c"]);
    stage.answers.give("d", undefined);

    for (const session of [live, again]) expect(await lines(session, 2)).to.deep.equal(["d", "end"]);
    expect(stage.answers.signals[0]?.aborted).to.equal(false);
  });

  it("runs once for its key: a second SEND joins it, and is receipted", async () => {
    await start();
    const [first, second] = [await connect(), await connect()];
    await ask(first, "why?");
    expect((await ask(second, "why?")).command).to.equal("RECEIPT");
    await ask(second, "why not?", "/app/answers/8");
    expect(stage.answers.asked).to.deep.equal(["why?", "why not?"]);
    const live = await listening();
    await live.messages();
    stage.answers.give(undefined);
    expect(await lines(live, 1)).to.deep.equal(["end"]);
    await ask(second, "again?");
    expect(stage.answers.asked).to.deep.equal(["why?", "why not?", "again?"]);
  });

  it("is begun by the second SEND when the first came to nothing", async () => {
    await start();
    const refused = await ask(await connect(), "refused");
    expect(refused.headers.get("message")).to.equal("Not this");
    expect((await ask(await connect(), "why?")).command).to.equal("RECEIPT");
    expect(stage.answers.asked).to.deep.equal(["refused", "why?"]);
  });

  it("says at its end that it has failed, with what everybody may read of that", async () => {
    await start();
    const live = await listening();
    for (const [fault, end] of [
      [new Error("password 1234"), "error"],
      [
        new MessageHandlingError("no money", { publicMessage: "The model is busy" }),
        "error: The model is busy",
      ],
    ] as const) {
      await ask(await connect(), "why?");
      stage.answers.give("a", fault);
      expect(await lines(live, 2)).to.deep.equal(["a", end]);
    }
    expect(stage.server.log.join("\n")).to.contain("password 1234");
  });

  it("ends by its timeout, and its method hears of that", async () => {
    await start({ transport: { timeToFirstMessage: 600_000, connectTimeLimit: 600_000 } });
    const live = await listening();
    await ask(await connect(), "why?");
    stage.answers.give("a");
    expect(await lines(live, 1)).to.deep.equal(["a"]);
    stage.time.pass(60_000);
    expect(await lines(live, 1)).to.deep.equal(["error: It did not end within 60000 ms"]);
    expect(String(stage.answers.signals[0]?.reason)).to.contain("answer 7 was ended");
  });

  it("ends by messaging.abort, and its key is free then", async () => {
    await start();
    const live = await listening();
    await ask(await connect(), "why?");
    expect(stage.server.messaging.abort("answer 8")).to.equal(false);
    expect(stage.server.messaging.abort("answer 7", "Stopped by rod")).to.equal(true);
    expect(stage.server.messaging.abort("answer 7")).to.equal(false);
    expect(await lines(live, 1)).to.deep.equal(["error: Stopped by rod"]);
    expect(stage.answers.signals[0]?.aborted).to.equal(true);
    await ask(await connect(), "again?");
    expect(stage.answers.asked).to.have.length(2);
  });

  describe("whose method has not returned yet", () => {
    async function asking() {
      await start();
      const live = await listening();
      const [first, second] = [await connect(), await connect()];
      const called = stage.answers.call();
      first.send("SEND", { destination: "/app/late/7", receipt: "asked" }, "why?");
      await called;
      second.send("SEND", { destination: "/app/late/7", receipt: "asked" }, "why not?");
      await (await connect()).messages();
      return { live, first, second };
    }

    it("is joined by a second SEND when it has", async () => {
      const { live, first, second } = await asking();
      stage.answers.open();
      for (const session of [first, second]) expect((await session.frame()).command).to.equal("RECEIPT");
      stage.answers.give("a", undefined);
      expect(await lines(live, 2)).to.deep.equal(["a", "end"]);
      expect(stage.answers.asked).to.deep.equal(["why?"]);
    });

    it("is over by messaging.abort when it has, before the second SEND begins another", async () => {
      const { live, first, second } = await asking();
      expect(stage.server.messaging.abort("late 7", "Stopped by rod")).to.equal(true);
      await (await connect()).messages();
      expect(stage.answers.asked).to.deep.equal(["why?"]);
      const called = stage.answers.call();
      stage.answers.open();
      expect((await first.frame()).command).to.equal("RECEIPT");
      expect(await lines(live, 1)).to.deep.equal(["error: Stopped by rod"]);
      await called;
      stage.answers.open();
      expect((await second.frame()).command).to.equal("RECEIPT");
      stage.answers.give("a", undefined);
      expect(await lines(live, 2)).to.deep.equal(["a", "end"]);
    });
  });

  it("may end while messaging closes, else it is ended before the sessions are", async () => {
    await start();
    const live = await listening();
    const other = await listening("8");
    const asker = await connect();
    await ask(asker, "why?");
    await ask(asker, "why not?", "/app/answers/8");
    const ends: string[] = [];
    stage.server.messaging.on("detachedEnded", ({ key, how }) => void ends.push(`${key}: ${how}`));
    // In turn for the one and the other.
    stage.answers.give("a", "b", undefined);
    const closed = stage.server.messaging.close({ drainMs: 1_000 });
    expect(await lines(live, 2)).to.deep.equal(["a", "end"]);
    stage.time.pass(1_000);
    expect(await lines(other, 2)).to.deep.equal(["b", "error: The server is shutting down"]);
    expect(stage.answers.signals[1]?.aborted).to.equal(true);
    expect(ends).to.deep.equal(["answer 7: end", "answer 8: closing"]);
    for (const session of stage.sessions.splice(0)) session.cut();
    await closed;
  });
});
