import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadResult } from "./load.js";
import { PEERS, type Started } from "./peers.js";
import { forgetPeak, restOf, usageOf } from "./process-usage.js";
import type { Flow, Scenario } from "./scenarios.js";

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
  /** The same with both after a garbage collection, before the first in another process; `undefined` where none can be had. */
  readonly collected?: number | undefined;
}

export interface Run {
  readonly peer: string;
  readonly scenario: Scenario;
  readonly round: string;
  /** Where a profile of the server goes, if one is wanted. */
  readonly profile?: string | undefined;
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  /** The process group whose CPU and memory count. */
  readonly group: number;
}

const SETTLE_MS = 6_000;

/** Those that serve all runs, by peer. */
const lasting = new Map<string, Server>();

/** A peer and its load, each in a process of its own, that stand ready for portions of a scenario. */
export interface Stage {
  /** Runs a portion. Gives microseconds of the server's CPU for each delivery. Rejects when anything was lost. */
  portion(): Promise<number>;
  end(): Promise<void>;
}

/** Portions at the most until V8 has compiled what runs: on a busy machine few publications fit into one. */
const WARM_UP_PORTIONS = 8;
/** The part of a scenario's publications by which it has. */
const WARM_UP_PART = 1 / 3;

/** Brings up a peer and its load, to run portions in turn with those of another peer. */
export async function stageOf(peer: string, scenario: Flow): Promise<Stage> {
  const { child, port, group } = await start(peer, undefined);
  const load = loadOf(port, peer, scenario);
  const stop = async () => {
    load.kill("SIGKILL");
    await end(child);
  };
  try {
    await answer(load);
    const enough = (WARM_UP_PART * scenario.publications * scenario.subscribers) / scenario.topics;
    for (let portions = 0, done = 0; portions < WARM_UP_PORTIONS && done < enough; portions++) {
      done += ((await ask(load, "go")) as LoadResult).deliveries;
    }
    await restOf(group);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    portion: async () => {
      const before = usageOf(group);
      const { deliveries } = (await ask(load, "go")) as LoadResult;
      return (usageOf(group).exact - before.exact) / deliveries;
    },
    end: stop,
  };
}

/** Runs one scenario against one peer, each in a fresh process. Rejects when anything was lost. */
export async function runOnce({ peer, scenario, round, profile }: Run): Promise<Measurement> {
  const isConnect = scenario.kind === "connect";
  const empty = isConnect ? await emptyOf(peer) : undefined;
  const server = lasting.get(peer) ?? (await start(peer, profile));
  const { child, group } = server;
  let load: ChildProcess | undefined;
  try {
    await restOf(group);
    load = loadOf(server.port, peer, scenario);
    await answer(load);
    if (isConnect) await restOf(group);
    await ask(child, "start");
    forgetPeak(group);
    const before = usageOf(group);
    const result = (await ask(load, "go")) as LoadResult;
    const after = usageOf(group);
    await ask(child, "stop");
    if (isConnect) await delay(SETTLE_MS);
    const settled = usageOf(group);
    const full = isConnect ? await collected(server) : undefined;
    return {
      ...result,
      peer,
      scenario: scenario.name,
      round,
      user: (after.user - before.user) / result.deliveries,
      system: (after.system - before.system) / result.deliveries,
      growth: Math.max(0, settled.memoryPeak - before.memory),
      resident: settled.memory - before.memory,
      collected: full && empty ? full - empty : undefined,
    };
  } finally {
    load?.kill("SIGKILL");
    if (!lasting.has(peer)) await end(child);
  }
}

/** Ends the servers that served all runs. */
export async function endLasting(): Promise<void> {
  await Promise.all([...lasting.values()].map(({ child }) => end(child)));
  lasting.clear();
}

function loadOf(port: number, peer: string, scenario: Scenario): ChildProcess {
  return fork(new URL("load.js", import.meta.url), [String(port), peer, scenario.name]);
}

async function start(peer: string, profile: string | undefined): Promise<Server> {
  // A process group of its own, so that whatever it starts is counted with it, and ended with it.
  const child = fork(new URL("server.js", import.meta.url), profile ? [peer, profile] : [peer], {
    detached: true,
  });
  const { port, group = child.pid as number } = (await answer(child)) as Started;
  const server = { child, port, group };
  if (PEERS[peer]?.isLasting) lasting.set(peer, server);
  return server;
}

/** What a server has that nobody has connected to: in a process of its own, since a collection costs what comes next. */
async function emptyOf(peer: string): Promise<number | undefined> {
  if (PEERS[peer]?.isLasting) return undefined;

  const server = await start(peer, undefined);
  try {
    await restOf(server.group);
    return await collected(server);
  } finally {
    await end(server.child);
  }
}

/** Bytes of memory after a garbage collection; `undefined` where we cannot ask for one. */
async function collected({ child, group }: Server): Promise<number | undefined> {
  if (group !== child.pid) return undefined;

  await ask(child, "collect");
  return usageOf(group).memory;
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
    const exited = (code: number | null) => reject(new Error(`ended with ${code}`));
    child.once("exit", exited);
    child.once("message", (message: { readonly failed?: string }) => {
      child.off("exit", exited);
      if (message.failed === undefined) resolve(message);
      else reject(new Error(message.failed));
    });
  });
}
