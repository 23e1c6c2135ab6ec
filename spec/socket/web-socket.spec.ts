import { once } from "node:events";
import { connect, type Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import { shortReason } from "#lib/socket/close-status.js";
import {
  closing,
  converse,
  handshakeText,
  listenTo,
  type Opened,
  openWebSocket,
  receivedText,
  SocketHost,
} from "../support/socket-host.js";

/** Shakes hands by hand, so that any bytes can follow. */
async function openLine(port: number): Promise<TcpSocket> {
  const line = connect(port, "127.0.0.1");
  line.on("error", () => {});
  line.write(handshakeText("/ws"));
  await once(line, "data");
  return line;
}

function frame(opcode: number, payload: Buffer, length = payload.length): Buffer {
  const head =
    length < 126
      ? Buffer.from([opcode, 0x80 | length])
      : Buffer.from([opcode, 0xfe, length >> 8, length & 255]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

describe("WebSocketSocket", () => {
  let host: SocketHost;
  let port: number;

  async function start(options: ConstructorParameters<typeof SocketHost>[0] = {}): Promise<void> {
    host = new SocketHost(options);
    host.endpoint();
    port = await host.listen();
  }

  afterEach(async () => {
    await host.close();
  });

  describe("when nobody listens yet", () => {
    it("keeps what arrives, and the close behind it", async () => {
      await start({ echo: false });
      const client = await openWebSocket(port, "/ws");
      client.ws.send("one ");
      client.ws.send("two");
      client.ws.close(4000, "bye");
      const opened = await host.nth(0);
      expect(opened.received).to.deep.equal([]);
      listenTo(opened);

      expect(await closing(opened)).to.deep.equal({ code: 4000, reason: "bye" });
      expect(receivedText(opened)).to.equal("one two");
    });

    it("reads no more than it must, and keeps that when the line breaks", async () => {
      await start({ echo: false });
      const accepted = once(host.server, "connection") as Promise<[TcpSocket]>;
      const client = await openWebSocket(port, "/ws");
      const opened = await host.nth(0);
      const [socket] = await accepted;
      client.ws.send("early");
      while (socket.readableLength === 0) await new Promise((resolve) => setImmediate(resolve));
      socket.destroy();
      await once(socket, "close");
      listenTo(opened);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect(receivedText(opened)).to.equal("early");
    });

    it("keeps the break of a line", async () => {
      await start({ echo: false });
      const accepted = once(host.server, "connection") as Promise<[TcpSocket]>;
      const line = await openLine(port);
      const opened = await host.nth(0);
      const [socket] = await accepted;
      socket.destroy();
      await once(socket, "close");
      listenTo(opened);

      expect(opened.closings).to.deep.equal([]);
      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      line.destroy();
    });
  });

  it("tells of the answer to each probe, once", async () => {
    await start({ echo: false });
    const client = await openWebSocket(port, "/ws");
    const opened = await host.nth(0);
    let answers = 0;
    const listener = { data() {}, drained() {}, socketClosed() {} };
    const answered = () => {
      answers++;
      opened.events.emit("answered");
    };
    opened.socket.listen({ ...listener, answered });

    for (let probes = 1; probes <= 3; probes++) {
      const heard = once(opened.events, "answered");
      opened.socket.probe?.();
      await heard;
      expect(answers).to.equal(probes);
    }
    client.ws.terminate();
  });

  describe("when it is paused", () => {
    it("reads nothing until it is resumed", async () => {
      await start({ echo: false });
      const client = await openWebSocket(port, "/ws");
      const opened = await host.nth(0);
      listenTo(opened, () => opened.socket.pause());
      client.ws.send("one ");
      await once(opened.events, "data");
      client.ws.send("two");
      // What was written later, on another connection, has been answered.
      await converse(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      expect(receivedText(opened)).to.equal("one ");

      opened.socket.resume();
      await once(opened.events, "data");
      expect(receivedText(opened)).to.equal("one two");
    });

    it("still closes in order, without waiting for the cut", async function () {
      this.timeout(3000);
      await start({ echo: false });
      const client = await openWebSocket(port, "/ws");
      const opened = await host.nth(0);
      listenTo(opened);
      opened.socket.pause();
      opened.socket.close(1001, "bye");

      expect(await client.closed()).to.deep.equal({ code: 1001, reason: "bye" });
      expect((await closing(opened)).code).to.equal(1001);
    });
  });

  describe("when it closes", () => {
    it("sends what was sent before, then the code and a reason cut between characters", async () => {
      await start();
      const client = await openWebSocket(port, "/ws");
      const opened = await host.nth(0);
      opened.socket.send(Buffer.from("last"), false);
      opened.socket.close(4500, "한".repeat(50));
      opened.socket.send(Buffer.from("too late"), false);
      opened.socket.close(1000, "again");

      expect(await client.next()).to.equal("last");
      expect(await client.closed()).to.deep.equal({ code: 4500, reason: "한".repeat(41) });
      await closing(opened);
      expect(opened.closings).to.have.length(1);
    });

    it("hands over nothing more", async () => {
      await start({ echo: false });
      const client = await openWebSocket(port, "/ws");
      const opened = await host.nth(0);
      listenTo(opened);
      client.ws.send("late");
      opened.socket.close(1001, "");
      await closing(opened);
      expect(opened.received).to.deep.equal([]);
    });

    it("is cut after some seconds when the client does not answer", async function () {
      this.timeout(60_000);
      await start();
      const line = await openLine(port);
      const opened = await host.nth(0);
      opened.socket.close(1001, "");

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      line.destroy();
    });

    it("can be cut at once", async () => {
      await start();
      const client = await openWebSocket(port, "/ws");
      const opened = await host.nth(0);
      opened.socket.terminate();
      opened.socket.terminate();
      opened.socket.close(1000, "");

      expect(await client.closed()).to.deep.equal({ code: 1006, reason: "" });
      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect(opened.closings).to.have.length(1);
    });
  });

  describe("when the client closes", () => {
    const endings: [
      what: string,
      close: (opened: Awaited<ReturnType<typeof openWebSocket>>) => void,
      code: number,
    ][] = [
      ["with a code", ({ ws }) => ws.close(1000, ""), 1000],
      ["without one", ({ ws }) => ws.close(), 1005],
      ["by breaking the line", ({ ws }) => ws.terminate(), 1006],
    ];
    for (const [what, close, code] of endings) {
      it(`tells so once, ${what}`, async () => {
        await start();
        const client = await openWebSocket(port, "/ws");
        const opened = await host.nth(0);
        close(client);
        expect((await closing(opened)).code).to.equal(code);
        opened.socket.close(1000, "");
        opened.socket.terminate();
        opened.socket.send(Buffer.from("x"), false);
        expect(opened.closings).to.have.length(1);
      });
    }
  });

  describe("when the client breaks the protocol", () => {
    const faults: [what: string, bytes: () => Buffer, code: number][] = [
      ["a message that is too long", () => frame(0x82, Buffer.alloc(0), 60_000), 1009],
      ["a message of more bytes than can be counted", () => Buffer.from(`82${"ff".repeat(13)}`, "hex"), 1009],
      ["text that is no UTF-8", () => frame(0x81, Buffer.from([0xff, 0xfe])), 1007],
      ["a reserved opcode", () => frame(0x83, Buffer.alloc(0)), 1002],
      ["a frame without mask", () => Buffer.from([0x81, 0x01, 0x41]), 1002],
      ["a compressed frame", () => frame(0xc1, Buffer.from("x")), 1002],
      ["a close code that is none", () => frame(0x88, Buffer.from([0, 1])), 1002],
      [
        "thousands of fragments",
        () => Buffer.concat(Array.from({ length: 3000 }, (_, i) => frame(i ? 0 : 1, Buffer.from("x")))),
        1008,
      ],
    ];
    for (const [what, bytes, code] of faults) {
      it(`closes with ${code} for ${what}, and tells so once`, async () => {
        await start({ messageSizeLimit: 1000 });
        const line = await openLine(port);
        const answer = once(line, "data") as Promise<[Buffer]>;
        line.write(bytes());
        const [close] = await answer;

        expect(close.subarray(0, 1).toString("hex")).to.equal("88");
        expect(close.readUInt16BE(2)).to.equal(code);
        line.destroy();
        const opened = await host.nth(0);
        expect((await closing(opened)).code).to.equal(code);
        expect(opened.closings).to.have.length(1);
        expect(opened.received).to.deep.equal([]);
      });
    }

    it("takes a message as long as the limit", async () => {
      await start({ messageSizeLimit: 70_000 });
      const client = await openWebSocket(port, "/ws");
      client.ws.send("x".repeat(70_000));
      expect(await client.next()).to.have.length(70_000);
    });
  });

  describe("when the client reads slowly", () => {
    it("counts what has not left the process", async () => {
      await start();
      const client = await openWebSocket(port, "/ws");
      client.ws.pause();
      const opened: Opened = await host.nth(0);
      expect(opened.socket.watchBuffer()).to.equal(0);
      for (let i = 0; i < 20; i++) opened.socket.send(Buffer.alloc(1_000_000), true);
      expect(opened.socket.watchBuffer()).to.be.above(5_000_000);

      const all = new Promise<void>((resolve) => {
        let count = 0;
        client.ws.on("message", () => ++count === 20 && resolve());
      });
      client.ws.resume();
      await all;
      while (opened.socket.watchBuffer() > 0) await new Promise((resolve) => setImmediate(resolve));
    });
  });
});

describe("shortReason", () => {
  it("leaves 123 bytes as they are, and cuts between characters", () => {
    expect(shortReason("x".repeat(123))).to.equal("x".repeat(123));
    expect(shortReason("x".repeat(124))).to.equal("x".repeat(123));
    expect(shortReason(`${"x".repeat(121)}é`)).to.equal(`${"x".repeat(121)}é`);
    expect(shortReason(`${"x".repeat(120)}😀`)).to.equal("x".repeat(120));
  });
});
