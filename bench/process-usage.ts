import { readdirSync, readFileSync } from "node:fs";

/** The kernel counts CPU time in hundredths of a second. */
const TICK_MICROSECONDS = 10_000;
const GROUP = 2;
const UTIME = 11;
const STIME = 12;

export interface Usage {
  /** Microseconds of CPU so far. */
  readonly user: number;
  readonly system: number;
  /** Bytes in memory now, and each process's most. */
  readonly memory: number;
  readonly memoryPeak: number;
}

/** What the operating system says a process group uses. Linux only. */
export function usageOf(group: number): Usage {
  const usage = { user: 0, system: 0, memory: 0, memoryPeak: 0 };
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The name in brackets may hold anything.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(fields[GROUP]) !== group) continue;
      usage.user += Number(fields[UTIME]) * TICK_MICROSECONDS;
      usage.system += Number(fields[STIME]) * TICK_MICROSECONDS;
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      usage.memory += kilobytes(status, "VmRSS") * 1024;
      usage.memoryPeak += kilobytes(status, "VmHWM") * 1024;
    } catch {
      // It has ended meanwhile.
    }
  }
  return usage;
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}
