import { once } from "node:events";
import { connect, type Socket as TcpSocket } from "node:net";
import { constants, deflateRawSync } from "node:zlib";
import { expect } from "chai";
import type { MessagingEvents, TransportOptions } from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { handshakeText } from "../support/socket-host.js";

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
      // Before CONNECT there are tighter limits.
      const connect = "CONNECT\naccept-version:1.2\nhost:spec\n\n\0";
      client.webSocket.send(path === "/ws" ? connect : JSON.stringify([connect]));
      expect(await client.frame()).to.include("CONNECTED");
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

describe("What a WebSocket holds of a client's bytes", () => {
  let server: TestServer;
  const lines: TcpSocket[] = [];

  afterEach(async () => {
    for (const line of lines.splice(0)) line.destroy();
    await server.close();
  });

  /** A client that has shaken hands, and all that it is sent. */
  async function shakeHands(path: string, headers: Record<string, string> = {}) {
    const line = connect(server.port, "127.0.0.1");
    lines.push(line);
    line.on("error", () => {});
    line.write(handshakeText(path, headers));
    await once(line, "data");
    let heard = "";
    line.on("data", (data: Buffer) => {
      heard += data.toString("latin1");
    });
    const closed = once(line, "close").then(() => heard);
    return { line, closed };
  }

  /** The head of a masked text message of so many bytes, and the first of them. */
  function begun(length: number, first: number): Buffer {
    const head = Buffer.alloc(14);
    head.writeUInt16BE(0x81ff);
    head.writeBigUInt64BE(BigInt(length), 2);
    return Buffer.concat([head, Buffer.alloc(first, "A")]);
  }

  for (const [path, within] of [
    ["/ws", 15_000],
    ["/ws/000/s1/websocket", 45_000],
  ] as const) {
    it(`is bounded by connectSizeLimit before CONNECT, also of a message that is never whole, at ${path}`, async () => {
      server = await startServer();
      const limits: string[] = [];
      server.messaging.on("limitExceeded", ({ limit }) => void limits.push(limit));
      const { line, closed } = await shakeHands(path);
      line.write(begun(70_000, within));
      const other = await RawClient.connect(server.port);
      await other.synchronize();
      expect(line.destroyed).to.equal(false);

      line.write(Buffer.alloc(10_000, "A"));
      expect(await closed).to.include("Frame passes connectSizeLimit");
      expect(limits).to.deep.equal(["connectSizeLimit"]);
      other.cut();
    });
  }

  it("is bounded by messageSizeLimit, and told so, where that is less than connectSizeLimit", async () => {
    server = await startServer({ transport: { messageSizeLimit: 4_096 } });
    const { line, closed } = await shakeHands("/ws");
    line.write(begun(10_000, 6_000));
    expect(await closed).to.include("Frame passes messageSizeLimit\\c 4096");
  });

  it("is counted for each message: many that are whole may come at once, before CONNECT too", async () => {
    server = await startServer();
    const { line } = await shakeHands("/ws");
    const answered = once(line, "data");
    const blank = message(Buffer.alloc(10_000, "\n"), 0x81);
    const connect = message(Buffer.from("CONNECT\naccept-version:1.2\nhost:spec\n\n\0"), 0x81);
    line.write(Buffer.concat([blank, blank, blank, blank, connect]));
    expect(String(await answered)).to.include("CONNECTED");
  });

  for (const slices of [1, 5]) {
    it(`is no longer message before CONNECT, in ${slices} slices`, async () => {
      server = await startServer();
      const { line, closed } = await shakeHands("/ws");
      const whole = message(Buffer.alloc(20_000, "\n"), 0x81);
      for (let i = 0; i < slices; i++) {
        const part = Math.ceil(whole.length / slices);
        line.write(whole.subarray(i * part, (i + 1) * part));
        await new Promise(setImmediate);
      }
      expect(await closed).to.include("Frame passes connectSizeLimit");
    });
  }

  it("is as much as a frame may have once a client is connected", async () => {
    server = await startServer();
    const client = await RawClient.connect(server.port);
    client.send(`SEND\ndestination:/topic/a\nreceipt:1\n\n${"x".repeat(60_000)}^@`);
    expect(await client.frame()).to.match(/^RECEIPT\n/);
    client.cut();
  });

  it("is bounded while it is paused, whatever compressed messages unpack to", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    server = await startServer({
      transport: { perMessageDeflate: true },
      clientInboundChannel: {
        interceptors: [
          {
            async preSend(message) {
              if (message.headers.messageType === "MESSAGE") await gate;
              return message;
            },
          },
        ],
      },
    });
    const limits: string[] = [];
    server.messaging.on("limitExceeded", ({ limit }) => void limits.push(limit));
    const { line, closed } = await shakeHands("/ws", {
      "Sec-WebSocket-Extensions": "permessage-deflate; client_no_context_takeover",
    });
    const connected = once(line, "data");
    line.write(message(Buffer.from("CONNECT\naccept-version:1.2\nhost:spec\n\n\0"), 0x81));
    await connected;

    const frame = Buffer.from(`SEND\ndestination:/topic/a\n\n${"a".repeat(64_000)}\0`);
    const packed = deflateRawSync(frame, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    line.write(Buffer.concat(Array.from({ length: 400 }, () => message(packed, 0xc1))));
    await closed;
    while (limits.length === 0) await new Promise(setImmediate);
    expect(limits).to.deep.equal(["unpackedSizeLimit"]);
    expect(server.messaging.stats().framesReceived).to.be.below(1 + 40);
    release();
  });

  /** A whole masked message of less than 64 KiB, with a mask of zeros. */
  function message(payload: Buffer, first: number): Buffer {
    const head = Buffer.alloc(8);
    head[0] = first;
    head[1] = 0xfe;
    head.writeUInt16BE(payload.length, 2);
    return payload.length < 126
      ? Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload])
      : Buffer.concat([head, payload]);
  }
});
