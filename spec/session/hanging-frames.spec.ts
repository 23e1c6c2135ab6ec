import { expect } from "chai";
import type { ChannelInterceptor, StompMessagingOptions } from "express-stomp";
import { Gate } from "../support/gate.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

describe("A frame that hangs when its client has gone", () => {
  let server: TestServer;
  let client: RawClient;
  /** The types of messages that handlers got. */
  let handled: string[];
  /** Waits for the next message that handlers get. */
  let nextHandled: () => Promise<void>;

  async function start(gate: Gate, options: Partial<StompMessagingOptions> = {}) {
    const interceptors = [gate];
    server = await startServer({ handlerTimeout: 40, clientInboundChannel: { interceptors }, ...options });
    handled = [];
    let got = () => {};
    nextHandled = () =>
      new Promise((resolve) => {
        got = resolve;
      });
    server.messaging.clientInboundChannel.subscribe({
      handle({ headers }) {
        handled.push(headers.messageType);
        got();
      },
    });
    client = await RawClient.open(server.port);
    client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
  }

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  it("does not keep its session, and what it does later is undone", async () => {
    const gate = new Gate("CONNECT");
    await start(gate);
    await gate.came;
    expect(server.messaging.stats().connections).to.equal(1);

    const farewell = nextHandled();
    client.cut();
    await farewell;
    await new Promise(setImmediate);
    expect(server.messaging.stats().connections).to.equal(0);
    expect(server.log.join("\n")).to.match(
      /^error Session \S+ ends though its CONNECT did not settle within 40 ms$/m,
    );

    gate.open();
    await nextHandled();
    await nextHandled();
    expect(handled).to.deep.equal(["DISCONNECT", "CONNECT", "DISCONNECT"]);
  });

  for (const preserveReceiveOrder of [true, false]) {
    it(`ends an announced session with what waits behind it, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
      const gate = new Gate("MESSAGE");
      await start(gate, { preserveReceiveOrder });
      await client.frame();
      const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));

      client.send("SEND\ndestination:/topic/a\n\n1^@SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await gate.came;
      client.cut();
      await ended;

      expect(handled).to.deep.equal(["CONNECT", "DISCONNECT"]);
      expect(server.messaging.stats().connections).to.equal(0);
      expect(server.log.join("\n")).to.match(/ends though its SEND \/topic\/a did not settle within 40 ms/);
    });
  }

  for (const [transport, path, wrap] of [
    ["a WebSocket", "/ws", (text: string) => text],
    [
      "SockJS's WebSocket",
      "/ws/000/abc/websocket",
      (text: string) => JSON.stringify([text.replaceAll("^@", "\0")]),
    ],
  ] as const) {
    it(`does not keep the session of a client whose socket is not read any more, over ${transport}`, async () => {
      const gate = new Gate("MESSAGE");
      await start(gate);
      client.cut();
      client = await RawClient.open(server.port, path);
      if (path !== "/ws") await client.next();
      client.send(wrap("CONNECT\naccept-version:1.2\nhost:spec\n\n^@"));
      await client.frame();

      client.send(wrap("SEND\ndestination:/topic/a\n\n1^@".repeat(100)));
      await gate.came;
      await settled();
      // Its end stands behind what is not read any more.
      for (let i = 0; i < 10; i++) client.send(wrap("\n".repeat(20_000)));
      await settled();
      client.cut();

      while (server.messaging.stats().connections > 0) await settled();
      expect(handled).to.include("DISCONNECT");
    });
  }

  it("is waited for as long as frame after frame is handled", async () => {
    // 30 frames of 2 ms each take longer than handlerTimeout, and each takes less.
    const slow: ChannelInterceptor = {
      preSend: (message) =>
        message.headers.messageType === "MESSAGE"
          ? new Promise((resolve) => setTimeout(resolve, 2, message))
          : message,
    };
    await start(new Gate("none"), { clientInboundChannel: { interceptors: [slow] } });
    await client.frame();
    const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));

    client.send("SEND\ndestination:/topic/a\n\n1^@".repeat(30));
    client.webSocket.close();
    await ended;

    expect(handled.filter((type) => type === "MESSAGE")).to.have.length(30);
  });
});
