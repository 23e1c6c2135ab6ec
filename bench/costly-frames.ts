import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import {
  Controller,
  MessageMapping,
  messageSecurity,
  Payload,
  type StompMessaging,
  type StompMessagingOptions,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { STOMP } from "./dialect.js";
import { medianOf } from "./median.js";
import { RawClient } from "./raw-client.js";

/** A frame that somebody makes to be slow. */
interface CostlyFrame {
  readonly what: string;
  readonly options?: Partial<StompMessagingOptions>;
  /** What is there before. */
  readonly before?: (client: RawClient, messaging: StompMessaging) => Promise<void>;
  /** Frames before each, which are not measured. */
  readonly ahead?: (i: number) => readonly string[];
  readonly frame: (i: number) => string;
  /** How many one round sends. */
  readonly count: number;
}

const ROUNDS = 6;
const NOBODY = "SEND\ndestination:/topic/nobody\nreceipt:r\n\n\0";
/** What a frame makes the server look for goes on in later turns of the event loop. */
const TURNS = 600;

/** The letters of a number: no other character of a pattern is one of them. */
export const letters = (i: number) => [...String(i)].map((digit) => "cdefghijkl"[Number(digit)]).join("");

@Controller()
class Reader {
  @MessageMapping("/read")
  read(@Payload() _value: unknown[]) {}
}

const queues = simpleBroker({
  destinationPrefixes: ["/topic"],
  queuePrefixes: ["/queue"],
  backlogLimit: 100_000,
  backlogSizeLimit: 1_000_000_000,
});

const fill =
  (count: number, name: (i: number) => string) =>
  async (_: RawClient, { template }: StompMessaging) => {
    for (let i = 0; i < count; i++) await template.convertAndSend(name(i), "x");
  };

const transaction = (i: number) => [
  `BEGIN\ntransaction:${i}\n\n\0`,
  ...Array.from({ length: 100 }, () => `SEND\ndestination:/topic/nobody\ntransaction:${i}\n\n\0`),
];

const FRAMES: readonly CostlyFrame[] = [
  {
    what: "SEND of 65,000 bytes, to a topic that nobody hears",
    frame: () => `SEND\ndestination:/topic/nobody\n\n${"x".repeat(65_000)}\0`,
    count: 20,
  },
  {
    what: "65,000 heart-beats",
    frame: () => "\n".repeat(65_000),
    count: 20,
  },
  {
    what: "SEND with 99 headers, 16 KiB of nothing but escapes",
    frame: () => {
      const headers = Array.from({ length: 98 }, (_, i) => `${i}${"\\c".repeat(40)}:${"\\n".repeat(38)}\n`);
      return `SEND\ndestination:/topic/nobody\n${headers.join("")}\n\0`;
    },
    count: 50,
  },
  {
    what: "SEND to a controller, 65,000 bytes of JSON that are empty arrays",
    options: { applicationDestinationPrefixes: ["/app"], controllers: [Reader] },
    frame: () =>
      `SEND\ndestination:/app/read\ncontent-type:application/json\n\n[${"[],".repeat(21_660)}[]]\0`,
    count: 10,
  },
  {
    what: "SEND to 1,000 characters, beside all the patterns that a session may have, none of which fits",
    before: (client) =>
      client.ask([
        ...Array.from({ length: 1000 }, (_, i) => {
          const pattern =
            i < 100 ? `*b${letters(i)}${"a".repeat(220)}*` : `*b${letters(i)}${"a".repeat(220)}`;
          return `SUBSCRIBE\nid:${i}\ndestination:/topic/${pattern}\n\n\0`;
        }),
        NOBODY,
      ]),
    frame: (i) => `SEND\ndestination:/topic/${letters(i)}${"a".repeat(1000)}\n\n\0`,
    count: 20,
  },
  {
    what: "SUBSCRIBE to 250 characters with 120 `*`, under 31 rules with `*`",
    options: {
      security: messageSecurity((messages) => {
        messages.nullDestMatcher().permitAll();
        for (let i = 0; i < 30; i++) {
          messages.simpSubscribeDestMatchers(`/topic/*room-${i}-*-of-*-house-*/**`).permitAll();
        }
        return messages.simpSubscribeDestMatchers("/topic/**").permitAll().anyMessage().permitAll();
      }),
    },
    frame: (i) => `SUBSCRIBE\nid:${i}\ndestination:/topic/${"*a".repeat(118)}*${i}\n\n\0`,
    count: 15,
  },
  {
    what: "SEND with a header of 8,000 characters, beside 96 LIKEs that look for something in its middle",
    options: { broker: simpleBroker({ destinationPrefixes: ["/topic"], selectorHeaderName: "selector" }) },
    before: (client) =>
      client.ask([
        ...Array.from({ length: 12 }, (_, i) => {
          const likes = Array.from({ length: 8 }, (_, j) => `h LIKE '%a${letters(8 * i + j)}%'`);
          return `SUBSCRIBE\nid:${i}\ndestination:/topic/x\nselector:${likes.join(" OR ")}\n\n\0`;
        }),
        NOBODY,
      ]),
    frame: () => `SEND\ndestination:/topic/x\nh:${"a".repeat(8000)}\n\n\0`,
    count: 20,
  },
  {
    what: "SUBSCRIBE with `*`, beside 20,000 queues that hold something and do not fit",
    options: { broker: queues },
    before: fill(20_000, (i) => `/queue/a/b/c/d/e/${i}`),
    frame: (i) => `SUBSCRIBE\nid:${i}\ndestination:/queue/a/b/c/d/*/z${i}*\n\n\0`,
    count: 1,
  },
  {
    what: "ACK of one of their messages, `prefetch-count:1`, by a pattern that fits all",
    options: { broker: queues },
    before: async (client, messaging) => {
      await fill(20_000, (i) => `/queue/a/b/c/d/e/${i}`)(client, messaging);
      const ids = "ack:client-individual\nprefetch-count:1";
      await client.ask([`SUBSCRIBE\nid:0\ndestination:/queue/**\n${ids}\nreceipt:r\n\n\0`]);
    },
    frame: (i) => `ACK\nid:${i + 1}\n\n\0`,
    count: 100,
  },
  {
    what: "SUBSCRIBE with 120 `*`, beside 8,000 queues with names of 950 characters that do not fit",
    options: { broker: queues },
    before: fill(8000, (i) => `/queue/${"a".repeat(950)}${i}`),
    frame: (i) => `SUBSCRIBE\nid:${i}\ndestination:/queue/**/${"*a".repeat(110)}*b${letters(i)}*\n\n\0`,
    count: 1,
  },
  {
    what: "SUBSCRIBE with `?` between two `*`, beside 1,000 retained messages with names of 950 characters that do not fit",
    options: { broker: simpleBroker({ destinationPrefixes: ["/topic"], retainLast: ["/topic/**"] }) },
    before: fill(1000, (i) => `/topic/${"a".repeat(950)}${i}`),
    frame: (i) => `SUBSCRIBE\nid:${i}\ndestination:/topic/*${"a?".repeat(14)}b${letters(i)}*\n\n\0`,
    count: 2,
  },
  {
    what: "COMMIT of 100 SENDs to a topic that nobody hears",
    ahead: transaction,
    frame: (i) => `COMMIT\ntransaction:${i}\n\n\0`,
    count: 10,
  },
];

/** Milliseconds of CPU that each frame costs server and client together: the median of rounds, and the most. */
export async function measureCostlyFrames(): Promise<string[][]> {
  const rows: string[][] = [];
  for (const costly of FRAMES) {
    const figures = (await roundsOf(costly)).slice(1);
    const row = [medianOf(figures), Math.max(...figures)].map((each) => each.toFixed(2));
    const bytes = Buffer.byteLength(costly.frame(100)).toLocaleString("en");
    console.log(`${costly.what}, ${bytes} bytes: ${row.join(", at most ")} ms`);
    rows.push([costly.what, bytes, ...row]);
  }
  return rows;
}

async function roundsOf({ options, before, ahead, frame, count }: CostlyFrame): Promise<number[]> {
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
    ...options,
  });
  app.use(messaging);
  const server = createServer(app).listen(0, "127.0.0.1");
  messaging.attach(server);
  await once(server, "listening");
  const client = await RawClient.connect((server.address() as AddressInfo).port, STOMP);
  await before?.(client, messaging);

  const figures: number[] = [];
  for (let round = 0, i = 0; round < ROUNDS; round++) {
    const frames: string[] = [];
    for (let n = 0; n < count; n++, i++) {
      if (ahead) await client.ask([...ahead(i), NOBODY]);
      frames.push(frame(i));
    }
    await rest();
    const cpu = process.cpuUsage();
    await client.ask([...frames, NOBODY]);
    await rest();
    const { user, system } = process.cpuUsage(cpu);
    const idle = process.cpuUsage();
    await rest();
    const nothing = process.cpuUsage(idle);
    figures.push(Math.max(0, user + system - nothing.user - nothing.system) / count / 1000);
  }
  await client.end();
  await messaging.close({ drainMs: 0 });
  server.close();
  return figures;
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
}
