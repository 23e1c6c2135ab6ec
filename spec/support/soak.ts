import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RawClient } from "./raw-client.js";
import type { SoakAnswer, SoakQuestion } from "./soak-server.js";

/** What a soak has found, in bytes. */
export interface SoakResult {
  /** What the heap has grown by, from the first cycles to the last. */
  readonly grownByCycles: number;
  /** What a connection takes that is connected, subscribed and idle. */
  readonly rssOfIdle: number;
  /** What the heap has grown by when all those have gone again. */
  readonly grownByIdle: number;
  /** Who of them got a message that was published meanwhile. */
  readonly heard: number;
}

/** By what a heap may have grown that nobody leaks into, in bytes. A session holds some kilobytes. */
export const NOT_A_LEAK = 2 * 1024 * 1024;

const AT_ONCE = 100;
const SUBSCRIBE = "SUBSCRIBE\nid:1\ndestination:/topic/all\n\n^@";

/** The ways a session ends. */
const ENDINGS: ((client: RawClient) => void)[] = [
  (client) => client.send("DISCONNECT\nreceipt:bye\n\n^@"),
  (client) => client.webSocket.close(),
  (client) => client.cut(),
  (client) => client.send("NONSENSE\n\n^@"),
];

/** Lets clients come and go, then so many be idle at once, with a server in a process of its own. */
export async function soak({ cycles, idle }: { cycles: number; idle: number }): Promise<SoakResult> {
  const script = fileURLToPath(new URL("./soak-server.js", import.meta.url));
  const server = fork(script, { execArgv: [] });
  try {
    const [port] = (await once(server, "message")) as [number];

    // What is made once, and grown once, is made and grown by the first.
    await comeAndGo(port, Math.ceil(cycles / 4));
    const before = await nobodyThere(server);
    await comeAndGo(port, cycles);
    const cycled = await nobodyThere(server);

    const clients: RawClient[] = [];
    await inBatches(idle, async () => {
      const client = await RawClient.connect(port, "heart-beat:0,0\n");
      clients.push(client);
      client.send(SUBSCRIBE);
      await client.synchronize();
    });
    const crowded = await ask(server, "memory");
    await ask(server, "publish");
    const heard = await Promise.all(clients.map((client) => client.frame()));
    for (const client of clients) client.cut();
    const deserted = await nobodyThere(server);

    return {
      grownByCycles: cycled.heapUsed - before.heapUsed,
      rssOfIdle: (crowded.rss - cycled.rss) / idle,
      grownByIdle: deserted.heapUsed - cycled.heapUsed,
      heard: heard.length,
    };
  } finally {
    if (server.connected) server.send("close" satisfies SoakQuestion);
    const timer = setTimeout(() => server.kill("SIGKILL"), 15_000);
    if (server.exitCode === null) await once(server, "exit");
    clearTimeout(timer);
  }
}

async function comeAndGo(port: number, count: number): Promise<void> {
  await inBatches(count, async (i) => {
    const client = await RawClient.connect(port);
    const closed = once(client.webSocket, "close");
    client.send(`${SUBSCRIBE}SEND\ndestination:/topic/of-${i}\n\nx^@`);
    await client.synchronize();
    ENDINGS[i % ENDINGS.length]?.(client);
    await closed;
  });
}

async function inBatches(count: number, task: (i: number) => Promise<void>): Promise<void> {
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    const batch = Math.min(AT_ONCE, count - begun);
    await Promise.all(Array.from({ length: batch }, (_, i) => task(begun + i)));
  }
}

async function ask(server: ChildProcess, question: SoakQuestion): Promise<SoakAnswer> {
  const answered = once(server, "message");
  server.send(question);
  const [answer] = (await answered) as [SoakAnswer];
  return answer;
}

/** The memory of a server whose clients have all gone. */
async function nobodyThere(server: ChildProcess): Promise<SoakAnswer> {
  for (;;) {
    const answer = await ask(server, "memory");
    if (answer.connections === 0) return answer;
  }
}
