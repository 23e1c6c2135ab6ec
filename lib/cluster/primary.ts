import type { ChildProcess } from "node:child_process";
import cluster, { type Worker as ClusterWorker } from "node:cluster";
import type { Worker } from "node:worker_threads";
import { type Backplane, ConfigurationError } from "../index.js";
import { Hub } from "./hub.js";
import { HubLog } from "./hub-log.js";
import { lineToProcess, lineToThread, localLine } from "./lines.js";
import type { Line, ToHub, ToWorker } from "./words.js";
import { WorkerBackplane } from "./worker-backplane.js";

/** Options of `backplanePrimary`. */
export interface BackplanePrimaryOptions {
  /** Entries of each backplane that are kept in memory, to catch up workers and clients. Default: 10,000. */
  readonly logLength?: number;
  /** Bytes of each backplane that are kept so. Default: 64 MiB. */
  readonly logSize?: number;
}

/** The side of the backplanes that the workers publish to. */
export interface BackplanePrimary {
  /** Serves a thread, or a process that `child_process.fork` started. Workers of node:cluster are served by themselves. */
  connect(worker: Worker | ChildProcess): void;
  /** Gives a backplane for this process, which serves clients too. @param name Default: `express-stomp`. */
  backplane(name?: string): Backplane;
  /** Serves nobody any more. */
  close(): void;
}

/**
 * Serves the backplanes of all workers from the process that starts them: call it there before the first is forked. With
 * `cluster.setupPrimary({ serialization: "advanced" })` before that, bytes travel as they are.
 *
 * @throws ConfigurationError when an option is no whole number from 1
 * @example
 * ```ts
 * if (cluster.isPrimary) {
 *   backplanePrimary();
 *   for (let i = 0; i < availableParallelism(); i++) cluster.fork();
 * } else {
 *   const backplane = clusterBackplane(); // for simpleBroker({ backplane })
 * }
 * ```
 */
export function backplanePrimary(options: BackplanePrimaryOptions = {}): BackplanePrimary {
  const { logLength = 10_000, logSize = 64 * 1024 * 1024 } = options;
  for (const [name, value] of Object.entries({ logLength, logSize })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ConfigurationError(`${name} is a whole number from 1, not ${value}`);
  }
  const hubs = new Map<string, Hub>();
  const stops: (() => void)[] = [];

  function hubOf(name: string): Hub {
    const hub = hubs.get(name) ?? new Hub(name, new HubLog(logLength, logSize));
    hubs.set(name, hub);
    return hub;
  }

  function serve(line: Line<ToWorker, ToHub>): void {
    stops.push(line.listen((name, word) => hubOf(name).hear(line, word)));
    line.onEnd(() => {
      for (const hub of hubs.values()) hub.forget(line);
    });
  }

  const serveForked = (worker: ClusterWorker) => serve(lineToProcess(worker));
  cluster.on("fork", serveForked);
  stops.push(() => cluster.off("fork", serveForked));
  for (const worker of Object.values(cluster.workers ?? {})) if (worker) serveForked(worker);

  return {
    connect: (worker) => serve("postMessage" in worker ? lineToThread(worker) : lineToProcess(worker)),
    backplane(name) {
      const { hub, worker } = localLine();
      serve(hub);
      return new WorkerBackplane(worker, name);
    },
    close() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}
