import { setTimeout as wait } from "node:timers/promises";
import { type ChannelInterceptor, simpleBroker } from "express-stomp";
import { type FaultProxy, faultProxy } from "express-stomp/testing";
import WebSocket from "ws";
import { startServer } from "./server.js";
import { parseFrame, type ReadFrame } from "./stomp-session.js";

export interface FaultSoakOptions {
  readonly clients: number;
  /** Messages that are published before all come to rest. */
  readonly messages: number;
  /** Whether each channel has an interceptor that waits. */
  readonly isAsync: boolean;
}

export interface FaultSoakResult {
  readonly published: number;
  readonly deliveries: number;
  readonly faults: number;
  /** What is wrong, in words: nothing, if all is well. */
  readonly wrong: readonly string[];
}

const QUEUES = ["/queue/a", "/queue/b", "/queue/c"];
const TOPICS = ["/topic/a", "/topic/b"];
const LINES = 8;

interface Sent {
  readonly publisher: string;
  readonly destination: string;
  /** Its place among those of its publisher. */
  readonly order: number;
  isReceipted: boolean;
  acknowledged: number;
  /** ACKs whose receipt has not come: they may have counted. */
  unsure: number;
  /** By the one who hears all topics, all the time. */
  witnessed: number;
}

/** One client on its way from CONNECT to an end of one sort or another. */
class Client {
  readonly name: string;
  readonly over: Promise<void>;
  readonly #webSocket: WebSocket;
  readonly #receipts = new Map<string, () => void>();
  #connected = () => {};
  readonly connected = new Promise<void>((resolve) => {
    this.#connected = resolve;
  });
  isOver = false;
  take: (frame: ReadFrame) => void = () => {};

  constructor(name: string, port: number) {
    this.name = name;
    this.#webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"], { perMessageDeflate: false });
    this.#webSocket.on("error", () => {});
    this.#webSocket.on("open", () =>
      this.say("CONNECT\naccept-version:1.2\nhost:soak\nheart-beat:0,0\n\n^@"),
    );
    this.#webSocket.on("message", (data: Buffer) => {
      if (this.isOver) return;
      const text = data.toString();
      if (text.trim() !== "") this.#read(parseFrame(text.replace("\0", "^@")));
    });
    this.over = new Promise((resolve) => {
      this.#webSocket.once("close", () => {
        this.isOver = true;
        this.#connected();
        resolve();
      });
    });
  }

  say(text: string): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.send(text.replaceAll("^@", "\0"));
  }

  /** Sends a frame with a receipt; `false` when that did not come, since the line broke. */
  async ask(frame: string): Promise<boolean> {
    const id = `r${Math.random()}`;
    const receipt = new Promise<void>((resolve) => this.#receipts.set(id, resolve));
    this.say(frame.replace("\n\n", `\nreceipt:${id}\n\n`));
    await Promise.race([receipt, this.over]);
    return !this.#receipts.has(id);
  }

  async stutter(): Promise<void> {
    this.#webSocket.pause();
    await wait(20);
    this.#webSocket.resume();
  }

  /** Nothing that comes is looked at any more. */
  kill(): void {
    this.isOver = true;
    this.#webSocket.terminate();
  }

  #read(frame: ReadFrame): void {
    const receipt = frame.headers.get("receipt-id") ?? "";
    if (frame.command === "CONNECTED") this.#connected();
    else if (frame.command === "MESSAGE") this.take(frame);
    else if (frame.command === "RECEIPT") this.#receipts.get(receipt)?.();
    this.#receipts.delete(receipt);
  }
}

/**
 * Clients that publish, consume, acknowledge, read slowly and leave in all
 * ways, over lines that stall, tear and delay, until all come to rest; and what
 * was lost, doubled or reordered of what they were promised.
 */
export async function faultSoak({ clients, messages, isAsync }: FaultSoakOptions): Promise<FaultSoakResult> {
  const waiting: ChannelInterceptor = {
    async preSend(message) {
      // Some take a turn of the loop, the others a moment.
      if (Math.random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
      return message;
    },
  };
  const interceptors = isAsync ? [waiting] : [];
  const server = await startServer({
    broker: simpleBroker({
      destinationPrefixes: ["/topic"],
      queuePrefixes: ["/queue"],
      backlogLimit: 1_000_000,
      backlogSizeLimit: 512 * 1024 * 1024,
      deliveryAttempts: 1_000,
    }),
    clientInboundChannel: { interceptors },
    clientOutboundChannel: { interceptors },
    brokerChannel: { interceptors },
  });
  const lines = await Promise.all(
    Array.from({ length: LINES }, () => faultProxy({ host: "127.0.0.1", port: server.port })),
  );

  const sent = new Map<string, Sent>();
  const wrong: string[] = [];
  let named = 0;
  let deliveries = 0;
  let faults = 0;
  let isOver = false;
  const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

  async function connect(port: number): Promise<Client> {
    const client = new Client(`c${++named}`, port);
    await client.connected;
    return client;
  }

  /** Checks what one subscription hears, and gives what is to be acknowledged. */
  function hearing(client: Client, ack: string): (frame: ReadFrame) => void {
    const last = new Map<string, number>();
    return (frame) => {
      const body = frame.body.split(" ")[0] as string;
      const message = sent.get(body);
      if (!message) {
        wrong.push(`${body} was never sent`);
        return;
      }
      deliveries++;
      if (message.acknowledged > 0) wrong.push(`${body} was acknowledged, and came again`);
      const isAgain = frame.headers.get("redelivered") === "true";
      const before = last.get(message.publisher + message.destination) ?? 0;
      if (!isAgain && message.order <= before) wrong.push(`${client.name}: ${body} came behind ${before}`);
      if (!isAgain) last.set(message.publisher + message.destination, message.order);
      if (ack === "auto" || !message.destination.startsWith("/queue")) return;
      const id = frame.headers.get("ack");
      if (Math.random() < 0.02) client.say(`NACK\nid:${id}\n\n^@`);
      else {
        message.unsure++;
        void client.ask(`ACK\nid:${id}\n\n^@`).then((isConfirmed) => {
          if (!isConfirmed) return;
          message.acknowledged++;
          message.unsure--;
        });
      }
    };
  }

  async function consume(port: number): Promise<void> {
    while (!isOver) {
      const client = await connect(port);
      const heard = new Map<string, (frame: ReadFrame) => void>();
      client.take = (frame) => heard.get(frame.headers.get("subscription") ?? "")?.(frame);
      for (const destination of [pick(QUEUES), pick(TOPICS)]) {
        heard.set(destination, hearing(client, "client-individual"));
        const prefetch = pick(["", "prefetch-count:1\n", "prefetch-count:5\n"]);
        const ack = destination.startsWith("/queue") ? `ack:client-individual\n${prefetch}` : "";
        await client.ask(`SUBSCRIBE\nid:${destination}\ndestination:${destination}\n${ack}\n^@`);
      }
      for (let life = Math.random() * 20; life > 0 && !isOver && !client.isOver; life--) {
        await (Math.random() < 0.3 ? client.stutter() : wait(20));
      }
      // What is on its way to one who leaves goes to another too.
      client.take = () => {};
      if (Math.random() < 0.5) client.kill();
      else await client.ask("DISCONNECT\n\n^@");
      await client.over;
    }
  }

  async function publish(port: number): Promise<void> {
    while (sent.size < messages) {
      const client = await connect(port);
      for (let order = 1; sent.size < messages && !client.isOver; order++) {
        const destination = pick([...QUEUES, ...TOPICS]);
        const body = `m${sent.size}`;
        const message = {
          publisher: client.name,
          destination,
          order,
          isReceipted: false,
          acknowledged: 0,
          unsure: 0,
          witnessed: 0,
        };
        sent.set(body, message);
        const padding = "x".repeat(Math.random() * 2_000);
        const receipted = client.ask(`SEND\ndestination:${destination}\n\n${body} ${padding}^@`);
        void receipted.then((isReceipted) => {
          message.isReceipted = isReceipted;
        });
        // Nobody slows them down but the server.
        if (order % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await client.ask("DISCONNECT\n\n^@");
    }
  }

  async function harm(): Promise<void> {
    while (!isOver) {
      await wait(100);
      const line = pick(lines);
      faults++;
      const fault = pick(["stall", "cut", "delay"]);
      if (fault === "cut") line.cut();
      else if (fault === "delay") line.delay(pick([0, 5]));
      else {
        line.stall();
        await wait(100);
        line.resume();
      }
    }
  }

  const witness = await connect(server.port);
  const hear = hearing(witness, "auto");
  witness.take = (frame) => {
    const message = sent.get(frame.body.split(" ")[0] as string);
    if (message) message.witnessed++;
    hear(frame);
  };
  for (const topic of TOPICS) await witness.ask(`SUBSCRIBE\nid:${topic}\ndestination:${topic}\n\n^@`);

  const publishers = Math.max(1, Math.floor(clients / 5));
  const consuming = Array.from({ length: clients - publishers }, (_, i) =>
    consume((lines[i % LINES] as FaultProxy).port),
  );
  const harming = harm();
  await Promise.all(
    Array.from({ length: publishers }, (_, i) =>
      publish(i % 4 === 0 ? (lines[i % LINES] as FaultProxy).port : server.port),
    ),
  );
  isOver = true;
  await harming;
  for (const line of lines) line.delay(0);
  await Promise.all(consuming);

  // What is left goes to one who takes all.
  const last = await connect(server.port);
  for (const destination of QUEUES) {
    const take = hearing(last, "client-individual");
    const before = last.take;
    last.take = (frame) => (frame.headers.get("subscription") === destination ? take(frame) : before(frame));
    await last.ask(`SUBSCRIBE\nid:${destination}\ndestination:${destination}\nack:client-individual\n\n^@`);
  }
  for (let before = -1; before !== deliveries; ) {
    before = deliveries;
    await last.ask("UNSUBSCRIBE\nid:none\n\n^@");
    await wait(100);
  }
  await witness.ask("UNSUBSCRIBE\nid:none\n\n^@");
  for (const [body, { destination, isReceipted, acknowledged, unsure, witnessed }] of sent) {
    if (acknowledged > 1) wrong.push(`${body} was acknowledged ${acknowledged} times`);
    if (witnessed > 1) wrong.push(`${body} came ${witnessed} times`);
    const hasCome = destination.startsWith("/queue") ? acknowledged + unsure > 0 : witnessed > 0;
    if (isReceipted && !hasCome) wrong.push(`${body} to ${destination} was lost`);
  }
  if (witness.isOver) wrong.push("one who read all the time was ended");
  last.kill();
  witness.kill();
  await Promise.all(lines.map((line) => line.close()));
  await server.close();
  return { published: sent.size, deliveries, faults, wrong };
}
