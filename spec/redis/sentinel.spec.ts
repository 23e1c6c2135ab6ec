import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type RedisClient, redisStreams } from "express-stomp/redis";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import { Redis } from "ioredis";
import { createSentinel } from "redis";
import { BrokerProcess, brokerFolder, freePorts } from "../../example/shared/broker-process.js";
import { findRedis } from "../../example/shared/programs.js";
import { startRedis } from "../../example/shared/redis.js";
import { Heard } from "../support/heard.js";
import { missing, tryAgain } from "../support/programs.js";

const HOST = "127.0.0.1";

describe("A Redis behind a Sentinel", function () {
  this.timeout(60_000);
  let program: string;
  let [first, second, sentinel]: (BrokerProcess | undefined)[] = [];
  let replication: FaultProxy;

  before(function () {
    tryAgain(this);
    program = findRedis() ?? missing(this, "Redis");
  });

  beforeEach(async () => {
    first = await startRedis(program);
    replication = await faultProxy(first);
    second = await startRedis(program, { settings: { replicaof: `${HOST} ${replication.port}` } });
    const replica = new Redis({ host: HOST, port: second.port });
    while (!(await replica.info("replication")).includes("master_link_status:up"))
      await new Promise((resolve) => setTimeout(resolve, 50));
    replica.disconnect();
    sentinel = await startSentinel(program, first.port);
  });

  afterEach(async () => {
    await Promise.all([first, second, sentinel].map((each) => each?.stop()));
    await replication.close();
  });

  const clients: Record<string, () => RedisClient> = {
    "node-redis": () =>
      createSentinel({ name: "chat", sentinelRootNodes: [{ host: HOST, port: sentinel!.port }] }),
    ioredis: () =>
      new Redis({ name: "chat", sentinels: [{ host: HOST, port: sentinel!.port }], lazyConnect: true }),
  };

  for (const [name, client] of Object.entries(clients)) {
    it(`is followed by ${name} to the replica; what that has not is told, and its numbers are of another epoch`, async () => {
      const backplane = redisStreams({ client: client(), stream: "chat" });
      const heard = await Heard.on(backplane);
      try {
        await backplane.publish(Buffer.from("a"));
        await heard.count(1);
        const master = new Redis({ host: HOST, port: first!.port });
        expect(await master.call("WAIT", "1", "5000")).to.equal(1);
        master.disconnect();
        // The replica never hears of the next.
        replication.stall();
        await backplane.publish(Buffer.from("b"));
        await heard.count(2);
        await first!.kill();
        replication.cut();
        await heard.until(() => heard.told.at(-1) === false);
        await heard.until(() => heard.told.at(-1) === true);
        await backplane.publish(Buffer.from("c"));
        await heard.count(3);

        expect([heard.texts, heard.gaps]).to.deep.equal([["a", "b", "c"], [2]]);
        const [a, b, c] = heard.positions.map((position) => position.split("-")[0]);
        expect([a === b, b === c]).to.deep.equal([true, false]);
        expect((await backplane.log!.since(heard.positions[1]!, 10)).complete).to.equal(false);
      } finally {
        await backplane.close();
      }
    });
  }
});

/** Starts a Sentinel that decides by itself, and soon. */
async function startSentinel(program: string, masterPort: number): Promise<BrokerProcess> {
  const folder = brokerFolder("sentinel");
  const [port] = (await freePorts(1)) as [number];
  const file = join(folder, "sentinel.conf");
  const configuration = [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${folder}`,
    `sentinel monitor chat ${HOST} ${masterPort} 1`,
    "sentinel down-after-milliseconds chat 300",
    "sentinel failover-timeout chat 3000",
  ];
  writeFileSync(file, configuration.join("\n"));
  return BrokerProcess.start({
    name: "Sentinel",
    port,
    folder,
    greeting: { says: "PING\r\n", hears: "+PONG" },
    commands: [{ command: [program, file, "--sentinel"] }],
  });
}
