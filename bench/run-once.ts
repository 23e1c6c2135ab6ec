import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadResult } from "./load.js";
import { usageOf } from "./process-usage.js";
import type { Scenario } from "./scenarios.js";

export interface Measurement extends LoadResult {
  readonly peer: string;
  readonly scenario: string;
  /** Names the round: what has the same was measured one after the other. */
  readonly round: string;
  /** Microseconds of the server's CPU for each delivery, or each connection. */
  readonly user: number;
  readonly system: number;
  /** Bytes of memory that the server had more at its peak than before. */
  readonly growth: number;
  /** Bytes of memory that the server has more some seconds after the last connection than before the first. */
  readonly resident: number;
}

export interface Run {
  readonly peer: string;
  readonly scenario: Scenario;
  readonly round: string;
  /** Where a profile of the server goes, if one is wanted. */
  readonly profile?: string | undefined;
}

const SETTLE_MS = 6_000;

/** Runs one scenario against one peer, each in a fresh process. Rejects when anything was lost. */
export async function runOnce({ peer, scenario, round, profile }: Run): Promise<Measurement> {
  // A process group of its own, so that whatever it starts is counted with it, and ended with it.
  const server = fork(new URL("server.js", import.meta.url), profile ? [peer, profile] : [peer], {
    detached: true,
  });
  const group = server.pid as number;
  let load: ChildProcess | undefined;
  try {
    const port = (await answer(server)) as number;
    await delay(200);
    load = fork(new URL("load.js", import.meta.url), [String(port), peer, scenario.name]);
    await answer(load);
    await ask(server, "start");
    const before = usageOf(group);
    const result = (await ask(load, "go")) as LoadResult;
    const after = usageOf(group);
    await ask(server, "stop");
    if (scenario.kind === "connect") await delay(SETTLE_MS);
    const settled = usageOf(group);
    return {
      ...result,
      peer,
      scenario: scenario.name,
      round,
      user: (after.user - before.user) / result.deliveries,
      system: (after.system - before.system) / result.deliveries,
      growth: settled.memoryPeak - before.memory,
      resident: settled.memory - before.memory,
    };
  } finally {
    load?.kill("SIGKILL");
    await end(server);
  }
}

/** Ends a server, and then what it has started. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode === null) {
    const exited = once(server, "exit");
    server.kill("SIGTERM");
    await exited;
  }
  try {
    process.kill(-(server.pid as number), "SIGKILL");
  } catch {
    // Nothing is left of its group.
  }
}

function ask(child: ChildProcess, message: string): Promise<unknown> {
  child.send(message);
  return answer(child);
}

function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null) => reject(new Error(`ended with ${code}: something was lost`));
    child.once("exit", exited);
    child.once("message", (message) => {
      child.off("exit", exited);
      resolve(message);
    });
  });
}
