// `npm run bench:giving-way`: what it costs a hundred who read that one beside them does not keep up, since senders
// give way to that one for a while. Each run has a server of its own; the load is a closed loop over those who read.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { STOMP } from "./dialect.js";
import { medianOf } from "./median.js";
import { table, writeIntoPage } from "./page.js";
import type { Started } from "./peers.js";
import { restOf, usageOf } from "./process-usage.js";
import { masked, NUMBER_LENGTH, RawClient } from "./raw-client.js";

const READERS = 100;
const SIZE = 16_384;
const IN_FLIGHT = 4;
const RUN_MS = 4_000;
const ROUNDS = 3;
const TOPIC = STOMP.topic("giving-way");

/** What the one beside them does: nothing; or it reads so many messages, and rests for so many milliseconds. */
interface Neighbour {
  readonly what: string;
  readonly reads?: number;
  readonly restsMs?: number;
}

const NEIGHBOURS: readonly Neighbour[] = [
  { what: "nobody" },
  { what: "one more who reads", reads: Number.POSITIVE_INFINITY, restsMs: 0 },
  { what: "one who reads some 2 MB/s", reads: 12, restsMs: 100 },
  { what: "one who reads some 200 kB/s", reads: 12, restsMs: 1_000 },
  { what: "one who reads nothing", reads: 0, restsMs: Number.POSITIVE_INFINITY },
];

interface Figures {
  /** Microseconds of the server's CPU for each delivery. */
  readonly cpu: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  readonly isCut: boolean;
}

async function measure(neighbour: Neighbour): Promise<Figures> {
  const server = fork(new URL("server.js", import.meta.url), ["express-stomp"], { detached: true });
  try {
    const [{ port }] = (await once(server, "message")) as [Started];
    const { run, odd } = await prepare(port, neighbour);
    await run(RUN_MS / 8);
    await restOf(server.pid as number);
    stall(odd, neighbour);
    const before = usageOf(server.pid as number);
    const { times, seconds } = await run(RUN_MS);
    const after = usageOf(server.pid as number);
    const deliveries = times.length * READERS;
    odd?.resume();
    return {
      cpu: (after.user + after.system - before.user - before.system) / deliveries,
      rate: deliveries / seconds,
      p50: times[Math.floor(times.length / 2)] as number,
      p99: times[Math.floor(times.length * 0.99)] as number,
      longest: times.at(-1) as number,
      isCut: odd ? await isCut(odd) : false,
    };
  } finally {
    await end(server);
  }
}

async function prepare(port: number, { reads }: Neighbour) {
  const underWay = new Map<number, { remaining: number; at: number }>();
  let completed: (at: number) => void = () => {};
  for (let i = 0; i < READERS; i++) {
    const client = await RawClient.connect(port, STOMP);
    await client.subscribe(TOPIC, "s");
    client.onMessage = (number) => {
      const publication = underWay.get(number);
      if (!publication || --publication.remaining > 0) return;
      underWay.delete(number);
      completed(publication.at);
    };
  }
  const odd = reads === undefined ? undefined : await RawClient.connect(port, STOMP);
  await odd?.subscribe(TOPIC, "s");
  const publisher = await RawClient.connect(port, STOMP);

  let next = 0;
  const publish = () => {
    const number = next++;
    underWay.set(number, { remaining: READERS, at: performance.now() });
    const text = String(number).padStart(NUMBER_LENGTH, "0").padStart(SIZE, "x");
    publisher.write(masked(STOMP.send(TOPIC, "text/plain", text)));
  };
  const run = async (ms: number) => {
    const times: number[] = [];
    const start = performance.now();
    await new Promise<void>((resolve) => {
      completed = (at) => {
        const now = performance.now();
        times.push(now - at);
        if (now - start < ms) publish();
        else if (underWay.size === 0) resolve();
      };
      for (let i = 0; i < IN_FLIGHT; i++) publish();
    });
    const seconds = (performance.now() - start) / 1000;
    return { times: times.sort((a, b) => a - b), seconds };
  };
  return { run, odd };
}

/** Lets it read no faster than it is said to. */
function stall(client: RawClient | undefined, { reads = 0, restsMs = 0 }: Neighbour): void {
  if (!client || reads === Number.POSITIVE_INFINITY) return;
  let read = 0;
  const rest = () => {
    read = 0;
    client.pause();
    if (restsMs !== Number.POSITIVE_INFINITY) setTimeout(() => client.resume(), restsMs).unref();
  };
  client.onMessage = () => {
    if (++read === reads) rest();
  };
  if (reads === 0) rest();
}

/** Whether the server has closed its connection; what it has still to read comes before. */
async function isCut(client: RawClient): Promise<boolean> {
  client.onMessage = () => {};
  for (let waited = 0; waited < 3_000 && !client.closed; waited += 100) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return client.closed;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exited = once(server, "exit");
  server.kill("SIGTERM");
  await exited;
}

const measured = NEIGHBOURS.map((): Figures[] => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, neighbour] of NEIGHBOURS.entries()) {
    const figures = await measure(neighbour);
    console.log(neighbour.what, figures);
    measured[i]?.push(figures);
  }
}
const rows = NEIGHBOURS.map(({ what }, i) => {
  const figures = measured[i] ?? [];
  const median = (name: Exclude<keyof Figures, "isCut">) => medianOf(figures.map((each) => each[name]));
  return [
    what,
    median("cpu").toFixed(2),
    `${Math.round(median("rate") / 1000)}k`,
    `${median("p50").toFixed(1)} / ${median("p99").toFixed(1)} / ${median("longest").toFixed(0)}`,
    figures.filter(({ isCut }) => isCut).length > ROUNDS / 2 ? "yes" : "no",
  ];
});
const head = ["beside them", "CPU µs", "deliveries/s", "p50 / p99 / longest ms", "that one is ended"];
writeIntoPage("bench:giving-way", table(head, rows));
process.exit();
