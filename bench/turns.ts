// `npm run bench:turns`: how long one fan-out keeps the event loop of the server from turning, which is how long a
// frame of somebody else waits to be read. Counted in CPU, so that a busy machine does not count.
import "reflect-metadata";
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { STOMP } from "./dialect.js";
import { medianOf } from "./median.js";
import { table } from "./page.js";
import { expressStomp } from "./peers/express-stomp.js";
import { masked, NUMBER_LENGTH, RawClient } from "./raw-client.js";

const SUBSCRIBERS = [1_000, 10_000];
const AT_A_TIME = 100;
const WARM_UP = 10;
const PUBLICATIONS = 15;
const SIZE = 100;
const HEART_BEAT_MS = 8_000;
const TOPIC = STOMP.topic("turns");

const { values } = parseArgs({ options: { server: { type: "boolean", default: false } } });
await (values.server ? serve() : measure());

/** Says the port, and, asked, the longest turn since it was last asked, in milliseconds of CPU. */
async function serve(): Promise<void> {
  const { port } = await expressStomp();
  let longest = 0;
  let before = process.cpuUsage();
  const turn = () => {
    const { user, system } = process.cpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
    before = process.cpuUsage();
    setImmediate(turn);
  };
  setImmediate(turn);
  process.on("message", () => {
    // Behind the turn that is still to be counted.
    setImmediate(() => setImmediate(told));
  });
  const told = () => {
    process.send?.(longest);
    longest = 0;
  };
  process.once("disconnect", () => process.exit());
  process.send?.(port);
}

async function measure(): Promise<void> {
  const rows: string[][] = [];
  for (const count of SUBSCRIBERS) {
    const longest = await longestTurns(count);
    const sorted = longest.toSorted((a, b) => a - b);
    rows.push([
      count.toLocaleString("en"),
      medianOf(longest).toFixed(1),
      (sorted.at(-2) as number).toFixed(1),
      String(longest.length),
    ]);
  }
  console.log(
    table(["subscribers", "longest turn, ms of CPU", "of all but one publication", "publications"], rows),
  );
  process.exit();
}

async function longestTurns(count: number): Promise<number[]> {
  const server = fork(new URL(import.meta.url), ["--server"]);
  const [port] = (await once(server, "message")) as [number];
  const ask = async () => {
    server.send("");
    return ((await once(server, "message")) as [number])[0];
  };
  const clients: RawClient[] = [];
  const beats = setInterval(() => {
    for (const client of clients) client.heartBeat();
  }, HEART_BEAT_MS);
  try {
    let left = 0;
    let arrived = () => {};
    while (clients.length < count) {
      const some = Array.from({ length: AT_A_TIME }, async () => {
        const client = await RawClient.connect(port, STOMP);
        client.onMessage = () => {
          if (--left === 0) arrived();
        };
        await client.subscribe(TOPIC, "sub-0");
        return client;
      });
      clients.push(...(await Promise.all(some)));
    }
    const publisher = await RawClient.connect(port, STOMP);
    const longest: number[] = [];
    for (let i = 0; i < WARM_UP + PUBLICATIONS; i++) {
      const text = String(i).padStart(NUMBER_LENGTH, "0").padStart(SIZE, "x");
      left = count;
      await ask();
      const all = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      publisher.write(masked(STOMP.send(TOPIC, "text/plain", text)));
      await all;
      const turn = await ask();
      if (i >= WARM_UP) longest.push(turn);
    }
    return longest;
  } finally {
    clearInterval(beats);
    server.kill("SIGKILL");
  }
}
