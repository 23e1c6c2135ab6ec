import { once } from "node:events";
import { expect } from "chai";
import { octetsOf, utf8 } from "#lib/message/octets.js";
import { SharedMessage } from "#lib/socket/shared-message.js";
import { settled } from "../support/recording.js";
import { PAST_BUFFER, WAYS, WebSocketStage } from "../support/web-socket-stage.js";

for (const way of WAYS) {
  describe(`WebSocketSocket, writing ${way.way}`, () => {
    let stage: WebSocketStage;
    beforeEach(async () => {
      stage = new WebSocketStage(way);
      await stage.start();
    });
    afterEach(() => stage.close());

    it("sends each message as it is, in order", async () => {
      const { socket, arrived } = await stage.open();
      const long = "é".repeat(40_000);
      const shared = new SharedMessage(utf8("shared 한"), false);

      socket.send(Buffer.from("first"), false);
      socket.sendShared(shared);
      socket.send(Buffer.from(long), false);
      socket.sendShared(new SharedMessage(octetsOf(Uint8Array.of(0, 255)), true));
      socket.sendShared(shared);
      socket.send(Buffer.alloc(0), false);
      socket.send(new Uint8Array([255]), true);

      expect(await arrived(7)).to.deep.equal(["first", "shared 한", long, "00ff", "shared 한", "", "ff"]);
    });

    it("keeps each socket's own order of messages that are shared", async () => {
      const a = new SharedMessage(utf8("a"), false);
      const b = new SharedMessage(utf8("b"), false);
      const one = await stage.open();
      const other = await stage.open();

      for (const message of [a, b, a]) one.socket.sendShared(message);
      for (const message of [a, a, b]) other.socket.sendShared(message);

      expect(await one.arrived(3)).to.deep.equal(["a", "b", "a"]);
      expect(await other.arrived(3)).to.deep.equal(["a", "a", "b"]);
    });

    it("keeps pongs out of messages, however many of both there are", async () => {
      const { socket, client, arrived } = await stage.open();
      const sent = Array.from({ length: 500 }, (_, i) => `${i} ${"x".repeat(8 * i)}`);
      let pongs = 0;
      client.on("pong", () => pongs++);

      // A client that reads in bits makes the server's writes wait in between.
      for (const [i, text] of sent.entries()) {
        if (i % 2) socket.send(Buffer.from(text), false);
        else socket.sendShared(new SharedMessage(utf8(text), false));
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

    it("sends what was sent before it closes, and nothing behind", async () => {
      const { socket, client, messages } = await stage.open();
      const closed = once(client, "close");

      socket.send(Buffer.from("last"), false);
      socket.sendShared(new SharedMessage(utf8("very last"), false));
      socket.close(4500, "bye");
      socket.send(Buffer.from("too late"), false);
      socket.sendShared(new SharedMessage(utf8("too late"), false));
      socket.flush();

      expect((await closed)[0]).to.equal(4500);
      expect(messages).to.deep.equal(["last", "very last"]);
    });

    it("writes nothing behind the close frame that answers the client's", async () => {
      const { socket, line, bytes } = await stage.openLine();
      const answer = (data: Uint8Array) => {
        socket.send(data, false);
        // When ws has written its close frame, and not yet ended the stream.
        process.nextTick(() => socket.flush());
      };
      socket.listen({ data: answer, drained() {}, socketClosed() {} });
      const masked = (opcode: number, payload: Buffer) =>
        Buffer.concat([Buffer.from([opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

      line.write(Buffer.concat([masked(0x81, Buffer.from("hi")), masked(0x88, Buffer.from([3, 232]))]));

      expect((await bytes).subarray(-4).toString("hex")).to.equal("880203e8");
    });

    it("counts what it holds back, and all of it leaves", async () => {
      const { socket, arrived } = await stage.open();
      for (let i = 0; i < 10; i++) socket.sendShared(new SharedMessage(utf8("x".repeat(1_000)), false));

      expect(socket.watchBuffer()).to.be.within(way.compressed === "by ws" ? 0 : 10_000, 10_100);
      await arrived(10);
      while (socket.watchBuffer() > 0) await settled();
    });

    it("survives being cut with messages that it holds back", async () => {
      const { socket, client } = await stage.open();
      const closed = once(client, "close");

      socket.send(Buffer.from("lost"), false);
      socket.terminate();
      socket.sendShared(new SharedMessage(utf8("lost"), false));

      expect((await closed)[0]).to.equal(1006);
      await settled();
      // ws goes on counting what it was compressing.
      expect(socket.watchBuffer()).to.equal(way.compressed === "by ws" ? 4 : 0);
    });
  });
}

describe("WebSocketSocket, writing past the stream's buffer", () => {
  let stage: WebSocketStage;
  beforeEach(async () => {
    stage = new WebSocketStage(PAST_BUFFER);
    await stage.start();
  });
  afterEach(() => stage.close());

  it("writes what it was sent in one turn when the turn ends", async () => {
    const { socket, stream } = await stage.open();
    const before = stream.bytesWritten;

    for (const text of ["a", "b", "c"]) socket.send(Buffer.from(text), false);
    await Promise.resolve();
    expect(stream.bytesWritten - before).to.equal(0);
    await settled();

    expect(stream.bytesWritten - before).to.equal(9);
  });

  it("says at the end of the turn that what it was sent has left, to a listener that has asked how much it was", async () => {
    const { socket } = await stage.open();
    let drained = 0;
    socket.listen({ data() {}, drained: () => drained++, socketClosed() {} });

    socket.send(Buffer.from("a"), false);
    await settled();
    expect(drained).to.equal(0);

    socket.send(Buffer.from("b"), false);
    expect(socket.watchBuffer()).to.equal(3);
    await settled();
    expect(drained).to.equal(1);
    expect(socket.watchBuffer()).to.equal(0);
  });

  it("does not wait for the end of the turn with much", async () => {
    const { socket, stream } = await stage.open();
    const before = stream.bytesWritten;

    for (let i = 0; i < 70; i++) socket.sendShared(new SharedMessage(utf8("x".repeat(1_000)), false));

    expect(stream.bytesWritten - before).to.be.within(64 * 1024, 66 * 1024 + 8);
    await settled();
    expect(stream.bytesWritten - before).to.equal(70 * 1_004);
  });
});
