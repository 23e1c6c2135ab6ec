// What a history costs: a delivery with and without one, and a replay to 1,000 clients that come back at once beside as
// many live deliveries. `npm run bench:history`, or `… -- --clients=500 --rounds=5`. Linux only.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { STOMP } from "./dialect.js";
import { medianOf } from "./median.js";
import { table } from "./page.js";
import { HISTORY_SIZE } from "./peers/express-stomp.js";
import type { Started } from "./peers.js";
import { forgetPeak, restOf, usageOf } from "./process-usage.js";
import { masked, NUMBER_LENGTH, RawClient } from "./raw-client.js";
import { runOnce } from "./run-once.js";
import { scenarioOf } from "./scenarios.js";

const SCENARIOS = ["fan-out-1", "fan-out-4", "topics", "p2p"];
const TOPIC = "/topic/room/7";
const SIZE = 1024;
const AT_A_TIME = 20;
const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    scenarios: { type: "string", default: SCENARIOS.join(",") },
  },
});
const clientCount = Number(values.clients);
const rounds = Number(values.rounds);

const rows: string[][] = [];
for (const name of values.scenarios.split(",").filter((each) => each !== "")) {
  const scenario = scenarioOf(name);
  const off: number[] = [];
  const on: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [peer, costs] of [
      ["express-stomp", off],
      ["express-stomp-history", on],
    ] as const) {
      const { user, system } = await runOnce({ peer, scenario, round: `${round}` });
      costs.push(user + system);
    }
  }
  const ratio = medianOf(off.map((cost, i) => (on[i] as number) / cost));
  rows.push([scenario.title, medianOf(off).toFixed(2), medianOf(on).toFixed(2), ratio.toFixed(3)]);
}
console.log(table(["deliveries", "µs of CPU without", "with a history", "ratio"], rows));

const herds: string[][] = [];
for (let round = 0; round < rounds; round++) herds.push(await herd());
console.log(
  table(
    [
      `${clientCount} clients come back, each to ${HISTORY_SIZE} messages of 1 KiB`,
      "µs of CPU a replayed message",
      "a live one",
      "ratio",
      "MiB of memory more, at its peak",
    ],
    herds.map((figures, round) => [`${round + 1}`, ...figures]),
  ),
);

/** All subscribe in the same moment and are given what is kept; then as much is sent live. */
async function herd(): Promise<string[]> {
  const server = fork(new URL("server.js", import.meta.url), ["express-stomp-history"], { detached: true });
  const clients: RawClient[] = [];
  try {
    const { port, group = server.pid as number } = (await answer(server)) as Started;
    const publisher = await RawClient.connect(port, STOMP);
    await publish(publisher, 0);
    while (clients.length < clientCount) {
      const some = Array.from({ length: AT_A_TIME }, () => RawClient.connect(port, STOMP));
      clients.push(...(await Promise.all(some)));
    }
    await restOf(group);

    forgetPeak(group);
    const before = usageOf(group);
    // Each gets a marker first, whose number means nothing.
    const replayed = counted(clients, HISTORY_SIZE + 1);
    const subscribe = masked(`SUBSCRIBE\nid:1\ndestination:${TOPIC}\nsince:first\n\n\0`);
    for (const client of clients) client.write(subscribe);
    await replayed;
    await restOf(group);
    const after = usageOf(group);

    const live = counted(clients, HISTORY_SIZE);
    await publish(publisher, HISTORY_SIZE);
    await live;
    await restOf(group);
    const end = usageOf(group);

    const deliveries = clients.length * HISTORY_SIZE;
    const replay = (after.user + after.system - before.user - before.system) / deliveries;
    const fanOut = (end.user + end.system - after.user - after.system) / deliveries;
    const memory = (after.memoryPeak - before.memory) / MIB;
    return [replay.toFixed(2), fanOut.toFixed(2), (replay / fanOut).toFixed(2), memory.toFixed(0)];
  } finally {
    for (const client of clients) void client.end();
    server.kill();
  }
}

/** Resolves when each has had so many deliveries. */
function counted(clients: readonly RawClient[], count: number): Promise<unknown> {
  return Promise.all(
    clients.map(
      (client) =>
        new Promise<void>((resolve) => {
          let left = count;
          client.onMessage = () => {
            if (--left === 0) resolve();
          };
        }),
    ),
  );
}

/** Sends the numbered messages; resolves when the last was handled. */
async function publish(publisher: RawClient, from: number): Promise<void> {
  for (let number = from; number < from + HISTORY_SIZE; number++) {
    const body = String(number).padStart(NUMBER_LENGTH, "0").padStart(SIZE, "x");
    publisher.write(masked(STOMP.send(TOPIC, "text/plain", body)));
  }
  await publisher.subscribe("/topic/elsewhere", `${from}`);
}

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = (await once(child, "message")) as [unknown];
  return message;
}
