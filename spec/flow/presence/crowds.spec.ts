import { expect } from "chai";
import { PresenceStage, ROOM, short } from "../../support/presence-stage.js";

describe("Presence of many", () => {
  let stage: PresenceStage;

  afterEach(() => stage.close());

  /** One client under many names: what costs in presence are subscriptions, and not sockets. */
  async function crowd(count: number, from = 0) {
    const sessions = [];
    for (let i = from; i < from + count; i++) sessions.push(await stage.join(`user-${i}`));
    return sessions;
  }

  it("is told in one change for all who came within `gather`", async () => {
    stage = await PresenceStage.open();
    const { watcher } = await stage.watch();
    await crowd(100);
    await stage.pass(250);
    const told = await stage.told(watcher);
    expect(told).to.have.length(1);
    expect(told[0]!.joined).to.have.length(100);
    expect(told[0]!.count).to.equal(100);
  });

  it("is told by one message, made once for all who watch", async () => {
    const payloads: Uint8Array[] = [];
    stage = await PresenceStage.open();
    for (let i = 0; i < 20; i++) await stage.watch(`watcher-${i}`);
    stage.messaging.clientOutboundChannel.addInterceptor({
      preSend(message) {
        if (message.headers.native.get("presence") === "diff") payloads.push(message.payload);
        return message;
      },
    });
    await stage.join("ann");
    await stage.pass(250);
    expect(payloads).to.have.length(20);
    expect(new Set(payloads).size).to.equal(1);
  });

  it("is told so often at most, however much happens", async () => {
    stage = await PresenceStage.open({ gather: 1_000 });
    const { watcher } = await stage.watch();
    for (let i = 0; i < 20; i++) {
      await crowd(1, i);
      await stage.pass(250);
    }
    expect((await stage.told(watcher)).length).to.be.within(4, 5);
  });

  it("gives who comes in between the state of the last change, and the next change like everybody", async () => {
    stage = await PresenceStage.open();
    const { watcher: first, state: before } = await stage.watch();
    await stage.join("ann");
    const { watcher: second, state } = await stage.watch("second");
    expect(short(state)).to.equal(short(before));
    await stage.pass(250);
    for (const watcher of [first, second]) {
      const [change] = await stage.told(watcher);
      expect(short(change!)).to.equal(`${state.version + 1}: +ann`);
    }
  });

  it("is a number beyond namesLimit, at most each second, and names again when it has become smaller", async () => {
    stage = await PresenceStage.open({ namesLimit: 10 });
    const { watcher } = await stage.watch();
    const sessions = await crowd(10);
    await stage.pass(250);
    expect((await stage.told(watcher)).map(({ kind }) => kind)).to.deep.equal(["diff"]);
    const more = await crowd(1, 10);
    await stage.pass(250);
    expect((await stage.told(watcher)).map(({ kind, count }) => [kind, count])).to.deep.equal([
      ["count", 11],
    ]);
    more.push(...(await crowd(1, 11)));
    await stage.pass(500);
    more.push(...(await crowd(1, 12)));
    await stage.pass(750);
    expect((await stage.told(watcher)).map(({ kind, count }) => [kind, count])).to.deep.equal([
      ["count", 13],
    ]);
    const { state } = await stage.watch("late");
    expect([state.kind, state.count, state.users]).to.deep.equal(["count", 13, undefined]);

    // One person who comes and goes at the limit is no new list for all.
    for (const session of more) await stage.leave(session);
    await stage.pass(1_250);
    expect((await stage.told(watcher)).map(({ kind, count }) => [kind, count])).to.deep.equal([
      ["count", 10],
    ]);
    await stage.leave(sessions[0]!);
    await stage.pass(1_250);
    const [named] = await stage.told(watcher);
    expect([named!.kind, named!.users!.length]).to.deep.equal(["state", 9]);
    expect(stage.messaging.presence.of(ROOM).users).to.have.length(9);
  });

  it("is a number when the names are longer than a socket takes at once", async () => {
    stage = await PresenceStage.open(
      { info: () => "x".repeat(1_000) },
      { transport: { sendBufferSizeLimit: 20_000 } },
    );
    const { watcher } = await stage.watch();
    await crowd(8);
    await stage.pass(250);
    expect((await stage.told(watcher)).map(({ kind }) => kind)).to.deep.equal(["diff"]);
    await crowd(4, 8);
    await stage.pass(250);
    expect((await stage.told(watcher)).map(({ kind, count }) => [kind, count])).to.deep.equal([
      ["count", 12],
    ]);
  });

  it("versions follow each other without a hole", async () => {
    stage = await PresenceStage.open({ namesLimit: 3 });
    const { watcher, state } = await stage.watch();
    const versions = [state.version];
    const here = [];
    for (let i = 0; i < 6; i++) {
      here.push(...(await crowd(1, i)));
      await stage.pass(1_250);
    }
    for (const session of here) {
      await stage.leave(session);
      await stage.pass(1_250);
    }
    for (const { version } of await stage.told(watcher)) versions.push(version);
    expect(versions).to.deep.equal(versions.map((_, i) => state.version + i));
  });

  it("that are lost and come back is no news; lost for good it is one change", async () => {
    stage = await PresenceStage.open();
    const { watcher } = await stage.watch();
    const sessions = await crowd(50);
    await stage.pass(250);
    await stage.told(watcher);
    for (const session of sessions) await stage.cut(session);
    await crowd(40);
    await stage.pass(9_000);
    expect(await stage.told(watcher)).to.deep.equal([]);
    await stage.pass(6_000);
    const told = await stage.told(watcher);
    expect(told).to.have.length(1);
    expect(told[0]!.left).to.have.length(10);
  });

  it("has no timer for anybody: as many wait for one as for fifty", async () => {
    stage = await PresenceStage.open();
    await stage.watch();
    const waiting = async (count: number) => {
      const sessions = await crowd(count);
      await stage.pass(500);
      for (const session of sessions) await stage.cut(session);
      const timers = stage.time.waiting;
      await stage.pass(15_000);
      return timers;
    };
    expect(await waiting(50)).to.equal(await waiting(1));
  });
});
