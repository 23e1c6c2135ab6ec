import { EventEmitter, once } from "node:events";
import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  createMessage,
  MessageDeliveryError,
  MessageExceptionHandler,
  MessageMapping,
  type MessagingEvents,
  messageSecurity,
  Payload,
  SendTo,
  SimpMessagingTemplate,
  type SimpSubscription,
  type StompMessagingOptions,
  SubscribableChannel,
  SubscribeMapping,
} from "express-stomp";
import { inject } from "inversify";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

/** What methods took of failures themselves. */
const caught: unknown[] = [];
const LONG = `/topic/${"a".repeat(60_000)}`;

/** As the broker of these specs: what is sent to `…/refused` is refused at once, to `…/late` some turns later. */
class Refusing implements ChannelInterceptor {
  readonly held = new EventEmitter();

  preSend(message: Parameters<NonNullable<ChannelInterceptor["preSend"]>>[0]) {
    const { destination = "" } = message.headers;
    if (destination.startsWith("/topic/refused")) throw new MessageDeliveryError(`${destination} is refused`);
    if (destination.startsWith("/topic/late")) return this.#refuseLate(destination);
    if (destination === "/topic/held") return this.#hold(message);
    return message;
  }

  async #refuseLate(destination: string): Promise<never> {
    await turns(3);
    throw new MessageDeliveryError(`${destination} is refused`);
  }

  async #hold<T>(message: T): Promise<T> {
    const released = once(this.held, "release");
    this.held.emit("holds");
    await released;
    return message;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

class Judged {}

class Invalid extends Error {}

@Controller()
class Rooms {
  constructor(private readonly template: SimpMessagingTemplate) {}

  #sendLater(destination: string): Promise<void> {
    return this.template.convertAndSend(destination, "x");
  }

  @MessageMapping("/forgets")
  forgets(@Payload() destination: string) {
    void this.template.convertAndSend(destination, "x");
  }

  @MessageMapping("/forgets-async")
  async forgetsAsync(@Payload() destination: string) {
    await turns(1);
    void this.#sendLater(destination);
  }

  @MessageMapping("/forgets-user")
  forgetsUser(@Payload() destination: string) {
    void this.template.convertAndSendToUser("", destination, "x");
  }

  @MessageMapping("/forgets-value")
  forgetsValue() {
    void this.template.convertAndSend("/topic/a", 1n);
  }

  @MessageMapping("/forgets-destination")
  forgetsDestination() {
    void this.template.convertAndSend("x");
  }

  @MessageMapping("/chains")
  chains(@Payload() destination: string) {
    void this.template.convertAndSend(destination, "x").then(() => caught.push("sent"));
  }

  @MessageMapping("/chains-two")
  chainsTwo() {
    void this.template.convertAndSend("/topic/a", "x").then(() => this.#sendLater("/topic/late"));
  }

  @MessageMapping("/awaits")
  async awaits(@Payload() destination: string) {
    try {
      await this.template.convertAndSend(destination, "x");
    } catch (error) {
      caught.push(error);
    }
  }

  @MessageMapping("/awaits-later")
  async awaitsLater(@Payload() destination: string) {
    const sending = this.template.convertAndSend(destination, "x");
    await turns(10);
    await sending.catch((error: unknown) => caught.push(error));
  }

  @MessageMapping("/awaits-all")
  async awaitsAll() {
    const all = ["/topic/refused", "/topic/late", "/topic/a"].map((to) =>
      this.template.convertAndSend(to, ""),
    );
    caught.push(...(await Promise.allSettled(all)).map(({ status }) => status));
  }

  @MessageMapping("/catches")
  catches(@Payload() destination: string) {
    void this.template.convertAndSend(destination, "x").catch((error: unknown) => caught.push(error));
  }

  @MessageMapping("/returns")
  returns(@Payload() destination: string) {
    return this.template.convertAndSend(destination, "x");
  }

  @MessageMapping("/throws")
  throws(@Payload() destination: string) {
    void this.template.convertAndSend(destination, "x");
    throw new Error("by itself");
  }

  @MessageMapping("/two")
  two() {
    void this.template.convertAndSend("/topic/refused/1", "x");
    void this.template.convertAndSend("/topic/late/2", "x");
  }

  @MessageMapping("/replies")
  @SendTo("/topic/replies")
  replies(@Payload() destination: string) {
    void this.template.convertAndSend(destination, "x");
    return "reply";
  }

  @MessageMapping("/value")
  value() {
    return 1;
  }

  @MessageMapping("/judged")
  judged(@Payload() _value: Judged) {}

  @MessageMapping("/after")
  after(@Payload() destination: string) {
    setImmediate(() => void this.template.convertAndSend(destination, "x"));
  }

  @MessageMapping("/invalid")
  invalid() {
    throw new Invalid();
  }

  @MessageExceptionHandler(Invalid)
  handle() {
    void this.template.convertAndSend("/topic/late", "x");
  }

  @SubscribeMapping("/init")
  init() {
    void this.template.convertAndSend("/topic/late", "x");
    return "welcome";
  }

  @MessageMapping("/stream")
  @SendTo("/topic/stream")
  async *stream() {
    yield "first";
    void this.template.convertAndSend("/topic/late", "x");
    yield "second";
    yield "third";
  }
}

@Controller()
class Channels {
  constructor(@inject("brokerChannel") private readonly brokerChannel: SubscribableChannel) {}

  @MessageMapping("/by-channel")
  byChannel(@Payload() destination: string) {
    void this.brokerChannel.send(createMessage(Buffer.from("x"), { destination }));
  }
}

describe("What the application sends and does not await", () => {
  let server: TestServer;
  let client: RawClient;
  let refusing: Refusing;
  let errors: MessagingEvents["controllerError"][];
  let failures: MessagingEvents["sendFailed"][];

  async function start(options: Partial<StompMessagingOptions> = {}) {
    refusing = new Refusing();
    errors = [];
    failures = [];
    caught.length = 0;
    server = await startServer({
      brokerChannel: { interceptors: [refusing] },
      controllers: [Rooms, Channels],
      ...options,
    });
    server.messaging.on("controllerError", (event) => void errors.push(event));
    server.messaging.on("sendFailed", (event) => void failures.push(event));
    client = await RawClient.connect(server.port);
  }

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  const send = (method: string, body = "", receipt = "") =>
    client.send(`SEND\ndestination:/app/${method}\n${receipt && `receipt:${receipt}\n`}\n${body}^@`);

  /** What was announced, as text: messages of controllers that failed, and of sendings that were nobody's. */
  const announced = () => ({
    failed: errors.map(({ error }) => error.message.replace(/^Rooms\.\w+ failed: /, "")),
    told: failures.map(({ destination, error }) => `${destination}: ${error.message}`),
  });

  for (const method of ["forgets", "forgets-async", "chains", "returns", "by-channel"]) {
    for (const destination of ["/topic/refused", "/topic/late", LONG]) {
      it(`fails the message: ${method} ${destination.slice(0, 20)}`, async () => {
        await start();
        send(method, destination, "r");

        expect(await client.frame())
          .to.match(/^ERROR\n/)
          .and.to.contain("receipt-id:r\n");
        expect([errors.length, failures.length, caught.length]).to.deep.equal([1, 0, 0]);
      });
    }
  }

  for (const method of ["forgets-user", "forgets-value", "forgets-destination", "chains-two", "invalid"]) {
    it(`fails the message: ${method}`, async () => {
      await start();
      send(method, "/queue/a", "r");

      expect(await client.frame())
        .to.match(/^ERROR\n/)
        .and.to.contain("receipt-id:r\n");
      expect([errors.length, failures.length]).to.deep.equal([1, 0]);
    });
  }

  it("costs the message alone when nobody asked for a receipt", async () => {
    await start();
    send("forgets", LONG);
    send("forgets", "/topic/late");

    expect(await client.synchronize()).to.deep.equal([]);
    expect([errors.length, failures.length]).to.deep.equal([2, 0]);
  });

  for (const method of ["awaits", "awaits-later", "catches"]) {
    for (const destination of ["/topic/refused", "/topic/late"]) {
      it(`is the method's own where it takes it: ${method} ${destination}`, async () => {
        await start();
        send(method, destination, "r");

        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
        expect(caught.map(String)).to.deep.equal([`MessageDeliveryError: ${destination} is refused`]);
        expect(announced()).to.deep.equal({ failed: [], told: [] });
      });
    }
  }

  it("is the method's own where it awaits several", async () => {
    await start();
    send("awaits-all", "", "r");

    expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
    expect(caught).to.deep.equal(["rejected", "rejected", "fulfilled"]);
    expect(announced()).to.deep.equal({ failed: [], told: [] });
  });

  it("has the message handled when it is sent, and the next one then", async () => {
    await start();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/held\n\n^@");
    const held = once(refusing.held, "holds");
    send("forgets", "/topic/held", "r");
    send("catches", "/topic/refused", "next");
    await held;
    await turns(5);
    const before = [...caught];
    refusing.held.emit("release");

    expect(before).to.deep.equal([]);
    expect(await client.frame()).to.match(/^MESSAGE\n/);
    expect(await client.frame()).to.contain("receipt-id:r\n");
    expect(await client.frame()).to.contain("receipt-id:next\n");
    expect(caught).to.have.length(1);
  });

  it("fails the message by handlerTimeout when it hangs", async () => {
    await start({
      handlerTimeout: 30,
      brokerChannel: { interceptors: [{ preSend: () => new Promise(() => {}) }] },
    });
    send("forgets", "/topic/a", "r");

    expect(await client.frame()).to.contain("receipt-id:r\n");
    expect(announced().failed).to.have.length(1);
  });

  it("tells what fails beside the method's own fault, and beside another one", async () => {
    await start();
    send("throws", "/topic/late");
    send("two");
    await client.synchronize();

    expect(announced()).to.deep.equal({
      failed: ["by itself", "/topic/refused/1 is refused"],
      told: ["/topic/late: /topic/late is refused", "/topic/late/2: /topic/late/2 is refused"],
    });
  });

  it("keeps the reply back", async () => {
    await start();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/replies\n\n^@");
    client.send("SUBSCRIBE\nid:2\ndestination:/app/init\n\n^@");
    send("replies", "/topic/refused");
    send("replies", "/topic/late");
    send("replies", "/topic/a");

    const frames = await client.synchronize();
    expect(frames).to.have.length(1);
    expect(frames[0]).to.contain("\nreply^@");
    expect(announced().failed).to.have.length(3);
  });

  it("ends a stream of replies, as a throw there", async () => {
    await start();
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/stream\n\n^@");
    const failed = new Promise<MessagingEvents["controllerError"]>((resolve) => {
      server.messaging.on("controllerError", resolve);
    });
    send("stream");
    await failed;

    expect((await client.synchronize()).map((frame) => frame.split("\n\n")[1])).to.deep.equal(["first^@"]);
    expect(announced()).to.deep.equal({ failed: ["/topic/late is refused"], told: [] });
  });

  it("is the message's too where a handler takes what the method returned", async () => {
    const returnValueHandlers = [
      {
        supportsReturnType: () => true,
        handleReturnValue: () => void server.messaging.template.convertAndSend("/topic/late", "x"),
      },
    ];
    await start({ returnValueHandlers });
    send("value", "", "r");

    expect(await client.frame())
      .to.match(/^ERROR\n/)
      .and.to.contain("receipt-id:r\n");
    expect(announced()).to.deep.equal({ failed: ["/topic/late is refused"], told: [] });
  });

  it("is the message's too where its payload is judged", async () => {
    await start({
      validator: {
        async validate(value) {
          await turns(1);
          void server.messaging.template.convertAndSend("/topic/late", "x");
          return value;
        },
      },
    });
    send("judged", "{}", "r");

    expect(await client.frame()).to.match(/^ERROR\n/);
    expect(announced()).to.deep.equal({ failed: ["/topic/late is refused"], told: [] });
  });

  describe("outside of a controller's method", () => {
    async function told(): Promise<MessagingEvents["sendFailed"]> {
      return failures[0] ?? (await new Promise((resolve) => server.messaging.on("sendFailed", resolve)));
    }

    it("is told with its destination, and its message was handled", async () => {
      await start();
      send("after", "/topic/late", "r");

      expect(await client.frame()).to.contain("RECEIPT");
      expect((await told()).destination).to.equal("/topic/late");
      expect(announced().failed).to.deep.equal([]);
      expect(server.log.at(-1)).to.contain("A message to /topic/late was not sent on brokerChannel");
    });

    it("is told of a route, a timer, a listener and an interceptor", async () => {
      await start({
        clientInboundChannel: {
          interceptors: [
            {
              preSend(message) {
                void server.messaging.template.convertAndSend("/topic/refused/by-interceptor", "x");
                return message;
              },
            },
          ],
        },
      });
      server.messaging.on("subscribed", () => {
        void server.messaging.template.convertAndSend("/topic/late/by-listener", "x");
      });
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await client.synchronize();
      void server.messaging.template.convertAndSend("/topic/refused/by-route", "x").then(() => {});
      void server.messaging.brokerChannel.send(
        createMessage(new Uint8Array(), { destination: "/topic/late/by-channel" }),
      );
      await turns(20);

      expect(new Set(failures.map(({ destination }) => destination))).to.deep.equal(
        new Set([
          "/topic/refused/by-interceptor",
          "/topic/late/by-listener",
          "/topic/refused/by-route",
          "/topic/late/by-channel",
        ]),
      );
      expect(announced().failed).to.deep.equal([]);
    });

    it("is told of messaging.unsubscribe and messaging.recheck", async () => {
      let isAllowed = true;
      const farewells: ChannelInterceptor = {
        preSend(message) {
          if (message.headers.native.has("unsubscribed")) throw new MessageDeliveryError("no farewell");
          return message;
        },
      };
      await start({
        endpoints: [{ path: "/ws", user: () => ({ name: "ann" }) }],
        clientOutboundChannel: { interceptors: [farewells] },
        security: messageSecurity((messages) => messages.anyMessage().access(() => isAllowed)),
      });
      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      client.send("SUBSCRIBE\nid:2\ndestination:/topic/b\n\n^@");
      await client.synchronize();
      const [subscription] = server.messaging.userRegistry.findSubscriptions(({ id }) => id === "1");
      void server.messaging.unsubscribe(subscription as SimpSubscription, "enough");
      isAllowed = false;
      void server.messaging.recheck();
      await turns(20);

      expect(failures.map(({ destination }) => destination)).to.deep.equal(["/topic/a", undefined]);
    });

    it("says nothing of what is awaited, a little later too", async () => {
      await start();
      const { template } = server.messaging;
      const outcomes = await Promise.allSettled([
        template.convertAndSend("/topic/refused", "x"),
        template.convertAndSend("/topic/late", "x").finally(() => {}),
        (async () => template.convertAndSend("/topic/late", "x"))(),
      ]);
      await turns(20);

      expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected", "rejected"]);
      expect(announced()).to.deep.equal({ failed: [], told: [] });
    });
  });
});
