import { expect } from "chai";
import { BackplaneStage, listen } from "../../support/backplane-stage.js";
import { ROOM, toldBy } from "../../support/presence-stage.js";

describe("Presence over a backplane", () => {
  const stage = new BackplaneStage();

  afterEach(() => stage.close());

  it("tells who is in a room of all servers", async () => {
    const presence = { destinations: ["/topic/room/*"], gather: 10 };
    const [here, there] = await stage.openAll(2, {}, { presence });
    const watcher = await here!.connect("watcher");
    watcher.send(`SUBSCRIBE\nid:p\ndestination:${ROOM}/presence\n\n^@`);
    expect(toldBy(await watcher.frame())).to.deep.include({ kind: "state", count: 0 });
    const ann = await there!.connect("ann");
    await listen(ann, ROOM);
    expect(toldBy(await watcher.frame()).joined!.map(({ name }) => name)).to.deep.equal(["ann"]);
    ann.send("DISCONNECT\n\n^@");
    expect(toldBy(await watcher.frame()).left).to.deep.equal(["ann"]);
  });
});
