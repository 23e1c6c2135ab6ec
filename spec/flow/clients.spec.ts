import { createRequire } from "node:module";
import { Client, type IMessage, ReconnectionTimeMode, type StompHeaders } from "@stomp/stompjs";
import { expect } from "chai";
import { Controller, type Message, MessageMapping, Payload, SendTo, SubscribeMapping } from "express-stomp";
import SockJS from "sockjs-client";
import webstomp from "webstomp-client";
import WebSocket from "ws";
import { startServer, type TestServer } from "../support/server.js";

const { Stomp } = createRequire(import.meta.url)("stompjs/lib/stomp.js") as { Stomp: StompJs2 };

// In a browser it finds these on window.
Stomp.setInterval = (interval, callback) => setInterval(callback, interval);
Stomp.clearInterval = (timer) => clearInterval(timer);

interface StompJs2 {
  setInterval(interval: number, callback: () => void): NodeJS.Timeout;
  clearInterval(timer: NodeJS.Timeout): void;
  over(webSocket: unknown): StompJs2Client;
}

interface StompJs2Client {
  debug: unknown;
  connect(headers: object, connected: () => void, failed: (error: unknown) => void): void;
  subscribe(destination: string, callback: (message: { body: string; headers: object }) => void): object;
  send(destination: string, headers: object, body: string): void;
  disconnect(callback: () => void): void;
  onreceipt: (frame: { headers: Record<string, string> }) => void;
}

interface Greeting {
  content: string;
}

@Controller()
class GreetingController {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greet(@Payload() name: { name: string }): Greeting {
    return { content: `Hello, ${name.name}!` };
  }

  @SubscribeMapping("/now")
  now() {
    return { content: "at once" };
  }
}

/** A promise with its handles outside. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe("Real clients", () => {
  let server: TestServer;
  let transports: string[];

  beforeEach(async () => {
    transports = [];
    server = await startServer({ controllers: [GreetingController] });
  });

  afterEach(() => server.close());

  describe("@stomp/stompjs 7 over WebSocket", () => {
    const clients: Client[] = [];

    async function connect(headers: StompHeaders = {}) {
      const connected = deferred<void>();
      const client = new Client({
        webSocketFactory: () =>
          new WebSocket(`ws://127.0.0.1:${server.port}/ws`, ["v12.stomp", "v11.stomp", "v10.stomp"]),
        connectHeaders: headers,
        reconnectDelay: 0,
        reconnectTimeMode: ReconnectionTimeMode.LINEAR,
        onConnect: () => connected.resolve(),
        onStompError: (frame) => connected.reject(new Error(frame.headers.message)),
      });
      clients.push(client);
      client.activate();
      await connected.promise;
      return client;
    }

    afterEach(async () => {
      for (const client of clients.splice(0)) await client.deactivate();
    });

    it("subscribes, sends, receives, has receipts, and disconnects", async () => {
      const client = await connect();
      const greeting = deferred<Greeting>();
      const subscribed = deferred<void>();
      const sent = deferred<void>();
      const ended = deferred<void>();
      server.messaging.on("disconnect", () => ended.resolve());

      client.watchForReceipt("subscribed", () => subscribed.resolve());
      client.watchForReceipt("sent", () => sent.resolve());
      client.subscribe("/topic/greetings", ({ body }) => greeting.resolve(JSON.parse(body)), {
        receipt: "subscribed",
      });
      await subscribed.promise;
      client.publish({ destination: "/app/hello", body: '{"name":"Rod"}', headers: { receipt: "sent" } });

      expect(await greeting.promise).to.deep.equal({ content: "Hello, Rod!" });
      await sent.promise;
      await client.deactivate();
      await ended.promise;
    });

    it("is answered at its subscription by @SubscribeMapping", async () => {
      const client = await connect();
      const answer = deferred<string>();

      client.subscribe("/app/now", ({ body }) => answer.resolve(body));

      expect(await answer.promise).to.equal('{"content":"at once"}');
    });

    it("sends and receives bytes and text as they are", async () => {
      const client = await connect();
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const texts = ["안녕하세요 👋", "a\0b", "line\r\nline"];
      const received: (Uint8Array | string)[] = [];
      const all = deferred<void>();
      client.subscribe("/topic/echo", (message) => {
        received.push(received.length === 0 ? message.binaryBody : message.body);
        if (received.length === 1 + texts.length) all.resolve();
      });

      client.publish({
        destination: "/topic/echo",
        binaryBody: bytes,
        headers: { "content-type": "application/octet-stream" },
      });
      for (const body of texts) client.publish({ destination: "/topic/echo", body });
      await all.promise;

      expect(received.map((each) => (typeof each === "string" ? each : [...each]))).to.deep.equal([
        [...bytes],
        ...texts,
      ]);
    });

    it("receives headers with special characters as they were", async () => {
      const client = await connect();
      const headers = deferred<StompHeaders>();
      const odd = { colon: "c:d", line: "one\ntwo\rthree", back: "a\\b" };
      client.subscribe("/topic/odd", (message) => headers.resolve(message.headers));

      client.publish({ destination: "/topic/odd", body: "x", headers: odd });

      expect(await headers.promise).to.include(odd);
    });

    it("receives what the application sends from anywhere", async () => {
      const client = await connect();
      const message = deferred<{ body: string; headers: StompHeaders }>();
      const subscribed = deferred<void>();
      client.watchForReceipt("s", () => subscribed.resolve());
      client.subscribe("/topic/price.*", (each) => message.resolve(each), { receipt: "s" });
      await subscribed.promise;

      await server.messaging.template.convertAndSend("/topic/price.acme", { price: 7 }, { currency: "KRW" });

      const { body, headers } = await message.promise;
      expect(body).to.equal('{"price":7}');
      expect(headers).to.include({
        destination: "/topic/price.acme",
        "content-type": "application/json",
        currency: "KRW",
      });
    });
  });

  for (const transport of ["websocket", "xhr-streaming", "xhr-polling", "eventsource"] as const) {
    describe(`sockjs-client over ${transport}`, () => {
      function sockJs() {
        const socket = new SockJS(`http://127.0.0.1:${server.port}/ws`, undefined, {
          transports: [transport],
        });
        socket.addEventListener("open", () =>
          transports.push((socket as unknown as { transport: string }).transport),
        );
        return socket;
      }

      it("carries stompjs 2.3.3, the tutorials' client", async () => {
        const client = Stomp.over(sockJs());
        client.debug = null;
        const connected = deferred<void>();
        client.connect({}, () => connected.resolve(), connected.reject);
        await connected.promise;
        const greeting = deferred<string>();
        const receipt = deferred<string | undefined>();
        client.onreceipt = (frame) => receipt.resolve(frame.headers["receipt-id"]);
        const ended = deferred<void>();
        server.messaging.on("disconnect", () => ended.resolve());

        client.subscribe("/topic/greetings", ({ body }) => greeting.resolve(body));
        client.send("/app/hello", { receipt: "r-1" }, '{"name":"로드 👋"}');

        expect(await greeting.promise).to.equal('{"content":"Hello, 로드 👋!"}');
        expect(await receipt.promise).to.equal("r-1");
        await new Promise<void>((resolve) => client.disconnect(resolve));
        await ended.promise;
        expect(transports).to.deep.equal([transport]);
      });

      it("carries 300 SENDs of 1 KB in a row, and a frame full of control characters", async () => {
        const client = new Client({
          webSocketFactory: () => sockJs() as unknown as globalThis.WebSocket,
          reconnectDelay: 0,
        });
        const ended = new Promise((_, reject) => {
          client.onWebSocketClose = reject;
        });
        const bodies = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(1000, "."));
        bodies.push("\u0001".repeat(60_000));
        const received: string[] = [];
        const all = new Promise<void>((resolve) => {
          client.onConnect = () => {
            const onReceipt = () => {
              for (const body of bodies) client.publish({ destination: "/topic/burst", body });
            };
            client.watchForReceipt("subscribed", onReceipt);
            const take = ({ body }: IMessage) => {
              if (received.push(body) === bodies.length) resolve();
            };
            client.subscribe("/topic/burst", take, { receipt: "subscribed" });
          };
        });
        client.activate();
        await Promise.race([all, ended]);

        expect(received).to.deep.equal(bodies);
        await client.deactivate();
      });

      it("carries webstomp-client", async () => {
        const client = webstomp.over(sockJs() as unknown as globalThis.WebSocket, { debug: false });
        const connected = deferred<void>();
        client.connect({}, () => connected.resolve(), connected.reject);
        await connected.promise;
        const greeting = deferred<string>();
        const receipt = deferred<unknown>();
        client.onreceipt = (frame) =>
          receipt.resolve(frame.headers["receipt-id" as keyof typeof frame.headers]);
        const ended = deferred<void>();
        server.messaging.on("disconnect", () => ended.resolve());

        client.subscribe("/topic/greetings", ({ body }) => greeting.resolve(body));
        client.send("/app/hello", '{"name":"Rod"}', { receipt: "r-1" });

        expect(await greeting.promise).to.equal('{"content":"Hello, Rod!"}');
        expect(await receipt.promise).to.equal("r-1");
        client.disconnect();
        await ended.promise;
        expect(transports).to.deep.equal([transport]);
      });
    });
  }

  it("see one another, whatever carries them", async () => {
    const bodies: string[] = [];
    const both = deferred<void>();
    const heard = ({ body }: { body: string }) => {
      bodies.push(body);
      if (bodies.length === 2) both.resolve();
    };
    const polling = Stomp.over(
      new SockJS(`http://127.0.0.1:${server.port}/ws`, undefined, { transports: ["xhr-polling"] }),
    );
    polling.debug = null;
    const modern = new Client({
      webSocketFactory: () => new WebSocket(`ws://127.0.0.1:${server.port}/ws/websocket`),
    });
    const subscribed = deferred<void>();
    await new Promise<void>((resolve, reject) => polling.connect({}, resolve, reject));
    polling.subscribe("/topic/room", heard);
    modern.onConnect = () => {
      modern.watchForReceipt("s", () => subscribed.resolve());
      modern.subscribe("/topic/room", heard, { receipt: "s" });
    };
    modern.activate();
    await subscribed.promise;

    polling.send("/topic/room", {}, "hi");
    await both.promise;
    await modern.deactivate();
    await new Promise<void>((resolve) => polling.disconnect(resolve));

    expect(bodies).to.deep.equal(["hi", "hi"]);
  });

  it("are all seen by an interceptor of clientOutboundChannel", async () => {
    const seen: Message[] = [];
    server.messaging.clientOutboundChannel.addInterceptor({
      async preSend(message) {
        seen.push(message);
        return message;
      },
    });
    const client = new Client({ webSocketFactory: () => new WebSocket(`ws://127.0.0.1:${server.port}/ws`) });
    const body = deferred<string>();
    client.onConnect = () => {
      client.subscribe("/topic/a", (message) => body.resolve(message.body), { id: "my-id" });
      client.publish({ destination: "/topic/a", body: "x" });
    };
    client.activate();

    expect(await body.promise).to.equal("x");
    await client.deactivate();
    expect(seen.map(({ headers }) => [headers.messageType, headers.subscriptionId])).to.deep.equal([
      ["CONNECT_ACK", undefined],
      ["MESSAGE", "my-id"],
    ]);
  });
});
