import { EventEmitter, once } from "node:events";
import {
  type ChannelInterceptor,
  Controller,
  createMessage,
  MessageDeliveryError,
  MessageExceptionHandler,
  MessageMapping,
  type MessagingEvents,
  Payload,
  SendTo,
  SimpMessagingTemplate,
  type StompMessagingOptions,
  SubscribableChannel,
  SubscribeMapping,
} from "express-stomp";
import { inject } from "inversify";
import { RawClient } from "./raw-client.js";
import { startServer, type TestServer } from "./server.js";

/** What methods took of failures themselves. */
export const caught: unknown[] = [];
export const LONG = `/topic/${"a".repeat(60_000)}`;

/** As the broker of these specs: what is sent to `…/refused` is refused at once, to `…/late` some turns later. */
export class Refusing implements ChannelInterceptor {
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

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class Judged {}

export class Invalid extends Error {}

@Controller()
export class Rooms {
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
export class Channels {
  constructor(@inject("brokerChannel") private readonly brokerChannel: SubscribableChannel) {}

  @MessageMapping("/by-channel")
  byChannel(@Payload() destination: string) {
    void this.brokerChannel.send(createMessage(Buffer.from("x"), { destination }));
  }
}

/** A server whose methods send and do not await, and what it announces of that. */
export class SendingsStage {
  server!: TestServer;
  client!: RawClient;
  refusing!: Refusing;
  errors: MessagingEvents["controllerError"][] = [];
  failures: MessagingEvents["sendFailed"][] = [];

  readonly start = async (options: Partial<StompMessagingOptions> = {}) => {
    this.refusing = new Refusing();
    this.errors = [];
    this.failures = [];
    caught.length = 0;
    this.server = await startServer({
      brokerChannel: { interceptors: [this.refusing] },
      controllers: [Rooms, Channels],
      ...options,
    });
    this.server.messaging.on("controllerError", (event) => void this.errors.push(event));
    this.server.messaging.on("sendFailed", (event) => void this.failures.push(event));
    this.client = await RawClient.connect(this.server.port);
  };

  readonly send = (method: string, body = "", receipt = "") =>
    this.client.send(`SEND\ndestination:/app/${method}\n${receipt && `receipt:${receipt}\n`}\n${body}^@`);

  /** What was announced, as text: messages of controllers that failed, and of sendings that were nobody's. */
  readonly announced = () => ({
    failed: this.errors.map(({ error }) => error.message.replace(/^Rooms\.\w+ failed: /, "")),
    told: this.failures.map(({ destination, error }) => `${destination}: ${error.message}`),
  });

  readonly close = async () => {
    this.client.cut();
    await this.server.close();
  };
}
