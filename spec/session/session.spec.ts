import { expect } from "chai";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  type MessagingEvents,
  type Principal,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

const text = (message: Message) => Buffer.from(message.payload).toString();

@Controller()
class Notes {
  readonly taken: string[] = [];

  @MessageMapping("/note")
  take(note: string) {
    this.taken.push(note);
  }

  @MessageMapping("/fail")
  fail() {
    throw new Error("secret of the server");
  }
}

/** Applies to messages of one type only. */
function on(type: string, preSend: NonNullable<ChannelInterceptor["preSend"]>): ChannelInterceptor {
  return {
    preSend: (message, channel) =>
      message.headers.messageType === type ? preSend(message, channel) : message,
  };
}

function ofDisconnect(stop: () => null): (message: Message) => Message | null {
  return (message) => (message.headers.messageType === "DISCONNECT" ? stop() : message);
}

describe("Session", () => {
  let server: TestServer;
  let notes: Notes;
  const clients: RawClient[] = [];

  async function start(...interceptors: ChannelInterceptor[]) {
    notes = new Notes();
    server = await startServer({ controllers: [notes], clientInboundChannel: { interceptors } });
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

  /** Collects events of one kind. */
  function collect<E extends keyof MessagingEvents>(name: E): MessagingEvents[E][] {
    const events: MessagingEvents[E][] = [];
    server.messaging.on(name, (event) => void events.push(event));
    return events;
  }

  /** Waits for one event. */
  function event<E extends keyof MessagingEvents>(name: E): Promise<MessagingEvents[E]> {
    return new Promise((resolve) => server.messaging.on(name, resolve));
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  describe("at CONNECT", () => {
    it("answers with version, heart-beat, server and session", async () => {
      await start();
      const client = await open();

      client.send("CONNECT\naccept-version:1.1,1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.match(
        /^CONNECTED\nversion:1\.2\nheart-beat:10000,10000\nserver:express-stomp\nsession:[0-9a-f-]{36}\n\n\^@$/,
      );
    });

    it("takes STOMP for CONNECT, and EOLs before it", async () => {
      await start();
      const client = await open();

      client.send("\n\r\nSTOMP\naccept-version:1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.match(/^CONNECTED\nversion:1\.2\n/);
    });

    for (const [accepted, version] of [
      ["accept-version:1.0\n", "1.0"],
      ["accept-version:1.2,1.1,1.0\n", "1.2"],
      ["accept-version:1.0, 1.1\n", "1.1"],
      ["accept-version:1.1,2.0\n", "1.1"],
      ["", "1.0"],
    ] as const) {
      it(`agrees on ${version} with ${accepted.trim() || "no accept-version"}`, async () => {
        await start();
        const client = await open();

        client.send(`CONNECT\n${accepted}\n^@`);

        expect(await client.frame()).to.match(
          new RegExp(`^CONNECTED\nversion:${version.replace(".", "\\.")}\n`),
        );
      });
    }

    it("refuses a client with whom it has no version in common, and names its own", async () => {
      await start();
      const client = await open();

      client.send("CONNECT\naccept-version:2.0\nhost:spec\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:No STOMP version in common with accept-version 2.0\nversion:1.0,1.1,1.2\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });

    it("refuses a malformed heart-beat", async () => {
      await start();
      const client = await open();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:a,b\n\n^@");

      expect(await client.frame()).to.include('message:heart-beat is not two numbers of ms\\c "a,b"\n');
      expect(await client.closed()).to.equal(1002);
    });

    it("ignores receipt", async () => {
      await start();

      const client = await connect("receipt:r\n");

      expect(await client.synchronize()).to.deep.equal([]);
    });

    it("refuses a second CONNECT", async () => {
      await start();
      const client = await connect();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.include("message:CONNECT came twice\\c already connected\n");
      expect(await client.closed()).to.equal(1002);
    });

    it("bears no long frame before it, and up to messageSizeLimit after it", async () => {
      await start();
      const early = await open();
      early.send(`SEND\ndestination:/app/note\ncontent-length:20000\n\n`);
      expect(await early.frame()).to.include("message:Frame passes connectSizeLimit\\c 16384\n");
      expect(await early.closed()).to.equal(1002);
      const client = await connect();

      client.send(`SEND\ndestination:/app/note\n\n${"x".repeat(60_000)}^@`);
      await client.synchronize();
      client.send(`SEND\ndestination:/app/note\ncontent-length:65536\n\n`);

      expect(await client.frame()).to.include("passes messageSizeLimit\\c 65536");
      expect(notes.taken.map((note) => note.length)).to.deep.equal([60_000]);
    });

    for (const frame of [
      "SEND\ndestination:/app/note\n\nx^@",
      "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@",
      "DISCONNECT\n\n^@",
    ]) {
      it(`lets no ${frame.split("\n", 1)[0]} pass before it`, async () => {
        await start();
        const client = await open();

        client.send(frame);

        expect(await client.frame()).to.match(/^ERROR\nmessage:[A-Z]+ came before CONNECT\n/);
        expect(await client.closed()).to.equal(1002);
        expect(notes.taken).to.deep.equal([]);
      });
    }

    it("gives the session the user that an interceptor found", async () => {
      const users: (Principal | undefined)[] = [];
      await start(
        on("CONNECT", async (message) => {
          await settled();
          return withHeaders(message, { user: { name: message.headers.native.get("login") ?? "" } });
        }),
        on("MESSAGE", (message) => {
          users.push(message.headers.user);
          return message;
        }),
      );
      const client = await open();

      client.send(
        "CONNECT\naccept-version:1.2\nhost:spec\nlogin:joe\n\n^@SEND\ndestination:/app/note\n\nx^@",
      );

      expect(await client.frame()).to.include("\nuser-name:joe\n");
      await client.synchronize();
      expect(users).to.deep.equal([{ name: "joe" }]);
    });

    for (const [how, refuse] of [
      ["throws", () => Promise.reject(new AccessDeniedError("Wrong passcode"))],
      ["throws at once", () => raise(new AccessDeniedError("Wrong passcode"))],
    ] as const) {
      it(`drops what follows a CONNECT that an interceptor refused when it ${how}`, async () => {
        await start(on("CONNECT", refuse));
        const ends = event("sessionError");
        const client = await open();

        client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/app/note\n\nsneaked^@");
        client.send("SEND\ndestination:/app/note\n\nsneaked^@");

        expect(await client.frame()).to.equal("ERROR\nmessage:Wrong passcode\ncontent-length:0\n\n^@");
        expect(await client.closed()).to.equal(1002);
        await ends;
        expect(notes.taken).to.deep.equal([]);
      });
    }

    it("answers a CONNECT that an interceptor stopped", async () => {
      await start(on("CONNECT", () => null));
      const client = await open();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/app/note\n\nsneaked^@");

      expect(await client.frame()).to.include("message:The connection was refused\n");
      expect(await client.closed()).to.equal(1002);
      expect(notes.taken).to.deep.equal([]);
    });

    it("tells nothing of an interceptor's own error", async () => {
      await start(on("CONNECT", () => Promise.reject(new Error("password of the database is x"))));
      const client = await open();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:The frame could not be processed\ncontent-length:0\n\n^@",
      );
    });
  });

  describe("once connected", () => {
    it("handles frames one after the other, whatever time each takes", async () => {
      const releases: (() => void)[] = [];
      await start(
        on("MESSAGE", (message) => {
          if (text(message) !== "slow") return message;
          return new Promise((resolve) => releases.push(() => resolve(message)));
        }),
      );
      const client = await connect();

      client.send("SEND\ndestination:/app/note\n\nslow^@SEND\ndestination:/app/note\n\nquick^@");
      client.send("SEND\ndestination:/app/note\n\nquick too^@");
      const other = await connect();
      other.send("SEND\ndestination:/app/note\n\nof somebody else^@");
      await other.synchronize();
      for (const release of releases) release();
      await client.synchronize();

      expect(notes.taken).to.deep.equal(["of somebody else", "slow", "quick", "quick too"]);
    });

    it("loses nothing of a client that sends faster than it is handled", async () => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await start(on("MESSAGE", (message) => gate.then(() => message)));
      const client = await connect();
      const sent = Array.from({ length: 3000 }, (_, i) => `note ${i}`);

      for (const note of sent) client.send(`SEND\ndestination:/app/note\n\n${note}^@`);
      release();
      await client.synchronize();

      expect(notes.taken).to.deep.equal(sent);
    });

    for (const frame of [
      "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@",
      "SEND\ndestination:/topic/a\nreceipt:r\n\nx^@",
      "SEND\ndestination:/app/note\nreceipt:r\n\nx^@",
      "UNSUBSCRIBE\nid:1\nreceipt:r\n\n^@",
    ]) {
      it(`confirms ${frame.split("\n", 2).join(" ")} when it has been processed`, async () => {
        await start();
        const client = await connect();

        client.send(frame);

        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
      });
    }

    it("sends RECEIPT of a SEND to a controller after the controller is done", async () => {
      await start();
      const client = await connect();

      client.send("SEND\ndestination:/app/note\nreceipt:1\n\nx^@");
      await client.frame();

      expect(notes.taken).to.deep.equal(["x"]);
    });

    it("returns a receipt id with special characters as it was", async () => {
      await start();
      const client = await connect();

      client.send("SEND\ndestination:/topic/a\nreceipt:a\\cb\\nc\\\\d\n\n^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:a\\cb\\nc\\\\d\n\n^@");
    });

    for (const [frame, message] of [
      ["SEND\nreceipt:r\n\nx^@", "SEND has no destination header"],
      ["SUBSCRIBE\nid:1\nreceipt:r\n\n^@", "SUBSCRIBE has no destination header"],
      ["SUBSCRIBE\ndestination:/topic/a\nreceipt:r\n\n^@", "SUBSCRIBE has no id header"],
      [
        "SUBSCRIBE\ndestination:/topic/a\nid:1\nack:yes\nreceipt:r\n\n^@",
        "SUBSCRIBE has an unknown ack mode\\c yes",
      ],
      ["UNSUBSCRIBE\nreceipt:r\n\n^@", "UNSUBSCRIBE has no id header"],
    ]) {
      it(`refuses a frame: ${message}`, async () => {
        await start();
        const client = await connect();

        client.send(frame as string);

        expect(await client.frame()).to.equal(
          `ERROR\nmessage:${message}\nreceipt-id:r\ncontent-length:0\n\n^@`,
        );
        expect(await client.closed()).to.equal(1002);
      });
    }

    it("lets a 1.0 client subscribe and unsubscribe without an id", async () => {
      await start();
      const client = await open();
      client.send("CONNECT\n\n^@SUBSCRIBE\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\nx^@");
      await client.frame();
      expect(await client.frame()).to.match(/^MESSAGE\ndestination:\/topic\/a\n/);

      client.send("UNSUBSCRIBE\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\n\nx^@");
      client.send("SEND\ndestination:/app/note\nreceipt:r\n\nx^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
    });

    it("handles the frames before a malformed one, and none behind it", async () => {
      await start();
      const client = await connect();

      client.send("SEND\ndestination:/app/note\n\ngood^@FOO\n\n^@SEND\ndestination:/app/note\n\nbehind^@");

      expect(await client.frame()).to.match(/^ERROR\nmessage:.*FOO/);
      expect(await client.closed()).to.equal(1002);
      expect(notes.taken).to.deep.equal(["good"]);
    });

    it("hurts no other session by its fault", async () => {
      await start();
      const good = await connect();
      const bad = await connect();

      bad.send("\u0001\u0002 garbage\n\n^@");
      await bad.frame();
      await bad.closed();

      expect(await good.synchronize()).to.deep.equal([]);
    });
  });

  describe("at a refusal", () => {
    it("tells the refusal's own text, and closes", async () => {
      await start(on("SUBSCRIBE", () => raise(new AccessDeniedError("Members only"))));
      const client = await connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/secret\nreceipt:7\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:Members only\nreceipt-id:7\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });

    it("drops a SEND that an interceptor stopped in silence", async () => {
      await start(on("MESSAGE", (message) => (text(message) === "spam" ? null : message)));
      const client = await connect();

      client.send("SEND\ndestination:/app/note\n\nspam^@SEND\ndestination:/app/note\n\nham^@");

      expect(await client.synchronize()).to.deep.equal([]);
      expect(notes.taken).to.deep.equal(["ham"]);
    });

    it("confirms no SEND that an interceptor stopped", async () => {
      await start(on("MESSAGE", () => null));
      const client = await connect();

      client.send("SEND\ndestination:/app/note\nreceipt:r\n\nspam^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:SEND was stopped\nreceipt-id:r\ncontent-length:0\n\n^@",
      );
    });
  });

  describe("at a controller's fault", () => {
    it("lives on, and tells the client nothing", async () => {
      await start();
      const errors = collect("controllerError");
      const client = await connect();

      client.send("SEND\ndestination:/app/fail\n\n^@");

      expect(await client.synchronize()).to.deep.equal([]);
      expect(errors.map(({ error }) => error.message)).to.deep.equal([
        "Notes.fail failed: secret of the server",
      ]);
      expect(server.log.some((line) => line.includes("secret of the server"))).to.equal(true);
    });

    it("sends ERROR for a receipt that would be a lie, without the server's secrets", async () => {
      await start();
      const client = await connect();

      client.send("SEND\ndestination:/app/fail\nreceipt:r\n\n^@");

      expect(await client.frame()).to.equal(
        "ERROR\nmessage:The frame could not be processed\nreceipt-id:r\ncontent-length:0\n\n^@",
      );
      expect(await client.closed()).to.equal(1002);
    });
  });

  describe("at its end", () => {
    it("confirms DISCONNECT and closes normally", async () => {
      await start();
      const ended = event("disconnect");
      const client = await connect();

      client.send("DISCONNECT\nreceipt:77\n\n^@SEND\ndestination:/app/note\n\nafterwards^@");

      expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:77\n\n^@");
      expect(await client.closed()).to.equal(1000);
      expect((await ended).code).to.equal(1000);
      expect(notes.taken).to.deep.equal([]);
    });

    it("closes normally at a DISCONNECT without receipt", async () => {
      await start();
      const client = await connect();

      client.send("DISCONNECT\n\n^@");

      expect(await client.closed()).to.equal(1000);
    });

    for (const [what, interceptor] of [
      ["stopped", on("DISCONNECT", () => null)],
      ["refused", on("DISCONNECT", () => raise(new Error("no")))],
      ["passed everybody over at", { beforeHandle: ofDisconnect(() => null) }],
      ["refused everybody", { beforeHandle: ofDisconnect(() => raise(new Error("no"))) }],
    ] as const) {
      it(`takes its subscriptions with it though an interceptor ${what} the DISCONNECT`, async () => {
        await start(interceptor);
        const deliveries: string[] = [];
        server.messaging.clientOutboundChannel.subscribe({
          handle: (message) => void deliveries.push(message.headers.messageType),
        });
        const client = await connect();
        client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
        await client.synchronize();
        const ended = event("disconnect");

        client.send("DISCONNECT\nreceipt:r\n\n^@");

        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
        await ended;
        await server.messaging.template.convertAndSend("/topic/a", "x");
        expect(deliveries).to.deep.equal(["CONNECT_ACK"]);
      });
    }

    it("announces the end of a client that broke off once, and delivers nothing to it", async () => {
      await start();
      const deliveries: string[] = [];
      server.messaging.clientOutboundChannel.subscribe({
        handle: (message) => void deliveries.push(message.headers.messageType),
      });
      const ends = collect("disconnect");
      const ended = event("disconnect");
      const client = await connect();
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();

      client.cut();
      const { code } = await ended;
      await server.messaging.template.convertAndSend("/topic/a", "x");

      expect([code, ends.length, deliveries]).to.deep.equal([1006, 1, ["CONNECT_ACK"]]);
    });

    it("still handles what a client that broke off had sent, in order", async () => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await start(on("MESSAGE", (message) => gate.then(() => message)));
      const ended = event("disconnect");
      const client = await connect();
      client.send("SEND\ndestination:/app/note\n\n1^@SEND\ndestination:/app/note\n\n2^@");
      client.webSocket.close();
      await client.closed();

      release();
      await ended;

      expect(notes.taken).to.deep.equal(["1", "2"]);
    });

    it("announces connect, connected, subscribe, subscribed, unsubscribe and disconnect in this order", async () => {
      await start();
      const seen: string[] = [];
      const names = ["connect", "connected", "subscribe", "subscribed", "unsubscribe", "disconnect"] as const;
      for (const name of names) {
        server.messaging.on(name, () => void seen.push(name));
      }
      const ended = event("disconnect");
      const client = await connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@UNSUBSCRIBE\nid:1\n\n^@DISCONNECT\n\n^@");
      await ended;

      expect(seen).to.deep.equal(names);
    });

    it("announces subscribe when it was handed on, and subscribed when it was handled", async () => {
      await start({
        afterMessageHandled: async ({ headers }) => {
          if (headers.messageType === "SUBSCRIBE") await subscribe;
        },
      });
      const subscribe = event("subscribe");
      const subscribed = collect("subscribed");
      const client = await connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      expect(subscribed).to.deep.equal([]);
      expect((await subscribe).message.headers.destination).to.equal("/topic/a");
      await client.synchronize();

      expect(subscribed.map(({ message }) => message.headers.subscriptionId)).to.deep.equal(["1"]);
    });

    it("announces subscribe and subscribed with the message as interceptors made it", async () => {
      await start(on("SUBSCRIBE", (message) => withHeaders(message, { destination: "/topic/b" })));
      const events = [collect("subscribe"), collect("subscribed")];
      const client = await connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();

      expect(events.flat().map(({ message }) => message.headers.destination)).to.deep.equal([
        "/topic/b",
        "/topic/b",
      ]);
    });

    it("announces no subscription that an interceptor or the broker refused", async () => {
      await start(on("SUBSCRIBE", (message) => (message.headers.subscriptionId === "1" ? null : message)));
      const events = [collect("subscribe"), collect("subscribed")];
      const client = await connect();

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      client.send("SUBSCRIBE\nid:2\ndestination:/topic/a\nack:none\n\n^@");
      await client.frame();

      expect(events).to.deep.equal([[], []]);
    });

    it("announces the user whom an interceptor found already at connect", async () => {
      await start(on("CONNECT", async (message) => withHeaders(message, { user: { name: "rod" } })));
      const events = [collect("connect"), collect("connected")];

      await connect();
      await settled();

      expect(events.flat().map(({ user }) => user?.name)).to.deep.equal(["rod", "rod"]);
    });

    it("announces the close status of a session's end", async () => {
      await start();
      const ended = event("disconnect");
      const client = await connect();

      client.webSocket.close(4001, "bye");

      expect(await ended).to.include({ code: 4001, reason: "bye" });
    });

    it("bears a listener that throws", async () => {
      await start();
      server.messaging.on("connected", () => raise(new Error("listener")));
      server.messaging.on("connected", () => Promise.reject(new Error("async listener")));
      const client = await connect();

      expect(await client.synchronize()).to.deep.equal([]);
      expect(server.log.filter((line) => line.includes("a listener of connected failed")).length).to.equal(2);
    });

    it("closes with 1001 when the server does", async () => {
      await start();
      const client = await connect();

      await server.messaging.close();

      expect(await client.closed()).to.equal(1001);
    });
  });

  describe("whose client does not read", () => {
    it("ends at sendBufferSizeLimit, and keeps nobody else from reading", async function () {
      this.timeout(30_000);
      await start();
      const ended = event("sessionError");
      const slow = await connect();
      const quick = await connect();
      for (const client of [slow, quick]) client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await slow.synchronize();
      await quick.synchronize();

      slow.webSocket.pause();
      let ends = false;
      void ended.then(() => {
        ends = true;
      });
      const kilobytes = Buffer.alloc(60_000, "x");
      let published = 0;
      for (; !ends && published < 2000; published++) {
        await server.messaging.template.convertAndSend("/topic/a", kilobytes);
        await quick.frame();
      }

      expect((await ended).error.message).to.equal("Session passes sendBufferSizeLimit: 524288");
      expect(await quick.synchronize()).to.deep.equal([]);
    });
  });

  describe("with heart-beats", () => {
    it("sends an EOL while nothing else is sent, and gives up a client that is silent", async function () {
      this.timeout(15_000);
      notes = new Notes();
      server = await startServer({
        broker: simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [200, 200] }),
      });
      const client = await connect("heart-beat:200,200\n");

      expect(await client.frame()).to.equal("\n");
      let event = await client.next();
      while (event === "\n") event = await client.next();

      expect(event).to.equal("ERROR\nmessage:No heart-beat came in time\ncontent-length:0\n\n^@");
      expect(await client.closed()).to.equal(1002);
    });
  });
});

function raise(error: Error): never {
  throw error;
}
