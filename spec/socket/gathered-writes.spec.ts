import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket as TcpSocket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { expect } from "chai";
import { WebSocket, WebSocketServer } from "ws";
import { SharedMessage } from "#lib/socket/shared-message.js";
import { WebSocketSocket } from "#lib/socket/web-socket.js";
import { CERTIFICATE, KEY } from "../support/certificate.js";
import { settled } from "../support/recording.js";
import { handshakeText } from "../support/socket-host.js";

interface Opened {
  readonly ws: WebSocket;
  readonly socket: WebSocketSocket;
  readonly stream: TcpSocket;
}

interface Way {
  readonly way: string;
  readonly compressed?: boolean;
  readonly secure?: boolean;
  /** What is done to a stream before it is a WebSocket. */
  prepare?(stream: TcpSocket): void;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

const PAST_BUFFER: Way = { way: "past the stream's buffer" };

/** Somebody who looks at what is written is to see all of it. */
const THROUGH_BUFFER: Way = {
  way: "through the stream's buffer, where its write is not node's",
  prepare(stream) {
    const write = stream.write;
    stream.write = function (this: TcpSocket, ...args: unknown[]) {
      return Reflect.apply(write, this, args) as boolean;
    };
  },
};

/** Two writes that overlap would end the process. */
const OVER_TLS: Way = { way: "over TLS", secure: true };

/** Compression makes ws hold frames back: then nothing may be written beside it. */
const THROUGH_WS: Way = { way: "through ws, which compresses", compressed: true };

for (const { way, compressed = false, secure, prepare } of [
  PAST_BUFFER,
  THROUGH_BUFFER,
  OVER_TLS,
  THROUGH_WS,
]) {
  describe(`WebSocketSocket, writing ${way}`, () => {
    let server: Server;
    let webSockets: WebSocketServer;
    let client: WebSocket;
    let messages: string[];
    const ends: (() => void)[] = [];

    beforeEach(async () => {
      server = secure ? createSecureServer({ key: KEY, cert: CERTIFICATE }) : createServer();
      server.listen(0, "127.0.0.1");
      webSockets = new WebSocketServer({ server, perMessageDeflate: compressed && { threshold: 0 } });
      await once(server, "listening");
      server.on("connection", (stream: TcpSocket) => {
        ends.push(() => stream.destroy());
        prepare?.(stream);
      });
    });

    afterEach(async () => {
      for (const end of ends.splice(0)) end();
      server.close();
      await once(server, "close");
    });

    function accept(): Promise<Opened> {
      return new Promise((resolve) => {
        webSockets.once("connection", (ws, req) => {
          resolve({ ws, socket: new WebSocketSocket(ws, req.socket), stream: req.socket });
        });
      });
    }

    async function open(): Promise<Opened> {
      const accepted = accept();
      client = new WebSocket(`${secure ? "wss" : "ws"}://127.0.0.1:${portOf(server)}`, { ca: CERTIFICATE });
      const [webSocket, heard]: [WebSocket, string[]] = [client, []];
      messages = heard;
      ends.push(() => webSocket.terminate());
      webSocket.on("message", (data: Buffer, isBinary: boolean) => {
        heard.push(isBinary ? data.toString("hex") : data.toString());
      });
      const opened = await accepted;
      opened.socket.listen({ data() {}, drained() {}, close() {} });
      if (client.readyState !== client.OPEN) await once(client, "open");
      return opened;
    }

    /** A client without ws, that gives all bytes behind the handshake when the server hangs up. */
    async function openLine(): Promise<Opened & { line: TcpSocket; bytes: Promise<Buffer> }> {
      const accepted = accept();
      const to = { port: portOf(server), host: "127.0.0.1" };
      const line = secure ? connectSecure({ ...to, ca: CERTIFICATE }) : connect(to);
      ends.push(() => line.destroy());
      line.on("error", () => {});
      line.write(handshakeText("/", compressed ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {}));
      await once(line, "data");
      const chunks: Buffer[] = [];
      line.on("data", (chunk: Buffer) => chunks.push(chunk));
      const bytes = once(line, "close").then(() => Buffer.concat(chunks));
      return { ...(await accepted), line, bytes };
    }

    async function arrived(count: number): Promise<string[]> {
      while (messages.length < count) await once(client, "message");
      return messages;
    }

    it("sends each message as it is, in order", async () => {
      const { socket } = await open();
      const long = "é".repeat(40_000);
      const shared = new SharedMessage(Buffer.from("shared 한").toString("latin1"), false);

      socket.send(Buffer.from("first"), false);
      socket.sendShared(shared);
      socket.send(Buffer.from(long), false);
      socket.sendShared(new SharedMessage("\x00\xff", true));
      socket.sendShared(shared);
      socket.send(Buffer.alloc(0), false);
      socket.send(new Uint8Array([255]), true);

      expect(await arrived(7)).to.deep.equal(["first", "shared 한", long, "00ff", "shared 한", "", "ff"]);
    });

    it("keeps each socket's own order of messages that are shared", async () => {
      const { socket } = await open();
      const [a, b] = ["a", "b"].map((text) => new SharedMessage(text, false)) as [
        SharedMessage,
        SharedMessage,
      ];
      const first = client;
      const heard = messages;
      const { socket: other } = await open();

      for (const message of [a, b, a]) socket.sendShared(message);
      for (const message of [a, a, b]) other.sendShared(message);

      expect(await arrived(3)).to.deep.equal(["a", "a", "b"]);
      while (heard.length < 3) await once(first, "message");
      expect(heard).to.deep.equal(["a", "b", "a"]);
    });

    it("keeps pongs out of messages, however many of both there are", async () => {
      const { socket } = await open();
      const sent = Array.from({ length: 500 }, (_, i) => `${i} ${"x".repeat(8 * i)}`);
      let pongs = 0;
      client.on("pong", () => pongs++);

      // A client that reads in bits makes the server's writes wait in between.
      for (const [i, text] of sent.entries()) {
        if (i % 2) socket.send(Buffer.from(text), false);
        else socket.sendShared(new SharedMessage(text, false));
        if (i % 10 === 0) client.ping();
        if (i % 50 === 0) {
          if (client.isPaused) client.resume();
          else client.pause();
          await settled();
        }
      }
      client.resume();

      expect(await arrived(sent.length)).to.deep.equal(sent);
      while (pongs < sent.length / 10) await once(client, "pong");
    });

    it("keeps pongs out of messages that wait for a client that does not read", async () => {
      const { socket, ws } = await open();
      const text = "x".repeat(10_000);
      let sent = 0;
      let pongs = 0;
      client.on("pong", () => pongs++);
      client.pause();
      const send = () => {
        sent++;
        if (sent % 2) socket.send(Buffer.from(`${sent} ${text}`), false);
        else socket.sendShared(new SharedMessage(`${sent} ${text}`, false));
      };
      while (socket.bufferedAmount === 0) {
        send();
        await settled();
      }
      for (let i = 0; i < 5; i++) {
        client.ping();
        await once(ws, "ping");
        send();
        await settled();
      }
      expect(socket.bufferedAmount).to.be.greaterThan(compressed ? 0 : 50_000);

      client.resume();

      expect((await arrived(sent)).map((message) => Number.parseInt(message, 10))).to.deep.equal(
        Array.from({ length: sent }, (_, i) => i + 1),
      );
      while (pongs < 5) await once(client, "pong");
    });

    it("lets nothing overtake what waits behind a long message", async () => {
      const { socket } = await open();
      const drained = new EventEmitter();
      socket.listen({ data() {}, drained: () => drained.emit("drained"), close() {} });
      client.pause();
      let sent = 0;
      const send = (length: number) => socket.send(Buffer.from(`${sent++} ${"x".repeat(length)}`), false);
      while (socket.bufferedAmount === 0) {
        send(4_000);
        await settled();
      }
      send(16 * 1024 * 1024);
      send(4_000);
      await settled();
      send(4_000);

      client.resume();
      // When what waited in front of the long one has left, this could go straight to the system.
      if (socket.bufferedAmount > 0) await once(drained, "drained");
      send(4_000);

      expect((await arrived(sent)).map((message) => Number.parseInt(message, 10))).to.deep.equal(
        Array.from({ length: sent }, (_, i) => i),
      );
    });

    it("says that what waited has left, however little it was, to who has asked how much", async () => {
      const { socket } = await open();
      const drained = new EventEmitter();
      socket.listen({ data() {}, drained: () => drained.emit("drained"), close() {} });
      client.pause();
      while (socket.bufferedAmount === 0) {
        socket.send(Buffer.alloc(4_000, "x"), false);
        await settled();
      }

      client.resume();

      while (socket.bufferedAmount > 0) await once(drained, "drained");
    });

    it("sends what was sent before it closes, and nothing behind", async () => {
      const { socket } = await open();
      const closed = once(client, "close");

      socket.send(Buffer.from("last"), false);
      socket.sendShared(new SharedMessage("very last", false));
      socket.close(4500, "bye");
      socket.send(Buffer.from("too late"), false);
      socket.sendShared(new SharedMessage("too late", false));
      socket.flush();

      expect((await closed)[0]).to.equal(4500);
      expect(messages).to.deep.equal(["last", "very last"]);
    });

    it("writes nothing behind the close frame that answers the client's", async () => {
      const { socket, line, bytes } = await openLine();
      const answer = (data: Uint8Array) => {
        socket.send(data, false);
        // When ws has written its close frame, and not yet ended the stream.
        process.nextTick(() => socket.flush());
      };
      socket.listen({ data: answer, drained() {}, close() {} });
      const masked = (opcode: number, payload: Buffer) =>
        Buffer.concat([Buffer.from([opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

      line.write(Buffer.concat([masked(0x81, Buffer.from("hi")), masked(0x88, Buffer.from([3, 232]))]));

      expect((await bytes).subarray(-4).toString("hex")).to.equal("880203e8");
    });

    it("counts what it holds back, and all of it leaves", async () => {
      const { socket } = await open();
      for (let i = 0; i < 10; i++) socket.sendShared(new SharedMessage("x".repeat(1_000), false));

      expect(socket.bufferedAmount).to.be.within(compressed ? 0 : 10_000, 10_100);
      await arrived(10);
      while (socket.bufferedAmount > 0) await settled();
    });

    it("ends when a write fails, though it does not read", async () => {
      const { socket, stream, line } = await openLine();
      const closed = new Promise((resolve) => socket.listen({ data() {}, drained() {}, close: resolve }));
      socket.pause();
      // Until the stream takes no more, and would not notice the end by reading.
      line.write(
        Buffer.concat([Buffer.from([0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 0]), Buffer.alloc(1024 * 1024)]),
      );
      while (stream.readableLength < stream.readableHighWaterMark) await settled();

      if (secure) line.destroy();
      else line.resetAndDestroy();
      await once(line, "close");

      let code: unknown;
      void closed.then((told) => {
        code = told;
      });
      while (code === undefined) {
        socket.send(Buffer.from("nobody is there"), false);
        await settled();
      }
      expect(code).to.equal(1006);
    });

    it("survives being cut with messages that it holds back", async () => {
      const { socket } = await open();
      const closed = once(client, "close");

      socket.send(Buffer.from("lost"), false);
      socket.terminate();
      socket.sendShared(new SharedMessage("lost", false));

      expect((await closed)[0]).to.equal(1006);
      await settled();
      // ws goes on counting what it was compressing.
      expect(socket.bufferedAmount).to.equal(compressed ? 4 : 0);
    });
  });
}

describe("WebSocketSocket, writing past ws", () => {
  let server: Server;
  let client: WebSocket;

  async function open(): Promise<Opened> {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const webSockets = new WebSocketServer({ server });
    client = new WebSocket(`ws://127.0.0.1:${portOf(server)}`, {
      perMessageDeflate: false,
    });
    const [[ws, req]] = await Promise.all([once(webSockets, "connection"), once(client, "open")]);
    return { ws, socket: new WebSocketSocket(ws, req.socket), stream: req.socket };
  }

  afterEach(async () => {
    client.terminate();
    server.close();
    await once(server, "close");
  });

  it("writes what it was sent in one turn when the turn ends", async () => {
    const { socket, stream } = await open();
    const before = stream.bytesWritten;

    for (const text of ["a", "b", "c"]) socket.send(Buffer.from(text), false);
    await Promise.resolve();
    expect(stream.bytesWritten - before).to.equal(0);
    await settled();

    expect(stream.bytesWritten - before).to.equal(9);
  });

  it("says at the end of the turn that what it was sent has left, to who has asked how much it was", async () => {
    const { socket } = await open();
    let drained = 0;
    socket.listen({ data() {}, drained: () => drained++, close() {} });

    socket.send(Buffer.from("a"), false);
    await settled();
    expect(drained).to.equal(0);

    socket.send(Buffer.from("b"), false);
    expect(socket.bufferedAmount).to.equal(3);
    await settled();
    expect(drained).to.equal(1);
    expect(socket.bufferedAmount).to.equal(0);
  });

  it("counts what the system does not take", async () => {
    const { socket, stream } = await open();
    const { _handle: handle } = stream as unknown as { _handle: { readonly writeQueueSize: number } };
    client.pause();

    while (handle.writeQueueSize === 0) {
      expect(socket.bufferedAmount).to.equal(0);
      socket.send(Buffer.alloc(4_000, "x"), false);
      await settled();
    }

    expect(stream.writableLength).to.equal(0);
    expect(socket.bufferedAmount).to.equal(4_004);
  });

  it("does not wait for the end of the turn with much", async () => {
    const { socket, stream } = await open();
    const before = stream.bytesWritten;

    for (let i = 0; i < 70; i++) socket.sendShared(new SharedMessage("x".repeat(1_000), false));

    expect(stream.bytesWritten - before).to.be.within(64 * 1024, 66 * 1024 + 8);
    await settled();
    expect(stream.bytesWritten - before).to.equal(70 * 1_004);
  });
});
