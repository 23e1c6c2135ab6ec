import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
} from "express-stomp";
import { CERTIFICATE } from "../support/certificate.js";
import { ClientHost } from "../support/client-host.js";
import type { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { SockJsReader } from "../support/sockjs-reader.js";

@Controller()
class Pages {
  @MessageMapping("/page")
  @SendToUser("/queue/page")
  page(@Payload() n: number) {
    return { n, rows: "y".repeat(20_000) };
  }

  @MessageMapping("/slow-page")
  @SendToUser("/queue/page")
  async slowPage(@Payload() n: number) {
    await settled();
    return this.page(n);
  }

  @MessageMapping("/relay/{n}")
  @SendTo("/topic/{n}")
  relayTo(@Payload() text: string) {
    return text;
  }

  @MessageMapping("/relay")
  @SendTo("/topic/a")
  relay(@Payload() text: string) {
    return text;
  }

  @SubscribeMapping("/list/{n}")
  list() {
    return "z".repeat(20_000);
  }

  @SubscribeMapping("/slow-list/{n}")
  async slowList() {
    await settled();
    return this.list();
  }
}

const async: ChannelInterceptor = { preSend: async (message) => message };
const sync: ChannelInterceptor = { preSend: (message) => message };

/** Over TLS: loopback by itself takes what it is given at once, and hides that anything waits. */
describe("A reader that reads", () => {
  const host = new ClientHost();

  const start = (options: Partial<StompMessagingOptions> = {}) =>
    host.listen({ controllers: [Pages], ...options }, undefined, true);
  const connect = () => host.connect("", { ca: CERTIFICATE });
  const send = (destination: string, payload: string) =>
    host.server.messaging.template.convertAndSend(destination, payload);

  async function subscriber(destination: string): Promise<RawClient> {
    const client = await connect();
    client.send(`SUBSCRIBE\nid:1\ndestination:${destination}\n\n^@`);
    await client.synchronize();
    return client;
  }

  /** That a client gets so many messages which begin with their numbers, in order. */
  async function expectAll(client: RawClient, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const [, n] = /\n\n(?:\{"n":)?(\d+)/.exec(await client.frame()) ?? [];
      if (n !== String(i)) throw new Error(`message ${n} in place of ${i}`);
    }
    expect(await client.synchronize()).to.deep.equal([]);
  }

  const numbered = (i: number, length: number) => `${i}.`.padEnd(length, "x");

  afterEach(() => host.close());

  for (const [what, options] of [
    ["no interceptor", {}],
    [
      "synchronous interceptors",
      { brokerChannel: { interceptors: [sync] }, clientOutboundChannel: { interceptors: [sync] } },
    ],
    [
      "async interceptors",
      { brokerChannel: { interceptors: [async] }, clientOutboundChannel: { interceptors: [async] } },
    ],
    [
      "an interceptor around handlers",
      { brokerChannel: { interceptors: [{ beforeHandle: async (message: Message) => message }] } },
    ],
    ["drop-oldest", { transport: { overflowStrategy: "drop-oldest" } }],
  ] as const) {
    it(`is sent all that the application sends and awaits, whatever it comes to, with ${what}`, async () => {
      await start(options);
      const all = [await subscriber("/topic/a"), await subscriber("/topic/a")];

      for (let i = 0; i < 4000; i++) await send("/topic/a", numbered(i, 1000));

      for (const client of all) await expectAll(client, 4000);
    });

    it(`is sent what the application sends in one turn without awaiting it, with ${what}`, async () => {
      await start(options);
      const client = await subscriber("/topic/a");

      const sent = Array.from({ length: 3000 }, (_, i) => send("/topic/a", numbered(i, 1000)));

      await expectAll(client, 3000);
      await Promise.all(sent);
    });
  }

  it("is sent what a user is sent", async () => {
    await start({ endpoints: [{ path: "/ws", user: () => ({ name: "ann" }) }] });
    const client = await subscriber("/user/queue/a");

    for (let i = 0; i < 2000; i++) {
      await host.server.messaging.template.convertAndSendToUser("ann", "/queue/a", numbered(i, 1000));
    }

    await expectAll(client, 2000);
  });

  it("is sent what a user is sent in one turn, at many destinations", async () => {
    await start({ endpoints: [{ path: "/ws", user: () => ({ name: "ann" }) }] });
    const client = await connect();
    for (let i = 0; i < 50; i++) client.send(`SUBSCRIBE\nid:${i}\ndestination:/user/queue/${i}\n\n^@`);
    await client.synchronize();
    const { template } = host.server.messaging;

    const sent = Array.from({ length: 50 }, (_, i) =>
      template.convertAndSendToUser("ann", `/queue/${i}`, numbered(i, 30_000)),
    );

    await expectAll(client, 50);
    await Promise.all(sent);
  });

  for (const [what, transport] of [
    ["interceptors that are slow", {}],
    ["such and drop-oldest", { overflowStrategy: "drop-oldest" }],
  ] as const) {
    it(`is sent all that the application sends and awaits, with ${what}`, async () => {
      const slow: ChannelInterceptor = {
        async preSend(message) {
          if (message.headers.messageType === "MESSAGE") await new Promise((done) => setTimeout(done, 5));
          return message;
        },
      };
      await start({ clientOutboundChannel: { interceptors: [slow] }, transport });
      const client = await subscriber("/topic/a");

      for (let i = 0; i < 250; i++) await send("/topic/a", numbered(i, 4000));

      await expectAll(client, 250);
    });
  }

  for (const preserveReceiveOrder of [true, false]) {
    for (const page of ["page", "slow-page"]) {
      it(`gets the answers of /${page} to all it asks at once, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
        await start({ preserveReceiveOrder });
        const client = await subscriber("/user/queue/page");

        for (let i = 0; i < 200; i++) client.send(`SEND\ndestination:/app/${page}\n\n${i}^@`);

        await expectAll(client, 200);
      });
    }

    for (const list of ["list", "slow-list"]) {
      it(`gets the answers of /${list} to all that it subscribes to at once, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
        await start({ preserveReceiveOrder });
        const client = await connect();

        for (let i = 0; i < 200; i++) client.send(`SUBSCRIBE\nid:${i}\ndestination:/app/${list}/${i}\n\n^@`);

        const ids = new Set<string | undefined>();
        while (ids.size < 200) ids.add(/\nsubscription:(\d+)/.exec(await client.frame())?.[1]);
        await client.synchronize();
      });
    }

    for (const destination of ["/topic/a", "/app/relay"]) {
      it(`is sent what many clients send to ${destination} in one turn, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
        await start({ preserveReceiveOrder });
        const client = await subscriber("/topic/a");
        const senders = await Promise.all(Array.from({ length: 50 }, connect));

        for (const sender of senders) {
          sender.send(`SEND\ndestination:${destination}\n\n${"x".repeat(30_000)}^@`);
        }

        for (let i = 0; i < 50; i++) expect(await client.frame()).to.include("MESSAGE\n");
        await client.synchronize();
      });
    }

    for (const [what, destinations] of [
      ["a pattern", ["/topic/**"]],
      ["each of them", Array.from({ length: 50 }, (_, i) => `/topic/${i}`)],
    ] as const) {
      for (const prefix of ["/topic", "/app/relay"]) {
        it(`is sent what many clients send to ${prefix}/… in one turn, each elsewhere, if it subscribed to ${what}, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
          await start({ preserveReceiveOrder });
          const client = await connect();
          for (const [id, destination] of destinations.entries()) {
            client.send(`SUBSCRIBE\nid:${id}\ndestination:${destination}\n\n^@`);
          }
          await client.synchronize();
          const senders = await Promise.all(Array.from({ length: 50 }, connect));

          for (const [i, sender] of senders.entries()) {
            sender.send(`SEND\ndestination:${prefix}/${i}\n\n${"x".repeat(30_000)}^@`);
          }

          for (let i = 0; i < 50; i++) expect(await client.frame()).to.include("MESSAGE\n");
          await client.synchronize();
        });
      }
    }

    it(`is sent all that another client sends, preserveReceiveOrder ${preserveReceiveOrder}`, async () => {
      await start({ preserveReceiveOrder });
      const all = [await subscriber("/topic/a"), await subscriber("/topic/a")];
      const sender = await connect();

      for (let i = 0; i < 400; i++) sender.send(`SEND\ndestination:/topic/a\n\n${numbered(i, 10_000)}^@`);

      for (const client of all) await expectAll(client, 400);
    });
  }

  for (const [transport, length, count] of [
    ["xhr", 10, 1000],
    ["xhr", 2000, 1500],
    ["xhr_streaming", 10, 4000],
    ["xhr_streaming", 1000, 4000],
  ] as const) {
    it(`is sent ${count} messages of ${length} bytes over SockJS's ${transport}`, async () => {
      await host.listen();
      const client = await SockJsReader.connect(host.server.port, transport);
      await client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n^@");
      await client.frame();

      for (let i = 0; i < count; i++) await send("/topic/a", numbered(i, length));

      for (let i = 0; i < count; i++) expect(await client.frame()).to.include(`\n\n${i}.`);
      client.leave();
    });
  }

  it("is not waited for when it does not read, and is ended by its limit while the others hear everything", async () => {
    await start();
    const stopped = await subscriber("/topic/a");
    const reader = await subscriber("/topic/a");
    const limits = host.collect("slowConsumer");
    stopped.webSocket.pause();

    let sent = 0;
    // The kernel takes some MiB for a client that does not read.
    while (limits.length === 0 && sent < 5000) await send("/topic/a", numbered(sent++, 10_000));
    for (; sent < 6000; sent++) await send("/topic/a", numbered(sent, 100));

    expect(limits.map(({ limit }) => limit)).to.deep.equal(["sendBufferSizeLimit"]);
    await expectAll(reader, sent);
    expect(host.server.messaging.stats().sessions).to.be.below(3);
  });

  it("is not kept from anything by one whose limit is small", async () => {
    await start({ transport: { sendBufferSizeLimit: 4096 } });
    const client = await subscriber("/topic/a");

    for (let i = 0; i < 1000; i++) await send("/topic/a", numbered(i, 500));

    await expectAll(client, 1000);
  });
});
