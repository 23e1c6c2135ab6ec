import { expect } from "chai";
import { type RedisClient, redisPubSub, redisStreams } from "express-stomp/redis";
import { Cluster, Redis } from "ioredis";
import { createCluster } from "redis";
import type { BrokerProcess } from "../../example/shared/broker-process.js";
import { findRedis } from "../../example/shared/programs.js";
import { startRedis } from "../../example/shared/redis.js";
import { Heard } from "../support/heard.js";
import { missing, tryAgain } from "../support/programs.js";

const SLOTS = [
  [0, 5460],
  [5461, 10922],
  [10923, 16383],
] as const;

describe("A cluster of Redis, of three nodes", function () {
  this.timeout(30_000);
  let nodes: BrokerProcess[];

  before(async function () {
    tryAgain(this);
    const program = findRedis() ?? missing(this, "Redis");
    // A node that has met nobody does not know its own address, and ioredis wants to hear one.
    const settings = { "cluster-enabled": "yes", "cluster-announce-ip": "127.0.0.1", appendonly: "no" };
    nodes = await Promise.all(SLOTS.map(() => startRedis(program, { settings })));
    const admins = nodes.map(({ port }) => new Redis({ host: "127.0.0.1", port }));
    for (const [i, admin] of admins.entries()) {
      const [from, to] = SLOTS[i]!;
      await admin.call("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
      if (i > 0) await admin.call("CLUSTER", "MEET", "127.0.0.1", String(nodes[0]!.port));
    }
    const isWhole = async (admin: Redis) =>
      String(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok");
    for (const admin of admins) {
      while (!(await isWhole(admin))) await new Promise((resolve) => setTimeout(resolve, 50));
      admin.disconnect();
    }
  });

  after(() => Promise.all((nodes ?? []).map((node) => node.stop())));

  const clients: Record<string, () => RedisClient> = {
    "node-redis": () =>
      createCluster({ rootNodes: nodes.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })) }),
    ioredis: () =>
      new Cluster(
        nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
        { lazyConnect: true },
      ),
  };

  for (const [name, client] of Object.entries(clients)) {
    // The names lead to different nodes.
    for (const stream of ["a", "b", "c"]) {
      it(`carries the stream ${stream} by ${name}, and has what was published when it is closed`, async () => {
        const key = `${name} ${stream}`;
        const [one, two] = [1, 2].map(() => redisStreams({ client: client(), stream: key }));
        const heard = await Heard.on(two!);
        await Heard.on(one!);
        try {
          const said = Array.from({ length: 20 }, (_, i) => `${i}`);
          const publishing = said.map((text) => one!.publish(Buffer.from(text)));
          await Promise.all([...publishing, one!.close()]);
          await heard.count(20);
          expect([heard.texts, heard.gaps]).to.deep.equal([said, []]);
          const { entries, complete } = await two!.log!.since(heard.positions[9]!, 5);
          expect(entries.map(({ position }) => position)).to.deep.equal(heard.positions.slice(10, 15));
          expect(complete).to.equal(true);
        } finally {
          await two!.close();
        }
      });
    }

    it(`carries a channel by ${name}`, async () => {
      const [one, two] = [1, 2].map(() => redisPubSub({ client: client(), channel: name }));
      const all = [await Heard.on(one!), await Heard.on(two!)];
      try {
        await one!.publish(Buffer.from("a"));
        await two!.publish(Buffer.from("b"));
        for (const heard of all) {
          await heard.count(2);
          expect([heard.texts.toSorted(), heard.gaps]).to.deep.equal([["a", "b"], []]);
        }
      } finally {
        await Promise.all([one!.close(), two!.close()]);
      }
    });
  }
});
