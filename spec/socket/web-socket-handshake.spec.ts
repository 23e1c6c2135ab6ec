import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { deflateRawSync } from "node:zlib";
import { expect } from "chai";
import { closing, converseUntil, handshakeText, openWebSocket, SocketHost } from "../support/socket-host.js";

const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };

describe("WebSocketHandshake", () => {
  let host: SocketHost;
  let port: number;

  async function start(perMessageDeflate: boolean) {
    host = new SocketHost({ perMessageDeflate, messageSizeLimit: 65_536 });
    host.endpoint();
    port = await host.listen();
  }

  afterEach(async () => {
    await host.close();
  });

  describe("when permessage-deflate is off, as it is by default", () => {
    it("does not agree on it", async () => {
      await start(false);
      const { ws } = await openWebSocket(port, "/ws", { perMessageDeflate: true });

      expect(ws.extensions).to.equal("");
    });
  });

  describe("when permessage-deflate is on", () => {
    beforeEach(() => start(true));

    it("keeps nothing between messages, in either direction", async () => {
      const answer = await converseUntil(port, handshakeText("/ws", OFFER), /\r\n\r\n/);

      expect(answer).to.include("server_no_context_takeover");
      expect(answer).to.include("client_no_context_takeover");
      expect(answer).to.include("server_max_window_bits=12");
    });

    it("carries messages as they were, small and large, far fewer bytes of the large", async () => {
      const client = await openWebSocket(port, "/ws", { perMessageDeflate: { threshold: 0 } });
      const line = (client.ws as unknown as { _socket: { bytesRead: number } })._socket;
      const before = line.bytesRead;
      const large = "compressible 김 ".repeat(3_000);

      for (const text of ["small", large, ""]) {
        client.ws.send(text);
        expect(await client.next()).to.equal(text);
      }

      expect(line.bytesRead - before).to.be.below(2_000);
    });

    const answerTo = (extensions: string) =>
      converseUntil(port, handshakeText("/ws", { "Sec-WebSocket-Extensions": extensions }), /\r\n\r\n/);

    for (const offer of [
      "permessage-deflate; server_max_window_bits=9",
      "permessage-deflate; server_max_window_bits=16",
      "permessage-deflate; server_max_window_bits",
      "permessage-deflate; client_max_window_bits=7",
      "permessage-deflate; client_max_window_bits=08",
      "permessage-deflate; client_no_context_takeover=1",
      "permessage-deflate; unheard_of",
      "permessage-deflate; client_max_window_bits; client_max_window_bits",
      "x-webkit-deflate-frame",
      "permessage-bzip2; level=9",
    ]) {
      it(`goes on without it for ${offer}`, async () => {
        const answer = await answerTo(offer);
        expect(answer).to.match(/^HTTP\/1\.1 101 /);
        expect(answer).to.not.match(/Sec-WebSocket-Extensions/i);
      });
    }

    for (const offer of [
      "permessage-deflate; server_max_window_bits=9, permessage-deflate",
      "permessage-bzip2, permessage-deflate; unheard_of , permessage-deflate;client_max_window_bits",
      'permessage-deflate; server_max_window_bits="15"; client_max_window_bits = 10',
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=12",
    ]) {
      it(`agrees on the first offer that it can meet of ${offer}`, async () => {
        const answer = await answerTo(offer);
        expect(answer).to.match(/^HTTP\/1\.1 101 /);
        expect(answer).to.match(
          /\r\nSec-WebSocket-Extensions: permessage-deflate; .*server_max_window_bits=12/i,
        );
      });
    }

    for (const malformed of [
      "permessage-deflate;",
      "permessage-deflate; =9",
      ", permessage-deflate",
      'a; b="',
    ]) {
      it(`answers 400 to ${malformed}, which is no list of extensions`, async () => {
        expect(await answerTo(malformed)).to.match(/^HTTP\/1\.1 400 /);
      });
    }

    it("leaves clients alone that do not offer it", async () => {
      const client = await openWebSocket(port, "/ws", { perMessageDeflate: false });
      client.ws.send("x".repeat(5_000));

      expect(await client.next()).to.equal("x".repeat(5_000));
      expect(client.ws.extensions).to.equal("");
    });

    it("closes with 1009 for a message that unpacks to more than messageSizeLimit", async () => {
      const packed = deflateRawSync(Buffer.alloc(32 * 1024 * 1024));
      expect(packed.length, "packed it is within the limit").to.be.below(65_536);
      const line = connect((host.server.address() as AddressInfo).port, "127.0.0.1");
      line.on("error", () => {});
      line.write(handshakeText("/ws", OFFER));
      await once(line, "data");

      const head = Buffer.from([0xc2, 0xfe, packed.length >> 8, packed.length & 255, 0, 0, 0, 0]);
      line.write(Buffer.concat([head, packed]));

      const opened = await host.nth(0);
      expect((await closing(opened)).code).to.equal(1009);
      expect(opened.received).to.deep.equal([]);
      line.destroy();
    });

    it("fails a client's message that is not compressed as it says", async () => {
      const line = connect(port, "127.0.0.1");
      line.on("error", () => {});
      line.write(handshakeText("/ws", OFFER));
      await once(line, "data");

      line.write(Buffer.from([0xc2, 0x83, 0, 0, 0, 0, 0xff, 0xff, 0xff]));

      const opened = await host.nth(0);
      expect((await closing(opened)).code).to.equal(1007);
      line.destroy();
    });
  });
});
