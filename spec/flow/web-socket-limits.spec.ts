import { once } from "node:events";
import { expect } from "chai";
import type { MessagingEvents, TransportOptions } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

for (const [transport, path] of [
  ["WebSocket", "/ws"],
  ["SockJS by WebSocket", "/ws/000/s1/websocket"],
] as const) {
  describe(`A limit of the WebSocket itself, by ${transport}`, () => {
    let server: TestServer;
    let client: RawClient;
    let told: MessagingEvents["limitExceeded"][];

    async function start(options: TransportOptions = {}) {
      server = await startServer({ transport: options });
      told = [];
      server.messaging.on("limitExceeded", (event) => void told.push(event));
      client = await RawClient.open(server.port, path);
      if (path !== "/ws") expect(await client.frame()).to.equal("o");
    }

    afterEach(async () => {
      client.cut();
      await server.close();
    });

    async function sessionEnded() {
      while (server.messaging.stats().connections > 0) await new Promise(setImmediate);
    }

    for (const [what, options] of [
      ["longer than any frame", {}],
      ["longer than any frame once it is unpacked", { perMessageDeflate: true }],
    ] as const) {
      // SockJS may write a character as six, so its WebSocket messages may be six times as long.
      it(`is told as messageSizeLimit, once, when a message is ${what}`, async () => {
        await start(options);
        client.webSocket.send(Buffer.alloc(500_000, "x"));

        expect(await client.closed()).to.equal(1009);
        await sessionEnded();
        expect(told).to.have.length(1);
        expect(told[0]).to.deep.include({ limit: "messageSizeLimit", address: "127.0.0.1", user: undefined });
        expect(told[0]?.sessionId).to.be.a("string");
        expect(server.messaging.stats().limitsExceeded).to.deep.equal({ messageSizeLimit: 1 });
      });
    }

    it("is told as maxFragments, once, when a message comes in thousands of pieces", async () => {
      await start();
      for (let i = 0; i < 8000; i++) client.webSocket.send("x", { fin: false });

      expect(await client.closed()).to.equal(1008);
      await sessionEnded();
      expect(told.map(({ limit }) => limit)).to.deep.equal(["maxFragments"]);
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ maxFragments: 1 });
    });

    for (const code of [1009, 1008]) {
      it(`was not passed by a client that closes with ${code} itself`, async () => {
        await start();
        client.webSocket.close(code, "Max payload size exceeded");
        await once(client.webSocket, "close");
        await sessionEnded();

        expect(told).to.deep.equal([]);
        expect(server.messaging.stats().limitsExceeded).to.deep.equal({});
      });
    }
  });
}

describe("A limit of the WebSocket itself, of a client that is CONNECTED", () => {
  let server: TestServer;
  let client: RawClient;
  let told: string[];

  beforeEach(async () => {
    server = await startServer();
    told = [];
    for (const name of ["limitExceeded", "slowConsumer", "sessionError"] as const) {
      server.messaging.on(name, () => void told.push(name));
    }
    server.messaging.on("disconnect", ({ code }) => void told.push(`disconnect ${code}`));
    client = await RawClient.connect(server.port);
  });

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  async function disconnected() {
    while (told.at(-1)?.startsWith("disconnect") !== true) await new Promise(setImmediate);
  }

  it("is told before its disconnect", async () => {
    client.webSocket.send(Buffer.alloc(300_000));
    await disconnected();

    expect(told).to.deep.equal(["limitExceeded", "disconnect 1009"]);
  });

  it("is not told of one who is being closed for another fault", async () => {
    client.send("SEND\ndestination:/app/a\ncontent-length:1073741824\n\n");
    client.webSocket.send(Buffer.alloc(300_000));
    await disconnected();

    expect(told).to.deep.equal(["limitExceeded", "sessionError", "disconnect 1009"]);
    expect(server.messaging.stats().limitsExceeded).to.deep.equal({ messageSizeLimit: 1 });
  });
});
