import { expect } from "chai";
import {
  Controller,
  MessageMapping,
  type MessagingEvents,
  SendToUser,
  type SimpleBrokerOptions,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
} from "express-stomp";
import { CERTIFICATE } from "../support/certificate.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { post } from "../support/sockjs-http.js";
import { parseFrame, type ReadFrame } from "../support/stomp-session.js";

const ROWS = 5_000;
const KILOBYTE = "x".repeat(1_000);

@Controller()
class Rows {
  asked = 0;

  async *#rows() {
    for (let i = 0; i < ROWS; i++) {
      this.asked++;
      yield `${i} ${KILOBYTE}`;
    }
  }

  @SubscribeMapping("/rows")
  subscribed() {
    return this.#rows();
  }

  @MessageMapping("/rows")
  @SendToUser("/queue/rows")
  sent() {
    return this.#rows();
  }
}

describe("What can wait is given while there is room", function () {
  // Over TLS, since what loopback swallows at once would hide that a client has no room.
  this.timeout(120_000);
  let server: TestServer;
  let limits: string[];
  let dropped: MessagingEvents["messageDropped"][];
  const clients: RawClient[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}, broker: SimpleBrokerOptions = {}) {
    server = await startServer(
      {
        broker: simpleBroker({
          destinationPrefixes: ["/topic"],
          queuePrefixes: ["/queue"],
          retainLast: ["/topic/price/*"],
          ...broker,
        }),
        ...options,
      },
      () => {},
      true,
    );
    limits = [];
    dropped = [];
    server.messaging.on("limitExceeded", ({ limit }) => void limits.push(limit));
    server.messaging.on("messageDropped", (event) => void dropped.push(event));
  }

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect(server.port, "heart-beat:0,0\n", "/ws", { ca: CERTIFICATE });
    clients.push(client);
    return client;
  }

  /** Reads so many messages, and has time for other things in between. */
  async function read(client: RawClient, count: number, take: (frame: ReadFrame) => void = () => {}) {
    const bodies: string[] = [];
    while (bodies.length < count) {
      const frame = parseFrame(await client.frame());
      if (frame.command !== "MESSAGE") continue;
      bodies.push(frame.body.split(" ")[0] as string);
      take(frame);
      if (bodies.length % 100 === 0) {
        client.webSocket.pause();
        await settled();
        client.webSocket.resume();
      }
    }
    return bodies;
  }

  const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  for (const overflowStrategy of ["terminate", "drop-oldest"] as const) {
    for (const ack of ["auto", "client", "client-individual"]) {
      it(`of a queue, ack:${ack}, ${overflowStrategy}: each message once, in order`, async () => {
        await start({ transport: { overflowStrategy } });
        for (let i = 0; i < 900; i++) {
          await server.messaging.template.convertAndSend("/queue/a", `${i} ${KILOBYTE}`);
        }
        const client = await connect();

        client.send(`SUBSCRIBE\nid:1\ndestination:/queue/a\nack:${ack}\n\n^@`);
        const heard = await read(client, 900, ({ headers }) => {
          if (ack !== "auto") client.send(`ACK\nid:${headers.get("ack")}\n\n^@`);
        });

        expect(heard).to.deep.equal(numbers(900));
        expect([limits, dropped]).to.deep.equal([[], []]);
      });
    }
  }

  it("of a queue with long messages and short ones", async () => {
    await start();
    for (let i = 0; i < 60; i++) {
      await server.messaging.template.convertAndSend(
        "/queue/a",
        `${i} ${"x".repeat(i % 3 === 0 ? 60_000 : 10)}`,
      );
    }
    const client = await connect();
    client.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@");
    expect(await read(client, 60)).to.deep.equal(numbers(60));
  });

  it("of a queue, to others, while one of its consumers does not read", async () => {
    await start();
    const stuck = await connect();
    stuck.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@");
    await stuck.synchronize();
    stuck.webSocket.pause();
    const reading = await connect();
    reading.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@");
    await reading.synchronize();
    let count = 0;
    reading.webSocket.on("message", () => count++);

    // The kernel takes some MiB for who does not read; the others are for who does.
    for (let i = 0; i < 400; i++) {
      await server.messaging.template.convertAndSend("/queue/a", `${i} ${"x".repeat(50_000)}`);
      const before = count;
      for (let turn = 0; turn < 20 && count === before; turn++) await settled();
    }
    await reading.synchronize();

    expect(count).to.be.above(200);
    expect(limits).to.deep.equal([]);
  });

  it("of what is retained, at every attempt, and the newest of each destination", async () => {
    await start();
    for (let i = 0; i < 1_000; i++) {
      await server.messaging.template.convertAndSend(`/topic/price/${i}`, `${i} ${KILOBYTE.repeat(4)}`);
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const client = await connect();
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/price/*\n\n^@");
      expect(await read(client, 1_000)).to.deep.equal(numbers(1_000));
    }
    expect(limits).to.deep.equal([]);
  });

  it("of what is retained, and never an old value behind a new one", async () => {
    await start();
    for (let i = 0; i < 500; i++) {
      await server.messaging.template.convertAndSend(`/topic/price/${i}`, `old ${KILOBYTE.repeat(4)}`);
    }
    const client = await connect();
    client.webSocket.pause();
    const subscribed = new Promise((resolve) => server.messaging.on("subscribed", resolve));
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/price/*\n\n^@");
    await subscribed;
    for (let i = 0; i < 500; i++) await server.messaging.template.convertAndSend(`/topic/price/${i}`, "new");
    client.webSocket.resume();

    const last = new Map<string, string>();
    let frames = 0;
    while ([...last.values()].filter((body) => body === "new").length < 500 && ++frames < 1_001) {
      const { headers, body } = parseFrame(await client.frame());
      last.set(headers.get("destination") ?? "", body.split(" ")[0] as string);
    }
    expect(new Set(last.values())).to.deep.equal(new Set(["new"]));
    expect(await client.synchronize()).to.deep.equal([]);
  });

  it("of what is retained, to one who acknowledges within a prefetch-count, with nothing left out", async () => {
    await start();
    for (let i = 0; i < 50; i++) {
      await server.messaging.template.convertAndSend(`/topic/price/${i}`, `${i} ${"x".repeat(50_000)}`);
    }
    const client = await connect();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/price/*\nack:client\nprefetch-count:2\n\n^@");
    const heard = await read(client, 50, ({ headers }) => client.send(`ACK\nid:${headers.get("ack")}\n\n^@`));
    expect(heard).to.deep.equal(numbers(50));
    expect(dropped).to.deep.equal([]);
  });

  for (const [what, ask] of [
    ["SUBSCRIBE", "SUBSCRIBE\nid:1\ndestination:/app/rows\n\n^@"],
    ["SEND", "SUBSCRIBE\nid:1\ndestination:/user/queue/rows\n\n^@SEND\ndestination:/app/rows\n\n^@"],
  ] as const) {
    it(`of a stream of replies to a ${what}, and no more is asked for than was taken`, async () => {
      const rows = new Rows();
      await start({ controllers: [rows] });
      const client = await connect();
      client.send(ask);
      await client.frame();
      client.webSocket.pause();
      for (let before = -1; before < rows.asked; await settled()) before = rows.asked;
      expect(rows.asked, "asked for while nobody reads").to.be.below(ROWS);

      client.webSocket.resume();
      expect(await read(client, ROWS - 1)).to.have.length(ROWS - 1);
      expect(limits).to.deep.equal([]);
    });
  }

  for (const ack of ["auto", "client"]) {
    it(`to one who polls by SockJS, though few messages may wait, ack:${ack}`, async () => {
      server = await startServer({
        endpoints: [{ path: "/ws", sockJS: { httpMessageCacheSize: 40 } }],
        broker: simpleBroker({ queuePrefixes: ["/queue"], prefetchCount: 0 }),
      });
      limits = [];
      server.messaging.on("limitExceeded", ({ limit }) => void limits.push(limit));
      for (let i = 0; i < 300; i++) await server.messaging.template.convertAndSend("/queue/a", `${i}`);
      const path = "/ws/000/poller";
      const poll = async () => (await post(server.port, `${path}/xhr`)).text;
      const send = (frame: string) =>
        post(server.port, `${path}/xhr_send`, JSON.stringify([frame.replaceAll("^@", "\0")]));
      expect(await poll()).to.equal("o\n");
      await send("CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:0,0\n\n^@");
      await poll();
      await send(`SUBSCRIBE\nid:1\ndestination:/queue/a\nack:${ack}\n\n^@`);

      const heard: string[] = [];
      while (heard.length < 300) {
        const text = await poll();
        const frames = (JSON.parse(text.slice(1)) as string[])
          .join("")
          .split("\0")
          .filter((each) => each.trim() !== "");
        for (const frame of frames) heard.push(parseFrame(frame.trimStart()).body);
      }
      expect(heard).to.deep.equal(numbers(300));
      expect(limits).to.deep.equal([]);
    });
  }
});
