// `npm run bench -- [scenario …] [--rounds=3] [--peers=a,b] [--profile] [--write]`
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { MEASUREMENTS, writeReport } from "./report.js";
import { runOnce } from "./run-once.js";
import { peersOf, SCENARIOS } from "./scenarios.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    peers: { type: "string", default: "ws-loop,ws-preframed,ws-by-hand,express-stomp" },
    profile: { type: "boolean", default: false },
    append: { type: "boolean", default: false },
  },
});
const peers = values.peers.split(",");
const execArgv = values.profile ? ["--cpu-prof", "--cpu-prof-dir=build/profiles"] : [];
if (values.profile) mkdirSync("build/profiles", { recursive: true });

if (!values.append) rmSync(MEASUREMENTS, { force: true });
for (const scenario of SCENARIOS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
)) {
  const able = peersOf(scenario).filter((peer) => peers.includes(peer));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of able) {
      const measurement = await runOnce(peer, scenario, execArgv);
      appendFileSync(MEASUREMENTS, `${JSON.stringify(measurement)}\n`);
      const { user, system, deliveries, seconds } = measurement;
      console.log(
        `${scenario.name} ${round} ${peer}: ${(user + system).toFixed(2)} µs (${user.toFixed(2)} + ${system.toFixed(2)}), ` +
          `${Math.round(deliveries / seconds / 1000)}k/s, p50 ${measurement.p50.toFixed(1)} ms, ` +
          `growth ${(measurement.growth / 1e6).toFixed(1)} MB, cut ${measurement.cut}`,
      );
    }
  }
}
writeReport();
