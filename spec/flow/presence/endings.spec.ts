import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import { FakeTime } from "../../support/fake-time.js";
import { PresenceStage, ROOM, toldBy } from "../../support/presence-stage.js";

describe("Presence when something ends", () => {
  let stage: PresenceStage;

  afterEach(() => stage.close());

  it("tells nobody as gone while this server closes, and leaves no timer", async () => {
    stage = await PresenceStage.open({ goneAfter: 1_000 });
    await stage.join("ann");
    const { watcher } = await stage.watch();
    await stage.pass(250);
    const before = stage.events.length;

    const closed = stage.messaging.close({ spreadMs: 60_000 });
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    const frames: unknown[] = [];
    void (async () => {
      for (;;) frames.push(await watcher.next());
    })();
    for (let i = 0; i < 400 && !isClosed; i++) await stage.pass(250);
    await closed;
    expect(frames.filter((frame) => typeof frame === "string" && frame !== "\n")).to.deep.equal([]);
    expect(stage.events.slice(before)).to.deep.equal([]);
    expect(stage.time.waiting).to.equal(0);
  });

  it("tells those who stay of who comes and who leaves until then", async () => {
    stage = await PresenceStage.open();
    const { watcher } = await stage.watch();
    const ann = await stage.join("ann");
    let release = () => {};
    stage.messaging.clientInboundChannel.addInterceptor({
      preSend: (message) =>
        message.headers.messageType === "MESSAGE"
          ? new Promise((resolve) => {
              release = () => resolve(message);
            })
          : message,
    });
    ann.send("SEND\ndestination:/topic/x\n\n^@");
    while (String(release) === "() => { }") await nextTurn();
    const closed = stage.messaging.close();
    await stage.pass(250);
    expect(toldBy(await watcher.frame()).joined!.map(({ name }) => name)).to.deep.equal(["ann"]);
    release();
    for (let i = 0; i < 8; i++) await stage.pass(250);
    await closed;
  });

  it("gives a state when its reader has room for it, and what it has missed by then is in it", async () => {
    const time = new FakeTime();
    stage = await PresenceStage.open(
      { info: () => "x".repeat(1_000) },
      { transport: { sendBufferSizeLimit: 256 * 1024, sendTimeLimit: 600_000 } },
      time,
    );
    for (let i = 0; i < 100; i++) await stage.join(`user-${i}`);
    const reader = await stage.users.connect("reader");
    // 200 states of 100 KiB are more than the system holds, and then more than waits for anybody.
    reader.webSocket.pause();
    for (let i = 0; i < 200; i++) reader.send(`SUBSCRIBE\nid:${i}\ndestination:${ROOM}/presence\n\n^@`);
    const other = await stage.users.connect("other");
    await other.synchronize();
    await stage.join("late");
    // Long enough that nobody waits for this reader any more.
    await stage.pass(60_000);
    reader.webSocket.resume();
    const seen = new Set<string>();
    let hasLate = 0;
    for (;;) {
      const frame = await reader.frame();
      if (frame === "\n") continue;
      const told = toldBy(frame);
      const id = /\nsubscription:(.*)\n/.exec(frame)![1]!;
      if (told.kind === "state") seen.add(id);
      if ([...(told.users ?? []), ...(told.joined ?? [])].some(({ name }) => name === "late")) hasLate++;
      if (seen.size === 200 && hasLate >= 200) break;
    }
    expect(seen.size).to.equal(200);
  });

  it("ends a watch with its session", async () => {
    stage = await PresenceStage.open();
    const { watcher } = await stage.watch();
    watcher.cut();
    await once(watcher.webSocket, "close");
    await stage.join("ann");
    await stage.pass(250);
    expect(stage.log.filter((line) => line.includes("Presence"))).to.deep.equal([]);
  });
});
