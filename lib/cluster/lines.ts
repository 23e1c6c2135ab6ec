import type { ChildProcess } from "node:child_process";
import { type Worker as ClusterWorker } from "node:cluster";
import { isMainThread, type MessagePort, parentPort, type Worker } from "node:worker_threads";
import { type Addressed, addressed, type Line, type ToHub, type ToWorker } from "./words.js";

/** Either end of a line of Node's. */
interface End {
  on(event: "message", listener: (message: unknown) => void): unknown;
  off(event: "message", listener: (message: unknown) => void): unknown;
}

/** The line to a worker of node:cluster, or to a process that `child_process.fork` started. */
export function lineToProcess(worker: ClusterWorker | ChildProcess): Line<ToWorker, ToHub> {
  const process = "process" in worker ? worker.process : worker;
  return {
    ...line<ToWorker, ToHub>(worker, (message) => {
      // That it has ended is heard soon.
      if (process.connected) process.send(message, () => {});
    }),
    onEnd: (ended) => void process.once("disconnect", ended),
  };
}

export function lineToThread(worker: Worker): Line<ToWorker, ToHub> {
  return {
    ...line<ToWorker, ToHub>(worker, (message) => worker.postMessage(message)),
    onEnd: (ended) => void worker.once("exit", ended),
  };
}

/** The line from this thread or process to the one that started it; none when nobody did. */
export function lineToParent(): Line<ToHub, ToWorker> | undefined {
  if (!isMainThread) {
    const port = parentPort as MessagePort;
    return {
      ...line<ToHub, ToWorker>(port, (message) => port.postMessage(message)),
      onEnd: (ended) => void port.once("close", ended),
    };
  }
  if (!process.send) return undefined;
  return {
    ...line<ToHub, ToWorker>(process, (message) => {
      if (process.connected) process.send?.(message, undefined, undefined, () => {});
    }),
    onEnd: (ended) => void process.once("disconnect", ended),
  };
}

/** A line within this process. */
export function localLine(): { hub: Line<ToWorker, ToHub>; worker: Line<ToHub, ToWorker> } {
  const [toHub, toWorker] = [new Set<Hears<ToHub>>(), new Set<Hears<ToWorker>>()];
  return { hub: localEnd(toWorker, toHub), worker: localEnd(toHub, toWorker) };
}

type Hears<T> = (name: string, word: T) => void;

function localEnd<Out, In>(others: Set<Hears<Out>>, own: Set<Hears<In>>): Line<Out, In> {
  return {
    post(name, word) {
      queueMicrotask(() => {
        for (const hear of others) hear(name, word);
      });
    },
    listen(hear) {
      own.add(hear);
      return () => own.delete(hear);
    },
    onEnd() {},
  };
}

function line<Out, In>(
  end: End,
  send: (message: Addressed<Out>) => void,
): Pick<Line<Out, In>, "post" | "listen"> {
  return {
    post: (name, word) => send({ expressStompBackplane: name, word }),
    listen(hear) {
      const listener = (message: unknown) => {
        const ours = addressed<In>(message);
        if (ours) hear(ours.expressStompBackplane, ours.word);
      };
      end.on("message", listener);
      return () => end.off("message", listener);
    },
  };
}
