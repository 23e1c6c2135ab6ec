import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Client, type IMessage, type StompConfig } from "@stomp/stompjs";
import { expect } from "chai";
import express from "express";
import {
  Controller,
  MessageMapping,
  Payload,
  type StompMessaging,
  type StompMessagingOptions,
  stompMessaging,
} from "express-stomp";
import SockJS from "sockjs-client";
import webstomp from "webstomp-client";
import WebSocket from "ws";
import { CERTIFICATE, KEY } from "../support/certificate.js";
import { recordingLogger } from "../support/recording.js";
import { converse, handshakeText } from "../support/socket-host.js";

const MEGABYTE = 1024 * 1024;
const ROOMY = { messageSizeLimit: 2 * MEGABYTE, sendBufferSizeLimit: 8 * MEGABYTE };

@Controller()
class Sink {
  readonly bodies: Buffer[] = [];

  @MessageMapping("/sink")
  take(@Payload() body: Uint8Array) {
    this.bodies.push(Buffer.from(body));
  }
}

describe("What real clients do", () => {
  let sink: Sink;
  let messaging: StompMessaging;
  let server: Server;
  let port: number;
  const clients: Client[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}, on?: Server) {
    sink = new Sink();
    messaging = stompMessaging({
      endpoints: [{ path: "/ws", sockJS: true }],
      applicationDestinationPrefixes: ["/app"],
      controllers: [sink],
      logger: recordingLogger(),
      ...options,
    });
    const app = express().use(messaging);
    app.post("/form", express.text(), (req, res) => void res.send(`got ${req.body}`));
    server = on ?? createServer();
    server.on("request", app);
    messaging.attach(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  }

  async function connect(config: StompConfig = {}): Promise<Client> {
    const client = new Client({
      webSocketFactory: () => new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v12.stomp", "v11.stomp"]),
      reconnectDelay: 0,
      ...config,
    });
    clients.push(client);
    const connected = new Promise<void>((resolve) => {
      client.onConnect = () => resolve();
    });
    client.activate();
    await connected;
    return client;
  }

  /** Publishes, and waits until it has been processed. */
  async function publish(client: Client, message: Parameters<Client["publish"]>[0]): Promise<void> {
    await new Promise<void>((resolve) => {
      client.watchForReceipt("published", () => resolve());
      client.publish({ ...message, headers: { ...message.headers, receipt: "published" } });
    });
  }

  /** Sends a body to itself over the broker. */
  async function echoed(client: Client, message: Omit<Parameters<Client["publish"]>[0], "destination">) {
    const echo = new Promise<IMessage>((resolve) => client.subscribe("/topic/echo", resolve));
    client.publish({ destination: "/topic/echo", ...message });
    return await echo;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.deactivate();
    server.close();
    await messaging.close();
    server.closeAllConnections();
  });

  describe("@stomp/stompjs", () => {
    it("splits large frames into several messages", async () => {
      await start();
      const client = await connect({ splitLargeFrames: true, maxWebSocketChunkSize: 1_000 });
      const body = "가나다라 0123456789 ".repeat(1_000);

      await publish(client, { destination: "/app/sink", body });

      expect(sink.bodies.map(String)).to.deep.equal([body]);
    });

    it("hears ERROR when its splitting has destroyed a character", async () => {
      await start();
      const client = await connect({ splitLargeFrames: true, maxWebSocketChunkSize: 1_001 });
      const error = new Promise<string | undefined>((resolve) => {
        client.onStompError = (frame) => resolve(frame.headers.message);
      });

      // Pairs of surrogates from an odd and from an even place on: one of both is cut.
      for (const start of ["", "x"]) {
        client.publish({ destination: "/app/sink", body: start + "😀".repeat(2_000) });
      }

      expect(await error).to.match(/content-length|Unknown command/);
    });

    for (const quirk of ["forceBinaryWSFrames", "appendMissingNULLonIncoming"] as const) {
      it(`sends and receives text with ${quirk}`, async () => {
        await start();
        const client = await connect({ [quirk]: true });

        expect((await echoed(client, { body: "김 😀\nline" })).body).to.equal("김 😀\nline");
      });
    }

    it("leaves content-length out", async () => {
      await start();
      const client = await connect();

      await publish(client, { destination: "/app/sink", body: "김", skipContentLengthHeader: true });

      expect(sink.bodies.map(String)).to.deep.equal(["김"]);
    });

    it("sends every octet, NUL included, in a binary body", async () => {
      await start();
      const client = await connect();
      const binaryBody = Uint8Array.from({ length: 512 }, (_, i) => i % 256);

      await publish(client, { destination: "/app/sink", binaryBody });

      expect(sink.bodies.map((body) => [...body])).to.deep.equal([[...binaryBody]]);
    });

    it("sends and receives a megabyte where the limits allow it", async () => {
      await start({ transport: ROOMY });
      const client = await connect();
      const body = "0123456789abcdef".repeat(MEGABYTE / 16);

      const { body: text } = await echoed(client, { body });
      await publish(client, { destination: "/app/sink", binaryBody: Buffer.from(body) });

      expect(text === body, "the text").to.equal(true);
      expect(sink.bodies[0]?.equals(Buffer.from(body)), "the bytes").to.equal(true);
    });

    it("sends special characters in every header, its receipt's and subscription's too", async () => {
      await start();
      const client = await connect();
      // Its own faults left out: it trims values, escapes no names, and misreads a backslash before r, n or c.
      const odd = "a:b\\ \nd\re 김😀";
      const receipt = new Promise<void>((resolve) => client.watchForReceipt(odd, () => resolve()));
      const message = new Promise<IMessage>((resolve) =>
        client.subscribe("/topic/odd", resolve, { id: odd, receipt: odd }),
      );
      await receipt;

      client.publish({ destination: "/topic/odd", body: "x", headers: { odd } });

      const { headers } = await message;
      expect(headers).to.include({ odd, subscription: odd });
    });

    it("hears ERROR when SockJS has made text of its binary body", async () => {
      await start();
      const client = await connect({
        webSocketFactory: () => new SockJS(`http://127.0.0.1:${port}/ws`) as unknown as WebSocket,
      });
      const error = new Promise<string | undefined>((resolve) => {
        client.onStompError = (frame) => resolve(frame.headers.message);
      });

      client.publish({ destination: "/app/sink", binaryBody: Uint8Array.of(0xff, 0, 1) });
      client.publish({ destination: "/app/sink", body: "behind" });

      expect(await error).to.match(/command/i);
      expect(sink.bodies).to.deep.equal([]);
    });

    it("comes over https", async () => {
      await start({}, createSecureServer({ key: KEY, cert: CERTIFICATE }) as unknown as Server);
      const client = await connect({
        webSocketFactory: () => new WebSocket(`wss://127.0.0.1:${port}/ws`, { ca: CERTIFICATE }),
      });

      expect((await echoed(client, { body: "safe" })).body).to.equal("safe");
    });
  });

  describe("webstomp-client", () => {
    it("splits above 16 KiB, and goes without waiting for a receipt", async () => {
      await start();
      const ended = new Promise((resolve) => messaging.on("disconnect", resolve));
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ["v10.stomp", "v11.stomp", "v12.stomp"]);
      const client = webstomp.over(webSocket as unknown as globalThis.WebSocket, { debug: false });
      await new Promise<unknown>((resolve, reject) => client.connect({}, resolve, reject));
      const body = "x".repeat(40_000);

      client.send("/app/sink", body);
      client.disconnect();
      await ended;

      expect(sink.bodies.map(String)).to.deep.equal([body]);
    });
  });

  describe("Java's HttpClient", () => {
    it("asks for h2c with each request, and is served or refused, never left alone", async () => {
      await start();
      const h2c = { Upgrade: "h2c", Connection: "Upgrade, HTTP2-Settings", "HTTP2-Settings": "" };

      const answer = await converse(port, handshakeText("/ws/info", h2c));
      const posted = await converse(
        port,
        `${handshakeText("/form", { ...h2c, Connection: "Upgrade, HTTP2-Settings, close", "Content-Type": "text/plain", "Content-Length": "2" }, "POST")}hi`,
      );

      expect(answer).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*"websocket":true/);
      // Newer versions of Node ask before they upgrade; older ones have lost the body by then.
      expect(posted).to.match(/^HTTP\/1\.1 (200 OK\r\n[\s\S]*got hi$|400 )/);
    });
  });
});
