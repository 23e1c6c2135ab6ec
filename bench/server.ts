// One peer, in a process of its own. Says its port, and writes a profile of what lies between "start" and "stop".
import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { PEERS } from "./peers.js";

const SAMPLE_MICROSECONDS = 100;

const [name = "", profile] = process.argv.slice(2);
const peer = PEERS[name];
if (peer === undefined) throw new Error(`no peer ${name}`);

process.send?.(await peer.start());

const inspector = new Session();
process.on("message", (message) => void told(message));
process.once("disconnect", () => process.exit());
process.once("SIGTERM", () => process.exit());

async function told(message: unknown): Promise<void> {
  if (profile !== undefined) await (message === "start" ? startProfile() : writeProfile(profile));
  process.send?.("done");
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
