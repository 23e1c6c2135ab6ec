// What a delivery costs the broker and our servers: with connections of the clients' own, with a bare pipe in their
// place, with shared ones, and with clients straight on RabbitMQ. `npm run bench:relay`, or `… -- --clients=500 --rounds=1`. Linux only.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { type Dialect, RABBITMQ, STOMP } from "./dialect.js";
import { medianOf } from "./median.js";
import { table } from "./page.js";
import { missing, rabbitMqWithStomp } from "./peers/rabbitmq.js";
import { restOf, TICK_MICROSECONDS, usageOf } from "./process-usage.js";
import { publisherTo } from "./publisher.js";
import { RawClient } from "./raw-client.js";

interface Cost {
  /** Microseconds of CPU for each delivery, and in all. */
  readonly broker: number;
  readonly servers: number;
  readonly brokerTicks: number;
  readonly publications: number;
}

interface Way {
  readonly dialect: Dialect;
  readonly ports: readonly number[];
  /** Process groups of our servers. */
  readonly servers: readonly number[];
}

const WAYS = ["pipe", "own", "shared", "straight"] as const;
/** A client of the broker's, where the server has its WebSockets: without an EOL behind a frame. */
const THROUGH_PIPE: Dialect = { ...RABBITMQ, path: STOMP.path, behindPayload: STOMP.behindPayload };
const SERVERS = 2;
const AT_A_TIME = 20;
const WARM_UP = 40;
/** Publications go on until the broker's CPU is this much, so that the kernel's clock counts it finely … */
const ENOUGH_TICKS = 200;
const PORTION = 20;
/** … but no further. */
const MOST = 6_000;
const LIMIT_MS = 40_000;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    ways: { type: "string", default: WAYS.join(",") },
  },
});
const ways = WAYS.filter((way) => values.ways.split(",").includes(way));
const clientCount = Number(values.clients);
const why = missing();
if (why !== undefined) throw new Error(why);

const broker = await rabbitMqWithStomp();
const costs = new Map<string, Cost[]>(WAYS.map((way) => [way, []]));
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of ways) {
      const cost = await measure(way);
      costs.get(way)?.push(cost);
      console.log(
        `${round} ${way}: ${cost.broker.toFixed(2)} µs of the broker (${cost.brokerTicks} ticks), ` +
          `${cost.servers.toFixed(2)} µs of the servers for each delivery, ${cost.publications} publications`,
      );
    }
  }
} finally {
  await broker.stop();
}
console.log(`\n${summary()}`);
process.exit();

async function measure(way: (typeof WAYS)[number]): Promise<Cost> {
  const children =
    way === "straight" ? [] : await Promise.all(Array.from({ length: SERVERS }, () => start(way)));
  const clients: RawClient[] = [];
  try {
    const ours = {
      ports: children.map(({ port }) => port),
      servers: children.map(({ child }) => child.pid as number),
    };
    const { dialect, ports, servers }: Way =
      way === "straight"
        ? { dialect: RABBITMQ, ports: [broker.webStompPort], servers: [] }
        : { dialect: way === "pipe" ? THROUGH_PIPE : STOMP, ...ours };
    while (clients.length < clientCount) {
      const length = Math.min(AT_A_TIME, clientCount - clients.length);
      const some = Array.from({ length }, (_, i) =>
        RawClient.connect(ports[i % ports.length] as number, dialect),
      );
      clients.push(...(await Promise.all(some)));
    }
    const publish = await publisherTo(clients, dialect);
    await publish(WARM_UP);
    for (const group of [broker.group, ...servers]) await restOf(group);

    const used = () => [cpuOf([broker.group]), cpuOf(servers)] as const;
    const [brokerBefore, serversBefore] = used();
    const started = performance.now();
    let publications = 0;
    let [brokerNow, serversNow] = used();
    do {
      await publish(PORTION);
      publications += PORTION;
      [brokerNow, serversNow] = used();
    } while (
      (brokerNow - brokerBefore) / TICK_MICROSECONDS < ENOUGH_TICKS &&
      publications < MOST &&
      performance.now() - started < LIMIT_MS
    );
    const deliveries = publications * clientCount;
    return {
      broker: (brokerNow - brokerBefore) / deliveries,
      servers: (serversNow - serversBefore) / deliveries,
      brokerTicks: (brokerNow - brokerBefore) / TICK_MICROSECONDS,
      publications,
    };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await Promise.all(children.map(({ child }) => end(child)));
    await restOf(broker.group);
  }
}

async function start(way: "pipe" | "own" | "shared"): Promise<{ child: ChildProcess; port: number }> {
  const options = { destinationPrefixes: ["/topic"], relayPort: broker.port, connections: way };
  const [file, argument] =
    way === "pipe" ? ["relay-pipe.js", String(broker.port)] : ["relay-server.js", JSON.stringify(options)];
  const child = fork(new URL(file, import.meta.url), [argument], { detached: true });
  const [port] = (await once(child, "message")) as [number];
  return { child, port };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;

  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function cpuOf(groups: readonly number[]): number {
  return groups.map(usageOf).reduce((sum, { user, system }) => sum + user + system, 0);
}

function summary(): string {
  const measured = [...costs].filter(([, rounds]) => rounds.length > 0);
  const rows = measured.map(([way, rounds]) => [
    way,
    medianOf(rounds.map((each) => each.broker)).toFixed(2),
    way === "straight" ? "–" : medianOf(rounds.map((each) => each.servers)).toFixed(2),
    String(Math.min(...rounds.map(({ brokerTicks }) => brokerTicks))),
    String(rounds.length),
  ]);
  const head = ["connections", "the broker, µs", "our servers, µs", "ticks of the broker, least", "rounds"];
  const ratio = (one: string, other: string, part: "broker" | "servers") => {
    const ratios = (costs.get(one) ?? []).flatMap((cost, i) => {
      const beside = costs.get(other)?.[i];
      return beside ? [cost[part] / beside[part]] : [];
    });
    return ratios.length > 0 ? medianOf(ratios).toFixed(2) : "–";
  };
  return (
    `${table(head, rows)}\n\nour servers, with own connections: ${ratio("own", "pipe", "servers")} of the pipe\n` +
    `the broker, own connections beside shared ones: ${ratio("own", "shared", "broker")}`
  );
}
