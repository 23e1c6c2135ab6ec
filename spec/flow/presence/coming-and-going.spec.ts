import { expect } from "chai";
import { PresenceStage, ROOM, short } from "../../support/presence-stage.js";
import { RawClient } from "../../support/raw-client.js";

describe("Presence of people who come and go", () => {
  let stage: PresenceStage;
  let watcher: RawClient;

  async function open(presence = {}, options = {}) {
    stage = await PresenceStage.open(presence, options);
    ({ watcher } = await stage.watch());
  }

  /** Lets changes be told, and gives them in short without their versions. */
  async function told(ms = 250): Promise<string[]> {
    await stage.pass(ms);
    return (await stage.told(watcher)).map((each) => short(each).replace(/^\d+: /, ""));
  }

  afterEach(() => stage.close());

  it("counts two tabs as one user, who stays when one is closed", async () => {
    await open();
    await stage.join("ann");
    const tab = await stage.join("ann");
    expect(await told()).to.deep.equal(["+ann*2"]);
    await stage.leave(tab);
    expect(await told()).to.deep.equal(["~ann"]);
    expect(stage.events.filter((event) => event.includes("ann"))).to.deep.equal([
      "userOnline ann",
      "present ann /topic/room/7",
    ]);
  });

  it("tells of a DISCONNECT at once, and of a cut line when goneAfter is over", async () => {
    await open();
    const [ann, bob] = [await stage.join("ann"), await stage.join("bob")];
    expect(await told()).to.deep.equal(["+ann +bob"]);
    await stage.leave(ann);
    await stage.cut(bob);
    expect(await told()).to.deep.equal(["-ann"]);
    expect(await told(9_500)).to.deep.equal([]);
    expect(await told(2_500)).to.deep.equal(["-bob"]);
    expect(stage.events.slice(-4)).to.deep.equal([
      "absent ann /topic/room/7",
      "userOffline ann",
      "absent bob /topic/room/7",
      "userOffline bob",
    ]);
  });

  it("tells of a line that died without a word when heart-beats have missed it, and goneAfter is over", async () => {
    await open();
    const { port } = stage.users.server;
    const headers = { "x-user": "ann" };
    const ann = await RawClient.connect(port, "heart-beat:10000,10000\n", "/ws", { headers });
    ann.send(`SUBSCRIBE\nid:room\ndestination:${ROOM}\n\n^@`);
    await ann.synchronize();
    expect(await told()).to.deep.equal(["+ann"]);
    let isGone = false;
    stage.messaging.on("sessionError", () => {
      isGone = true;
    });
    while (!isGone) expect(await told(1_000)).to.deep.equal([]);
    expect(await told(9_000)).to.deep.equal([]);
    expect(await told(5_000)).to.deep.equal(["-ann"]);
    ann.cut();
  });

  it("tells of whom the application has ended at once", async () => {
    await open();
    await stage.join("ann");
    expect(await told()).to.deep.equal(["+ann"]);
    stage.messaging.disconnect({ user: "ann" });
    expect(await told()).to.deep.equal(["-ann"]);
  });

  it("awaits whom a fault has ended: its client comes again", async () => {
    await open();
    const ann = await stage.join("ann");
    expect(await told()).to.deep.equal(["+ann"]);
    ann.send("NONSENSE\n\n^@");
    expect(await ann.frame()).to.match(/^ERROR\n/);
    await ann.closed();
    expect(await told(2_000)).to.deep.equal([]);
    await stage.join("ann");
    expect(await told(20_000)).to.deep.equal([]);
  });

  it("tells of an UNSUBSCRIBE at once, the server's too", async () => {
    await open();
    await stage.join("ann");
    expect(await told()).to.deep.equal(["+ann"]);
    const [subscription] = stage.messaging.userRegistry.findSubscriptionsTo(ROOM);
    await stage.messaging.unsubscribe(subscription!, "Closed");
    expect(await told()).to.deep.equal(["-ann"]);
  });

  it("says nothing of what came and went before it was told", async () => {
    await open();
    const ann = await stage.join("ann");
    await stage.leave(ann);
    expect(await told()).to.deep.equal([]);
    const bob = await stage.join("bob");
    expect(await told()).to.deep.equal(["+bob"]);
    bob.send(`UNSUBSCRIBE\nid:room\n\n^@SUBSCRIBE\nid:room\ndestination:${ROOM}\n\n^@`);
    await bob.synchronize();
    expect(await told()).to.deep.equal([]);
    expect(stage.events.filter((event) => event.includes("bob"))).to.deep.equal([
      "userOnline bob",
      "present bob /topic/room/7",
    ]);
  });

  it("counts a session once that has two subscriptions to one destination", async () => {
    await open();
    const ann = await stage.join("ann");
    ann.send(`SUBSCRIBE\nid:again\ndestination:${ROOM}\n\n^@`);
    await ann.synchronize();
    expect(await told()).to.deep.equal(["+ann"]);
    ann.send("UNSUBSCRIBE\nid:room\n\n^@");
    await ann.synchronize();
    expect(await told()).to.deep.equal([]);
    ann.send("UNSUBSCRIBE\nid:again\n\n^@");
    await ann.synchronize();
    expect(await told()).to.deep.equal(["-ann"]);
  });

  it("is of nobody who subscribes to a pattern", async () => {
    await open();
    await stage.join("ann", "/topic/room/*");
    expect(await told()).to.deep.equal([]);
  });

  it("counts strangers, and never names them", async () => {
    await open();
    const strangers = [await stage.join(), await stage.join()];
    await stage.pass(250);
    const [two] = await stage.told(watcher);
    expect(two).to.deep.include({ count: 2, strangers: 2, joined: [], left: [], changed: [] });
    for (const { sessionId } of strangers) expect(JSON.stringify(two)).to.not.include(sessionId);

    await stage.cut(strangers[0]!);
    expect(await told()).to.deep.equal([]);
    await stage.leave(strangers[1]!);
    await stage.pass(250);
    expect((await stage.told(watcher))[0]).to.deep.include({ count: 1, strangers: 1 });
    await stage.pass(12_000);
    expect((await stage.told(watcher))[0]).to.deep.include({ count: 0, strangers: 0 });
  });

  it("knows a stranger who logs in as a user: one more name, one stranger fewer", async () => {
    await open();
    const stranger = await stage.join();
    await stage.pass(250);
    await stage.told(watcher);
    await stage.leave(stranger);
    await stage.join("ann");
    await stage.pass(250);
    const [change] = await stage.told(watcher);
    expect(short(change!)).to.match(/: \+ann$/);
    expect(change).to.deep.include({ count: 1, strangers: 0 });
  });

  it("takes goneAfter: 0 at its word", async () => {
    await open({ goneAfter: 0 });
    const ann = await stage.join("ann");
    expect(await told()).to.deep.equal(["+ann"]);
    await stage.cut(ann);
    expect(await told()).to.deep.equal(["-ann"]);
  });

  it("gives nobody up for time in which this process stood still", async () => {
    await open();
    const ann = await stage.join("ann");
    expect(await told()).to.deep.equal(["+ann"]);
    await stage.cut(ann);
    stage.time.stall(60_000);
    expect(await told(2_000)).to.deep.equal([]);
    await stage.join("ann");
    expect(await told(20_000)).to.deep.equal([]);
  });

  it("keeps nothing of a room that nobody is in, and nobody watches", async () => {
    await open();
    for (let i = 0; i < 20; i++) {
      const ann = await stage.join("ann", `/topic/room/other-${i}`);
      await stage.leave(ann);
    }
    await stage.pass(500);
    expect(stage.messaging.presence.of("/topic/room/other-1")).to.deep.equal({
      count: 0,
      users: [],
      strangers: 0,
      hidden: [],
    });
  });
});
