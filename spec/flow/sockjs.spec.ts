import { once } from "node:events";
import type { Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import { type SockJSOptions, type StompMessagingOptions, simpleBroker } from "express-stomp";
import { startServer, type TestServer } from "../support/server.js";
import { openWebSocket } from "../support/socket-host.js";
import { type HttpStream, post, stream } from "../support/sockjs-http.js";

describe("SockJS, on the whole road", () => {
  let server: TestServer;

  afterEach(() => server.close());

  async function start(sockJS: SockJSOptions, options: Partial<StompMessagingOptions> = {}): Promise<void> {
    server = await startServer({ endpoints: [{ path: "/ws", sockJS }], ...options });
  }

  /** A client that has connected and subscribed to /topic/x, over xhr-streaming. */
  async function subscribed(session: string, heartbeat = "0,0"): Promise<HttpStream> {
    const response = await stream(server.port, `/ws/000/${session}/xhr_streaming`, { method: "POST" });
    await response.line();
    expect(await response.line()).to.equal("o");
    const frames = [
      `CONNECT\naccept-version:1.2\nhost:x\nheart-beat:${heartbeat}\n\n\0`,
      "SUBSCRIBE\nid:s\ndestination:/topic/x\nreceipt:r\n\n\0",
    ];
    expect((await post(server.port, `/ws/000/${session}/xhr_send`, JSON.stringify(frames))).status).to.equal(
      204,
    );
    // Its own heart-beats may come before.
    const answers: string[] = [];
    while (answers.length < 2) {
      const line = await response.line();
      if (line !== "h") answers.push(line);
    }
    expect(answers[0]).to.match(/^a\["CONNECTED/);
    expect(answers[1]).to.match(/^a\["RECEIPT/);
    return response;
  }

  describe("when a client stops reading", () => {
    it("holds no more than sendBufferSizeLimit for it, closes it with 4500, and serves the others", async () => {
      const limit = 256 * 1024;
      await start(
        { disconnectDelay: 200, streamBytesLimit: 1_000_000_000 },
        { transport: { sendBufferSizeLimit: limit } },
      );
      const lines: TcpSocket[] = [];
      server.server.on("connection", (line) => lines.push(line));
      const stopped = await subscribed("s1");
      const [line] = lines as [TcpSocket];
      const reader = await subscribed("s2");
      const disconnected = new Promise<{ code: number }>((resolve) =>
        server.messaging.on("disconnect", resolve),
      );
      let ended = false;
      void disconnected.then(() => {
        ended = true;
      });
      stopped.res.pause();
      stopped.res.socket.pause();

      const body = "x".repeat(64 * 1024);
      let most = 0;
      let sent = 0;
      while (!ended && sent < 1000) {
        await server.messaging.template.convertAndSend("/topic/x", body);
        sent++;
        most = Math.max(most, line.writableLength);
        expect(await reader.line()).to.match(/^a\["MESSAGE/);
      }

      expect((await disconnected).code).to.equal(4500);
      expect(most)
        .to.be.above(limit / 2)
        .and.below(limit + 2 * body.length);
      if (!line.destroyed) await once(line, "close");
      await server.messaging.template.convertAndSend("/topic/x", body);
      expect(await reader.line()).to.match(/^a\["MESSAGE/);
      stopped.cut();
      reader.cut();
    });

    it("holds no more than httpMessageCacheSize messages for it when it does not poll", async () => {
      await start({ httpMessageCacheSize: 10, streamBytesLimit: 4096 });
      const slow: string[] = [];
      server.messaging.on("slowConsumer", ({ limit }) => void slow.push(limit));
      const client = await subscribed("s1");
      const disconnected = new Promise<{ code: number; reason: string }>((resolve) =>
        server.messaging.on("disconnect", resolve),
      );
      // Fills the response: the client should come again now.
      await server.messaging.template.convertAndSend("/topic/x", "x".repeat(4096));
      await client.ended();
      for (let sent = 0; sent < 11; sent++) await server.messaging.template.convertAndSend("/topic/x", "x");

      expect(await disconnected).to.include({
        code: 4500,
        reason: "httpMessageCacheSize of 10 messages exceeded",
      });
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ httpMessageCacheSize: 1 });
      expect(slow).to.deep.equal(["httpMessageCacheSize"]);
    });
  });

  describe("when heart-beats of STOMP go to the client", () => {
    const beating = { broker: simpleBroker({ heartbeatValue: [100, 100] }) };

    it("sends no others over HTTP", async () => {
      await start({ heartbeatTime: 30 }, beating);
      const client = await subscribed("s1", "0,100");
      for (let beats = 0; beats < 3; beats++) expect(await client.line()).to.equal('a["\\n"]');
      client.cut();
    });

    it("sends no others over WebSocket", async () => {
      await start({ heartbeatTime: 30 }, beating);
      const client = await openWebSocket(server.port, "/ws/000/s1/websocket");
      expect(await client.next()).to.equal("o");
      client.ws.send(JSON.stringify(["CONNECT\naccept-version:1.2\nhost:x\nheart-beat:0,100\n\n\0"]));
      for (let text = "h"; text === "h"; text = await client.next());
      for (let beats = 0; beats < 3; beats++) expect(await client.next()).to.equal('a["\\n"]');
      client.ws.terminate();
    });

    it("sends its own to a client that wants none of STOMP", async () => {
      await start({ heartbeatTime: 30 }, beating);
      const client = await subscribed("s1", "60000,0");
      for (let beats = 0; beats < 3; beats++) expect(await client.line()).to.equal("h");
      client.cut();
    });
  });
});
