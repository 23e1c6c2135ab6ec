import { expect } from "chai";
import { REGISTRY_EXPIRATION, RegistryServers } from "../support/registry-servers.js";

describe("UserRegistryBroadcast", () => {
  let servers: RegistryServers;

  beforeEach(() => {
    servers = new RegistryServers();
  });

  /** What the servers have sent since, in bytes each. */
  const sizesSince = (begin: number) => servers.hub.sent.slice(begin).map(({ payload }) => payload.length);

  it("tells all others who comes, subscribes, unsubscribes and leaves", async () => {
    const [a, b, c] = [servers.open(), servers.open(), servers.open()];
    await servers.time.pass(1000);
    const rod = a.connect("rod");
    a.sessions.addSubscription(rod, "0", "/topic/a");
    a.sessions.addSubscription(rod, "1", "/topic/b");
    await servers.time.pass(100);
    for (const { books } of [b, c])
      expect(books).to.deep.equal({ [rod]: ["rod", "0 /topic/a", "1 /topic/b"] });

    a.sessions.removeSubscription(rod, "0");
    a.sessions.addSubscription(rod, "0", "/topic/c");
    a.sessions.removeSubscription(rod, "1");
    await servers.time.pass(100);
    for (const { books } of [b, c]) expect(books).to.deep.equal({ [rod]: ["rod", "0 /topic/c"] });

    a.sessions.remove(rod);
    await servers.time.pass(100);
    for (const { books } of [b, c]) expect(books).to.deep.equal({});
  });

  it("tells who listens to a server's books what changes elsewhere", async () => {
    const [a, b] = [servers.open(), servers.open()];
    const heard: string[] = [];
    b.sessions.watch({
      came: ({ user, server }) => void heard.push(`came ${user.name} ${server === undefined}`),
      left: ({ user, subscriptions }) => void heard.push(`left ${user.name} with ${subscriptions.size}`),
      subscribed: ({ destination }) => void heard.push(`subscribed ${destination}`),
      unsubscribed: ({ destination }) => void heard.push(`unsubscribed ${destination}`),
    });
    await servers.time.pass(1000);
    const rod = a.connect("rod");
    a.sessions.addSubscription(rod, "0", "/topic/a");
    await servers.time.pass(100);
    a.sessions.removeSubscription(rod, "0");
    a.sessions.addSubscription(rod, "0", "/topic/b");
    await servers.time.pass(100);
    a.sessions.remove(rod);
    await servers.time.pass(100);
    expect(heard).to.deep.equal([
      "came rod false",
      "subscribed /topic/a",
      "unsubscribed /topic/a",
      "subscribed /topic/b",
      "left rod with 1",
    ]);
  });

  it("tells a change as a change, however much the session has", async () => {
    const [a, b] = [servers.open(), servers.open()];
    const rod = a.connect("rod");
    for (let i = 0; i < 999; i++) a.sessions.addSubscription(rod, `${i}`, `/topic/room/${i}`);
    await servers.time.pass(1000);
    const sent = servers.hub.sent.length;
    a.sessions.addSubscription(rod, "one more", "/topic/room/1000");
    await servers.time.pass(100);
    const sizes = sizesSince(sent);
    expect(sizes).to.have.length(1);
    expect(sizes[0]).to.be.below(200);
    expect(b.books[rod]).to.have.length(1001);
  });

  it("tells what came and went meanwhile at most once", async () => {
    const [a, b] = [servers.open(), servers.open()];
    const rod = a.connect("rod");
    await servers.time.pass(1000);
    const sent = servers.hub.sent.length;
    for (let i = 0; i < 1000; i++) {
      a.sessions.addSubscription(rod, "0", "/topic/a");
      a.sessions.removeSubscription(rod, "0");
      a.sessions.remove(a.connect("short"));
    }
    await servers.time.pass(100);
    expect(sizesSince(sent).reduce((sum, size) => sum + size, 0)).to.be.below(200);
    expect(b.books).to.deep.equal({ [rod]: ["rod"] });
  });

  describe("with more than fits into a message", () => {
    const limit = 64 * 1024;

    it("splits it, inside of a session too", async () => {
      const [a, b] = [servers.open(limit), servers.open(limit)];
      await servers.time.pass(1000);
      const rod = a.connect("rod");
      // JSON writes a control character as six.
      for (let i = 0; i < 160; i++) {
        a.sessions.addSubscription(rod, `${i}`.padEnd(4000, "\u0001"), "/topic/a");
        a.connect(`user ${i}`);
      }
      await servers.time.pass(1000);
      const c = servers.open(limit);
      await servers.time.pass(2000);
      for (const { books } of [b, c]) expect(books).to.deep.equal(servers.truth);
      expect(Math.max(...sizesSince(0))).to.be.below(limit - 1024);
    });

    it("leaves out what no message can carry, tells the rest, and logs that once", async () => {
      const [a, b] = [servers.open(limit), servers.open(limit)];
      await servers.time.pass(1000);
      const rod = a.connect("rod");
      for (let i = 0; i < 3; i++) a.sessions.addSubscription(rod, `${i}${"x".repeat(limit)}`, "/topic/a");
      a.sessions.addSubscription(rod, "short", "/topic/a");
      await servers.time.pass(1000);
      servers.open(limit);
      await servers.time.pass(1000);
      expect(b.books).to.deep.equal({ [rod]: ["rod", "short /topic/a"] });
      expect(a.log.filter((line) => line.startsWith("warn"))).to.deep.equal([
        `warn The subscription entry of session ${rod} is too long for the other servers (messageSizeLimit): they do not know of it`,
      ]);
    });

    it("tells all of it part by part, and what changes meanwhile in between", async () => {
      const a = servers.open(limit);
      const rods = Array.from({ length: 2000 }, (_, i) => a.connect(`rod ${i} ${"x".repeat(100)}`));
      const stays = rods.pop()!;
      const b = servers.open(limit);
      let parts = 0;
      let short = "";
      servers.hub.loses = ({ payload }, to) => {
        if (to === b.line && payload.length > 3_000) {
          // Those who were told, and those who are about to be, while the answer is on its way.
          parts++;
          for (const rod of [...rods.splice(0, 30), ...rods.splice(-30)]) a.sessions.remove(rod);
          a.sessions.remove(short);
          short = a.connect("short");
          a.sessions.addSubscription(stays, `${parts}`, "/topic/a");
        }
        return false;
      };
      await servers.time.pass(2000);
      expect(parts).to.be.above(5);
      expect(b.books).to.deep.equal(servers.truth);
    });
  });

  it("asks for what it missed as soon as it hears the next message", async () => {
    const [a, b] = [servers.open(), servers.open()];
    await servers.time.pass(1000);
    servers.hub.loses = (_, to) => to === b.line;
    const rod = a.connect("rod");
    await servers.time.pass(100);
    servers.hub.loses = () => false;
    expect(b.books).to.deep.equal({});

    const ann = a.connect("ann");
    await servers.time.pass(300);

    expect(b.books).to.deep.equal({ [rod]: ["rod"], [ann]: ["ann"] });
  });

  describe("when a part of an answer is lost", () => {
    for (const lost of [1, 2, 3]) {
      it(`asks again, and takes nobody for gone: part ${lost} of 3`, async () => {
        const a = servers.open();
        for (let i = 0; i < 3000; i++) a.connect(`rod ${i}`);
        await servers.time.pass(1000);
        const b = servers.open();
        const gone: string[] = [];
        b.sessions.watch({ left: ({ id }) => void gone.push(id) });
        let parts = 0;
        servers.hub.loses = ({ payload }, to) => to === b.line && payload.length > 10_000 && ++parts === lost;
        await servers.time.pass(15_000);
        expect(parts).to.be.above(3);
        expect(Object.keys(b.books)).to.have.length(3000);
        expect(gone).to.deep.equal([]);
      });
    }

    it("goes on asking while questions are lost", async () => {
      const a = servers.open();
      const b = servers.open();
      await servers.time.pass(1000);
      servers.hub.loses = () => true;
      const rod = a.connect("rod");
      await servers.time.pass(100);
      let questions = 0;
      // B's: it notices what it missed by A's next sign of life.
      servers.hub.loses = (_, to) => to === a.line && ++questions < 10;
      await servers.time.pass(6 * REGISTRY_EXPIRATION);
      expect(b.books).to.deep.equal({ [rod]: ["rod"] });
    });
  });

  it("tells a late server, though all of it is more than the broker's line can hold at once", async () => {
    const a = servers.open();
    for (let i = 0; i < 3000; i++) a.connect(`rod ${i}`);
    let parts = 0;
    let under = 0;
    let most = 0;
    const { handle } = a.line.application;
    await servers.time.pass(1000);
    a.line.application.handle = async (message) => {
      if (message.payload.length < 10_000) return handle(message);
      most = Math.max(most, ++under);
      parts++;
      await handle(message);
      under--;
    };
    const b = servers.open();
    await servers.time.pass(2000);
    expect(Object.keys(b.books)).to.have.length(3000);
    expect(parts).to.be.above(2);
    expect(most).to.equal(1);
  });

  it("says nothing any more when it is closed", async () => {
    const [a, b] = [servers.open(), servers.open()];
    await servers.time.pass(1000);
    a.connect("rod");
    await a.close();
    a.connect("ann");
    await servers.time.pass(1000);
    expect(b.books).to.deep.equal({});
  });
});
