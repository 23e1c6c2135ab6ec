// What more processes bring, and what joining servers costs: CPU of a delivery by 1, 2 and 4 processes of node:cluster,
// and by two servers on Redis or behind the shared relay, under several loads; and the time that each of them adds.
// `npm run bench:cores`, or `… -- --loads=100x1,100x4 --rounds=1 --ms=500 --ways=one,redis`. Linux only.
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
import { type ProcessUsage, restOf, usageOfEach } from "./process-usage.js";
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

interface Way {
  readonly title: string;
  open(): Promise<Site>;
}

/** Figures of one load. */
interface Cost {
  /** As the clock says. */
  readonly perSecond: number;
  /** Microseconds of CPU for each delivery: of the process that has used most, of all of ours, and of the store. */
  readonly busiest: number;
  readonly servers: number;
  readonly store: number;
  /** Calls of the kernel that write, by our processes, for each delivery. */
  readonly writes: number;
}

/** Milliseconds from a publication until clients on two servers have it, when nothing else is on its way. */
interface Times {
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
}

interface Results {
  /** By load. */
  readonly costs: Map<string, Cost[]>;
  /** Of each round. */
  readonly times: Times[];
}

const WARM_UP = 20;
const PORTION = 20;
/** Until what runs for each publication is compiled. */
const COMPILED_AFTER = 1_500;
const HEART_BEAT = 8_000;
const AT_A_TIME = 50;

const { values } = parseArgs({
  options: {
    /** Subscribers, and publications in flight. */
    loads: { type: "string", default: "1000x1,1000x4,1000x16,10000x1" },
    ways: { type: "string", default: "one,cluster1,cluster2,cluster4,redis,relay" },
    rounds: { type: "string", default: "3" },
    ms: { type: "string", default: "4000" },
    /** Publications whose time is taken; with 0 none is. */
    timed: { type: "string", default: "1000" },
  },
});
const loads = values.loads.split(",");
const [rounds, ms, timed] = [values.rounds, values.ms, values.timed].map(Number) as [number, number, number];

const asked = new Set(values.ways.split(","));
const program = asked.has("redis") ? findRedis() : undefined;
const redis = program ? await startRedis(program) : undefined;
const rabbitMq = asked.has("relay") && missing() === undefined ? await rabbitMqWithStomp() : undefined;
const url = redis && `redis://127.0.0.1:${redis.port}`;
const relay = { destinationPrefixes: ["/topic"], relayPort: rabbitMq?.port, connections: "shared" };
const ALL: Readonly<Record<string, Way>> = {
  one: { title: "one process", open: () => join([{}]) },
  cluster1: { title: "node:cluster, 1 worker", open: () => join([{ workers: 1 }]) },
  cluster2: { title: "node:cluster, 2 workers", open: () => join([{ workers: 2 }]) },
  cluster4: { title: "node:cluster, 4 workers", open: () => join([{ workers: 4 }]) },
  ...(redis && {
    redis: {
      title: "two servers, Redis streams",
      open: () => join([{ redis: url }, { redis: url }], redis.pid),
    },
  }),
  ...(rabbitMq && {
    relay: {
      title: "two servers, shared relay",
      open: () => join([relay, relay], rabbitMq.group, "relay-server.js"),
    },
  }),
};
for (const way of asked) if (!(way in ALL)) console.log(`${way} is left out: its store is missing here`);
const ways = Object.entries(ALL).filter(([way]) => asked.has(way));
const results = new Map<string, Results>(ways.map(([way]) => [way, { costs: new Map(), times: [] }]));
try {
  for (let round = 0; round < rounds; round++) {
    if (timed > 0) await takeTimes(round);
    for (const [way, { title, open }] of ways)
      await measure(`${round} ${title}`, open, results.get(way)!.costs);
  }
} finally {
  await redis?.stop();
  await rabbitMq?.stop();
}
console.log(`\n${costTable()}\n\n${timeTable()}\n\n${goals()}`);
process.exit();

async function measure(title: string, open: Way["open"], costs: Results["costs"]): Promise<void> {
  const site = await open();
  try {
    const two = await connected(site.ports, 2);
    await (await publisherTo(two, STOMP, 16))(COMPILED_AFTER);
    await Promise.all(two.map((client) => client.end()));
    for (const load of loads) {
      const cost = await costOf(site, load);
      costs.set(load, [...(costs.get(load) ?? []), cost]);
      console.log(`${title}, ${load}: ${cellsOf([cost]).join(", ")}`);
    }
  } finally {
    await site.close();
  }
}

/** One publication of each way in turn, so that whatever else the machine does is in all of them. One client at each of two servers, or two at one. */
async function takeTimes(round: number): Promise<void> {
  const all = await Promise.all(
    ways.map(async ([way, { title, open }]) => {
      const site = await open();
      const clients = await connected(site.ports, 2);
      const publish = await publisherTo(clients, STOMP, 1);
      return { way, title, site, clients, publish, times: [] as number[] };
    }),
  );
  const beating = setInterval(() => {
    for (const { clients } of all) for (const client of clients) client.heartBeat();
  }, HEART_BEAT);
  try {
    for (const { publish } of all) await publish(COMPILED_AFTER);
    for (let i = 0; i < timed; i++) {
      for (const { publish, times } of all) {
        const start = performance.now();
        await publish(1);
        times.push(performance.now() - start);
      }
    }
  } finally {
    clearInterval(beating);
    await Promise.all(all.map(({ site }) => site.close()));
  }
  for (const { way, title, times } of all) {
    times.sort((a, b) => a - b);
    const at = (part: number) => times[Math.floor(times.length * part)] as number;
    const taken = { p10: at(0.1), p50: at(0.5), p99: at(0.99) };
    results.get(way)?.times.push(taken);
    console.log(`${round} ${title}: ${timeCells([taken]).join(", ")} ms`);
  }
}

async function costOf(site: Site, load: string): Promise<Cost> {
  const [clientCount, inFlight] = load.split("x").map(Number) as [number, number];
  const clients: RawClient[] = [];
  const beat = () => {
    for (const client of clients) client.heartBeat();
  };
  const beating = setInterval(beat, HEART_BEAT);
  await connected(site.ports, clientCount, clients);
  const publish = await publisherTo(clients, STOMP, inFlight);
  await publish(WARM_UP);
  beat();
  for (const group of site.servers) await restOf(group);
  const before = usageOf(site);
  const start = performance.now();
  let publications = 0;
  for (; performance.now() - start < ms; publications += PORTION) await publish(PORTION);
  const seconds = (performance.now() - start) / 1000;
  const after = usageOf(site);
  clearInterval(beating);
  await Promise.all(clients.map((client) => client.end()));
  const deliveries = publications * clientCount;
  const used = (what: keyof ProcessUsage) =>
    [...after.each].map(([pid, usage]) => usage[what] - (before.each.get(pid)?.[what] ?? 0));
  return {
    perSecond: deliveries / seconds,
    busiest: Math.max(...used("cpu")) / deliveries,
    servers: sumOf(used("cpu")) / deliveries,
    store: (after.store - before.store) / deliveries,
    writes: sumOf(used("writes")) / deliveries,
  };
}

async function connected(
  ports: readonly number[],
  count: number,
  clients: RawClient[] = [],
): Promise<RawClient[]> {
  while (clients.length < count) {
    const length = Math.min(AT_A_TIME, count - clients.length);
    const some = Array.from({ length }, (_, i) =>
      RawClient.connect(ports[(clients.length + i) % ports.length] as number, STOMP),
    );
    clients.push(...(await Promise.all(some)));
  }
  return clients;
}

function usageOf({ servers, store }: Site) {
  const ofStore = store === undefined ? [] : [...usageOfEach(store).values()];
  return {
    each: new Map(servers.flatMap((group) => [...usageOfEach(group)])),
    store: sumOf(ofStore.map(({ cpu }) => cpu)),
  };
}

function sumOf(all: readonly number[]): number {
  return all.reduce((sum, each) => sum + each, 0);
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

function cellsOf(all: readonly Cost[]): string[] {
  const median = (of: (cost: Cost) => number, digits: number) => medianOf(all.map(of)).toFixed(digits);
  return [
    median(({ busiest }) => busiest, 2),
    median(({ servers }) => servers, 2),
    median(({ writes }) => writes, 2),
    median(({ store }) => store, 2),
    median(({ perSecond }) => perSecond, 0),
  ];
}

function costTable(): string {
  const head = [
    "subscribers × in flight",
    "",
    "the busiest process, µs",
    "all of ours, µs",
    "writes",
    "the store, µs",
    "deliveries/s",
  ];
  const rows = loads.flatMap((load) =>
    ways.map(([way, { title }]) => [load, title, ...cellsOf(results.get(way)?.costs.get(load) ?? [])]),
  );
  return table(head, rows);
}

function timeCells(all: readonly Times[]): string[] {
  const median = (of: (times: Times) => number) => (all.length > 0 ? medianOf(all.map(of)).toFixed(2) : "–");
  return [median(({ p10 }) => p10), median(({ p50 }) => p50), median(({ p99 }) => p99)];
}

function timeTable(): string {
  const rows = ways.map(([way, { title }]) => [title, ...timeCells(results.get(way)?.times ?? [])]);
  return table(["ms until two clients have a publication", "p10", "p50", "p99"], rows);
}

/** Ratios of rounds that stood side by side, beside what they are to be. */
function goals(): string {
  const ratio = (one: string, other: string, load: string, of: (cost: Cost) => number) => {
    const [ones, others] = [one, other].map((way) => results.get(way)?.costs.get(load) ?? []);
    return ones?.length && others?.length
      ? medianOf(ones.map((cost, i) => of(cost) / of(others[i] as Cost))).toFixed(2)
      : "–";
  };
  const added = (way: string, of: (times: Times) => number) => {
    const [times, alone] = [results.get(way)?.times ?? [], results.get("one")?.times ?? []];
    return times.length > 0 && alone.length > 0
      ? medianOf(times.map((each, i) => of(each) - of(alone[i] as Times))).toFixed(2)
      : "–";
  };
  const [busiest, servers] = [(cost: Cost) => cost.busiest, (cost: Cost) => cost.servers];
  const ratios = table(
    ["", ...loads, "goal"],
    [
      [
        "1 process, times the busiest of 2 workers",
        ...loads.map((load) => ratio("one", "cluster2", load, busiest)),
        "≥ 1.8",
      ],
      ["the same with 4", ...loads.map((load) => ratio("one", "cluster4", load, busiest)), ""],
      [
        "our CPU on Redis, times the shared relay's",
        ...loads.map((load) => ratio("redis", "relay", load, servers)),
        "≤ 1.2",
      ],
    ],
  );
  const addedBy = (way: string) => [added(way, ({ p10 }) => p10), added(way, ({ p50 }) => p50), "≤ 1"];
  const times = table(
    ["added, ms", "p10", "p50", "goal"],
    [
      ["node:cluster", ...addedBy("cluster2")],
      ["Redis streams", ...addedBy("redis")],
      ["shared relay", ...addedBy("relay").slice(0, 2), ""],
    ],
  );
  return `${ratios}\n\n${times}`;
}
