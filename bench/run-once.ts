import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadResult } from "./load.js";
import { cpuOf, memoryOf } from "./process-usage.js";
import type { Scenario } from "./scenarios.js";

export interface Measurement extends LoadResult {
  readonly peer: string;
  readonly scenario: string;
  /** Microseconds of the server's CPU for each delivery, or each connection. */
  readonly user: number;
  readonly system: number;
  /** Bytes of memory that the server had more at its peak than before. */
  readonly growth: number;
  /** Bytes of memory that the server has more some seconds after the last connection than before the first. */
  readonly resident: number;
}

const SETTLE_MS = 6_000;

/** Runs one scenario against one peer, each in a fresh process. Rejects when anything was lost. */
export async function runOnce(
  peer: string,
  scenario: Scenario,
  execArgv: readonly string[] = [],
): Promise<Measurement> {
  // A process group of its own, so that whatever it starts is counted with it.
  const server = fork(new URL("server.js", import.meta.url), [peer], {
    detached: true,
    execArgv: [...execArgv],
  });
  const pid = server.pid as number;
  let load: ChildProcess | undefined;
  try {
    const port = (await answer(server)) as number;
    await delay(200);
    load = fork(new URL("load.js", import.meta.url), [String(port), scenario.name], { execArgv: [] });
    await answer(load);
    const memory = memoryOf(pid).now;
    const before = cpuOf(pid);
    load.send("go");
    const result = (await answer(load)) as LoadResult;
    const after = cpuOf(pid);
    if (scenario.kind === "connect") await delay(SETTLE_MS);
    return {
      ...result,
      peer,
      scenario: scenario.name,
      user: (after.user - before.user) / result.deliveries,
      system: (after.system - before.system) / result.deliveries,
      growth: memoryOf(pid).peak - memory,
      resident: memoryOf(pid).now - memory,
    };
  } finally {
    load?.kill("SIGKILL");
    if (server.exitCode === null) {
      const exited = once(server, "exit");
      server.kill("SIGTERM");
      await exited;
    }
  }
}

async function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null) => reject(new Error(`ended with ${code}: something was lost`));
    child.once("exit", exited);
    child.once("message", (message) => {
      child.off("exit", exited);
      resolve(message);
    });
  });
}
