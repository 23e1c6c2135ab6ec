// A thread that adds entries to a stream, one after the other, as soon as it is woken, and wakes who waits for that.
import { parentPort, workerData } from "node:worker_threads";
import { Redis } from "ioredis";

const { port, stream, id, texts, shared } = workerData as {
  readonly port: number;
  readonly stream: string;
  readonly id: string;
  readonly texts: readonly string[];
  /** What it waits for, and what it tells. */
  readonly shared: Int32Array;
};
const redis = new Redis({ host: "127.0.0.1", port });
await redis.ping();
parentPort?.postMessage("ready");
Atomics.wait(shared, 0, 0);
for (const text of texts) await redis.call("XADD", stream, id, "b", text);
redis.disconnect();
Atomics.store(shared, 1, 1);
Atomics.notify(shared, 1);
