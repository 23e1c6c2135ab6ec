import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The kernel counts CPU time in hundredths of a second. */
export const TICK_MICROSECONDS = 10_000;
const GROUP = 2;
const UTIME = 11;
const STIME = 12;
const REST_MS = 200;
const REST_LIMIT_MS = 60_000;

export interface Usage {
  /** Microseconds of CPU so far. */
  readonly user: number;
  readonly system: number;
  /** Both together as the scheduler counts them, to the nanosecond: of the threads that are still there. */
  readonly exact: number;
  /** Bytes in memory now, and each process's most. */
  readonly memory: number;
  readonly memoryPeak: number;
}

/** What the operating system says a process group uses. Linux only. */
export function usageOf(group: number): Usage {
  const usage = { user: 0, system: 0, exact: 0, memory: 0, memoryPeak: 0 };
  for (const { pid, fields } of processesOf(group)) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      usage.user += Number(fields[UTIME]) * TICK_MICROSECONDS;
      usage.system += Number(fields[STIME]) * TICK_MICROSECONDS;
      usage.exact += exactOf(pid);
      usage.memory += kilobytes(status, "VmRSS") * 1024;
      usage.memoryPeak += kilobytes(status, "VmHWM") * 1024;
    } catch {
      // It has ended meanwhile.
    }
  }
  return usage;
}

/** What one process has used so far. */
export interface ProcessUsage {
  /** Microseconds of CPU, as the scheduler counts them: of the threads that are still there. */
  readonly cpu: number;
  /** Calls of the kernel that write something. */
  readonly writes: number;
}

/** What each process of a group has used so far. Linux only. */
export function usageOfEach(group: number): ReadonlyMap<string, ProcessUsage> {
  return new Map(
    processesOf(group).flatMap(({ pid }): [string, ProcessUsage][] => {
      try {
        const writes = Number(/^syscw: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "latin1"))?.[1] ?? 0);
        return [[pid, { cpu: exactOf(pid), writes }]];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    }),
  );
}

/** Waits until a process group has hardly anything to do. */
export async function restOf(group: number): Promise<void> {
  let before = usageOf(group);
  for (let waited = 0; waited < REST_LIMIT_MS; waited += REST_MS) {
    await delay(REST_MS);
    const now = usageOf(group);
    if (now.user + now.system - before.user - before.system <= 2 * TICK_MICROSECONDS) return;
    before = now;
  }
  throw new Error("the server does not come to rest");
}

/** Makes what the group has in memory now the most that it had. */
export function forgetPeak(group: number): void {
  for (const { pid } of processesOf(group)) writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function processesOf(group: number): { readonly pid: string; readonly fields: readonly string[] }[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The name in brackets may hold anything.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(fields[GROUP]) === group ? [{ pid, fields }] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

function exactOf(pid: string): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ", 1)[0]);
  }
  return nanoseconds / 1000;
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}
