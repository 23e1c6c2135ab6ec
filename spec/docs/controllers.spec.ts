import { setInterval, setTimeout } from "node:timers/promises";
import { deserialize, serialize } from "node:v8";
import { expect } from "chai";
import { plainToInstance } from "class-transformer";
import { IsInt, validate } from "class-validator";
import {
  Controller,
  ControllerAdvice,
  classValidator,
  DestinationVariable,
  Detached,
  type HandlerMethodArgumentResolver,
  Message,
  MessageConversionError,
  type MessageConverter,
  MessageExceptionHandler,
  MessageMapping,
  MethodArgumentNotValidError,
  Payload,
  Principal,
  Scope,
  SendTo,
  SendToUser,
  SimpMessagingTemplate,
  SubscribeMapping,
} from "express-stomp";
import { injectable } from "inversify";
import { z } from "zod";
import { missingExamples } from "../support/documented.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";

@injectable()
class RoomRepository {
  readonly #texts = new Map<string, string[]>();

  async add(room: string, text: string) {
    this.#texts.set(room, [...this.all(room), text]);
  }

  all(room: string) {
    return this.#texts.get(room) ?? [];
  }
}

@Controller()
class AnswerController {
  @MessageMapping("/answers/{id}")
  @SendTo("/topic/answers/{id}")
  @Detached({ key: "answer {id}", timeout: 120_000 })
  async *answer(@Payload() question: string, signal: AbortSignal) {
    for (const word of question.split(" ")) yield await setTimeout(10, word, { signal });
  }
}

@Controller()
class NoticeController {
  constructor(private readonly template: SimpMessagingTemplate) {}

  @MessageMapping("/notice")
  notice(@Payload() text: string) {
    void this.template.convertAndSend("/topic/notices", text); // not awaited: the message fails with it
  }

  @MessageMapping("/audit")
  async audit(@Payload() text: string) {
    try {
      await this.template.convertAndSend("/topic/audit", text);
    } catch {
      // The method has taken the failure: the message is handled.
    }
  }
}

class ChatMessage {
  sender = "";
  text = "";

  getText() {
    return this.text.trim();
  }
}

@Controller()
class ChatController {
  @MessageMapping("/chat")
  @SendTo("/topic/chat")
  say(@Payload() message: ChatMessage) {
    return { sender: message.sender, text: message.getText() };
  }
}

/** Of a library that is not installed here; the specs take another codec that throws at what it cannot read. */
interface MessagePack {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

@Controller()
@MessageMapping("/rooms/{room}")
class RoomController {
  constructor(private readonly rooms: RoomRepository) {}

  @MessageMapping("/messages") // SEND to /app/rooms/{room}/messages
  @SendTo("/topic/rooms/{room}")
  async say(
    @DestinationVariable("room") room: string,
    @Payload() text: string,
    @Principal() user: Principal,
  ) {
    await this.rooms.add(room, text);
    return { from: user.name, text };
  }

  @SubscribeMapping("/history") // SUBSCRIBE to /app/rooms/{room}/history
  history(@DestinationVariable("room") room: string) {
    return this.rooms.all(room); // to the one who subscribed, once
  }
}

class Tenant {
  constructor(readonly name: string) {}
}

const tenantResolver: HandlerMethodArgumentResolver = {
  supportsParameter: ({ type }) => type === Tenant,
  resolveArgument: (_parameter, { headers }) => new Tenant(headers.native.get("tenant") ?? "nobody"),
};

@Controller()
class TenantController {
  @MessageMapping("/tenant")
  name(tenant: Tenant) {
    return tenant.name;
  }
}

const Order = z.object({
  item: z.string().min(1),
  count: z.number().int().positive(),
});

@Controller()
class OrderController {
  @MessageMapping("/orders")
  @SendTo("/topic/orders")
  order(@Payload(Order) order: z.infer<typeof Order>) {
    return order.count * 7;
  }

  @MessageExceptionHandler()
  @SendToUser("/queue/errors", { broadcast: false })
  invalid(error: MethodArgumentNotValidError) {
    return error.issues; // [{ path: ["count"], message: "…" }]
  }
}

const validator = classValidator({ plainToInstance, validate }, { whitelist: true });

@Controller()
class ClockController {
  @SubscribeMapping("/clock")
  async *clock(signal: AbortSignal) {
    for await (const _ of setInterval(10, undefined, { signal })) yield new Date().toISOString();
  }
}

@ControllerAdvice()
class ErrorAdvice {
  @MessageExceptionHandler(RangeError, TypeError)
  @SendToUser("/queue/errors", { broadcast: false })
  refused(error: Error, @Message() message: Message) {
    return { destination: message.headers.destination, text: error.message };
  }
}

@Scope("websocket")
class Basket {
  readonly items: string[] = [];
}

@Controller()
@Scope("websocket")
class BasketController {
  constructor(private readonly basket: Basket) {}

  @MessageMapping("/basket")
  @SendToUser("/queue/basket", { broadcast: false })
  add(@Payload() item: string) {
    this.basket.items.push(item);
    return this.basket.items;
  }
}

function messagePackConverter({ encode, decode }: MessagePack): MessageConverter {
  const type = "application/msgpack";
  return {
    fromMessage({ payload, headers }) {
      if (headers.contentType !== type) return undefined;
      try {
        return decode(payload);
      } catch (cause) {
        const publicMessage = "The payload is no valid MessagePack";
        throw new MessageConversionError(publicMessage, { cause, publicMessage });
      }
    },
    toPayload(value, contentType) {
      return contentType === type ? { payload: encode(value), contentType } : undefined;
    },
  };
}

class Wish {
  @IsInt()
  declare readonly stars: number;
}

@Controller()
class WishController {
  @MessageMapping("/wish")
  @SendTo("/topic/wish")
  wish(@Payload() wish: Wish) {
    if (wish.stars > 5) throw new RangeError("too many stars");
    return [wish instanceof Wish, wish];
  }

  @MessageMapping("/packed")
  @SendTo("/topic/packed")
  packed(@Payload() value: unknown) {
    return value;
  }
}

describe("docs/controllers.md", () => {
  let server: TestServer;
  let client: RawClient;

  before(async () => {
    server = await startServer({
      endpoints: [{ path: "/ws", user: () => ({ name: "rod" }) }],
      controllers: [
        RoomController,
        NoticeController,
        TenantController,
        OrderController,
        ClockController,
        AnswerController,
        ErrorAdvice,
        BasketController,
        WishController,
      ],
      argumentResolvers: [tenantResolver],
      messageConverters: [messagePackConverter({ encode: serialize, decode: deserialize })],
      validator,
    });
  });
  beforeEach(async () => {
    client = await RawClient.connect(server.port);
  });
  afterEach(() => client.cut());
  after(() => server.close());

  const subscribe = async (destination: string) => {
    client.send(`SUBSCRIBE\nid:${destination}\ndestination:${destination}\n\n^@`);
    return client.synchronize();
  };
  const send = (destination: string, body: string, headers = "") =>
    client.send(`SEND\ndestination:${destination}\n${headers}\n${body}^@`);
  const body = (frame: unknown) => /\n\n(.*)\^@$/s.exec(String(frame))?.[1];

  it("shows what runs here", () => {
    expect(missingExamples("docs/controllers.md", "spec/docs/controllers.spec.ts")).to.deep.equal([]);
  });

  it("goes on with a stream when who asked has gone", async () => {
    await subscribe("/topic/answers/7");
    const asker = await RawClient.connect(server.port);
    asker.send("SEND\ndestination:/app/answers/7\nreceipt:r\n\none two^@");
    await asker.frame();
    asker.cut();

    for (const word of ["one", "two"]) expect(body(await client.frame())).to.equal(word);
    expect(await client.frame()).to.contain("\nstream:end\n");
  });

  it("sends what a method does not await, before its message is handled", async () => {
    await subscribe("/topic/notices");
    send("/app/notice", "x", "receipt:r\n");

    expect(body(await client.frame())).to.equal("x");
    expect(await client.frame()).to.contain("receipt-id:r\n");
  });

  it("maps rooms, and answers their history to the one who asks", async () => {
    await subscribe("/topic/rooms/tea");
    send("/app/rooms/tea/messages", "hello");
    expect(body(await client.frame())).to.equal('{"from":"rod","text":"hello"}');

    const [history] = await subscribe("/app/rooms/tea/history");
    expect(history).to.include("destination:/app/rooms/tea/history");
    expect(body(history)).to.equal('["hello"]');
  });

  it("resolves the application's own arguments", async () => {
    await subscribe("/topic/tenant");
    send("/app/tenant", "", "tenant:acme\n");
    expect(body(await client.frame())).to.equal("acme");
  });

  it("answers what is not valid with the fields", async () => {
    await subscribe("/topic/orders");
    await subscribe("/user/queue/errors");
    send("/app/orders", '{"item":"tea","count":2}');
    expect(body(await client.frame())).to.equal("14");

    send("/app/orders", '{"item":"tea","count":-2}');
    const error = await client.frame();
    expect(error).to.include("destination:/user/queue/errors");
    expect(body(error)).to.match(/^\[\{"path":\["count"\],"message":".+"\}\]$/);
  });

  it("hands on instances of class-validator's classes", async () => {
    await subscribe("/topic/wish");
    send("/app/wish", '{"stars":5,"extra":1}');
    expect(body(await client.frame())).to.equal('[true,{"stars":5}]');
  });

  it("hands on instances of other classes, with the fields that came", async () => {
    const chat = await startServer({ controllers: [ChatController] });
    const reader = await RawClient.connect(chat.port);
    reader.send("SUBSCRIBE\nid:1\ndestination:/topic/chat\n\n^@");
    reader.send('SEND\ndestination:/app/chat\n\n{"sender":"ann","text":" hi ","getText":"evil"}^@');
    expect(body(await reader.frame())).to.equal('{"sender":"ann","text":"hi"}');
    reader.cut();
    await chat.close();
  });

  it("streams until the subscription ends, while other messages are handled", async () => {
    await subscribe("/topic/tenant");
    client.send("SUBSCRIBE\nid:clock\ndestination:/app/clock\n\n^@");
    expect(body(await client.frame())).to.match(/^\d{4}-/);
    expect(body(await client.frame())).to.match(/^\d{4}-/);

    client.send("UNSUBSCRIBE\nid:clock\n\n^@");
    await client.synchronize();
    send("/app/tenant", "", "tenant:acme\n");
    expect(body(await client.frame())).to.equal("acme");
    expect(server.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
  });

  it("answers errors by an advice", async () => {
    await subscribe("/user/queue/errors");
    send("/app/wish", '{"stars":6}');
    expect(body(await client.frame())).to.equal('{"destination":"/app/wish","text":"too many stars"}');
  });

  it("gives each session a basket", async () => {
    const other = await RawClient.connect(server.port);
    await subscribe("/user/queue/basket");
    other.send("SEND\ndestination:/app/basket\n\nmilk^@");
    await other.synchronize();
    send("/app/basket", "tea");
    send("/app/basket", "cake");
    expect(body(await client.frame())).to.equal('["tea"]');
    expect(body(await client.frame())).to.equal('["tea","cake"]');
    other.cut();
  });

  it("reads another format by its content type, and writes it where asked", async () => {
    await subscribe("/topic/packed");
    const bytes = serialize({ a: 1 }).toString("latin1");
    const converter = messagePackConverter({ encode: serialize, decode: deserialize });
    const message = (payload: Uint8Array): Message => ({
      payload,
      headers: { contentType: "application/msgpack" } as Message["headers"],
    });
    expect(converter.fromMessage(message(Buffer.from(bytes, "latin1")), Object)).to.deep.equal({ a: 1 });
    expect(converter.toPayload({ a: 1 }, undefined)).to.equal(undefined);

    send("/app/packed", "no such bytes", "content-type:application/msgpack\nreceipt:1\n");
    expect(await client.frame())
      .to.match(/^ERROR\n/)
      .and.include("The payload is no valid MessagePack");
    expect(await client.closed()).to.equal(1002);
  });

  it("holds up nobody when a method never settles", async () => {
    const slow = await startServer({ controllers: [new Stuck()], handlerTimeout: 10 });
    const first = await RawClient.connect(slow.port);
    first.send("SEND\ndestination:/app/stuck\n\n^@");
    await first.synchronize();
    first.send("SEND\ndestination:/app/stuck\nreceipt:2\n\n^@");
    expect(await first.frame())
      .to.match(/^ERROR\n/)
      .and.include("receipt-id:2");
    await slow.close();
  });
});

class Stuck {
  @MessageMapping("/stuck")
  stuck() {
    return new Promise(() => {});
  }
}
