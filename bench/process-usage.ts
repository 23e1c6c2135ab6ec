import { readdirSync, readFileSync } from "node:fs";

/** The kernel counts CPU time in hundredths of a second. */
const TICK_MICROSECONDS = 10_000;
const GROUP = 2;
const UTIME = 11;
const STIME = 12;

export interface Cpu {
  /** Microseconds. */
  readonly user: number;
  readonly system: number;
}

/** What the operating system says a process group has used so far. Linux only. */
export function cpuOf(group: number): Cpu {
  let user = 0;
  let system = 0;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The name in brackets may hold anything.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(fields[GROUP]) !== group) continue;
      user += Number(fields[UTIME]) * TICK_MICROSECONDS;
      system += Number(fields[STIME]) * TICK_MICROSECONDS;
    } catch {
      // It has ended meanwhile.
    }
  }
  return { user, system };
}

/** Bytes that a process has in memory now, and had at most. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return { now: kilobytes("VmRSS") * 1024, peak: kilobytes("VmHWM") * 1024 };
}
