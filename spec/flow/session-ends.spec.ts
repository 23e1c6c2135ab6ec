import { expect } from "chai";
import {
  bearerToken,
  Controller,
  MessageMapping,
  type MessagingEvents,
  Scope,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
} from "express-stomp";
import { preDestroy } from "inversify";
import { Gate } from "../support/gate.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { StompSession } from "../support/stomp-session.js";

/** How the server, or the client, ends a session whose client does not read any more: its socket stays for seconds. */
interface Way {
  readonly options?: Partial<StompMessagingOptions>;
  readonly headers?: string;
  /** Its client sends heart-beats until the end. */
  readonly beats?: boolean;
  end(stage: { server: TestServer; leaving: RawClient }): unknown;
}

const tokens = bearerToken({ verify: (name) => ({ user: { name } }), required: false });

const WAYS: Record<string, Way> = {
  "is sent ERROR for what is no frame": {
    end: ({ leaving }) => leaving.send("NONSENSE\n\n^@"),
  },
  "is sent ERROR for a refused frame": {
    end: ({ leaving }) => leaving.send("ACK\nid:none\n\n^@"),
  },
  "misses its heart-beats": {
    headers: "heart-beat:200,0\n",
    options: { broker: broker({ heartbeatValue: [200, 200] }) },
    beats: true,
    end: () => {},
  },
  "has its token revoked": {
    end: () => tokens.revoke({ user: "rod" }),
  },
  "is disconnected by the application": {
    end: ({ server }) => server.messaging.disconnect({ user: "rod" }, "closed"),
  },
  "is pushed out by a newer session of its user": {
    options: { userSessions: { limit: 1, beyond: "end-oldest" } },
    end: ({ server }) => RawClient.connect(server.port, "Authorization:Bearer rod\n"),
  },
  "passes a limit": {
    end: ({ leaving }) => leaving.send(`SEND\ndestination:/topic/a\n\n${"x".repeat(70_000)}^@`),
  },
  "does not read": {
    options: { transport: { sendBufferSizeLimit: 100_000 } },
    end: async ({ server, leaving }) => {
      leaving.send("SUBSCRIBE\nid:bulk\ndestination:/topic/bulk\n\n^@");
      const ended = new Promise<void>((resolve) => server.messaging.on("slowConsumer", () => resolve()));
      let over = false;
      void ended.then(() => {
        over = true;
      });
      while (!over) {
        await server.messaging.template.convertAndSend("/topic/bulk", "x".repeat(100_000));
        await settled();
      }
    },
  },
};

function broker(options: Parameters<typeof simpleBroker>[0] = {}) {
  return simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"], ...options });
}

describe("A session that ends", () => {
  let server: TestServer;
  const clients: { cut(): void }[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}): Promise<void> {
    server = await startServer({
      broker: broker(),
      ...options,
      clientInboundChannel: {
        interceptors: [tokens, ...(options.clientInboundChannel?.interceptors ?? [])],
      },
    });
  }

  async function connect(headers = ""): Promise<RawClient> {
    const client = await RawClient.connect(server.port, headers);
    clients.push(client);
    return client;
  }

  async function consumer(ack: string): Promise<StompSession> {
    const session = await StompSession.connect(server.port);
    clients.push(session);
    session.send("SUBSCRIBE", { id: "1", destination: "/queue/a", ack });
    await session.messages();
    return session;
  }

  const isThere = () => server.messaging.userRegistry.getUser("rod") !== undefined;

  async function publish(...bodies: string[]): Promise<void> {
    for (const body of bodies) await server.messaging.template.convertAndSend("/queue/a", body);
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  for (const [how, { options, headers = "", beats, end }] of Object.entries(WAYS)) {
    for (const ack of ["auto", "client-individual"]) {
      it(`takes no more of a queue when it ${how}, ack:${ack}, though its client does not close`, async () => {
        await start(options);
        const leaving = await connect(`Authorization:Bearer rod\n${headers}`);
        const beating = setInterval(() => beats && leaving.send("\n"), 20);
        clients.push({ cut: () => clearInterval(beating) });
        leaving.send(`SUBSCRIBE\nid:1\ndestination:/queue/a\nack:${ack}\n\n^@`);
        await leaving.synchronize();
        const staying = await consumer(ack);
        await publish("1", "2");
        await leaving.frame();
        leaving.webSocket.pause();

        const gone = new Promise<boolean>((resolve) => {
          server.messaging.on("sessionError", () => resolve(isThere()));
        });
        const { connections } = server.messaging.stats();
        clearInterval(beating);
        await end({ server, leaving });
        const wasThere = await gone;
        await publish("3", "4", "5");

        const heard = await staying.bodies();
        expect(heard).to.have.members(ack === "auto" ? ["2", "3", "4", "5"] : ["1", "2", "3", "4", "5"]);
        if (!how.startsWith("is pushed")) expect(wasThere, "on the books at its end").to.equal(false);
        expect(server.messaging.stats().connections, "connections").to.be.at.least(connections);
      });
    }
  }

  it("takes no more of a queue from its DISCONNECT on, whatever its interceptors wait for", async () => {
    const gate = new Gate("DISCONNECT");
    await start({ clientInboundChannel: { interceptors: [gate] } });
    const leaving = await connect("Authorization:Bearer rod\n");
    leaving.send("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client\n\n^@");
    await leaving.synchronize();
    const staying = await consumer("client");
    await publish("1", "2");
    await leaving.frame();

    leaving.send("DISCONNECT\nreceipt:bye\n\n^@");
    await gate.came;
    expect(isThere()).to.equal(false);
    await publish("3", "4");

    expect(await staying.bodies()).to.deep.equal(["2", "1", "3", "4"]);
    gate.open();
    expect(await leaving.frame()).to.match(/^RECEIPT/);
    expect(await leaving.closed()).to.equal(1000);
  });

  it("is off the books for a listener who hears why it ended, and delivered nothing more", async () => {
    await start();
    const leaving = await connect("Authorization:Bearer rod\n");
    leaving.send("SUBSCRIBE\nid:1\ndestination:/user/queue/mine\n\n^@");
    await leaving.synchronize();
    const deliveries: string[] = [];
    server.messaging.clientOutboundChannel.subscribe({
      handle: ({ headers }) => void deliveries.push(headers.messageType),
    });
    leaving.webSocket.pause();

    server.messaging.disconnect({ user: "rod" });
    await server.messaging.template.convertAndSendToUser("rod", "/queue/mine", "late");

    expect(deliveries).to.deep.equal([]);
  });

  it("ends its streams and disposes of its controllers, though its client does not close", async () => {
    const notes: string[] = [];
    @Controller()
    @Scope("websocket")
    class Basket {
      @preDestroy()
      empty() {
        notes.push("disposed");
      }

      @SubscribeMapping("/ticks")
      async *ticks(signal: AbortSignal) {
        signal.addEventListener("abort", () => notes.push("aborted"));
        yield "begun";
        await new Promise(() => {});
      }
    }
    await start({ controllers: [Basket] });
    const leaving = await connect("Authorization:Bearer rod\n");
    leaving.send("SUBSCRIBE\nid:1\ndestination:/app/ticks\n\n^@");
    expect(await leaving.frame()).to.match(/begun/);
    leaving.webSocket.pause();

    server.messaging.disconnect({ user: "rod" });
    expect(notes).to.include("aborted");
    await settled();

    expect(notes).to.have.members(["aborted", "disposed"]);
    expect(server.messaging.stats().connections).to.equal(1);
  });

  describe("while frames are handled that it had sent", () => {
    let ended: MessagingEvents["disconnect"][];

    /** One whose frames of this type wait at a gate. */
    async function leavingBehind(gate: Gate, options: Partial<StompMessagingOptions> = {}) {
      await start({ ...options, clientInboundChannel: { interceptors: [gate] } });
      ended = [];
      server.messaging.on("disconnect", (event) => void ended.push(event));
      return connect("Authorization:Bearer rod\n");
    }

    /** Cuts the line, and waits until the server knows. */
    async function cut(client: RawClient) {
      client.cut();
      while (isThere()) await settled();
      expect(ended, "ends").to.deep.equal([]);
    }

    async function over() {
      while (ended.length === 0) await settled();
    }

    for (const preserveReceiveOrder of [true, false]) {
      it(`subscribes to nothing any more, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
        const gate = new Gate("SUBSCRIBE");
        const leaving = await leavingBehind(gate, { preserveReceiveOrder });
        leaving.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@");
        await gate.came;
        await cut(leaving);
        await publish("1");

        gate.open();
        await over();
        await publish("2");

        expect(await (await consumer("auto")).bodies()).to.deep.equal([]);
        const heard = await StompSession.connect(server.port);
        clients.push(heard);
        heard.send("SUBSCRIBE", { id: "1", destination: "/queue/b" });
        expect(server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
      });
    }

    it("has not been given what waits in a queue by a SUBSCRIBE that came too late", async () => {
      const gate = new Gate("SUBSCRIBE");
      const leaving = await leavingBehind(gate);
      leaving.send("SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@");
      await gate.came;
      await publish("1", "2");
      await cut(leaving);
      gate.open();
      await over();

      const staying = await StompSession.connect(server.port);
      clients.push(staying);
      staying.send("SUBSCRIBE", { id: "1", destination: "/queue/a" });
      expect(await staying.bodies()).to.deep.equal(["1", "2"]);
    });

    it("is not connected any more by a CONNECT that was on its way", async () => {
      const gate = new Gate("CONNECT");
      await start({
        userSessions: { limit: 1, beyond: "refuse" },
        clientInboundChannel: { interceptors: [gate] },
      });
      const connected: unknown[] = [];
      server.messaging.on("connected", (event) => void connected.push(event));
      const leaving = await RawClient.open(server.port);
      leaving.send(
        "CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer rod\n\n^@SUBSCRIBE\nid:1\ndestination:/queue/a\n\n^@",
      );
      await gate.came;
      leaving.cut();
      await leaving.closed();
      await settled();

      gate.open();
      while (server.messaging.stats().connections > 0) await settled();

      expect(connected).to.deep.equal([]);
      await connect("Authorization:Bearer rod\n");
    });

    it("has its ACK counted, and what it did not acknowledge goes to others then", async () => {
      const gate = new Gate("OTHER");
      const leaving = await leavingBehind(gate);
      leaving.send("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client\n\n^@");
      await leaving.synchronize();
      await publish("1", "2");
      const [, ack] = /\nack:(.*)/.exec(await leaving.frame()) ?? [];
      await leaving.frame();
      leaving.send(`ACK\nid:${ack}\n\n^@`);
      await gate.came;
      await cut(leaving);
      const staying = await consumer("auto");
      expect(await staying.bodies()).to.deep.equal([]);

      gate.open();
      await over();

      expect(await staying.bodies()).to.deep.equal(["2"]);
    });

    it("has its COMMIT counted", async () => {
      const gate = new Gate("OTHER", 2);
      const leaving = await leavingBehind(gate);
      const staying = await consumer("auto");
      leaving.send(
        "BEGIN\ntransaction:t\n\n^@SEND\ndestination:/queue/a\ntransaction:t\n\n1^@COMMIT\ntransaction:t\n\n^@",
      );
      await gate.came;
      await cut(leaving);

      gate.open();
      await over();

      expect(await staying.bodies()).to.deep.equal(["1"]);
    });

    it("is given up at once what it did not acknowledge, if none of them can", async () => {
      const gate = new Gate("MESSAGE");
      const leaving = await leavingBehind(gate);
      leaving.send("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client\n\n^@");
      await leaving.synchronize();
      await publish("0");
      const [, ack] = /\nack:(.*)/.exec(await leaving.frame()) ?? [];
      leaving.send(`ACK\nid:${ack}\n\n^@`);
      await leaving.synchronize();
      await publish("1");
      await leaving.frame();
      const staying = await consumer("client");
      leaving.send("SEND\ndestination:/topic/a\n\nx^@");
      await gate.came;

      await cut(leaving);

      expect(await staying.bodies()).to.deep.equal(["1"]);
      gate.open();
      await over();
    });

    it("begins no stream any more", async () => {
      const gate = new Gate("SUBSCRIBE");
      const notes: string[] = [];
      @Controller()
      class Ticks {
        @SubscribeMapping("/ticks")
        async *ticks() {
          notes.push("asked");
          yield 1;
        }

        @MessageMapping("/ticks")
        async *published() {
          notes.push("asked");
          yield 1;
        }
      }
      const leaving = await leavingBehind(gate, { controllers: [new Ticks()] });
      leaving.send("SUBSCRIBE\nid:1\ndestination:/app/ticks\n\n^@SEND\ndestination:/app/ticks\n\n^@");
      await gate.came;
      await cut(leaving);
      gate.open();
      await over();

      expect(notes).to.deep.equal([]);
      expect(server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
    });
  });
});
