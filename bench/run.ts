// `npm run bench -- [scenario …] [--rounds=3] [--peers=a,b] [--append] [--profile]`, or `-- --short [row …] [--record]`
import { mkdirSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { PEERS } from "./peers.js";
import { ProfileTable } from "./profile-table.js";
import { tablesOf, writeReport } from "./report.js";
import { isMeasurement, keepResult, RESULTS, type Result, readResults } from "./results.js";
import { endLasting, type Measurement, runOnce } from "./run-once.js";
import { peersOf, referenceOf, roundsOf, SCENARIOS, type Scenario, scenarioOf, whyNot } from "./scenarios.js";
import { measureShort } from "./short.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    peers: { type: "string" },
    append: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});
const scenarios = positionals.length > 0 && !values.short ? positionals.map(scenarioOf) : SCENARIOS;
/** Of a part nothing is kept, unless it is added. */
const isKept = values.append || (positionals.length === 0 && values.peers === undefined);

try {
  if (values.short) await measureShort(positionals, values.record);
  else if (values.profile) await profile();
  else await measure(await present(values.peers?.split(",") ?? wanted()));
} finally {
  await endLasting();
}

/** Whole rounds one after the other: a run that is cut short has figures of everything, and can be gone on with. */
async function measure(peers: readonly string[]): Promise<void> {
  const started = performance.now();
  if (isKept && !values.append) rmSync(RESULTS, { force: true });
  const results = isKept ? readResults() : [];
  for (let number = 0; number < Number(values.rounds); number++) {
    const round = new Date().toISOString();
    for (const [scenario, peer] of lackingIn(number, results, peers)) {
      const result = await tried(scenario, peer, round);
      results.push(result);
      if (isKept) keepResult(result);
      console.log(`${number} ${isMeasurement(result) ? told(result) : toldFailure(result)}`);
    }
  }
  if (isKept) writeReport(results);
  else console.log(`\n${tablesOf(results)}`);
  console.log(`\ntook ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
}

/** What has not so many rounds yet, and what that is compared with, in the order of scenarios. */
function lackingIn(number: number, results: readonly Result[], peers: readonly string[]) {
  const key = (scenario: string, peer: string) => `${scenario} ${peer}`;
  const wanted = new Set<string>();
  for (const scenario of scenarios) {
    for (const peer of peersOf(scenario)) {
      const rounds = results.filter(
        (each) => isMeasurement(each) && each.scenario === scenario.name && each.peer === peer,
      );
      const enough = rounds.length > number || number >= roundsOf(scenario, peer);
      if (enough || !peers.includes(peer) || whyNot(scenario, peer) !== undefined) continue;

      const reference = referenceOf(scenario, peer);
      wanted.add(key(reference.scenario, reference.peer)).add(key(scenario.name, peer));
    }
  }
  return SCENARIOS.flatMap((scenario) =>
    peersOf(scenario)
      .filter((peer) => wanted.has(key(scenario.name, peer)))
      .map((peer) => [scenario, peer] as const),
  );
}

/** One that fails does not end the others; the whole command fails when it is through. */
async function tried(scenario: Scenario, peer: string, round: string): Promise<Result> {
  try {
    return await runOnce({ peer, scenario, round });
  } catch (error) {
    process.exitCode = 1;
    return { peer, scenario: scenario.name, round, failed: (error as Error).message };
  }
}

async function profile(): Promise<void> {
  mkdirSync("build/profiles", { recursive: true });
  const table = new ProfileTable();
  for (const scenario of scenarios) {
    const path = `build/profiles/${scenario.name}.cpuprofile`;
    const measurement = await runOnce({ peer: "express-stomp", scenario, round: "", profile: path });
    console.log(told(measurement));
    table.add(scenario.title, path, measurement.user + measurement.system);
  }
  table.write();
}

/** Those that the scenarios have a row for: nobody else is installed or started. */
function wanted(): string[] {
  return [...new Set(scenarios.flatMap(peersOf))];
}

async function present(names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    const peer = PEERS[name];
    if (peer === undefined) throw new Error(`no peer ${name}: there are ${Object.keys(PEERS).join(", ")}`);
    const why = await peer.missing?.();
    if (why === undefined) found.push(name);
    else console.log(`without ${name}: ${why}`);
  }
  return found;
}

function told({ scenario, peer, user, system, deliveries, seconds, p50, growth, cut }: Measurement): string {
  return (
    `${scenario} ${peer}: ${(user + system).toFixed(2)} µs (${user.toFixed(2)} + ${system.toFixed(2)}), ` +
    `${Math.round(deliveries / seconds / 1000)}k/s, p50 ${p50.toFixed(1)} ms, ` +
    `growth ${(growth / 1e6).toFixed(1)} MB, cut ${cut}`
  );
}

function toldFailure({ scenario, peer, ...failure }: Result): string {
  return `${scenario} ${peer}: failed: ${"failed" in failure ? failure.failed : ""}`;
}
