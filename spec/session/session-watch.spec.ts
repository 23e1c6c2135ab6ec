import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import {
  Controller,
  createMessage,
  MessageMapping,
  type MessagingEvents,
  SubscribableChannel,
  type TransportOptions,
} from "express-stomp";
import { faultProxy } from "express-stomp/testing";
import { Pace } from "#lib/channel/pace.js";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { EventPublisher } from "#lib/events.js";
import { TRANSPORT } from "#lib/options/transport-options.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { SessionRegistry } from "#lib/session/session-registry.js";
import type { Socket, SocketListener } from "#lib/socket/socket.js";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { recordingLogger, settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { SocketHost } from "../support/socket-host.js";

@Controller()
class Counter {
  count = 0;

  @MessageMapping("/count")
  add() {
    this.count++;
  }
}

const COUNT = "SEND\ndestination:/app/count\n\n^@";

describe("A session's limits that pass with time", () => {
  let server: TestServer;
  let counter: Counter;
  const clients: RawClient[] = [];

  async function start(transport: TransportOptions) {
    counter = new Counter();
    server = await startServer({ controllers: [counter], transport });
  }

  async function open() {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  }

  async function connect(headers?: string) {
    const client = await RawClient.connect(server.port, headers);
    clients.push(client);
    return client;
  }

  function limitExceeded(): Promise<MessagingEvents["limitExceeded"]> {
    return new Promise((resolve) => server.messaging.on("limitExceeded", resolve));
  }

  /** Subscribes a client that then reads nothing, and fills its line; gives what it was sent. */
  async function stuffed(bytes: number): Promise<RawClient> {
    const client = await connect("heart-beat:0,0\n");
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.synchronize();
    client.webSocket.pause();
    const body = Buffer.alloc(60_000, "x");
    for (let sent = 0; sent < bytes; sent += body.length) {
      await server.messaging.template.convertAndSend("/topic/a", body);
    }
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  describe("when a client sends nothing at all", () => {
    it("names timeToFirstMessage in ERROR, closes with 4500, tells an event and counts it", async () => {
      await start({ timeToFirstMessage: 200 });
      const told = limitExceeded();
      const client = await open();

      expect(await client.frame()).to.match(
        /^ERROR\nmessage:Session passes timeToFirstMessage\\c 200\nretry:\d{4}\ncontent-length:0\n\n\^@$/,
      );
      expect(await client.closed()).to.equal(4500);
      expect(await told).to.include({ limit: "timeToFirstMessage", address: "127.0.0.1" });
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({ timeToFirstMessage: 1 });
    });
  });

  describe("when a client never finishes CONNECT", () => {
    for (const bytes of ["\n", "CONNECT\naccept-version:1.2\nhost:sp"]) {
      it(`names connectTimeLimit after ${JSON.stringify(bytes)}`, async () => {
        await start({ timeToFirstMessage: 60_000, connectTimeLimit: 200 });
        const client = await open();

        client.send(bytes);

        expect(await client.frame()).to.include("message:Session passes connectTimeLimit\\c 200\n");
        expect(await client.closed()).to.equal(4500);
      });
    }

    it("bears nobody who drips bytes", async () => {
      await start({ connectTimeLimit: 300 });
      const client = await open();
      const drip = setInterval(() => client.webSocket.readyState === 1 && client.send("\n"), 20).unref();

      expect(await client.frame()).to.include("message:Session passes connectTimeLimit\\c 300\n");
      clearInterval(drip);
    });
  });

  it("are nothing to a client that is connected and idle", async () => {
    await start({ timeToFirstMessage: 500, connectTimeLimit: 500, sendTimeLimit: 500 });
    const client = await connect();
    const late = await open();

    await late.frame();

    expect(await client.synchronize()).to.deep.equal([]);
    expect(server.messaging.stats().limitsExceeded).to.deep.equal({ timeToFirstMessage: 1 });
  });

  describe("when a client stops reading", () => {
    it("closes with 4500 after sendTimeLimit though nothing more is sent", async function () {
      this.timeout(20_000);
      await start({ sendTimeLimit: 400, sendBufferSizeLimit: 64 * 1024 * 1024 });
      const told = limitExceeded();
      const slow = new Promise<MessagingEvents["slowConsumer"]>((resolve) =>
        server.messaging.on("slowConsumer", resolve),
      );
      const client = await stuffed(12 * 1024 * 1024);

      expect((await told).limit).to.equal("sendTimeLimit");
      expect(await slow).to.equal(await told);
      client.webSocket.resume();
      let event = await client.next();
      while (typeof event === "string") event = await client.next();
      expect(event.closed).to.equal(4500);
    });

    it("closes with 4500 when one message alone passes sendBufferSizeLimit", async function () {
      this.timeout(20_000);
      await start({ sendBufferSizeLimit: 1024 * 1024, sendTimeLimit: 10_000 });
      const told = limitExceeded();
      const client = await connect("heart-beat:0,0\n");
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();
      client.webSocket.pause();

      await server.messaging.template.convertAndSend("/topic/a", Buffer.alloc(16 * 1024 * 1024, "x"));

      expect((await told).limit).to.equal("sendBufferSizeLimit");
    });
  });

  describe("when a client sends more frames than inboundRateLimit", () => {
    it("loses none of them", async () => {
      await start({ inboundRateLimit: 100 });
      const client = await connect();

      for (let i = 0; i < 250; i++) client.send(COUNT);
      await client.synchronize();

      expect(counter.count).to.equal(250);
      expect(server.messaging.stats().limitsExceeded).to.deep.equal({});
    });

    it("handles what it had sent at the same pace when it leaves, and ends its session", async () => {
      await start({ inboundRateLimit: 20 });
      const ended = new Promise((resolve) => server.messaging.on("disconnect", resolve));
      const client = await connect();

      client.send(COUNT.repeat(60));
      client.webSocket.close();
      await ended;

      expect(counter.count).to.equal(60);
    });

    it("handles what it had sent at once when the server closes", async () => {
      await start({ inboundRateLimit: 20 });
      const client = await connect();

      client.send(COUNT.repeat(60));
      client.webSocket.ping();
      await once(client.webSocket, "pong");
      client.cut();
      await server.close();

      expect(counter.count).to.equal(60);
    });

    it("names it in ERROR and closes with 4500 when it goes on for 10 s", async function () {
      this.timeout(30_000);
      await start({ inboundRateLimit: 20 });
      const client = await connect("heart-beat:0,0\n");
      const flood = setInterval(() => {
        if (client.webSocket.readyState === 1 && client.webSocket.bufferedAmount < 100_000) {
          client.send(COUNT.repeat(50));
        }
      }, 50).unref();

      expect(await client.frame()).to.include("message:Session passes inboundRateLimit\\c 20\n");
      expect(await client.closed()).to.equal(4500);
      clearInterval(flood);
    });
  });
});

describe("SessionWatch", () => {
  /** A line that takes what it is given, and keeps it while it is stuck. */
  class StuckSocket implements Socket {
    readonly transport = "spec";
    /** Only where the spec says so. */
    probe?: () => void;
    bufferedAmount = 0;
    watchBuffer(): number {
      return this.bufferedAmount;
    }
    readonly closings: number[] = [];
    listener: SocketListener | undefined;

    send(data: Uint8Array): void {
      this.bufferedAmount += data.length;
    }
    taken(bytes: number): void {
      this.bufferedAmount = Math.max(0, this.bufferedAmount - bytes);
    }
    pause(): void {}
    resume(): void {}
    close(code: number): void {
      this.closings.push(code);
    }
    terminate(): void {}
    listen(listener: SocketListener): void {
      this.listener = listener;
    }
  }

  let time: FakeTime;
  let socket: StuckSocket;
  let sessions: SessionRegistry;
  let sessionId: string | undefined;
  /** How many SENDs were handled. */
  let handled: number;

  let ended: (() => void) | undefined;

  /** Sessions whose time passes when the spec says so. */
  function prepare(limits: Partial<TransportOptions> = {}): void {
    const logger = recordingLogger();
    const clientInboundChannel = new SubscribableChannel("clientInboundChannel", { logger });
    handled = 0;
    time = new FakeTime();
    sessions = new SessionRegistry({
      clientInboundChannel,
      clientOutboundChannel: new SubscribableChannel("clientOutboundChannel", { logger }),
      pace: new Pace(),
      events: new EventPublisher(logger),
      logger,
      clock: new TickingClock({ time }),
      encoder: new MessageEncoder(),
      preserveReceiveOrder: true,
      handlerTimeout: 0,
      errorHandler: undefined,
      ended: () => ended?.(),
      limits: { ...TRANSPORT, timeToFirstMessage: 15_000, sendTimeLimit: 10_000, ...limits },
    });
    clientInboundChannel.subscribe({
      handle({ headers }) {
        if (headers.messageType === "MESSAGE") handled++;
        if (headers.messageType !== "CONNECT") return;
        sessionId = headers.sessionId;
        const heartbeat = [10_000, 10_000] as const;
        sessions.handle(
          createMessage(new Uint8Array(), { messageType: "CONNECT_ACK", sessionId, heartbeat }),
        );
      },
    });
  }

  function open(limits?: Partial<TransportOptions>, headers: IncomingMessage["headers"] = {}): void {
    prepare(limits);
    socket = new StuckSocket();
    sessions.open(socket, { request: { socket: {}, headers } as IncomingMessage, user: undefined });
  }

  function connect(limits?: Partial<TransportOptions>): void {
    open(limits);
    socket.listener?.data(Buffer.from("CONNECT\naccept-version:1.2\n\n\0"));
    socket.taken(socket.bufferedAmount);
  }

  beforeEach(() => open());

  for (const [what, stall] of [
    ["our own event loop stalls for 20 s", 20_000],
    ["the machine sleeps for an hour", 3_600_000],
  ] as const) {
    it(`cuts nobody when ${what}`, () => {
      time.pass(2_000);
      time.stall(stall);
      time.pass(2_000);

      expect(socket.closings).to.deep.equal([]);
    });
  }

  it("still misses who stays silent", () => {
    time.pass(2_000);
    time.stall(20_000);
    time.pass(15_000);

    expect(socket.closings).to.deep.equal([4500]);
  });

  it("is waited for at the closing of all until its socket has closed, and no longer", async () => {
    connect();
    const closed = sessions.close({ code: 1001, reason: "bye" });
    expect(socket.closings).to.deep.equal([1001]);

    socket.listener?.socketClosed(1001, "bye");
    await closed; // no time has passed
  });

  it("counts sendTimeLimit anew whenever all that waited has left", () => {
    socket.listener?.data(Buffer.from("NONSENSE"));
    socket.bufferedAmount = 1_000;
    for (let second = 0; second < 29; second++) {
      if (second % 9 === 0) socket.bufferedAmount = 0;
      time.pass(1_000);
      socket.bufferedAmount = 1_000;
    }
    expect(socket.closings).to.deep.equal([]);

    time.pass(11_000);

    expect(socket.closings).to.deep.equal([4500]);
  });

  it("spares one that reads slowly but reads", () => {
    connect();
    const message = createMessage(new Uint8Array(1_000), { destination: "/topic/a", sessionId });
    for (let i = 0; i < 5; i++) sessions.handle(message);
    for (let second = 0; second < 60; second++) {
      sessions.handle(message);
      const waits = socket.bufferedAmount;
      socket.taken(Math.ceil(waits / 6));
      time.pass(1_000);
    }
    expect(socket.bufferedAmount).to.be.above(0);
    expect(socket.closings).to.deep.equal([]);

    time.pass(12_000);

    expect(socket.closings).to.deep.equal([4500]);
  });

  it("lets no more pass of what a client sent that has left, and drops what waits for longer than 10 s", () => {
    connect({ inboundRateLimit: 100 });
    socket.listener?.data(Buffer.from("SEND\ndestination:/app/count\n\n\0".repeat(2_000)));
    socket.listener?.socketClosed(1006, "");
    expect(handled).to.equal(99);

    time.pass(1_000);
    expect(handled).to.equal(199);

    time.pass(9_000);
    expect(handled).to.be.within(1_000, 1_100);

    time.pass(20_000);
    expect(handled).to.be.within(1_000, 1_300);
  });

  it("lets a second's worth of inboundRateLimit pass, and as much with each second", () => {
    connect({ inboundRateLimit: 100 });
    socket.listener?.data(Buffer.from("SEND\ndestination:/app/count\n\n\0".repeat(250)));
    // CONNECT was one of the first hundred.
    expect(handled).to.equal(99);

    time.pass(1_000);
    expect(handled).to.equal(199);

    time.pass(1_000);
    expect(handled).to.equal(250);
    expect(socket.closings).to.deep.equal([]);
  });

  describe("of a client that says nothing", () => {
    let probes: number;

    /** @param answers whether the client's end of the line answers probes; `undefined` when there are none */
    function connected({
      heartBeat = "0,0",
      answers,
      page = false,
    }: {
      heartBeat?: string;
      answers?: boolean;
      page?: boolean;
    }) {
      open({}, page ? { origin: "https://chat.example" } : {});
      probes = 0;
      if (answers !== undefined) {
        socket.probe = () => {
          probes++;
          if (answers) socket.listener?.answered?.();
        };
      }
      socket.listener?.data(Buffer.from(`CONNECT\naccept-version:1.2\nheart-beat:${heartBeat}\n\n\0`));
    }

    /** Lets time pass in which the client takes what it is sent. */
    function pass(ms: number): void {
      for (let passed = 0; passed < ms; passed += 1_000) {
        time.pass(1_000);
        socket.taken(socket.bufferedAmount);
      }
    }

    for (const [what, beating] of [
      ["of heart-beats", { heartBeat: "10000,10000" }],
      ["of signs of life", { answers: true }],
    ] as const) {
      it(`leaves nothing behind that ticks, ${what}`, () => {
        connected(beating);
        expect(time.interval).to.be.a("number");

        socket.listener?.socketClosed(1006, "");

        expect(time.interval).to.equal(undefined);
      });
    }

    it("and promised nothing, asks for a sign of life, and ends the session when none comes", () => {
      connected({ answers: false });

      pass(70_000);
      expect(probes).to.be.within(2, 3);
      expect(socket.closings).to.deep.equal([]);
      pass(10_000);
      expect(socket.closings).to.deep.equal([1002]);
    });

    it("and promised nothing, lets it stay while its end of the line answers", () => {
      connected({ answers: true });

      pass(600_000);
      expect(probes).to.be.within(24, 27);
      expect(socket.closings).to.deep.equal([]);
    });

    it("and promised nothing, lets it stay where nothing can be asked", () => {
      connected({});

      pass(600_000);
      expect(socket.closings).to.deep.equal([]);
    });

    for (const answers of [true, false, undefined]) {
      it(`and promised heart-beats, ends it after three of them, whether its line answers (${answers})`, () => {
        connected({ heartBeat: "10000,0", ...(answers !== undefined && { answers }) });

        pass(28_000);
        expect(socket.closings).to.deep.equal([]);
        pass(4_000);
        expect(socket.closings).to.deep.equal([1002]);
      });
    }

    it("and promised heart-beats from a page, lets it stay while its line answers: timers of hidden pages are slow", () => {
      connected({ heartBeat: "10000,0", answers: true, page: true });

      pass(600_000);
      expect(probes).to.be.within(50, 61);
      expect(socket.closings).to.deep.equal([]);
    });

    it("and promised heart-beats from a page whose line does not answer, ends it after three", () => {
      connected({ heartBeat: "10000,0", answers: false, page: true });

      pass(32_000);
      expect(socket.closings).to.deep.equal([1002]);
    });

    it("and promised heart-beats from a page over a transport that cannot be asked, gives it time for two a minute", () => {
      connected({ heartBeat: "10000,0", page: true });

      pass(128_000);
      expect(socket.closings).to.deep.equal([]);
      pass(5_000);
      expect(socket.closings).to.deep.equal([1002]);
    });

    it("and promised nothing, keeps it over a real line while that is there, and ends it when the line vanishes", async () => {
      prepare();
      const host = new SocketHost({ opened: ({ socket, handshake }) => sessions.open(socket, handshake) });
      host.endpoint();
      const proxy = await faultProxy({ host: "127.0.0.1", port: await host.listen() });
      const lines: TcpSocket[] = [];
      host.server.on("connection", (line) => lines.push(line));
      const client = await RawClient.connect(proxy.port, "heart-beat:0,0\n");
      try {
        const isOver = new Promise<void>((resolve) => {
          ended = resolve;
        });
        let isEnded = false;
        void isOver.then(() => {
          isEnded = true;
        });

        for (let minute = 0; minute < 5; minute++) {
          const pinged = once(client.webSocket, "ping");
          const answered = once(lines[0]!, "data");
          time.pass(26_000);
          await Promise.all([pinged, answered]);
          await settled();
        }
        expect(isEnded).to.equal(false);

        proxy.stall();
        time.pass(80_000);
        await isOver;
      } finally {
        client.cut();
        ended = undefined;
        await proxy.close();
        await host.close();
      }
    });
  });
});
