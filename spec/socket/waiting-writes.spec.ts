import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { expect } from "chai";
import { utf8 } from "#lib/message/octets.js";
import { SharedMessage } from "#lib/socket/shared-message.js";
import { reset } from "#lib/testing/reset.js";
import { settled } from "../support/recording.js";
import { PAST_BUFFER, WAYS, WebSocketStage } from "../support/web-socket-stage.js";

/** Text that hardly becomes shorter by compression. */
function noise(length: number): string {
  return randomBytes(length).toString("base64").slice(0, length);
}

for (const way of WAYS) {
  describe(`WebSocketSocket, writing ${way.way} to a client that does not read`, () => {
    let stage: WebSocketStage;
    beforeEach(async () => {
      stage = new WebSocketStage(way);
      await stage.start();
    });
    afterEach(() => stage.close());

    it("keeps pongs out of messages that wait for a client that does not read", async () => {
      const { socket, ws, client, arrived } = await stage.open();
      const text = noise(10_000);
      let sent = 0;
      let pongs = 0;
      client.on("pong", () => pongs++);
      client.pause();
      const send = () => {
        sent++;
        if (sent % 2) socket.send(Buffer.from(`${sent} ${text}`), false);
        else socket.sendShared(new SharedMessage(utf8(`${sent} ${text}`), false));
      };
      while (socket.watchBuffer() === 0) {
        send();
        await settled();
      }
      for (let i = 0; i < 5; i++) {
        client.ping();
        await once(ws, "ping");
        send();
        await settled();
      }
      expect(socket.watchBuffer()).to.be.greaterThan(way.compressed ? 0 : 50_000);

      client.resume();

      expect((await arrived(sent)).map((message) => Number.parseInt(message, 10))).to.deep.equal(
        Array.from({ length: sent }, (_, i) => i + 1),
      );
      while (pongs < 5) await once(client, "pong");
    });

    it("lets nothing overtake what waits behind a long message", async () => {
      const { socket, client, arrived } = await stage.open();
      const drained = new EventEmitter();
      socket.listen({ data() {}, drained: () => drained.emit("drained"), socketClosed() {} });
      client.pause();
      let sent = 0;
      const send = (length: number) => socket.send(Buffer.from(`${sent++} ${noise(length)}`), false);
      while (socket.watchBuffer() === 0) {
        send(4_000);
        await settled();
      }
      send(16 * 1024 * 1024);
      send(4_000);
      await settled();
      send(4_000);

      client.resume();
      // When what waited in front of the long one has left, this could go straight to the system.
      if (socket.watchBuffer() > 0) await once(drained, "drained");
      send(4_000);

      expect((await arrived(sent)).map((message) => Number.parseInt(message, 10))).to.deep.equal(
        Array.from({ length: sent }, (_, i) => i),
      );
    });

    it("says that what waited has left, however little it was, to a listener that has asked how much", async () => {
      const { socket, client } = await stage.open();
      const drained = new EventEmitter();
      socket.listen({ data() {}, drained: () => drained.emit("drained"), socketClosed() {} });
      client.pause();
      while (socket.watchBuffer() === 0) {
        socket.send(Buffer.from(noise(4_000)), false);
        await settled();
      }

      client.resume();

      while (socket.watchBuffer() > 0) await once(drained, "drained");
    });

    it("ends when a write fails, though it does not read", async () => {
      const { socket, stream, line } = await stage.openLine();
      const closed = new Promise((resolve) =>
        socket.listen({ data() {}, drained() {}, socketClosed: resolve }),
      );
      socket.pause();
      // Until the stream takes no more, and would not notice the end by reading.
      line.write(
        Buffer.concat([Buffer.from([0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 0]), Buffer.alloc(1024 * 1024)]),
      );
      while (stream.readableLength < stream.readableHighWaterMark) await settled();

      if (way.secure) line.destroy();
      else reset(line);
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
  });
}

describe("WebSocketSocket, writing past the stream's buffer to a client that does not read", () => {
  let stage: WebSocketStage;
  beforeEach(async () => {
    stage = new WebSocketStage(PAST_BUFFER);
    await stage.start();
  });
  afterEach(() => stage.close());

  it("counts what the system does not take", async () => {
    const { socket, stream, client } = await stage.open();
    const { _handle: handle } = stream as unknown as { _handle: { readonly writeQueueSize: number } };
    client.pause();

    while (handle.writeQueueSize === 0) {
      expect(socket.watchBuffer()).to.equal(0);
      socket.send(Buffer.alloc(4_000, "x"), false);
      await settled();
    }

    expect(stream.writableLength).to.equal(0);
    expect(socket.watchBuffer()).to.equal(4_004);
  });
});
