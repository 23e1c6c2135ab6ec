// `npm run bench -- [scenario …] [--rounds=3] [--peers=a,b] [--append] [--profile]`
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { PEERS } from "./peers.js";
import { ProfileTable } from "./profile-table.js";
import { MEASUREMENTS, writeReport } from "./report.js";
import { type Measurement, runOnce } from "./run-once.js";
import { peersOf, SCENARIOS, scenarioOf } from "./scenarios.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    peers: { type: "string", default: Object.keys(PEERS).join(",") },
    append: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
  },
});
const scenarios = positionals.length > 0 ? positionals.map(scenarioOf) : SCENARIOS;
const peers = await present(values.profile ? ["express-stomp"] : values.peers.split(","));

if (values.profile) await profile();
else await measure();

/** Whole rounds one after the other: a run that is cut short has figures of everything. */
async function measure(): Promise<void> {
  if (!values.append) rmSync(MEASUREMENTS, { force: true });
  for (let number = 0; number < Number(values.rounds); number++) {
    const round = new Date().toISOString();
    for (const scenario of scenarios) {
      for (const peer of peersOf(scenario).filter((able) => peers.includes(able))) {
        const measurement = await runOnce({ peer, scenario, round });
        appendFileSync(MEASUREMENTS, `${JSON.stringify(measurement)}\n`);
        console.log(`${number} ${told(measurement)}`);
      }
    }
  }
  writeReport();
}

async function profile(): Promise<void> {
  mkdirSync("build/profiles", { recursive: true });
  const table = new ProfileTable();
  for (const scenario of scenarios.filter((each) => peersOf(each).includes("express-stomp"))) {
    const path = `build/profiles/${scenario.name}.cpuprofile`;
    const measurement = await runOnce({ peer: "express-stomp", scenario, round: "", profile: path });
    console.log(told(measurement));
    table.add(scenario.title, path, measurement.user + measurement.system);
  }
  table.write();
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
