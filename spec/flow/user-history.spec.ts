import { expect } from "chai";
import { type HistoryOptions, type SimpleBrokerOptions, simpleBroker } from "express-stomp";
import type { RawClient } from "../support/raw-client.js";
import { parseFrame, type ReadFrame } from "../support/stomp-session.js";
import { type Users, withUsers } from "../support/users.js";

const LETTERS: HistoryOptions = { destinations: ["/user/queue/letters"], size: 10, ttl: 300_000 };

describe("History of users' destinations", () => {
  let users: Users;

  async function start(options: SimpleBrokerOptions = {}, clientsMaySendToUsers = false) {
    const broker = simpleBroker({ destinationPrefixes: ["/topic"], history: LETTERS, ...options });
    users = await withUsers({ broker, clientsMaySendToUsers });
  }

  const template = () => users.server.messaging.template;
  const write = (name: string, body: string, headers = {}) =>
    template().convertAndSendToUser(name, "/queue/letters", body, headers);

  /** Markers by what they say, letters by their text, behind an arrow if they were missed. */
  function told({ headers, body }: ReadFrame): string {
    if (headers.has("recovered")) return `${headers.get("recovered")} ${headers.get("replayed")}`;
    return headers.has("replayed") ? `↩${body}` : body;
  }

  async function heard(client: RawClient): Promise<string[]> {
    return (await client.synchronize()).map((frame) => told(parseFrame(frame)));
  }

  async function subscribe(
    client: RawClient,
    since: string,
    destination = "/user/queue/letters",
  ): Promise<ReadFrame[]> {
    client.send(`SUBSCRIBE\nid:1\ndestination:${destination}\nsince:${since}\n\n^@`);
    return (await client.synchronize()).map(parseFrame);
  }

  afterEach(() => users.close());

  it("waits for a user who was not there, and for nobody else", async () => {
    await start();
    await write("rod", "a");
    await write("joe", "b");
    await write("rod", "c");
    const rod = await users.connect("rod");
    const frames = await subscribe(rod, "first");
    expect(frames.map(told)).to.deep.equal(["true 2", "↩a", "↩c"]);
    expect(frames[1]?.headers.get("destination")).to.equal("/user/queue/letters");
    await write("rod", "d");
    expect(await heard(rod)).to.deep.equal(["d"]);
    expect((await subscribe(await users.connect("joe"), "first")).map(told)).to.deep.equal(["true 1", "↩b"]);
    expect((await subscribe(await users.connect("eve"), "first")).map(told)).to.deep.equal(["true 0"]);
  });

  it("is the same to all sessions of a user, with the same ids, however a name is spelled", async () => {
    await start();
    for (const name of ["jo/e%", "ロッド", " "]) {
      const [one, other] = [await users.connect(name), await users.connect(name)];
      for (const client of [one, other]) await subscribe(client, "now");
      await write(name, "a");
      const ids = await Promise.all(
        [one, other].map(async (client) => {
          const [frame] = (await client.synchronize()).map(parseFrame);
          return frame?.headers.get("message-id");
        }),
      );
      expect(ids[0]).to.equal(ids[1]);
      await write(name, "b");
      const again = await users.connect(name);
      expect((await subscribe(again, ids[0] ?? "")).map(told)).to.deep.equal(["true 1", "↩b"]);
    }
  });

  it("gives all that is the user's own by a pattern, if all of that is kept", async () => {
    await start({ history: { ...LETTERS, destinations: ["/user/queue/**"] } });
    await write("rod", "a");
    await template().convertAndSendToUser("rod", "/queue/bills", "b");
    const pattern = "/user/queue/*";
    expect((await subscribe(await users.connect("rod"), "first", pattern)).map(told)).to.deep.equal([
      ...["true 2", "↩a", "↩b"],
    ]);
    await users.close();

    await start();
    expect((await subscribe(await users.connect("rod"), "first", pattern)).map(told)).to.deep.equal([
      "false 0",
    ]);
  });

  it("is no part of what others hear, or of what is public", async () => {
    await start({ history: { ...LETTERS, destinations: ["/**"] }, destinationPrefixes: [] });
    await write("rod", "private");
    await template().convertAndSend("/topic/a", "public");
    const joe = await users.connect("joe");
    expect((await subscribe(joe, "first", "/**")).map(told)).to.deep.equal(["true 1", "↩public"]);
    joe.send("UNSUBSCRIBE\nid:1\n\n^@");
    expect((await subscribe(joe, "first", "/user/**")).map(told)).to.deep.equal(["true 0"]);
  });

  it("keeps nothing for strangers, those either who have just left", async () => {
    await start();
    const stranger = await users.connect();
    expect((await subscribe(stranger, "now")).map(told)).to.deep.equal(["false 0"]);
    await write(stranger.sessionId, "a");
    expect(await heard(stranger)).to.deep.equal(["a"]);
    const gone = new Promise((resolve) => users.server.messaging.on("disconnect", resolve));
    stranger.cut();
    await gone;
    await write(stranger.sessionId, "b");
    const impostor = await users.connect(stranger.sessionId);
    expect((await subscribe(impostor, "first")).map(told)).to.deep.equal(["true 0"]);
  });

  it("keeps nothing that is for one session only, which that gets at once", async () => {
    await start();
    const rod = await users.connect("rod");
    await subscribe(rod, "now");
    await write("rod", "here", { sessionId: rod.sessionId });
    expect(await heard(rod)).to.deep.equal(["here"]);
    expect((await subscribe(await users.connect("rod"), "first")).map(told)).to.deep.equal(["true 0"]);
  });

  it("lets what is for one session only wait behind what was missed", async () => {
    await start();
    for (const body of ["a", "b"]) await write("rod", body);
    const rod = await users.connect("rod");
    rod.send(
      "SUBSCRIBE\nid:1\ndestination:/user/queue/letters\nsince:first\nack:client\nprefetch-count:1\n\n^@",
    );
    const frames = (await rod.synchronize()).map(parseFrame);
    await write("rod", "here", { sessionId: rod.sessionId });
    await write("rod", "c");
    const seen = frames.map(told);
    for (let last = frames.at(-1); last; ) {
      rod.send(`ACK\nid:${last.headers.get("ack")}\n\n^@`);
      const next = (await rod.synchronize()).map(parseFrame);
      seen.push(...next.map(told));
      last = next.at(-1);
    }
    expect(seen).to.deep.equal(["true 2", "↩a", "↩b", "here", "c"]);
  });

  it("keeps what clients may send to users, in transactions too", async () => {
    await start({}, true);
    const joe = await users.connect("joe");
    joe.send("SEND\ndestination:/user/rod/queue/letters\n\na^@");
    joe.send("BEGIN\ntransaction:t\n\n^@SEND\ndestination:/user/rod/queue/letters\ntransaction:t\n\nb^@");
    joe.send("COMMIT\ntransaction:t\n\n^@");
    await joe.synchronize();
    const frames = await subscribe(await users.connect("rod"), "first");
    expect(frames.map(told)).to.deep.equal(["true 2", "↩a", "↩b"]);
  });

  it("is what messaging.history gives by the address that the template sends to", async () => {
    await start();
    await write("jo/e", "a");
    const { messages } = await users.server.messaging.history("/user/jo%2Fe/queue/letters");
    expect(messages.map(({ payload }) => Buffer.from(payload).toString())).to.deep.equal(["a"]);
    const nobody = await users.server.messaging.history("/user/jo/queue/letters");
    expect(nobody.messages).to.deep.equal([]);
  });
});
