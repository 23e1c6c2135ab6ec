import { expect } from "chai";
import type { PresenceOptions } from "express-stomp";
import { PresenceStage, ROOM, short } from "../../support/presence-stage.js";

describe("What presence tells of a user", () => {
  let stage: PresenceStage;

  async function open(presence: PresenceOptions) {
    stage = await PresenceStage.open(presence);
  }

  afterEach(() => stage.close());

  it("is the name, unless `info` says more", async () => {
    await open({});
    await stage.join("ann");
    const { users } = (await stage.watch()).state;
    expect(Object.keys(users![0]!)).to.deep.equal(["name", "sessions", "since"]);
  });

  it("is what `info` says of the session that came last", async () => {
    let device = "phone";
    await open({ info: ({ name }, { sessionId }) => ({ device, of: name, isId: sessionId.length > 9 }) });
    await stage.join("ann");
    const { watcher, state } = await stage.watch();
    expect(state.users![0]!.info).to.deep.equal({ device: "phone", of: "ann", isId: true });
    device = "laptop";
    const laptop = await stage.join("ann");
    await stage.pass(250);
    const [diff] = await stage.told(watcher);
    expect(diff!.changed![0]).to.deep.include({
      sessions: 2,
      info: { device: "laptop", of: "ann", isId: true },
    });
    expect(stage.messaging.presence.of(ROOM).users[0]!.info).to.deep.include({ device: "laptop" });

    laptop.send("UNSUBSCRIBE\nid:room\n\n^@");
    await laptop.synchronize();
    await stage.pass(250);
    const [back] = await stage.told(watcher);
    expect(back!.changed![0]).to.deep.include({
      sessions: 1,
      info: { device: "phone", of: "ann", isId: true },
    });
  });

  for (const [what, info, fault] of [
    ["throws", () => assert("no such user"), "no such user"],
    ["returns a promise", () => Promise.reject(new Error("late")), "promise"],
    ["says more than 1 KiB", () => "é".repeat(600), "1202 bytes are more than 1024"],
    ["says what JSON cannot", () => 1n, "BigInt"],
  ] as const) {
    it(`is the name alone when it ${what}, and the log has why`, async () => {
      await open({ info });
      await stage.join("ann");
      const { users } = (await stage.watch()).state;
      expect(Object.keys(users![0]!)).to.deep.equal(["name", "sessions", "since"]);
      expect(stage.log.join("\n"))
        .to.include("presence.info could not be told of user 'ann'")
        .and.include(fault);
    });
  }

  it("is nothing when `visible` says so, in no count either; the application knows all the same", async () => {
    await open({ visible: ({ name }, destination) => name !== "admin" || destination !== ROOM });
    await stage.join("ann");
    await stage.join("admin");
    await stage.join("admin", "/topic/room/8");
    const { watcher, state } = await stage.watch();
    expect(state).to.deep.include({ count: 1 });
    expect(short(state)).to.match(/: ann$/);
    expect((await stage.watch("w", "/topic/room/8")).state.count).to.equal(1);
    const { users, hidden, count } = stage.messaging.presence.of(ROOM);
    expect([users.length, hidden.map(({ name, sessions }) => [name, sessions]), count]).to.deep.equal([
      1,
      [["admin", 1]],
      1,
    ]);
    await stage.pass(250);
    expect(stage.events).to.include("present admin /topic/room/7");
    expect(await stage.told(watcher)).to.deep.equal([]);
  });

  for (const [what, visible] of [
    ["throws", () => assert("who?")],
    ["returns a promise", () => Promise.resolve(true)],
    ["returns something else", () => "yes"],
  ] as const) {
    it(`is nothing when \`visible\` ${what}, and the log has why`, async () => {
      await open({ visible: visible as unknown as () => boolean });
      await stage.join("ann");
      expect((await stage.watch()).state.count).to.equal(0);
      expect(stage.log.join("\n")).to.include("presence.visible could not decide about user 'ann'");
    });
  }

  it("is asked for anew at a recheck: who becomes invisible leaves, who becomes visible comes", async () => {
    const invisible = new Set(["ann"]);
    await open({ visible: ({ name }) => !invisible.has(name) });
    await stage.join("ann");
    await stage.join("bob");
    const { watcher, state } = await stage.watch();
    expect(short(state)).to.match(/: bob$/);
    invisible.clear();
    await stage.messaging.recheck({ user: "ann" });
    await stage.pass(250);
    invisible.add("bob");
    await stage.messaging.recheck();
    await stage.pass(250);
    expect((await stage.told(watcher)).map((each) => short(each).slice(3))).to.deep.equal(["+ann", "-bob"]);
    expect(stage.events.filter((event) => event.startsWith("absent"))).to.deep.equal([]);
  });

  it("is never what a hidden session of somebody says who is shown by another", async () => {
    let isHidden = false;
    await open({ visible: () => !isHidden, info: () => (isHidden ? "secret" : "public") });
    await stage.join("ann");
    isHidden = true;
    const hidden = await stage.join("ann");
    const { watcher, state } = await stage.watch();
    expect(state.users).to.have.length(1);
    expect(state.users![0]).to.deep.include({ sessions: 1, info: "public" });
    await stage.leave(hidden);
    await stage.pass(250);
    expect(await stage.told(watcher)).to.deep.equal([]);
  });

  it("is never said of somebody invisible whose line is lost", async () => {
    await open({ visible: ({ name }) => name !== "admin" });
    const admin = await stage.join("admin");
    const { watcher } = await stage.watch();
    await stage.cut(admin);
    await stage.pass(15_000);
    await stage.leave(await stage.join("admin"));
    await stage.pass(15_000);
    expect(await stage.told(watcher)).to.deep.equal([]);
  });
});

function assert(text: string): never {
  throw new Error(text);
}
