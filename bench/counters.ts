// `npm run bench:counters`: what the counters of `messaging.stats()` cost a delivery, beside a copy that counts none of it.
import { fork } from "node:child_process";
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { deliveryStation } from "./delivery-station.js";
import { medianOf } from "./median.js";
import { table, writeIntoPage } from "./page.js";
import { stageOf } from "./run-once.js";
import { type Flow, scenarioOf } from "./scenarios.js";
import { makeUncounted } from "./uncounted.js";

const SUBSCRIBERS = 1_000;
/** Few, so that a busy machine is as busy for both: some 20 ms. */
const MESSAGES = 100;
const WARM_UP = 12;
/** V8 compiles the same code otherwise from process to process, by a tenth of its cost: so there are many. */
const PROCESSES = 32;
const TURNS = 24;
const STAGES = 2;
const STAGE_TURNS = 8;
/** The one whose deliveries cost least. */
const SCENARIO = "fan-out-16";

/** Microseconds of CPU for each delivery, counted and not, turn by turn. */
type Turn = readonly [counted: number, uncounted: number];

const [, , ...dists] = process.argv;
if (dists.length > 0) process.send?.(await inProcess(dists.map((dist) => new URL(dist))));
else await measure();
process.exit();

async function measure(): Promise<void> {
  const uncounted = makeUncounted();
  const builds = [pathToFileURL("dist/").href, new URL("dist/", uncounted).href] as const;
  const rows: string[][] = [];
  const processes: Turn[] = [];
  for (let i = 0; i < PROCESSES; i++) processes.push(medians(await turnsOf(builds, i % 2 === 1)));
  rows.push(rowOf("from the broker to the socket, nothing written", processes));
  const scenario = scenarioOf(SCENARIO) as Flow;
  const turns: Turn[] = [];
  for (let i = 0; i < STAGES; i++) turns.push(...(await onTheWire(scenario)));
  rows.push(rowOf(`${scenario.title}, over the wire`, turns));
  writeIntoPage(
    "bench:counters",
    table(["deliveries", "CPU µs", "uncounted", "difference, ns", "ratio", "turns"], rows),
  );
}

function rowOf(what: string, turns: readonly Turn[]): string[] {
  const differences = turns.map(([counted, uncounted]) => 1_000 * (counted - uncounted));
  const ratios = turns.map(([counted, uncounted]) => counted / uncounted);
  const row = [what, ...medians(turns).map((cost) => cost.toFixed(3))];
  row.push(withNoise(differences, 0), withNoise(ratios, 3), `${turns.length}`);
  console.log(row.join(" | "));
  return row;
}

/** A median, and how far it may be off: 1.57 times what the middle half spans, by the root of their number. */
function withNoise(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const quarter = (part: number) => sorted[Math.floor((part * (sorted.length - 1)) / 4)] as number;
  const noise = (1.57 * (quarter(3) - quarter(1))) / Math.sqrt(sorted.length);
  return `${medianOf(sorted).toFixed(digits)} ± ${noise.toFixed(digits)}`;
}

function medians(turns: readonly Turn[]): Turn {
  return [medianOf(turns.map(([counted]) => counted)), medianOf(turns.map(([, uncounted]) => uncounted))];
}

/** Both builds in one process, one after the other: nothing of a kernel is in the way. */
async function turnsOf(builds: readonly string[], reversed: boolean): Promise<readonly Turn[]> {
  const child = fork(new URL(import.meta.url), reversed ? builds.toReversed() : builds);
  const [turns] = (await once(child, "message")) as [readonly Turn[]];
  return reversed ? turns.map(([uncounted, counted]) => [counted, uncounted]) : turns;
}

async function inProcess(dists: readonly URL[]): Promise<readonly Turn[]> {
  const stations = await Promise.all(dists.map((dist) => deliveryStation(dist, SUBSCRIBERS)));
  const turns: Turn[] = [];
  for (let turn = -WARM_UP; turn < TURNS; turn++) {
    const costs: number[] = [];
    for (const i of turn % 2 === 0 ? [0, 1] : [1, 0]) {
      const station = stations[i];
      if (!station) throw new Error("two builds are compared");
      const before = station.written;
      const { user, system } = process.cpuUsage();
      station.publish(MESSAGES);
      const used = process.cpuUsage();
      if (station.written - before !== MESSAGES * SUBSCRIBERS) throw new Error("a delivery was lost");
      costs[i] = (used.user + used.system - user - system) / MESSAGES / SUBSCRIBERS;
      // What the station remembers of a publication ends with the turn of the event loop.
      await new Promise(setImmediate);
    }
    if (turn >= 0) turns.push([costs[0] as number, costs[1] as number]);
  }
  return turns;
}

async function onTheWire(scenario: Flow): Promise<readonly Turn[]> {
  const counted = await stageOf("express-stomp", scenario);
  try {
    const uncounted = await stageOf("express-stomp-uncounted", scenario);
    try {
      const turns: Turn[] = [];
      for (let turn = 0; turn < STAGE_TURNS; turn++) {
        const first = await (turn % 2 === 0 ? counted : uncounted).portion();
        const second = await (turn % 2 === 0 ? uncounted : counted).portion();
        turns.push(turn % 2 === 0 ? [first, second] : [second, first]);
      }
      return turns;
    } finally {
      await uncounted.end();
    }
  } finally {
    await counted.end();
  }
}
