// One peer, in a process of its own. Says its port, and writes a profile of what lies between "start" and "stop".
import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { PEERS, type Started } from "./peers.js";

const SAMPLE_MICROSECONDS = 100;

const [name = "", profile] = process.argv.slice(2);
const peer = PEERS[name];
if (peer === undefined) throw new Error(`no peer ${name}`);

const { port, group = process.pid, stop } = await peer.start();
// Who asked for it may have gone meanwhile.
if (process.connected) process.send?.({ port, group } satisfies Started);
else await end();

const inspector = new Session();
process.on("message", (message) => void told(message));
process.once("disconnect", () => void end());
process.once("SIGTERM", () => void end());

async function told(message: unknown): Promise<void> {
  if (message === "collect") await collect();
  else if (profile !== undefined) await (message === "start" ? startProfile() : writeProfile(profile));
  process.send?.("done");
}

async function end(): Promise<void> {
  await stop?.();
  process.exit();
}

/** All that is garbage, and what V8 holds in reserve. */
async function collect(): Promise<void> {
  const collector = new Session();
  collector.connect();
  await collector.post("HeapProfiler.collectGarbage");
  collector.disconnect();
}

async function startProfile(): Promise<void> {
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
  await inspector.post("Profiler.start");
}

async function writeProfile(path: string): Promise<void> {
  writeFileSync(path, JSON.stringify((await inspector.post("Profiler.stop")).profile));
}
