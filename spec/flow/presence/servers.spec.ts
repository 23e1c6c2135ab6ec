import { expect } from "chai";
import { PresenceServers } from "../../support/presence-servers.js";
import { type PresenceStage, ROOM, short, type ToldPresence } from "../../support/presence-stage.js";
import type { RawClient } from "../../support/raw-client.js";

describe("Presence over servers", () => {
  let servers: PresenceServers;

  beforeEach(() => {
    servers = new PresenceServers();
  });

  afterEach(() => servers.close());

  async function told(stage: PresenceStage, watcher: RawClient): Promise<string[]> {
    return (await stage.told(watcher)).map((each) => short(each).replace(/^\d+: /, ""));
  }

  it("tells on one server who joins on another, within 400 ms", async () => {
    const [here, there] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    await there!.join("ann");
    await servers.pass(400);
    expect(await told(here!, watcher)).to.deep.equal(["+ann"]);
    expect(here!.messaging.presence.of(ROOM).users.map(({ name }) => name)).to.deep.equal(["ann"]);
  });

  it("counts a user of both once, who stays when one of the sessions has ended", async () => {
    const [here, there] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    await here!.join("ann");
    const other = await there!.join("ann");
    await servers.pass(500);
    expect(await told(here!, watcher)).to.have.members(["+ann*2"]);
    await there!.leave(other);
    await servers.pass(500);
    expect(await told(here!, watcher)).to.deep.equal(["~ann"]);
  });

  it("knows whether somebody on another server has left or was lost", async () => {
    const [here, there] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    const [ann, bob] = [await there!.join("ann"), await there!.join("bob")];
    await servers.pass(500);
    await there!.leave(ann);
    await there!.cut(bob);
    await told(here!, watcher);
    await servers.pass(500);
    expect(await told(here!, watcher)).to.deep.equal(["-ann"]);
    await servers.pass(9_000);
    expect(await told(here!, watcher)).to.deep.equal([]);
    await servers.pass(4_000);
    expect(await told(here!, watcher)).to.deep.equal(["-bob"]);
  });

  it("tells what a user is said to be, and hides who is hidden, wherever that was decided", async () => {
    const presence = {
      info: ({ name }: { name: string }) => ({ nick: name.toUpperCase() }),
      visible: ({ name }: { name: string }) => name !== "admin",
    };
    const [here, there] = await servers.openAll(2, presence);
    const { watcher } = await here!.watch();
    await there!.join("admin");
    await there!.join("ann");
    await servers.pass(500);
    const [diff] = await here!.told(watcher);
    expect(diff!.count).to.equal(1);
    expect(diff!.joined!.map(({ name, info }) => [name, info])).to.deep.equal([["ann", { nick: "ANN" }]]);
    const { users, hidden } = here!.messaging.presence.of(ROOM);
    expect([users, hidden].map((all) => all.map(({ name }) => name))).to.deep.equal([["ann"], ["admin"]]);
    expect(here!.messaging.userRegistry.getUser("ann")!.principal).to.deep.equal({ name: "ann" });

    const late = await servers.open(presence);
    await servers.pass(3_000);
    expect(short((await late.watch("late")).state)).to.match(/: ann$/);
    expect(late.messaging.presence.of(ROOM).hidden.map(({ name }) => name)).to.deep.equal(["admin"]);
  });

  it("counts strangers of all servers, and tells nobody's id", async () => {
    const [here, there] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    const stranger = await there!.join();
    await here!.join();
    await servers.pass(500);
    const seen = await here!.told(watcher);
    expect(seen.at(-1)).to.deep.include({ count: 2, strangers: 2 });

    const late = await servers.open();
    await servers.pass(3_000);
    expect((await late.watch("late")).state).to.deep.include({ count: 2, strangers: 2 });

    await there!.leave(stranger);
    await servers.pass(14_000);
    expect((await here!.told(watcher)).at(-1)).to.deep.include({ count: 1, strangers: 1 });
    await servers.pass(500);
    expect(late.messaging.presence.of(ROOM)).to.deep.include({ count: 1, strangers: 1 });
  });

  it("awaits the people of a server that was killed, who are no news when they come back", async () => {
    const [here, there] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    await there!.join("ann");
    await there!.join("bob");
    await servers.pass(500);
    await told(here!, watcher);

    there!.line.cut();
    await servers.pass(19_000);
    await here!.join("ann");
    await servers.pass(5_000);
    // While nobody knows that her server is gone she is on both.
    expect(await told(here!, watcher)).to.deep.equal(["~ann*2"]);
    expect(here!.messaging.userRegistry.getUser("bob")).to.equal(undefined);
    await servers.pass(12_000);
    expect((await told(here!, watcher)).join(" ")).to.equal("-bob ~ann");
  });

  it("makes no news of a rolling restart", async () => {
    const [here, old] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    const people = Array.from({ length: 30 }, (_, i) => `user-${i}`);
    for (const name of people) await old!.join(name);
    await servers.pass(500);
    await told(here!, watcher);

    servers.all.splice(1, 1);
    await old!.close();
    await servers.pass(1_000);
    expect(here!.messaging.userRegistry.getUser("user-0"), "the registry knows").to.equal(undefined);
    const fresh = await servers.open();
    for (const name of people) await fresh.join(name);
    await servers.pass(60_000);
    expect(await told(here!, watcher)).to.deep.equal([]);
    expect((await fresh.watch("w")).state.count).to.equal(30);
    expect(here!.events.filter((event) => /Offline|absent/.test(event))).to.deep.equal([]);
  });

  it("heals when servers were apart", async () => {
    const [here, there] = await servers.openAll(2);
    const { watcher } = await here!.watch();
    const ann = await there!.join("ann");
    await servers.pass(500);
    there!.line.cut();
    await there!.leave(ann);
    await there!.join("bob");
    await servers.pass(2_000);
    there!.line.restore();
    await servers.pass(20_000);
    expect(last(await here!.told(watcher))).to.equal("bob");
  });

  it("says once that it tells of this server only, without the registry's broadcast", async () => {
    const alone = await servers.open({}, false);
    expect(alone.log.filter((line) => line.includes("userRegistryBroadcast"))).to.have.length(1);
    await alone.join("ann");
    expect((await alone.watch()).state.count).to.equal(1);
  });

  it("tells by events where a session is", async () => {
    const [here, there] = await servers.openAll(2);
    const at: (string | undefined)[] = [];
    here!.messaging.on("userOnline", ({ user, server }) => {
      if (user.name === "ann") at.push(server);
    });
    there!.messaging.on("userOnline", ({ user, server }) => {
      if (user.name === "ann") at.push(server);
    });
    await there!.join("ann");
    await servers.pass(500);
    expect(at.map((server) => typeof server)).to.have.members(["string", "undefined"]);
  });
});

/** Who is there once all changes were told. */
function last(all: readonly ToldPresence[]): string {
  const there = new Set<string>();
  for (const { joined = [], left = [] } of all) {
    for (const { name } of joined) there.add(name);
    for (const name of left) there.delete(name);
  }
  return [...there].join(" ");
}
