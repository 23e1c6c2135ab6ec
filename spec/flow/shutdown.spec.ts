import { spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import {
  type ChannelInterceptor,
  ConfigurationError,
  Controller,
  MessageMapping,
  Payload,
} from "express-stomp";
import SockJS from "sockjs-client";
import WebSocket from "ws";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

/** Holds each message until it is told to go on. */
@Controller()
class Gate {
  readonly handled: string[] = [];
  #open: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });
  #arrive: () => void = () => {};
  readonly arrived = new Promise<void>((resolve) => {
    this.#arrive = resolve;
  });

  open(): void {
    this.#open();
  }

  @MessageMapping("/gate")
  async pass(@Payload() text: string) {
    this.#arrive();
    await this.#opened;
    this.handled.push(text);
  }
}

const send = (i: number) => `SEND\ndestination:/app/gate\nreceipt:${i}\n\n${i}^@`;

describe("messaging.close", () => {
  let server: TestServer;
  let gate: Gate;
  const clients: RawClient[] = [];

  beforeEach(async () => {
    gate = new Gate();
    server = await startServer({ controllers: [gate] });
  });

  afterEach(async () => {
    gate.open();
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  async function connect() {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    return client;
  }

  async function statusOfHandshake(): Promise<number | undefined> {
    const webSocket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`);
    webSocket.on("error", () => {});
    const [, response] = (await once(webSocket, "unexpected-response")) as [unknown, IncomingMessage];
    webSocket.terminate();
    return response.statusCode;
  }

  it("answers the frames that had come, in order, then closes with 1001", async () => {
    const client = await connect();
    client.send([1, 2, 3].map(send).join(""));
    await gate.arrived;

    const closed = server.messaging.close();
    client.send(send(4));
    gate.open();

    for (const i of [1, 2, 3]) expect(await client.frame()).to.equal(`RECEIPT\nreceipt-id:${i}\n\n^@`);
    expect(await client.closed()).to.equal(1001);
    await closed;
    expect(gate.handled).to.deep.equal(["1", "2", "3"]);
  });

  it("waits no longer than drainMs, and confirms nothing that was not handled", async () => {
    const client = await connect();
    client.send(send(1));
    client.send(send(2));
    await gate.arrived;

    void server.messaging.close({ drainMs: 50 });

    expect(await client.closed()).to.equal(1001);
    gate.open();
    await settled();
    expect(gate.handled).to.deep.equal(["1"]);
  });

  it("lets all stay until those that have sent were served, and hear of that", async () => {
    const busy = await connect();
    const idle = await connect();
    idle.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await idle.synchronize();
    busy.send(send(1));
    await gate.arrived;
    busy.send("SEND\ndestination:/topic/a\nreceipt:2\n\nlast^@");
    await settled();

    const closed = server.messaging.close({ drainMs: 60_000 });
    await settled();
    gate.open();

    expect(await busy.frame()).to.equal("RECEIPT\nreceipt-id:1\n\n^@");
    expect(await busy.frame()).to.equal("RECEIPT\nreceipt-id:2\n\n^@");
    expect(await idle.frame()).to.match(/^MESSAGE\n(?:.+\n)+\nlast\^@$/);
    expect([await busy.closed(), await idle.closed()]).to.deep.equal([1001, 1001]);
    await closed;
  });

  it("is sooner done when a second call gives it less time", async () => {
    const client = await connect();
    client.send(send(1));
    await gate.arrived;

    const closed = server.messaging.close({ drainMs: 60_000 });
    await settled();
    expect(server.messaging.close({ drainMs: 0 })).to.equal(closed);

    expect(await client.closed()).to.equal(1001);
    // What hangs is not waited for.
    await closed;
    gate.open();
  });

  it("lets one session after the other go over spreadMs, each when it was answered, and says when to come back", async () => {
    const time = new FakeTime();
    await server.close();
    server = await startServer({ controllers: [gate], clock: time });
    const [busy, second, third, last] = [await connect(), await connect(), await connect(), await connect()];
    const reason = (client: RawClient) =>
      new Promise((resolve) => client.webSocket.on("close", (code, text) => resolve(`${code} ${text}`)));
    const reasons = [busy, second, third, last].map(reason);
    last.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await last.synchronize();
    busy.send(send(1));
    await gate.arrived;

    const closed = server.messaging.close({ spreadMs: 40_000, reconnectInMs: 2_000 });
    time.pass(10_000);
    await settled();
    expect(server.messaging.stats().connections).to.equal(4);
    gate.open();
    expect(await busy.frame()).to.equal("RECEIPT\nreceipt-id:1\n\n^@");
    const said = "1001 Server is shutting down; reconnect-in=2000";
    expect(await reasons[0]).to.equal(said);
    // The others go on as they did.
    second.send("SEND\ndestination:/topic/a\n\nstill here^@");
    expect(await last.frame()).to.match(/\n\nstill here\^@$/);
    expect(await statusOfHandshake()).to.equal(503);

    time.pass(10_000);
    expect(await reasons[1]).to.equal(said);
    await third.synchronize();
    time.pass(20_000);
    expect(await Promise.all(reasons)).to.deep.equal([said, said, said, said]);
    await closed;
  });

  it("is done with spreadMs when the last client has gone by itself", async () => {
    const time = new FakeTime();
    await server.close();
    server = await startServer({ clock: time });
    const clients = [await connect(), await connect(), await connect()];
    const closed = server.messaging.close({ spreadMs: 40_000 });
    for (const client of clients) client.cut();
    while (server.messaging.stats().connections > 0) await settled();
    time.pass(20);
    await closed;
  });

  it("does not wait for a client that has gone while a frame of it hangs", async () => {
    // It would wait for a time that does not pass.
    const time = new FakeTime();
    await server.close();
    const endpoints = [{ path: "/ws", user: () => ({ name: "ann" }) }];
    server = await startServer({ controllers: [gate], clock: time, endpoints });
    const client = await connect();
    client.send(send(1));
    await gate.arrived;
    client.cut();
    while (server.messaging.userRegistry.getUserCount() > 0) await settled();
    const closed = server.messaging.close({ drainMs: 0 });
    time.pass(0);
    await closed;
  });

  it("answers 503 to whoever wants to connect, while it closes and afterwards", async () => {
    const client = await connect();
    client.send(send(1));
    await gate.arrived;

    const closed = server.messaging.close();
    expect(await statusOfHandshake()).to.equal(503);
    const [polling] = (await once(
      get(`http://127.0.0.1:${server.port}/ws/000/sid/eventsource`),
      "response",
    )) as [IncomingMessage];
    polling.resume();
    expect(polling.statusCode).to.equal(503);
    gate.open();
    await closed;

    expect(await statusOfHandshake()).to.equal(503);
  });

  it("is done once, however often it is called", async () => {
    await connect();

    expect(server.messaging.close()).to.equal(server.messaging.close());
    await server.messaging.close();

    expect(server.messaging.stats().connections).to.equal(0);
  });

  it("cuts a client that does not answer the closing", async function () {
    this.timeout(60_000);
    const client = await connect();
    client.webSocket.pause();

    await server.messaging.close();

    while (server.messaging.stats().connections > 0) await settled();
  });

  it("fails for a time that is none", async () => {
    for (const drainMs of [-1, Number.NaN, "1000" as unknown as number, 2 ** 31]) {
      expect(() => server.messaging.close({ drainMs })).to.throw(ConfigurationError, "drainMs");
    }
    await server.messaging.close();
  });
});

describe("messaging.close, with interceptors that wait", () => {
  for (const channel of ["brokerChannel", "clientOutboundChannel"] as const) {
    it(`sends on what waits for those of ${channel}`, async () => {
      const slow: ChannelInterceptor = {
        async preSend(message) {
          if (message.headers.messageType === "MESSAGE") for (let i = 0; i < 3; i++) await settled();
          return message;
        },
      };
      const server = await startServer({ [channel]: { interceptors: [slow] } });
      const client = await RawClient.connect(server.port);
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();

      for (let i = 0; i < 10; i++) void server.messaging.template.convertAndSend("/topic/a", String(i));
      await server.close();

      for (let i = 0; i < 10; i++) expect(await client.frame()).to.match(new RegExp(`\n\n${i}\\^@$`));
      expect(await client.closed()).to.equal(1001);
    });
  }
});

describe("A rolling restart", () => {
  it("loses no frame that got its receipt, of a thousand clients that send on to the next server", async function () {
    this.timeout(120_000);
    const [clients, frames, atOnce] = [1_000, 5, 100];
    const gates = [new Gate(), new Gate()] as const;
    for (const gate of gates) gate.open();
    const [old, next] = await Promise.all(gates.map((gate) => startServer({ controllers: [gate] })));
    if (!old || !next) throw new Error("no server");
    const confirmed = new Map<TestServer, string[]>([
      [old, []],
      [next, []],
    ]);

    /** Sends a client's frames, each when the one before was confirmed; gives the first that was not. */
    async function play(client: RawClient, server: TestServer, n: number, from: number): Promise<number> {
      for (let i = from; i < frames; i++) {
        client.send(send(n * frames + i));
        const event = await client.next();
        if (typeof event !== "string") return i;
        confirmed.get(server)?.push(String(n * frames + i));
      }
      return frames;
    }

    const connected: RawClient[] = [];
    while (connected.length < clients) {
      const batch = Array.from({ length: atOnce }, () => RawClient.connect(old.port));
      connected.push(...(await Promise.all(batch)));
    }
    const played = Promise.all(connected.map((client, n) => play(client, old, n, 0)));
    while (confirmed.get(old)!.length < clients) await settled();
    await old.messaging.close();
    const reached = await played;
    for (let n = 0; n < clients; n += atOnce) {
      await Promise.all(
        reached.slice(n, n + atOnce).map(async (from, i) => {
          if (from === frames) return;
          const client = await RawClient.connect(next.port);
          await play(client, next, n + i, from);
          client.cut();
        }),
      );
    }
    for (const client of connected) client.cut();
    await Promise.all([old.close(), next.close()]);

    for (const [i, server] of [old, next].entries()) {
      const handled = new Set(gates[i]?.handled);
      const lost = confirmed.get(server)?.filter((receipt) => !handled.has(receipt));
      expect(lost, `confirmed by server ${i} and not handled there`).to.deep.equal([]);
    }
    expect(confirmed.get(next), "the clients moved").to.have.length.above(0);
    expect(new Set(gates.flatMap((gate) => gate.handled)).size).to.equal(clients * frames);
  });
});

describe("A process that closes", () => {
  it("exits by itself, with clients of both kinds connected", async function () {
    this.timeout(60_000);
    const script = fileURLToPath(new URL("../support/closing-server.js", import.meta.url));
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const port = Number((await lines.next()).value);
    const client = await RawClient.connect(port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/echo\n\n^@SEND\ndestination:/app/echo\n\nhi^@");
    await client.frame();
    const polling = new SockJS(`http://127.0.0.1:${port}/ws`, undefined, { transports: ["xhr-streaming"] });
    await new Promise((resolve) => polling.addEventListener("open", resolve));

    const exited = once(child, "exit");
    child.kill("SIGTERM");

    expect((await lines.next()).value).to.equal("closed");
    expect(await client.closed()).to.equal(1001);
    polling.close();
    expect(await exited).to.deep.equal([0, null]);
  });
});
