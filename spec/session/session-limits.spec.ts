import { once } from "node:events";
import { expect } from "chai";
import { Controller, MessageMapping, type MessagingEvents, type TransportOptions } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

@Controller()
class Counter {
  count = 0;

  @MessageMapping("/count")
  add() {
    this.count++;
  }
}

const COUNT = "SEND\ndestination:/app/count\n\n^@";

describe("A session's limits that pass with time", () => {
  let server: TestServer;
  let counter: Counter;
  const clients: RawClient[] = [];

  async function start(transport: TransportOptions) {
    counter = new Counter();
    server = await startServer({ controllers: [counter], transport });
  }

  async function open() {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  }

  async function connect(headers?: string) {
    const client = await RawClient.connect(server.port, headers);
    clients.push(client);
    return client;
  }

  function limitExceeded(): Promise<MessagingEvents["limitExceeded"]> {
    return new Promise((resolve) => server.messaging.on("limitExceeded", resolve));
  }

  /** Subscribes a client that then reads nothing, and fills its line; gives what it was sent. */
  async function stuffed(bytes: number): Promise<RawClient> {
    const client = await connect("heart-beat:0,0\n");
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.synchronize();
    client.webSocket.pause();
    const body = Buffer.alloc(60_000, "x");
    for (let sent = 0; sent < bytes; sent += body.length) {
      await server.messaging.template.convertAndSend("/topic/a", body);
    }
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  describe("when a client sends nothing at all", () => {
    it("names timeToFirstMessage in ERROR, closes with 4500, tells an event and counts it", async () => {
      await start({ timeToFirstMessage: 200 });
      const told = limitExceeded();
      const client = await open();

      expect(await client.frame()).to.match(
        /^ERROR\nmessage:Session passes timeToFirstMessage\\c 200\nretry:\d{4}\ncontent-length:0\n\n\^@$/,
      );
      expect(await client.closed()).to.equal(4500);
      expect(await told).to.include({ limit: "timeToFirstMessage", address: "127.0.0.1" });
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ timeToFirstMessage: 1 });
    });
  });

  describe("when a client never finishes CONNECT", () => {
    for (const bytes of ["\n", "CONNECT\naccept-version:1.2\nhost:sp"]) {
      it(`names connectTimeLimit after ${JSON.stringify(bytes)}`, async () => {
        await start({ timeToFirstMessage: 60_000, connectTimeLimit: 200 });
        const client = await open();

        client.send(bytes);

        expect(await client.frame()).to.include("message:Session passes connectTimeLimit\\c 200\n");
        expect(await client.closed()).to.equal(4500);
      });
    }

    it("bears nobody who drips bytes", async () => {
      await start({ connectTimeLimit: 300 });
      const client = await open();
      const drip = setInterval(() => client.webSocket.readyState === 1 && client.send("\n"), 20).unref();

      expect(await client.frame()).to.include("message:Session passes connectTimeLimit\\c 300\n");
      clearInterval(drip);
    });
  });

  it("are nothing to a client that is connected and idle", async () => {
    await start({ timeToFirstMessage: 500, connectTimeLimit: 500, sendTimeLimit: 500 });
    const client = await connect();
    const late = await open();

    await late.frame();

    expect(await client.synchronize()).to.deep.equal([]);
    expect(server.messaging.stats().limitsExceeded).to.deep.equal({ timeToFirstMessage: 1 });
  });

  describe("when a client stops reading", () => {
    it("closes with 4500 after sendTimeLimit though nothing more is sent", async function () {
      this.timeout(60_000);
      await start({ sendTimeLimit: 400, sendBufferSizeLimit: 64 * 1024 * 1024 });
      const told = limitExceeded();
      const slow = new Promise<MessagingEvents["slowConsumer"]>((resolve) =>
        server.messaging.on("slowConsumer", resolve),
      );
      const client = await stuffed(12 * 1024 * 1024);

      expect((await told).limit).to.equal("sendTimeLimit");
      expect(await slow).to.equal(await told);
      client.webSocket.resume();
      let event = await client.next();
      while (typeof event === "string") event = await client.next();
      expect(event.closed).to.equal(4500);
    });

    it("closes with 4500 when one message alone passes sendBufferSizeLimit", async function () {
      this.timeout(60_000);
      await start({ sendBufferSizeLimit: 1024 * 1024, sendTimeLimit: 10_000 });
      const told = limitExceeded();
      const client = await connect("heart-beat:0,0\n");
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();
      client.webSocket.pause();

      await server.messaging.template.convertAndSend("/topic/a", Buffer.alloc(16 * 1024 * 1024, "x"));

      expect((await told).limit).to.equal("sendBufferSizeLimit");
    });
  });

  describe("when a client sends more frames than inboundRateLimit", () => {
    it("loses none of them", async () => {
      await start({ inboundRateLimit: 100 });
      const client = await connect();

      for (let i = 0; i < 250; i++) client.send(COUNT);
      await client.synchronize();

      expect(counter.count).to.equal(250);
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({});
    });

    it("handles what it had sent at the same pace when it leaves, and ends its session", async () => {
      await start({ inboundRateLimit: 20 });
      const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));
      const client = await connect();

      client.send(COUNT.repeat(60));
      client.webSocket.close();
      await ended;

      expect(counter.count).to.equal(60);
    });

    it("handles what it had sent at once when the server closes", async () => {
      await start({ inboundRateLimit: 20 });
      const client = await connect();

      client.send(COUNT.repeat(60));
      client.webSocket.ping();
      await once(client.webSocket, "pong");
      client.cut();
      await server.close();

      expect(counter.count).to.equal(60);
    });

    it("names it in ERROR and closes with 4500 when it goes on for 10 s", async function () {
      this.timeout(60_000);
      await start({ inboundRateLimit: 20 });
      const client = await connect("heart-beat:0,0\n");
      const flood = setInterval(() => {
        if (client.webSocket.readyState === 1 && client.webSocket.bufferedAmount < 100_000) {
          client.send(COUNT.repeat(50));
        }
      }, 50).unref();

      expect(await client.frame()).to.include("message:Session passes inboundRateLimit\\c 20\n");
      expect(await client.closed()).to.equal(4500);
      clearInterval(flood);
    });
  });
});
