import { expect } from "chai";
import {
  type ChannelInterceptor,
  createMessage,
  type Message,
  type MessagingEvents,
  type StompMessagingOptions,
} from "express-stomp";
import { ClientHost } from "../support/client-host.js";
import { text } from "../support/notes-host.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

const isMessage = ({ headers }: Message) => headers.messageType === "MESSAGE";

/** How an interceptor may let a message pass, without waiting for anything. */
const PASSING: Readonly<Record<string, ChannelInterceptor>> = {
  synchronous: { preSend: (message) => message },
  async: { preSend: async (message) => message },
  "async around handlers": { beforeHandle: async (message) => message },
};

describe("With interceptors on clientOutboundChannel", () => {
  let server: TestServer;
  const clients: RawClient[] = [];

  async function start(outbound: ChannelInterceptor, options: Partial<StompMessagingOptions> = {}) {
    server = await startServer({ clientOutboundChannel: { interceptors: [outbound] }, ...options });
  }

  async function subscriber(headers = ""): Promise<RawClient> {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    client.send(`SUBSCRIBE\nid:1\ndestination:/topic/a\n${headers}\n^@`);
    await client.synchronize();
    return client;
  }

  function collect<E extends keyof MessagingEvents>(name: E): MessagingEvents[E][] {
    const events: MessagingEvents[E][] = [];
    server.messaging.on(name, (event) => void events.push(event));
    return events;
  }

  /** The bodies of so many messages. */
  async function bodies(client: RawClient, count: number): Promise<(string | undefined)[]> {
    const all: (string | undefined)[] = [];
    while (all.length < count) all.push(/\n\n(.*)\^@$/.exec(await client.frame())?.[1]);
    return all;
  }

  const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  for (const [kind, interceptor] of Object.entries(PASSING)) {
    it(`that are ${kind}, 1,500 SENDs in one WebSocket message reach everybody, in order`, async () => {
      await start(interceptor);
      const all = [await subscriber(), await subscriber()];
      const sender = await subscriber();

      sender.send(
        numbers(1500)
          .map((n) => `SEND\ndestination:/topic/a\n\n${n}^@`)
          .join(""),
      );

      for (const client of [...all, sender]) {
        expect(await bodies(client, 1500)).to.deep.equal(numbers(1500));
        expect(await client.synchronize()).to.deep.equal([]);
      }
    });

    it(`that are ${kind}, 2,000 sends of the application in one turn reach everybody, in order`, async () => {
      await start(interceptor);
      const all = [await subscriber(), await subscriber()];

      await Promise.all(numbers(2000).map((n) => server.messaging.template.convertAndSend("/topic/a", n)));

      for (const client of all) {
        expect(await bodies(client, 2000)).to.deep.equal(numbers(2000));
      }
    });
  }

  /** Lets messages pass when the spec says so. */
  class Gate implements ChannelInterceptor {
    #opened!: () => void;
    readonly #open = new Promise<void>((resolve) => {
      this.#opened = resolve;
    });

    open(): void {
      this.#opened();
    }

    preSend(message: Message): Message | Promise<Message> {
      return isMessage(message) ? this.#open.then(() => message) : message;
    }
  }

  it("what waits for them counts in bytes, and the limit that ends the session has their channel's name", async () => {
    const gate = new Gate();
    await start(gate, { transport: { sendBufferSizeLimit: 10_000 } });
    const client = await subscriber();
    const limits = collect("limitExceeded");
    const slow = collect("slowConsumer");
    const errors = collect("sessionError");
    const closed = client.closed();

    // 1,000 bytes and what STOMP adds: the tenth fills it.
    for (let i = 0; i < 9; i++) await server.messaging.template.convertAndSend("/topic/a", "x".repeat(1000));
    await settled();
    expect(limits).to.deep.equal([]);
    for (let i = 0; i < 3; i++) await server.messaging.template.convertAndSend("/topic/a", "x".repeat(1000));

    expect(await closed).to.equal(4500);
    expect(limits.map(({ limit }) => limit)).to.deep.equal(["clientOutboundChannel"]);
    expect(slow).to.deep.equal([]);
    expect(errors.map(({ error }) => error.message)).to.deep.equal([
      "More waits for interceptors of clientOutboundChannel than sendBufferSizeLimit: 10000",
    ]);
    expect(server.messaging.stats().limitsExceeded).to.deep.equal({ clientOutboundChannel: 1 });
    gate.open();
  });

  it("overflowStrategy drop-oldest drops of what waits for them too, but nothing that is to be acknowledged", async () => {
    const gate = new Gate();
    await start(gate, { transport: { sendBufferSizeLimit: 10_000, overflowStrategy: "drop-oldest" } });
    const client = await subscriber();
    const limits = collect("limitExceeded");
    client.send("SUBSCRIBE\nid:2\ndestination:/topic/b\nack:client\n\n^@");
    await client.synchronize();

    const { template } = server.messaging;
    await template.convertAndSend("/topic/a", "0");
    await template.convertAndSend("/topic/b", "kept");
    for (let i = 1; i < 30; i++) await template.convertAndSend("/topic/a", `${i}`.padEnd(1000, "."));
    gate.open();

    const got: (string | undefined)[] = [];
    while (got.at(-1) !== "29") got.push(/\n\n(\w+)/.exec(await client.frame())?.[1]);
    expect(got.slice(0, 2)).to.deep.equal(["0", "kept"]);
    // The socket, which has the same limit, may drop one more of them.
    expect(got.slice(2)).to.deep.equal(numbers(30).filter((n) => got.includes(n) && n !== "0"));
    expect(got.length).to.be.within(8, 13);
    expect(limits.map(({ limit }) => limit))
      .to.include("sendBufferSizeLimit")
      .and.not.include("clientOutboundChannel");
    expect(server.messaging.stats()).to.include({ messagesSent: 31, messagesDropped: 31 - got.length });
  });

  it("overflowStrategy keep-latest keeps of what waits for them the newest of each destination", async () => {
    const gate = new Gate();
    await start(gate, { transport: { sendBufferSizeLimit: 10_000, overflowStrategy: "keep-latest" } });
    const client = await subscriber();
    client.send("SUBSCRIBE\nid:2\ndestination:/topic/b\n\n^@");
    client.send("SUBSCRIBE\nid:3\ndestination:/topic/c\nack:client\n\n^@");
    await client.synchronize();

    const { template } = server.messaging;
    await template.convertAndSend("/topic/a", "0");
    await template.convertAndSend("/topic/c", "c0");
    for (let i = 1; i < 30; i++) {
      for (const name of ["a", "b"])
        await template.convertAndSend(`/topic/${name}`, `${name}${i}`.padEnd(1000, "."));
    }
    await template.convertAndSend("/topic/c", "c1");
    gate.open();

    const got: (string | undefined)[] = [];
    while (got.at(-1) !== "c1") got.push(/\n\n(\w+)/.exec(await client.frame())?.[1]);
    expect(got).to.deep.equal(["0", "c0", "a29", "b29", "c1"]);
    expect(server.messaging.stats()).to.include({ messagesDropped: 2 * 28 });
  });

  it("one that never settles costs the message it has, and the next ones arrive", async () => {
    class Hanging implements ChannelInterceptor {
      preSend(message: Message): Message | Promise<Message> {
        return Buffer.from(message.payload).toString() === "hang" ? new Promise<never>(() => {}) : message;
      }
    }
    await start(new Hanging(), { handlerTimeout: 20 });
    const client = await subscriber();
    const faults = collect("channelError");

    await server.messaging.template.convertAndSend("/topic/a", "hang");
    await server.messaging.template.convertAndSend("/topic/a", "next");

    expect(await bodies(client, 1)).to.deep.equal(["next"]);
    expect(faults.map(({ channel, error }) => [channel, error.message])).to.deep.equal([
      ["clientOutboundChannel", "preSend of Hanging did not settle within 20 ms"],
    ]);
    expect(server.log.join("\n")).to.match(
      /error A message to \/topic\/a of session \S+ failed on clientOutboundChannel HandlerTimeoutError: preSend of Hanging/,
    );
  });

  it("one that never settles at CONNECTED refuses the connection", async () => {
    await start({ preSend: () => new Promise<never>(() => {}) }, { handlerTimeout: 20 });
    const client = await RawClient.open(server.port);
    clients.push(client);

    client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");

    expect(await client.frame()).to.match(/^ERROR\nmessage:The frame could not be processed\n/);
    expect(await client.closed()).to.equal(1002);
  });
});

describe("With interceptors on clientOutboundChannel that wait", () => {
  const host = new ClientHost();
  /** Lets MESSAGE frames wait for some turns of the event loop. */
  const slow: ChannelInterceptor = {
    async preSend(message) {
      if (isMessage(message)) for (let i = 0; i < 3; i++) await settled();
      return message;
    },
  };

  async function subscribed(options: Partial<StompMessagingOptions> = {}): Promise<RawClient> {
    await host.listen({
      clientOutboundChannel: { interceptors: [slow] },
      endpoints: [{ path: "/ws", user: () => ({ name: "ann" }) }],
      ...options,
    });
    const client = await host.connect();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.synchronize();
    return client;
  }

  const send = async (count: number) => {
    for (let i = 0; i < count; i++)
      await host.server.messaging.template.convertAndSend("/topic/a", String(i));
  };
  const kind = (event: unknown) => String(event).split("\n")[0];
  const ten = Array.from({ length: 10 }, () => "MESSAGE");

  afterEach(() => host.close());

  /** The kinds of all frames that come until one of these has come. */
  async function kindsUntil(client: RawClient, last: string): Promise<(string | undefined)[]> {
    const kinds: (string | undefined)[] = [];
    while (kinds.at(-1) !== last) kinds.push(kind(await client.frame()));
    return kinds;
  }

  it("RECEIPT comes behind what was sent before", async () => {
    const client = await subscribed();

    await send(10);
    client.send("SEND\ndestination:/topic/other\nreceipt:s\n\n^@");

    expect(await kindsUntil(client, "RECEIPT")).to.deep.equal([...ten, "RECEIPT"]);
  });

  it("no message of a subscription comes behind the receipt of its UNSUBSCRIBE, nor under its id when that is used again", async () => {
    const client = await subscribed();

    await send(10);
    client.send("UNSUBSCRIBE\nid:1\nreceipt:u\n\n^@SUBSCRIBE\nid:1\ndestination:/topic/b\nreceipt:s\n\n^@");

    expect((await kindsUntil(client, "RECEIPT")).slice(0, -1)).to.not.include("RECEIPT");
    expect(await kindsUntil(client, "RECEIPT")).to.deep.equal(["RECEIPT"]);
    expect(await client.synchronize()).to.deep.equal([]);
  });

  for (const [what, end] of [
    ["for a fault of the client", (client: RawClient) => client.send("NONSENSE\n\n^@")],
    ["for a session that is disconnected", () => host.server.messaging.disconnect({ user: "ann" }, "Enough")],
  ] as const) {
    it(`ERROR ${what} is the last that comes, behind what the application sent it by itself`, async () => {
      const client = await subscribed();
      const [{ id: sessionId } = { id: "" }] =
        host.server.messaging.userRegistry.getUser("ann")?.sessions.values() ?? [];

      const own = createMessage(Buffer.from("x"), {
        sessionId,
        subscriptionId: "1",
        destination: "/topic/a",
      });
      const sent = ten.map(() => host.server.messaging.clientOutboundChannel.send(own));
      void end(client);
      await Promise.all(sent);

      expect(await kindsUntil(client, "ERROR")).to.deep.equal([...ten, "ERROR"]);
      expect(await client.closed()).to.equal(1002);
    });
  }

  it("the receipt of DISCONNECT is the last that comes", async () => {
    const client = await subscribed();

    await send(10);
    client.send("DISCONNECT\nreceipt:d\n\n^@");

    await kindsUntil(client, "RECEIPT");
    expect(await client.closed()).to.equal(1000);
  });

  for (const reason of [undefined, "gone"]) {
    it(`messaging.unsubscribe is done when nothing of it comes any more, with the reason ${reason}`, async () => {
      await subscribed();
      const written: string[] = [];
      host.server.messaging.clientOutboundChannel.subscribe({
        handle: (message) => void written.push(text(message)),
      });
      await send(10);
      const [subscription] = host.server.messaging.userRegistry.findSubscriptions(() => true);

      expect(subscription && (await host.server.messaging.unsubscribe(subscription, reason))).to.equal(true);
      const before = written.length;
      await settled();
      await settled();

      expect([before, written.length]).to.deep.equal(reason ? [11, 11] : [10, 10]);
    });
  }

  it("one that never settles does not keep a session that has ended for longer than handlerTimeout", async () => {
    const client = await subscribed({
      handlerTimeout: 40,
      clientOutboundChannel: {
        interceptors: [
          { preSend: (message) => (isMessage(message) ? new Promise<never>(() => {}) : message) },
        ],
      },
    });

    await send(100);
    client.send("NONSENSE\n\n^@");

    let event = await client.next();
    while (typeof event === "string") event = await client.next();
    expect(event.closed).to.equal(1002);
  });
});
