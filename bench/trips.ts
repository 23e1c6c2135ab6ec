import "reflect-metadata";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { Session } from "node:inspector/promises";
import { type AddressInfo, createServer } from "node:net";
import express from "express";
import {
  Controller,
  MessageMapping,
  SendTo,
  type StompMessagingOptions,
  simpleBroker,
  stompBrokerRelay,
  stompMessaging,
} from "express-stomp";
import WebSocket from "ws";

/** Counts the files and functions of `dist/` that a frame passes, by V8's coverage: those that a stranger has to read. */

@Controller()
class EchoController {
  @MessageMapping("/echo")
  @SendTo("/topic/echo")
  echo(): string {
    return "echo";
  }
}

/** A client that sends text with `^@` for NUL, and waits for a frame that holds a text. */
class Client {
  readonly #socket: WebSocket;
  #text = "";
  #wake = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      this.#text += String(data as Buffer);
      this.#wake();
    });
  }

  static async open(port: number): Promise<Client> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp"]);
    await once(socket, "open");
    return new Client(socket);
  }

  static async connect(port: number): Promise<Client> {
    const client = await Client.open(port);
    await client.ask("CONNECT\naccept-version:1.2\nhost:trip\nheart-beat:0,0\n\n^@", "CONNECTED");
    return client;
  }

  async ask(frame: string, answer: string): Promise<void> {
    this.#text = "";
    this.#socket.send(frame.replaceAll("^@", "\0"));
    while (!this.#text.includes(answer)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function serve(options: Partial<StompMessagingOptions> = {}): Promise<number> {
  const app = express();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
    ...options,
  });
  app.use(messaging);
  const server = createHttpServer(app);
  messaging.attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  while (!messaging.isBrokerAvailable()) await new Promise((resolve) => setTimeout(resolve, 10));
  return (server.address() as AddressInfo).port;
}

/** Confirms whatever it is asked to. */
async function scriptedBroker(): Promise<number> {
  const server = createServer((line) => {
    let text = "";
    line.on("error", () => {});
    line.on("data", (bytes) => {
      text += bytes.toString();
      for (let end = text.indexOf("\0"); end >= 0; end = text.indexOf("\0")) {
        const frame = text.slice(0, end).trimStart();
        text = text.slice(end + 1);
        const receipt = /^receipt:(.*)$/m.exec(frame)?.[1];
        if (/^(CONNECT|STOMP)\n/.test(frame)) line.write("CONNECTED\nversion:1.2\n\n\0");
        else if (receipt !== undefined) line.write(`RECEIPT\nreceipt-id:${receipt}\n\n\0`);
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

/** `--list`: each file is named, and its functions. */
const isListing = process.argv.includes("--list");

const inspector = new Session();
inspector.connect();
await inspector.post("Profiler.enable");
await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

/** The functions of each file of `dist/` that were called since the last time. */
async function visited(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { result } = await inspector.post("Profiler.takePreciseCoverage");
  const files = new Map<string, readonly string[]>();
  for (const { url, functions } of result) {
    const [, file] = /^file:.*\/dist\/(.*)\.js$/.exec(url) ?? [];
    const called = functions.filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
    if (file !== undefined && called.length > 0) {
      files.set(
        file,
        called.map(({ functionName }) => functionName || "(a function without a name)"),
      );
    }
  }
  return files;
}

/** Goes once unseen, so that functions of the first time alone do not count. */
async function trip(name: string, go: () => Promise<void>): Promise<void> {
  await go();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await visited();
  await go();
  await new Promise((resolve) => setImmediate(resolve));
  const files = await visited();
  console.log(`| ${name} | ${files.size} | ${[...files.values()].flat().length} |`);
  if (!isListing) return;
  console.log("");
  for (const [file, functions] of files) console.log(`- ${file}: ${functions.join(", ")}`);
  console.log("");
}

console.log("| trip | files | functions |\n|---|---|---|");

const port = await serve({ controllers: [EchoController] });
const client = await Client.connect(port);
await client.ask("SUBSCRIBE\nid:a\ndestination:/topic/a\nreceipt:a\n\n^@", "RECEIPT");
await client.ask("SUBSCRIBE\nid:echo\ndestination:/topic/echo\nreceipt:e\n\n^@", "RECEIPT");
await trip("SEND to one subscriber", () => client.ask("SEND\ndestination:/topic/a\n\nx^@", "MESSAGE"));

let id = 0;
await trip("SUBSCRIBE", () => {
  id++;
  return client.ask(
    `SUBSCRIBE\nid:s${id}\ndestination:/topic/s${id}\nreceipt:s${id}\n\n^@`,
    `receipt-id:s${id}`,
  );
});

const interceptors = [{ preSend: async <T>(message: T): Promise<T> => message }];
const guarded = await serve({ clientInboundChannel: { interceptors } });
const newcomers = [await Client.open(guarded), await Client.open(guarded)];
await trip("CONNECT with an async interceptor", async () => {
  await newcomers.shift()?.ask("CONNECT\naccept-version:1.2\nhost:trip\nheart-beat:0,0\n\n^@", "CONNECTED");
});

await trip("SEND to a controller with a reply", () =>
  client.ask("SEND\ndestination:/app/echo\n\nx^@", "MESSAGE"),
);

const relayPort = await scriptedBroker();
const relayed = await Client.connect(
  await serve({
    broker: stompBrokerRelay({ relayPort, connections: "shared", destinationPrefixes: ["/topic"] }),
  }),
);
await trip("SUBSCRIBE over a shared connection of the relay", () => {
  id++;
  return relayed.ask(
    `SUBSCRIBE\nid:r${id}\ndestination:/topic/r${id}\nreceipt:r${id}\n\n^@`,
    `receipt-id:r${id}`,
  );
});

process.exit(0);
