import { once } from "node:events";
import { ForkedServer } from "./forked-server.js";

/** What a worker has heard of the others and itself. */
export interface HeardByWorker {
  readonly pid: number;
  readonly texts: readonly string[];
  readonly gaps: readonly number[];
}

/** A primary of node:cluster with its workers. */
export class ClusterProcess extends ForkedServer {
  static async of(workers: number, serialization: "json" | "advanced" = "json"): Promise<ClusterProcess> {
    return new ClusterProcess(
      ...(await ForkedServer.run("cluster-program.js", [`${workers}`, serialization])),
    );
  }

  /** Lets all workers publish so much at once; gives what each has heard. */
  async publish(count: number): Promise<readonly HeardByWorker[]> {
    return (await this.#ask({ publish: count }, "heard")) as readonly HeardByWorker[];
  }

  /** Kills a worker; gives the one that has taken its place. */
  async replace(pid: number): Promise<number> {
    return (await this.#ask({ kill: pid }, "replacedBy")) as number;
  }

  async #ask(question: object, answer: string): Promise<unknown> {
    this.child.send(question);
    const [message] = (await once(this.child, "message")) as [Record<string, unknown>];
    return message[answer];
  }
}
