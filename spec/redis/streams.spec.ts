import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import type { Backplane } from "express-stomp";
import { redisStreams } from "express-stomp/redis";
import { Redis } from "ioredis";
import type { BrokerProcess } from "../../example/shared/broker-process.js";
import { findRedis } from "../../example/shared/programs.js";
import { startRedis } from "../../example/shared/redis.js";
import { rejection } from "../support/channels.js";
import { Heard } from "../support/heard.js";
import { missing, tryAgain } from "../support/programs.js";

describe("redisStreams", function () {
  this.timeout(60_000);
  let redis: BrokerProcess;
  let admin: Redis;
  let open: Backplane[];

  before(async function () {
    tryAgain(this);
    redis = await startRedis(findRedis() ?? missing(this, "Redis"));
  });

  beforeEach(async () => {
    admin = new Redis({ host: "127.0.0.1", port: redis.port });
    await admin.flushall();
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map((backplane) => backplane.close()));
    admin.disconnect();
  });

  after(() => redis?.stop());

  async function server(
    maxLength?: number,
    client = new Redis({ host: "127.0.0.1", port: redis.port, lazyConnect: true }),
  ): Promise<{ backplane: Backplane; heard: Heard }> {
    const backplane = redisStreams({ client, stream: "chat", ...(maxLength && { maxLength }) });
    open.push(backplane);
    return { backplane, heard: await Heard.on(backplane) };
  }

  const say = ({ backplane }: { backplane: Backplane }, text: string) => backplane.publish(Buffer.from(text));
  const epochsOf = (heard: Heard) => new Set(heard.positions.map((position) => position.split("-")[0]));

  /** The connections of the servers go, as at a failover. */
  async function cut(...servers: { heard: Heard }[]): Promise<void> {
    const told = servers.map(({ heard }) => heard.told.length);
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    for (const [i, { heard }] of servers.entries())
      await heard.until(() => heard.told.length >= told[i]! + 2 && heard.told.at(-1) === true);
  }

  it("loses nothing when Redis is killed under load and comes back", async () => {
    const [one, two] = [await server(), await server()];
    const confirmed: string[] = [];
    let isOver = false;
    const talking = (async () => {
      for (let i = 0; !isOver; i++) {
        await say(one, `${i}`).then(
          () => confirmed.push(`${i}`),
          () => new Promise((resolve) => setTimeout(resolve, 5)),
        );
      }
    })();
    await two.heard.count(50);
    await redis.kill();
    await redis.restart();
    const before = two.heard.entries.length;
    await two.heard.count(before + 50);
    isOver = true;
    await talking;
    await say(one, "last");
    for (const { heard } of [one, two]) {
      await heard.until(() => heard.texts.at(-1) === "last");
      expect(new Set(heard.texts).size).to.equal(heard.texts.length);
      // What was refused may have been heard; what was confirmed was, and in order.
      expect(heard.texts.filter((text) => confirmed.includes(text))).to.deep.equal(confirmed);
      expect(heard.gaps).to.deep.equal([]);
    }
    admin.disconnect();
    admin = new Redis({ host: "127.0.0.1", port: redis.port });
  });

  it("tells all servers, once, when the store has gone back to an older copy, and begins anew", async () => {
    const [one, two] = [await server(), await server()];
    await say(one, "a");
    for (const { heard } of [one, two]) await heard.count(1);
    const copy = await admin.dumpBuffer("chat");
    for (const text of ["b", "c"]) await say(one, text);
    for (const { heard } of [one, two]) await heard.count(3);
    await admin.call("RESTORE", "chat", "0", copy, "REPLACE");
    await cut(one, two);
    await say(two, "d");
    for (const { heard } of [one, two]) {
      await heard.count(4);
      expect(heard.texts).to.deep.equal(["a", "b", "c", "d"]);
      expect(heard.gaps).to.deep.equal([3]);
      expect(epochsOf(heard).size).to.equal(2);
    }
    // A place of before is none of now, though numbers come again.
    const page = await one.backplane.log!.since(one.heard.positions[1]!, 10);
    expect(page.complete).to.equal(false);
    const later = await server();
    await say(later, "e");
    for (const { heard } of [one, two, later]) await heard.until(() => heard.texts.at(-1) === "e");
    expect(later.heard.gaps).to.deep.equal([]);
    expect(one.heard.gaps).to.deep.equal([3]);
  });

  it("writes in the epoch that another server has begun while it looked at the store", async () => {
    const [oneHolds, twoHolds] = [new Map<unknown, Promise<unknown>>(), new Map<unknown, Promise<unknown>>()];
    const client = (holds: ReadonlyMap<unknown, Promise<unknown>>, asked: (word: unknown) => void) => {
      const made = new Redis({ host: "127.0.0.1", port: redis.port, lazyConnect: true });
      const duplicate = made.duplicate.bind(made);
      made.duplicate = (overrides) => {
        const connection = duplicate(overrides);
        const call = connection.callBuffer.bind(connection) as (...words: unknown[]) => Promise<unknown>;
        connection.callBuffer = async (...words: unknown[]) => {
          asked(words[0]);
          await holds.get(words[0]);
          return call(...words);
        };
        return connection;
      };
      return made;
    };
    let looks = (_word: unknown) => {};
    const one = await server(
      undefined,
      client(oneHolds, () => {}),
    );
    const two = await server(
      undefined,
      client(twoHolds, (word) => looks(word)),
    );
    await say(one, "a");
    for (const { heard } of [one, two]) await heard.count(1);
    const copy = await admin.dumpBuffer("chat");
    await say(one, "b");
    for (const { heard } of [one, two]) await heard.count(2);
    await admin.call("RESTORE", "chat", "0", copy, "REPLACE");
    // The other begins anew when this one has read which epoch it is, and not yet whether its newest entry is there.
    const looking = new Promise<void>((resolve) => {
      looks = (word) => void (word === "XRANGE" && resolve());
    });
    oneHolds.set("GET", looking);
    const begun = one.heard.until(() => one.heard.told.length === 3);
    twoHolds.set("XRANGE", begun);
    await cut(one, two);
    await say(two, "c");
    for (const { heard } of [one, two]) {
      await heard.count(3);
      expect(heard.texts).to.deep.equal(["a", "b", "c"]);
      expect(heard.gaps).to.deep.equal([2]);
    }
  });

  it("notices it also when others have written over the numbers meanwhile", async () => {
    const [one, two] = [await server(), await server()];
    for (const text of ["a", "b"]) await say(one, text);
    for (const { heard } of [one, two]) await heard.count(2);
    const epoch = one.heard.positions[0]!.split("-")[0];
    await admin.del("chat");
    for (const text of ["x", "y", "z"])
      await admin.call("XADD", "chat", `${epoch}-*`, "t", "other", "b", text);
    await cut(one, two);
    for (const { heard } of [one, two]) {
      await heard.until(() => heard.gaps.length > 0);
      await say(one, "after");
      await heard.until(() => heard.texts.includes("after"));
    }
    expect(epochsOf(two.heard).size).to.equal(2);
  });

  it("notices an emptied store at the next message, refuses that, and goes on", async () => {
    const [one, two] = [await server(), await server()];
    await say(one, "a");
    for (const { heard } of [one, two]) await heard.count(1);
    await admin.flushall();
    expect((await rejection(say(one, "lost"))).message).to.include("has gone back");
    await one.heard.until(() => one.heard.told.at(-1) === true && one.heard.told.length === 3);
    await say(one, "b");
    for (const { heard } of [one, two]) {
      await heard.until(() => heard.texts.at(-1) === "b");
      expect(heard.gaps).to.deep.equal([1]);
    }
  });

  it("tells a server that was away for longer than the stream remembers, and only that one", async () => {
    const [slow, fast] = [await server(100), await server(100)];
    let go = () => {};
    slow.heard.gate = new Promise((resolve) => {
      go = resolve;
    });
    for (let i = 0; i < 600; i++) await say(fast, `${i}`);
    await fast.heard.count(600);
    expect(fast.heard.gaps).to.deep.equal([]);
    slow.heard.gate = undefined;
    go();
    await slow.heard.until(() => slow.heard.texts.at(-1) === "599");
    expect(slow.heard.gaps).to.have.length(1);
    const [gap] = slow.heard.gaps as [number];
    const texts = slow.heard.texts.map(Number);
    expect(texts.slice(0, gap)).to.deep.equal([...Array(gap).keys()]);
    const rest = texts.slice(gap);
    expect(rest[0]).to.be.above(gap);
    expect(rest).to.deep.equal(Array.from({ length: rest.length }, (_, i) => rest[0]! + i));
  });

  it("keeps the order of more than is sent together", async () => {
    const [one, two] = [await server(), await server()];
    const said = Array.from({ length: 600 }, (_, i) => (i % 100 === 50 ? `${i} `.padEnd(400_000) : `${i}`));
    await Promise.all(said.map((text) => say(one, text)));
    for (const { heard } of [one, two]) {
      await heard.count(600);
      expect(heard.texts).to.deep.equal(said);
      expect(heard.gaps).to.deep.equal([]);
    }
  });

  it("reads on when clients were written to, so that all that was published meanwhile comes in one turn", async () => {
    const one = await server();
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const epoch = await admin.get("{chat}:epoch");
    const stranger = new Worker(new URL("../support/redis-thread.js", import.meta.url), {
      workerData: { port: redis.port, stream: "chat", id: `${epoch}-*`, texts: ["b", "c"], shared },
    });
    await once(stranger, "message");
    one.heard.onTake = () => {
      one.heard.onTake = undefined;
      // As a fan-out is written then, which takes its time.
      setImmediate(() => {
        Atomics.store(shared, 0, 1);
        Atomics.notify(shared, 0);
        Atomics.wait(shared, 1, 0, 10_000);
      });
    };
    await say(one, "a");
    await one.heard.count(3);
    expect(one.heard.texts).to.deep.equal(["a", "b", "c"]);
    expect(one.heard.turns).to.deep.equal([1, 2]);
  });

  it("passes over entries that are not of servers", async () => {
    const one = await server();
    await say(one, "a");
    await one.heard.count(1);
    const epoch = one.heard.positions[0]!.split("-")[0];
    await admin.call("XADD", "chat", `${epoch}-*`, "something", "else");
    await say(one, "b");
    await one.heard.count(2);
    expect(one.heard.texts).to.deep.equal(["a", "b"]);
    expect(one.heard.gaps).to.deep.equal([]);
    const page = await one.backplane.log!.since(one.heard.positions[0]!, 1);
    expect(page.entries.map(({ bytes }) => Buffer.from(bytes).toString())).to.deep.equal(["b"]);
  });

  it("says what is wrong when the key is something else's", async () => {
    await admin.set("chat", "text");
    expect((await rejection(server())).message).to.include("something else at the key");
    open = [];
  });
});
