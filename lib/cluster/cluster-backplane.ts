import { type Backplane, ConfigurationError } from "../index.js";
import { lineToParent } from "./lines.js";
import { WorkerBackplane } from "./worker-backplane.js";

/** Options of `clusterBackplane`. */
export interface ClusterBackplaneOptions {
  /** Tells several backplanes of one application apart. Default: `express-stomp`. */
  readonly name?: string;
}

/**
 * Makes a backplane between the workers of node:cluster, or worker threads, of one machine, through the process that
 * starts them, which has called `backplanePrimary()`. It remembers as long as that runs.
 *
 * @throws ConfigurationError in a process that nobody has started so, such as the primary
 * @example
 * ```ts
 * const backplane = clusterBackplane(); // for simpleBroker({ backplane })
 * ```
 */
export function clusterBackplane({ name }: ClusterBackplaneOptions = {}): Backplane {
  const line = lineToParent();
  if (!line) {
    throw new ConfigurationError(
      "clusterBackplane() is for workers: of node:cluster, of worker threads or of child_process.fork. Where backplanePrimary() is called, its backplane() is the one to use",
    );
  }
  return new WorkerBackplane(line, name);
}
