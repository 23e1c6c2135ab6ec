import { expect } from "chai";
import {
  BackplaneStage,
  bodies,
  bodyOf,
  type Client,
  header,
  listen,
} from "../../support/backplane-stage.js";

const ROOM = "/topic/room/7";
const LETTERS = "/user/queue/letters";
const BROKER = {
  history: { destinations: ["/topic/room/*", LETTERS], size: 100, ttl: 60_000 },
  retainLast: ["/topic/state"],
};

describe("The history of servers on a backplane with a log", () => {
  let stage: BackplaneStage;

  beforeEach(async () => {
    stage = new BackplaneStage({ remembers: 100 });
    await stage.openAll(2, BROKER);
  });

  afterEach(() => stage.close());

  const send = (text: string, destination = ROOM) =>
    stage.servers[0]!.server.messaging.template.convertAndSend(destination, text);

  async function back(server: number, since: string, destination = ROOM): Promise<[string, Client]> {
    const client = await stage.servers[server]!.connect("rod");
    client.send(`SUBSCRIBE\nid:0\ndestination:${destination}\nsince:${since}\n\n^@`);
    return [await client.frame(), client];
  }

  it("is one for all: a client that comes to another server gets what it missed, under the same ids", async () => {
    const clients = await Promise.all(stage.servers.map((server) => server.connect("ann")));
    await Promise.all(clients.map((client) => listen(client, ROOM)));
    for (const text of ["a", "b", "c", "d"]) await send(text);
    const frames = await Promise.all(
      clients.map(async (client) => [
        await client.frame(),
        await client.frame(),
        await client.frame(),
        await client.frame(),
      ]),
    );
    const ids = frames.map((each) => each.map((frame) => header(frame, "message-id")));
    expect(ids[0]).to.deep.equal(ids[1]);

    for (const server of [0, 1]) {
      const [marker, client] = await back(server, ids[0]![1]!);
      // The second has missed what the first one heard live.
      expect([header(marker, "recovered"), header(marker, "replayed")]).to.deep.equal([
        "true",
        `${2 + server}`,
      ]);
      const missed = [await client.frame(), await client.frame()];
      expect(missed.map(bodyOf)).to.deep.equal(["c", "d"]);
      expect(missed.map((frame) => header(frame, "message-id"))).to.deep.equal(ids[0]!.slice(2));
      expect(await bodies(client, server)).to.deep.equal(["live"].slice(0, server));
      await send("live");
      expect(await bodies(client, 1)).to.deep.equal(["live"]);
      expect(await client.synchronize()).to.deep.equal([]);
      client.cut();
    }
  });

  it("outlives every server: one that starts reads the log", async () => {
    const ann = await stage.servers[1]!.connect("ann");
    await listen(ann, ROOM);
    for (const text of ["a", "b", "c"]) await send(text);
    await send("old", "/topic/state");
    await send("new", "/topic/state");
    const id = header(await ann.frame(), "message-id")!;
    await Promise.all(stage.servers.splice(0).map((server) => server.close()));

    await stage.open(BROKER);
    const [marker, client] = await back(0, id);
    expect([header(marker, "recovered"), header(marker, "replayed")]).to.deep.equal(["true", "2"]);
    expect(await bodies(client, 2)).to.deep.equal(["b", "c"]);
    const reader = await stage.servers[0]!.connect("ann");
    reader.send("SUBSCRIBE\nid:0\ndestination:/topic/state\n\n^@");
    expect(await bodies(reader, 1)).to.deep.equal(["new"]);
    const { position, messages } = await stage.servers[0]!.server.messaging.history(ROOM, { since: id });
    expect(messages.map(({ payload }) => Buffer.from(payload).toString())).to.deep.equal(["b", "c"]);
    expect(position.split("-")[0]).to.equal(id.split("-")[0]);
  });

  it("vouches for nothing that was trimmed before a server started", async () => {
    const ann = await stage.servers[1]!.connect("ann");
    await listen(ann, ROOM);
    for (const text of ["a", "b", "c"]) await send(text);
    const ids = [await ann.frame(), await ann.frame(), await ann.frame()].map(
      (f) => header(f, "message-id")!,
    );
    const kept =
      stage.hub.entries.length - stage.hub.entries.findIndex(({ position }) => position === ids[2]);
    stage.hub.trim(kept);
    await stage.open(BROKER);
    const [marker, client] = await back(2, ids[1]!);
    expect(header(marker, "recovered")).to.equal("true");
    expect(await bodies(client, 1)).to.deep.equal(["c"]);
    const [other] = await back(2, ids[0]!);
    expect(header(other, "recovered")).to.equal("false");
  });

  it("keeps letters for users who are nowhere, on all servers", async () => {
    const { template } = stage.servers[0]!.server.messaging;
    for (const text of ["a", "b"]) await template.convertAndSendToUser("rod", "/queue/letters", text);
    await template.convertAndSendToUser("ann", "/queue/letters", "not for rod");
    await stage.open(BROKER);
    for (const server of [0, 1, 2]) {
      const [marker, client] = await back(server, "first", LETTERS);
      expect([header(marker, "recovered"), header(marker, "replayed")]).to.deep.equal(["true", "2"]);
      expect(await bodies(client, 2)).to.deep.equal(["a", "b"]);
      expect(await client.synchronize()).to.deep.equal([]);
      client.cut();
    }
  });
});

describe("The history of servers on a backplane without a log", () => {
  it("is each server's own, and says so", async () => {
    const stage = new BackplaneStage();
    const [here, there] = await stage.openAll(2, BROKER);
    const ann = await here!.connect("ann");
    await listen(ann, ROOM);
    for (const text of ["a", "b"]) await here!.server.messaging.template.convertAndSend(ROOM, text);
    const id = header(await ann.frame(), "message-id")!;
    for (const [server, recovered] of [
      [here!, "true"],
      [there!, "false"],
    ] as const) {
      const client = await server.connect("rod");
      client.send(`SUBSCRIBE\nid:0\ndestination:${ROOM}\nsince:${id}\n\n^@`);
      expect(header(await client.frame(), "recovered")).to.equal(recovered);
    }
    await stage.close();
  });
});
