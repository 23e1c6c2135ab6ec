// The specs of express-stomp/cluster run it: a primary with workers, that serve SockJS and WebSocket at /ws, each by
// itself, and say at /pid which they are. Asked to, the workers publish, and tell what they have heard.
import "reflect-metadata";
import cluster, { type Worker } from "node:cluster";
import { createServer } from "node:http";
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";
import { backplanePrimary, clusterBackplane, listenBehindPrimary, stickySockJS } from "express-stomp/cluster";
import { Heard } from "./heard.js";

const [count = "2", serialization = "json"] = process.argv.slice(2);
if (cluster.isPrimary) await runPrimary();
else await runWorker();

async function runPrimary(): Promise<void> {
  process.once("disconnect", () => process.exit());
  cluster.setupPrimary({ serialization: serialization as "json" | "advanced" });
  backplanePrimary();
  const workers = Array.from({ length: Number(count) }, () => cluster.fork());
  const sticky = await stickySockJS({ port: 0, host: "127.0.0.1" });
  await Promise.all(workers.map((worker) => said(worker, "ready")));
  process.on("message", (message: Question) => void answer(message));
  process.send?.(sticky.port);
}

interface Question {
  readonly publish?: number;
  readonly kill?: number;
}

async function answer({ publish, kill }: Question): Promise<void> {
  if (kill !== undefined) {
    process.kill(kill, "SIGKILL");
    const worker = cluster.fork();
    await said(worker, "ready");
    process.send?.({ replacedBy: worker.process.pid });
  }
  if (publish === undefined) return;
  const all = Object.values(cluster.workers ?? {}) as Worker[];
  const answers = all.map((worker) => said(worker, "heard"));
  for (const worker of all) worker.send({ publish, servers: all.length });
  process.send?.({ heard: await Promise.all(answers) });
}

/** Waits for a word of a worker; gives what it is about. */
function said(worker: Worker, word: string): Promise<unknown> {
  return new Promise((resolve) => {
    const hear = (message: unknown) => {
      if (typeof message !== "object" || message === null || !(word in message)) return;
      worker.off("message", hear);
      resolve((message as Record<string, unknown>)[word]);
    };
    worker.on("message", hear);
  });
}

async function runWorker(): Promise<void> {
  const app = express();
  app.get("/pid", (_, response) => {
    response.json(process.pid);
  });
  let hits = 0;
  app.get("/hit", (_, response) => {
    response.json(++hits);
  });
  const messaging = stompMessaging({
    // A busy machine is slow: no session shall end meanwhile.
    endpoints: [{ path: "/ws", sockJS: { disconnectDelay: 60_000 } }],
    broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  });
  app.use(messaging);
  const server = createServer(app);
  messaging.attach(server);
  listenBehindPrimary(server);

  const backplane = clusterBackplane();
  const heard = await Heard.on(backplane);
  async function publish(count: number, servers: number): Promise<void> {
    const before = heard.entries.length;
    const texts = Array.from({ length: count }, (_, i) => `\u00e9 ${process.pid} ${i}`);
    await Promise.all(texts.map((text) => backplane.publish(Buffer.from(text))));
    await heard.count(before + count * servers);
    process.send?.({ heard: { pid: process.pid, texts: heard.texts.slice(before), gaps: heard.gaps } });
  }
  process.on("message", (message: { readonly publish?: number; readonly servers: number }) => {
    if (message.publish !== undefined) void publish(message.publish, message.servers);
  });
  process.send?.({ ready: true });
}
