// A server in a process of its own, for `npm run soak` and its spec: tells its port, and its memory when asked.
import "reflect-metadata";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startServer } from "./server.js";

/** What the server is asked. */
export type SoakQuestion = "memory" | "publish" | "close";

/** Its memory when all that can go has gone, and who is there. */
export interface SoakAnswer {
  readonly heapUsed: number;
  readonly rss: number;
  readonly connections: number;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const silence = { debug() {}, info() {}, warn() {}, error() {} };
const server = await startServer({
  logger: silence,
  transport: { overflowStrategy: "drop-oldest", inboundRateLimit: 100_000 },
});

process.on("message", (question: SoakQuestion) => void answer(question));
process.send?.(server.port);

async function answer(question: SoakQuestion): Promise<void> {
  if (question === "publish") await server.messaging.template.convertAndSend("/topic/all", "hello");
  if (question === "close") {
    await server.close();
    process.disconnect();
    return;
  }
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, rss } = process.memoryUsage();
  process.send?.({ heapUsed, rss, connections: server.messaging.stats().connections } satisfies SoakAnswer);
}
