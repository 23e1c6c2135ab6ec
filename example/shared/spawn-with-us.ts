import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface SpawnWithUsOptions {
  /** Where it runs, and what it keeps: of this run only. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export type SpawnedWithUs = ChildProcessByStdio<null, Readable, Readable>;

/**
 * Becomes the program, and leaves someone behind who reads descriptor 3: that ends when our process does, be it
 * by a signal that nobody can catch. Then the folder is removed, and the group killed.
 */
const WITH_US = '(cat <&3; rm -rf "$0"; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

/**
 * Starts a program that does not outlive this process, however that ends; nor does its folder. It has a process
 * group of its own, so that what it starts goes with it.
 */
export function spawnWithUs(
  command: readonly string[],
  { folder, env = {} }: SpawnWithUsOptions,
): SpawnedWithUs {
  return spawn("sh", ["-c", WITH_US, folder, ...command], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  }) as SpawnedWithUs;
}

/** Kills a program that was started so, and what is left of its group. */
export function killGroup({ pid }: SpawnedWithUs): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // The whole group has ended.
  }
}
