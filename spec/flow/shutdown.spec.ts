import { spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { ConfigurationError, Controller, MessageMapping } from "express-stomp";
import SockJS from "sockjs-client";
import WebSocket from "ws";
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
  async pass(text: string) {
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

  it("closes idle sessions at once though others take their time", async () => {
    const busy = await connect();
    const idle = await connect();
    busy.send(send(1));
    await gate.arrived;

    void server.messaging.close();

    expect(await idle.closed()).to.equal(1001);
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
    this.timeout(15_000);
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

  it("loses no frame that got its receipt, of many clients that go on sending", async function () {
    this.timeout(30_000);
    gate.open();
    const confirmed: string[] = [];
    const all = await Promise.all(Array.from({ length: 200 }, connect));
    const ends = all.map(async (client, n) => {
      client.webSocket.on("message", (data: Buffer) => {
        const receipt = /receipt-id:(.*)\n/.exec(data.toString())?.[1];
        if (receipt !== undefined) confirmed.push(receipt);
        if (client.webSocket.readyState === 1) client.send(send(n * 100_000 + confirmed.length));
      });
      client.send(send(n * 100_000 + 99_999));
      await once(client.webSocket, "close");
    });
    while (confirmed.length < 2_000) await settled();

    await server.messaging.close();
    await Promise.all(ends);

    const handled = new Set(gate.handled);
    expect(confirmed.filter((receipt) => !handled.has(receipt))).to.deep.equal([]);
  });
});

describe("A process that closes", () => {
  it("exits by itself, with clients of both kinds connected", async function () {
    this.timeout(20_000);
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
