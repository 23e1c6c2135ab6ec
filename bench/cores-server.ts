// Servers of one application, for bench/cores.ts: one alone, some as workers of node:cluster, or one of several on a Redis.
import "reflect-metadata";
import cluster from "node:cluster";
import { createServer } from "node:http";
import express from "express";
import { type Backplane, simpleBroker, stompMessaging } from "express-stomp";
import { backplanePrimary, clusterBackplane } from "express-stomp/cluster";
import { redisStreams } from "express-stomp/redis";
import { createClient } from "redis";

/** How servers are joined. */
export interface CoresSettings {
  /** Processes of node:cluster; 0 is this process alone. */
  readonly workers?: number;
  /** The servers' Redis. */
  readonly redis?: string;
}

process.once("disconnect", () => process.exit());
const settings = JSON.parse(process.argv[2] as string) as CoresSettings;
if (settings.workers && cluster.isPrimary) await runPrimary(settings.workers);
else await serve();

async function runPrimary(count: number): Promise<void> {
  cluster.setupPrimary({ serialization: "advanced" });
  backplanePrimary();
  const ports = Array.from({ length: count }, () => {
    const worker = cluster.fork();
    return new Promise<number>((resolve) => {
      worker.on("message", (message: unknown) => {
        if (typeof message === "number") resolve(message);
      });
    });
  });
  process.send?.(await Promise.all(ports));
}

function backplaneOf({ workers, redis }: CoresSettings): Backplane | undefined {
  if (workers) return clusterBackplane();
  return redis === undefined
    ? undefined
    : redisStreams({ client: createClient({ url: redis }), stream: "bench" });
}

async function serve(): Promise<void> {
  const backplane = backplaneOf(settings);
  const sealing = settings.workers ? { trusted: true } : { secret: "a secret of the bench" };
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    broker: simpleBroker({ destinationPrefixes: ["/topic"], ...(backplane && { backplane, ...sealing }) }),
  });
  app.use(messaging);
  const server = createServer(app);
  messaging.attach(server);
  // Each worker has a port of its own, so that the load decides who is where.
  const listening = new Promise<void>((resolve) => {
    server.listen({ port: 0, host: "127.0.0.1", exclusive: true }, resolve);
  });
  await listening;
  while (!messaging.isBrokerAvailable()) await new Promise((resolve) => setTimeout(resolve, 10));
  const { port } = server.address() as { port: number };
  process.send?.(cluster.isWorker ? port : [port]);
}
