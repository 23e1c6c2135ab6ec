// The chat on all cores of this machine: the primary takes connections and hands them out, each worker is a server of the chat.
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { backplanePrimary, clusterBackplane, listenBehindPrimary, stickySockJS } from "express-stomp/cluster";
import { closeAtSignal } from "../shared/close-at-signal.js";
import { createChat } from "./app.js";

const { PORT = "8080", HOST, DATABASE_URL = "data/chat.db", TRUST_PROXY } = process.env;
const { CORES = String(availableParallelism()) } = process.env;

if (cluster.isPrimary) await runPrimary(Number(CORES));
else await runWorker();

async function runPrimary(cores: number): Promise<void> {
  if (!Number.isSafeInteger(cores) || cores < 1)
    throw new Error(`CORES is a whole number from 1, not ${CORES}`);
  let isClosing = false;
  cluster.setupPrimary({ serialization: "advanced" });
  backplanePrimary();
  const sticky = await stickySockJS({ port: Number(PORT), ...(HOST && { host: HOST }) });
  cluster.on("exit", (worker) => {
    if (isClosing) return;
    console.warn(`Worker ${worker.process.pid} has ended. Another takes its place.`);
    cluster.fork();
  });
  closeAtSignal(async () => {
    isClosing = true;
    await sticky.close();
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    // One after the other, too: the last to go puts the embedded database into one file.
    for (const worker of workers) {
      const exit = once(worker, "exit");
      worker.process.kill("SIGTERM");
      await exit;
    }
  });
  // One after the other: the first makes the tables.
  for (let i = 0; i < cores; i++) {
    const worker = cluster.fork();
    await open(worker);
    console.log(`Worker ${worker.process.pid} is open.`);
  }
  console.log(`The chat is open on ${cores} cores: http://localhost:${sticky.port}`);
}

/** Waits until a worker takes connections. */
function open(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on("message", (message) => {
      if (message === "open") resolve();
    });
    worker.once("exit", () => reject(new Error("A worker did not start")));
  });
}

async function runWorker(): Promise<void> {
  const chat = await createChat({
    databaseUrl: DATABASE_URL,
    proxies: TRUST_PROXY,
    roads: { backplane: clusterBackplane(), logouts: clusterBackplane({ name: "logouts" }) },
  });
  listenBehindPrimary(chat.server);
  closeAtSignal(() => chat.close());
  process.send?.("open");
}
