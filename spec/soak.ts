// `npm run soak [cycles] [idle]`: ten thousand clients that come and go, in four ways, then ten thousand at once
// that are idle, at a server in a process of its own. Fails when memory stays behind.
// `npm run soak faults [clients] [messages]`: clients that come and go over lines that stall, tear and delay, without
// and with interceptors that wait. Fails when anything that was promised is lost, doubled or reordered.
import "reflect-metadata";
import { execSync } from "node:child_process";
import { faultSoak } from "./support/fault-soak.js";
import { NOT_A_LEAK, soak } from "./support/soak.js";

if (process.argv[2] === "faults") {
  const clients = Number(process.argv[3] ?? 200);
  const messages = Number(process.argv[4] ?? 20_000);
  for (const isAsync of [false, true]) {
    const { published, deliveries, faults, wrong } = await faultSoak({ clients, messages, isAsync });
    console.log(
      `${clients} clients, ${published} messages, ${deliveries} deliveries, ${faults} faults of lines, ` +
        `interceptors that ${isAsync ? "wait" : "are none"}: ${wrong.length} wrong ${wrong.slice(0, 5).join("; ")}`,
    );
    if (wrong.length > 0) process.exitCode = 1;
  }
  process.exit();
}

const cycles = Number(process.argv[2] ?? 10_000);
const wanted = Number(process.argv[3] ?? 10_000);

/** Both processes need a file descriptor for each connection, and some for themselves. */
const allowed = Number(execSync("ulimit -Hn", { encoding: "utf8" })) - 200;
const idle = Number.isNaN(allowed) ? wanted : Math.min(wanted, allowed);
if (idle < wanted) console.log(`ulimit -n allows ${idle} connections, not ${wanted}`);

const started = performance.now();
const { grownByCycles, rssOfIdle, grownByIdle, heard } = await soak({ cycles, idle });
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `${cycles} clients came and went: ${grownByCycles} bytes of heap stayed behind; ` +
    `${idle} were idle: ${(rssOfIdle / 1024).toFixed(1)} KiB of RSS each, ${heard} heard a message, ` +
    `${grownByIdle} bytes of heap stayed behind; ${seconds} s`,
);
const isFine = grownByCycles < NOT_A_LEAK && grownByIdle < NOT_A_LEAK && heard === idle;
process.exitCode = isFine ? 0 : 1;
