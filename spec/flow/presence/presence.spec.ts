import { expect } from "chai";
import { PresenceStage, ROOM, short } from "../../support/presence-stage.js";

describe("Presence", () => {
  let stage: PresenceStage;

  afterEach(() => stage.close());

  it("is told as a state first, then as changes, with versions that follow each other", async () => {
    stage = await PresenceStage.open();
    await stage.join("ann");
    const { watcher, state } = await stage.watch();
    expect(state).to.deep.include({ kind: "state", count: 1, strangers: 0 });
    expect(short(state)).to.equal(`${state.version}: ann`);
    expect(state.users![0]!.since).to.equal(stage.time.date());

    const bob = await stage.join("bob");
    expect(await stage.told(watcher)).to.deep.equal([]);
    await stage.pass(250);
    const [joined] = await stage.told(watcher);
    expect(joined).to.deep.include({ kind: "diff", version: state.version + 1, count: 2 });
    expect(short(joined!)).to.equal(`${joined!.version}: +bob`);

    bob.send("UNSUBSCRIBE\nid:room\n\n^@");
    await bob.synchronize();
    await stage.pass(250);
    const [left] = await stage.told(watcher);
    expect(left).to.deep.include({ version: state.version + 2, count: 1 });
    expect(short(left!)).to.equal(`${left!.version}: -bob`);
  });

  it("is at <destination>/presence, in JSON", async () => {
    stage = await PresenceStage.open();
    const watcher = await stage.users.connect("ann");
    watcher.send(`SUBSCRIBE\nid:p\ndestination:${ROOM}/presence\n\n^@`);
    const [frame] = await watcher.synchronize();
    expect(frame).to.match(/^MESSAGE\n/);
    expect(frame).to.include(`destination:${ROOM}/presence\n`);
    expect(frame).to.include("subscription:p\n");
    expect(frame).to.include("content-type:application/json\n");
    expect(frame).to.include("presence:state\n");
    expect(frame).to.match(/\n\n\{"count":0,"strangers":0,"users":\[\]\}\^@$/);
  });

  it("lets a client see itself", async () => {
    stage = await PresenceStage.open();
    const ann = await stage.join("ann");
    ann.send(`SUBSCRIBE\nid:p\ndestination:${ROOM}/presence\n\n^@`);
    expect((await stage.told(ann)).map(short)).to.deep.equal(["2: ann"]);
  });

  it("knows a reload for no news", async () => {
    stage = await PresenceStage.open();
    const ann = await stage.join("ann");
    const { watcher, state } = await stage.watch();
    await stage.cut(ann);
    await stage.pass(5_000);
    await stage.join("ann");
    await stage.pass(60_000);
    expect(await stage.told(watcher)).to.deep.equal([]);
    expect(short((await stage.watch("other")).state)).to.equal(`${state.version}: ann`);
    await stage.pass(250);
    expect(stage.events).to.deep.equal([
      "present ann /topic/room/7",
      "userOnline ann",
      "userOnline watcher",
      "userOnline other",
    ]);
  });
});
