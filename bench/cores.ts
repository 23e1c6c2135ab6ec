// What more processes bring, and what joining servers costs: deliveries a second by 1, 2 and 4 processes of node:cluster,
// CPU of a delivery with two servers on Redis beside the shared relay's, and the time that a backplane adds.
// `npm run bench:cores`, or `… -- --clients=100 --rounds=1 --ms=500`. Linux only.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { findRedis } from "../example/shared/programs.js";
import { startRedis } from "../example/shared/redis.js";
import type { CoresSettings } from "./cores-server.js";
import { STOMP } from "./dialect.js";
import { medianOf } from "./median.js";
import { table } from "./page.js";
import { missing, rabbitMqWithStomp } from "./peers/rabbitmq.js";
import { cpuOfEach, restOf } from "./process-usage.js";
import { publisherTo } from "./publisher.js";
import { RawClient } from "./raw-client.js";

/** Servers that are joined, and what joins them. */
interface Site {
  readonly ports: readonly number[];
  /** Process groups of our servers. */
  readonly servers: readonly number[];
  /** Of the store or broker. */
  readonly store: number | undefined;
  close(): Promise<void>;
}

interface Figures {
  /** Deliveries a second, as the clock says, and as many as there would be with a core for each process. */
  readonly perSecond: number;
  readonly capacity: number;
  /** Microseconds of CPU for each delivery: of all our processes, and of the store. */
  readonly servers: number;
  readonly store: number;
  /** Milliseconds from a publication until clients on two servers have it, one at a time. */
  readonly p50: number;
}

const WARM_UP = 20;
const PORTION = 20;
const AT_A_TIME = 50;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    ms: { type: "string", default: "4000" },
    /** Publications whose time is taken. */
    timed: { type: "string", default: "300" },
  },
});
const [clientCount, rounds, ms, timed] = [values.clients, values.rounds, values.ms, values.timed].map(
  Number,
) as [number, number, number, number];

const program = findRedis();
const whyNoRabbitMq = missing();
const redis = program ? await startRedis(program) : undefined;
const rabbitMq = whyNoRabbitMq === undefined ? await rabbitMqWithStomp() : undefined;
const ways = new Map<string, () => Promise<Site>>([
  ["one process", () => join([{}])],
  ["node:cluster, 1 worker", () => join([{ workers: 1 }])],
  ["node:cluster, 2 workers", () => join([{ workers: 2 }])],
  ["node:cluster, 4 workers", () => join([{ workers: 4 }])],
]);
if (redis) {
  const url = `redis://127.0.0.1:${redis.port}`;
  ways.set("two servers, Redis streams", () => join([{ redis: url }, { redis: url }], redis.pid));
} else console.log("Redis is missing: it is left out");
if (rabbitMq) {
  const relay = { destinationPrefixes: ["/topic"], relayPort: rabbitMq.port, connections: "shared" };
  ways.set("two servers, shared relay", () => join([relay, relay], rabbitMq.group, "relay-server.js"));
} else console.log(`${whyNoRabbitMq}: the relay is left out`);

const results = new Map<string, Figures[]>([...ways.keys()].map((way) => [way, []]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const [way, open] of ways) {
      const figures = await measure(open);
      results.get(way)?.push(figures);
      console.log(`${round} ${way}: ${cellsOf([figures]).join(", ")}`);
    }
  }
} finally {
  await redis?.stop();
  await rabbitMq?.stop();
}
const head = [
  "",
  "deliveries/s",
  "with a core for each process",
  "our CPU, µs",
  "the store's, µs",
  "p50, ms",
];
console.log(
  `\n${table(
    head,
    [...results].map(([way, all]) => [way, ...cellsOf(all)]),
  )}\n\n${goals()}`,
);
process.exit();

async function measure(open: () => Promise<Site>): Promise<Figures> {
  const site = await open();
  const clients: RawClient[] = [];
  try {
    const connect = async (count: number) => {
      while (count > 0) {
        const some = Array.from({ length: Math.min(AT_A_TIME, count) }, (_, i) =>
          RawClient.connect(site.ports[(clients.length + i) % site.ports.length] as number, STOMP),
        );
        count -= some.length;
        clients.push(...(await Promise.all(some)));
      }
    };
    // One client at each of two servers, or two at one.
    await connect(2);
    const publishOne = await publisherTo(clients, STOMP);
    await publishOne(WARM_UP);
    const times: number[] = [];
    for (let i = 0; i < timed; i++) {
      const start = performance.now();
      await publishOne(1);
      times.push(performance.now() - start);
    }
    await Promise.all(clients.splice(0).map((client) => client.end()));

    await connect(clientCount);
    const publish = await publisherTo(clients, STOMP);
    await publish(WARM_UP);
    for (const group of site.servers) await restOf(group);
    const before = cpuOf(site);
    const start = performance.now();
    let publications = 0;
    for (; performance.now() - start < ms; publications += PORTION) await publish(PORTION);
    const seconds = (performance.now() - start) / 1000;
    const after = cpuOf(site);
    const deliveries = publications * clientCount;
    const used = [...after.each].map(([pid, cpu]) => cpu - (before.each.get(pid) ?? 0));
    return {
      perSecond: deliveries / seconds,
      capacity: (deliveries / Math.max(...used)) * 1e6,
      servers: used.reduce((sum, each) => sum + each, 0) / deliveries,
      store: (after.store - before.store) / deliveries,
      p50: medianOf(times),
    };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await site.close();
  }
}

function cpuOf({ servers, store }: Site) {
  const sum = (cpu: ReadonlyMap<string, number>) => [...cpu.values()].reduce((all, each) => all + each, 0);
  return {
    each: new Map(servers.flatMap((group) => [...cpuOfEach(group)])),
    store: store === undefined ? 0 : sum(cpuOfEach(store)),
  };
}

/** Starts a process, and what it forks, for each of these settings. */
async function join(
  all: readonly (CoresSettings | object)[],
  store?: number,
  server = "cores-server.js",
): Promise<Site> {
  const children: ChildProcess[] = [];
  const ports: number[] = [];
  for (const settings of all) {
    const child = fork(new URL(server, import.meta.url), [JSON.stringify(settings)], { detached: true });
    children.push(child);
    const [told] = (await once(child, "message")) as [number | number[]];
    ports.push(...[told].flat());
  }
  return {
    ports,
    servers: children.map(({ pid }) => pid as number),
    store,
    async close() {
      await Promise.all(
        children.map(async (child) => {
          const exited = once(child, "exit");
          process.kill(-(child.pid as number), "SIGKILL");
          await exited;
        }),
      );
    },
  };
}

function cellsOf(all: readonly Figures[]): string[] {
  const median = (of: (figures: Figures) => number, digits: number) => medianOf(all.map(of)).toFixed(digits);
  return [
    median(({ perSecond }) => perSecond, 0),
    median(({ capacity }) => capacity, 0),
    median(({ servers }) => servers, 2),
    median(({ store }) => store, 2),
    median(({ p50 }) => p50, 2),
  ];
}

/** Ratios of rounds that stood side by side, beside what they are to be. */
function goals(): string {
  const ratio = (way: string, beside: string, of: (figures: Figures) => number) => {
    const [one, other] = [results.get(way) ?? [], results.get(beside) ?? []];
    return one.length === 0 || other.length === 0
      ? "–"
      : medianOf(one.map((figures, i) => of(figures) / of(other[i] as Figures))).toFixed(2);
  };
  const added = (way: string) => {
    const [one, alone] = [results.get(way) ?? [], results.get("one process") ?? []];
    return one.length === 0 ? "–" : medianOf(one.map(({ p50 }, i) => p50 - (alone[i]?.p50 ?? 0))).toFixed(2);
  };
  const [two, four] = ["node:cluster, 2 workers", "node:cluster, 4 workers"] as const;
  const [streams, relay] = ["two servers, Redis streams", "two servers, shared relay"] as const;
  return table(
    ["", "", "goal"],
    [
      [
        "2 workers, times one process, with a core for each",
        ratio(two, "one process", (f) => f.capacity),
        "≥ 1.8",
      ],
      ["4 workers, the same", ratio(four, "one process", (f) => f.capacity), ""],
      [
        "our CPU of a delivery on Redis, times the shared relay's",
        ratio(streams, relay, (f) => f.servers),
        "≤ 1.2",
      ],
      ["ms that node:cluster adds, p50", added(two), "≤ 1"],
      ["ms that Redis streams add, p50", added(streams), "≤ 1"],
    ],
  );
}
