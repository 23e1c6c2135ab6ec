// `npm run bench:coming-back`: a server closes with many clients, who come to the next one at once: all in the same
// moment, or spread by `close({ spreadMs })`. The first tells when it has let each of them go, the next one when each was
// CONNECTED: the one is the library's doing, the other that of clients, servers and machine together.
import "reflect-metadata";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { simpleBroker, stompMessaging } from "express-stomp";
import { STOMP } from "./dialect.js";
import { writeIntoPage } from "./page.js";
import { RawClient } from "./raw-client.js";

const [MOST, AT_ONCE] = [10_000, 100];
/** Descriptors that a process has for all else. */
const OTHERS = 500;
const SPREAD_MS = 60_000;
const BUCKET_MS = 2_000;
const BAR = 30;

/** When sessions have ended at the one server, and were CONNECTED at the other: ms of a clock that both have. */
interface Times {
  readonly begin: number;
  readonly left: readonly number[];
  readonly came: readonly number[];
}

const now = () => performance.timeOrigin + performance.now();

if (process.argv[2] === "server") await serve();
else await compare();

async function serve(): Promise<void> {
  const came: number[] = [];
  const left: number[] = [];
  let begin = 0;
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: STOMP.path }],
    // All are on one machine: none shall be cut while it is busy with the others.
    broker: simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [0, 0] }),
    clientInboundChannel: {
      interceptors: [
        {
          // The server says it for a session that it ends.
          preSend(message) {
            if (message.headers.messageType === "DISCONNECT") left.push(now());
            return message;
          },
        },
      ],
    },
  });
  messaging.on("connected", () => void came.push(now()));
  app.use(messaging);
  const server = createServer(app).listen({ port: 0, host: "127.0.0.1", backlog: 10_000 });
  await once(server, "listening");
  messaging.attach(server);
  process.on("message", (message: { spreadMs?: number }) => {
    if (message.spreadMs === undefined) process.send?.({ begin, left, came } satisfies Times);
    else {
      begin = now();
      void messaging.close({ spreadMs: message.spreadMs }).then(() => server.close());
    }
  });
  process.once("disconnect", () => process.exit());
  process.send?.((server.address() as AddressInfo).port);
}

async function compare(): Promise<void> {
  const clients = Math.min(MOST, openFiles() - OTHERS);
  const texts: string[] = [];
  for (const spreadMs of [0, SPREAD_MS]) {
    const times = await comeBack(clients, spreadMs);
    texts.push(`close(${spreadMs > 0 ? `{ spreadMs: ${spreadMs} }` : ""})\n${histogram(times)}`);
    console.log(texts.at(-1));
  }
  const count = clients.toLocaleString("en");
  const text = `${count} clients, ${BUCKET_MS} ms a line since \`close\`: how many the server let go (\`-\`), and how many were CONNECTED at the next one (\`#\`):`;
  writeIntoPage("bench:coming-back", `${text}\n\n\`\`\`text\n${texts.join("\n\n")}\n\`\`\``);
}

/** Lets so many clients come from one server to the next, as soon as they are sent away. */
async function comeBack(count: number, spreadMs: number): Promise<Times> {
  const [from, to] = [await start(), await start()];
  try {
    const back: Promise<void>[] = [];
    for (let i = 0; i < count; i += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - i) }, () =>
        RawClient.connect(from.port, STOMP),
      );
      for (const client of await Promise.all(batch)) {
        back.push(
          client.goodbye.then(async () => {
            await client.end();
            await RawClient.connect(to.port, STOMP);
          }),
        );
      }
    }
    from.process.send({ spreadMs });
    await Promise.all(back);
    const [{ begin, left }, { came }] = await Promise.all([timesOf(from.process), timesOf(to.process)]);
    return { begin, left, came };
  } finally {
    for (const { process: child } of [from, to]) await end(child);
  }
}

async function start(): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const child = fork(new URL(import.meta.url), ["server"]);
  const [port] = (await once(child, "message")) as [number];
  return { port, process: child };
}

async function timesOf(child: ChildProcess): Promise<Times> {
  const told = once(child, "message") as Promise<[Times]>;
  child.send({});
  return (await told)[0];
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}

function histogram({ begin, left, came }: Times): string {
  const slots = Math.floor((Math.max(...left, ...came) - begin) / BUCKET_MS) + 1;
  const counted = (times: readonly number[]) => {
    const counts = Array.from({ length: slots }, () => 0);
    for (const at of times) {
      const slot = Math.max(0, Math.floor((at - begin) / BUCKET_MS));
      counts[slot] = (counts[slot] as number) + 1;
    }
    return counts;
  };
  const [gone, back] = [counted(left), counted(came)];
  const most = Math.max(...gone, ...back);
  const bar = (count: number, sign: string) => sign.repeat(Math.round((count / most) * BAR)).padEnd(BAR);
  const line = (count: number, slot: number) => {
    const [wentBy, cameBy] = [bar(count, "-"), bar(back[slot] as number, "#")];
    const numbers = [slot * BUCKET_MS, count, back[slot] as number].map((each) => String(each).padStart(6));
    return `${numbers[0]} ms ${numbers[1]} ${wentBy} ${numbers[2]} ${cameBy}`.trimEnd();
  };
  return gone.map(line).join("\n");
}

/** Files that this process may have open, sockets among them. */
function openFiles(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return Number(soft ?? 1_024);
}
