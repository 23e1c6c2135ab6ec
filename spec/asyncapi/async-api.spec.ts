import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { expect } from "chai";
import {
  Authorize,
  bearerToken,
  ConfigurationError,
  Controller,
  ControllerAdvice,
  csrfToken,
  DestinationVariable,
  Detached,
  Header,
  hasRole,
  MessageExceptionHandler,
  MessageMapping,
  messageSecurity,
  Payload,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { type AsyncApiInfo, asyncApi } from "express-stomp/asyncapi";
import { destinations } from "express-stomp/contract";
import * as v from "valibot";
import { z } from "zod";
import { diagnosticsOf } from "../support/asyncapi-parser.js";

const INFO = { title: "Chat", version: "1.4.0", host: "chat.example" };

function apiOf(options: Partial<StompMessagingOptions>, info: Partial<AsyncApiInfo> = {}) {
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws" }],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"] }),
    ...options,
  });
  return asyncApi(messaging, { ...INFO, ...info });
}

/** The schema that a reference, or what stands in its place, says. */
function resolved(document: object, value: unknown): unknown {
  const { $ref } = (value ?? {}) as { $ref?: string };
  if ($ref === undefined) return value;
  return $ref
    .slice(2)
    .split("/")
    .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
}

const Text = z.object({ text: z.string() });

@Controller()
class Rooms {
  @MessageMapping("/room/{id:[0-9]+}")
  @SendTo("/topic/room/{id}")
  say(
    @DestinationVariable("id") id: number,
    @Payload(Text) { text }: z.infer<typeof Text>,
    @Header("urgency", { defaultValue: 1 }) urgency: number,
    @Header("client") client: string,
  ) {
    return { id, text, urgency, client };
  }

  @MessageMapping("/ask")
  @SendToUser("/queue/answers", { broadcast: false })
  ask() {
    return "…";
  }

  @SubscribeMapping("/rooms")
  rooms() {
    return [];
  }

  @MessageExceptionHandler(RangeError)
  @SendToUser("/queue/errors")
  failed(error: RangeError) {
    return { error: error.message };
  }
}

describe("asyncApi", () => {
  describe("does what springwolf does not:", () => {
    const { document } = apiOf({ endpoints: [{ path: "/ws", sockJS: true }], controllers: [Rooms] });
    const say = document.operations["Rooms.say"];

    it("the destination of a reply has no prefix of the application", () => {
      expect(document.channels["topic.room.id"]?.address).to.equal("/topic/room/{id}");
      expect(JSON.stringify(document)).to.not.include("/app/topic");
    });

    it("an operation has its reply", () => {
      expect(say?.reply).to.deep.equal({
        channel: { $ref: "#/channels/topic.room.id" },
        messages: [{ $ref: "#/channels/topic.room.id/messages/message" }],
      });
      expect(document.operations["Rooms.rooms"]?.reply?.channel).to.deep.equal({
        $ref: "#/channels/app.rooms",
      });
      expect(document.operations["Rooms.ask"]?.reply?.channel).to.deep.equal({
        $ref: "#/channels/user.queue.answers",
      });
    });

    it("a server has its transports", () => {
      expect(document.servers.ws).to.deep.include({
        protocol: "stomp",
        host: "chat.example",
        pathname: "/ws",
        "x-transports": [
          "websocket",
          "sockjs-websocket",
          "sockjs-xhr",
          "sockjs-xhr_streaming",
          "sockjs-eventsource",
        ],
        "x-heart-beat": [10_000, 10_000],
      });
    });

    it("headers and errors are documented", () => {
      const message = document.channels["app.room.id"]?.messages.send;
      expect(message?.headers).to.deep.equal({
        type: "object",
        properties: { urgency: { type: "number", default: 1 }, client: { type: "string" } },
        required: ["client"],
      });
      expect(say?.["x-errors"]).to.deep.equal([{ $ref: "#/channels/user.queue.errors/messages/RangeError" }]);
      expect(document.operations["send.user.queue.errors"]).to.deep.include({
        action: "send",
        "x-methods": ["Rooms.failed"],
      });
    });
  });

  it("says of each operation what the application does with it", async () => {
    const api = apiOf({ controllers: [Rooms] });
    const actions = Object.entries(api.document.operations).map(([id, { action }]) => `${id} ${action}`);
    expect(actions).to.deep.equal([
      "Rooms.say receive",
      "Rooms.ask receive",
      "Rooms.rooms receive",
      "send.topic.room.id send",
      "send.user.queue.errors send",
      "send.user.queue.answers send",
    ]);
    const { description } = api.document.operations["send.user.queue.answers"] ?? {};
    expect(description).to.equal("Only the session hears it whose message it answers.");
  });

  it("describes variables, as far as AsyncAPI has words", () => {
    const { channels } = apiOf({ controllers: [Rooms] }).document;
    expect(channels["app.room.id"]).to.deep.include({
      address: "/app/room/{id}",
      parameters: { id: { description: "Fits [0-9]+. A number." } },
    });
  });

  it("lists what has wildcards, as it was written", async () => {
    @Controller()
    class Audit {
      @MessageMapping("/audit/**")
      note(@Payload() text: string) {
        return text;
      }
    }
    const api = apiOf({ controllers: [Audit] });
    expect(api.document.channels["app.audit.all"]).to.deep.include({
      address: "/app/audit/**",
      "x-pattern": true,
    });
    expect(api.warnings).to.deep.equal([
      "AsyncAPI has no word for wildcards, and the address is as it was written: /app/audit/**",
    ]);
  });

  describe("of payloads", () => {
    const sending = (schema: AsyncApiInfo["messages"] & object) => apiOf({}, { messages: schema });

    it("says what the schemas of zod, arktype and valibot's adapter take", () => {
      const object = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
      const { document, warnings } = sending({
        "/topic/zod": z.object({ a: z.string() }),
        "/topic/arktype": type({ a: "string" }),
        "/topic/valibot": toStandardJsonSchema(v.object({ a: v.string() })),
      });
      for (const name of ["zod", "arktype", "valibot"]) {
        const { payload } = document.channels[`topic.${name}`]?.messages.message ?? {};
        expect(resolved(document, payload), name).to.deep.equal(object);
      }
      expect(warnings).to.deep.equal([]);
    });

    it("says each schema once, under the name that it has", () => {
      const person = z.object({ name: z.string() }).meta({ id: "Person" });
      const { document } = sending({
        "/topic/one": person,
        "/topic/two": person,
        "/topic/all": z.object({ people: z.array(person) }).meta({ title: "All people" }),
        "/topic/text": z.string(),
      });
      expect(document.components.schemas).to.deep.equal({
        Person: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
        AllPeople: {
          type: "object",
          title: "All people",
          properties: { people: { type: "array", items: { $ref: "#/components/schemas/Person" } } },
          required: ["people"],
        },
      });
      expect(document.channels["topic.one"]?.messages.message?.payload).to.deep.equal(
        document.channels["topic.two"]?.messages.message?.payload,
      );
      expect(document.channels["topic.text"]?.messages.message?.payload).to.deep.equal({ type: "string" });
    });

    it("keeps apart what has one name, and is not the same", () => {
      const named = (shape: z.ZodRawShape) => z.object(shape).meta({ title: "Person" });
      const { document } = sending({
        "/topic/one": named({ name: z.string() }),
        "/topic/two": named({ age: z.number() }),
        "/topic/three": named({ name: z.string() }),
      });
      expect(Object.keys(document.components.schemas ?? {})).to.deep.equal(["Person", "Person2"]);
      expect(document.channels["topic.three"]?.messages.message?.payload).to.deep.equal({
        $ref: "#/components/schemas/Person",
      });
    });

    it("takes recursive schemas", async () => {
      interface Tree {
        name: string;
        children: Tree[];
      }
      const tree: z.ZodType<Tree> = z.object({ name: z.string(), children: z.lazy(() => z.array(tree)) });
      const api = sending({
        "/topic/tree": tree,
        "/topic/forest": z.object({ trees: z.array(tree) }),
      });
      const { schemas = {} } = api.document.components;
      expect(schemas.TopicTreeMessage).to.have.nested.property("properties.children.items").that.deep.equals({
        $ref: "#/components/schemas/TopicTreeMessage",
      });
      const { items } = (schemas.TopicForestMessage as { properties: { trees: { items: object } } })
        .properties.trees;
      expect(resolved(api.document, items))
        .to.have.nested.property("properties.children.items")
        .that.deep.equals(items);
    });

    it("leaves names and values alone that look like references", () => {
      const { document } = sending({ "/topic/a": z.object({ $ref: z.literal("#/definitions/x") }) });
      expect(document.components.schemas?.TopicAMessage?.properties).to.deep.equal({
        $ref: { type: "string", const: "#/definitions/x" },
      });
    });

    it("warns once of a library that cannot describe itself, and names what can", () => {
      const schema = v.object({ a: v.string() });
      const { document, warnings } = sending({ "/topic/a": schema, "/topic/b": v.string() });
      expect(warnings).to.deep.equal([
        "Schemas of valibot have no Standard JSON Schema: give what toStandardJsonSchema(…) of @valibot/to-json-schema makes of them: message of /topic/a, message of /topic/b",
      ]);
      expect(document.channels["topic.a"]?.messages.message?.payload).to.deep.equal({});
    });

    for (const [library, schema] of [
      ["zod", z.object({ at: z.coerce.date(), text: z.string() })],
      ["valibot", toStandardJsonSchema(v.object({ at: v.date(), text: v.string() }))],
    ] as const) {
      it(`describes the rest of a schema of ${library} that cannot be described whole, and dates as JSON has them`, () => {
        const { document, warnings } = sending({ "/topic/a": schema });
        expect(document.components.schemas?.TopicAMessage?.properties).to.deep.equal({
          at: { type: "string", format: "date-time" },
          text: { type: "string" },
        });
        expect(warnings).to.have.length(1);
        expect(warnings[0]).to.match(/^Not all of the schema can be described: .*: message of \/topic\/a$/i);
      });
    }

    it("outlives a schema that throws", () => {
      const broken = {
        "~standard": {
          version: 1,
          vendor: "broken",
          validate: (value: unknown) => ({ value }),
          jsonSchema: {
            input() {
              throw new Error("no idea");
            },
          },
        },
      };
      const { warnings } = sending({ "/topic/a": broken });
      expect(warnings).to.deep.equal([
        "Not all of the schema can be described: no idea: message of /topic/a",
      ]);
    });

    it("takes an enum of thousands", async () => {
      const values = Array.from({ length: 5_000 }, (_, i) => `value ${i}`) as [string, ...string[]];
      const api = sending({ "/topic/a": z.object({ a: z.enum(values) }) });
      expect(api.document.components.schemas?.TopicAMessage)
        .to.have.nested.property("properties.a.enum")
        .with.length(5_000);
    });

    it("says the name of a class, of two classes of one name twice", () => {
      const classes = [1, 2].map(() => {
        class Order {
          declare count: number;
        }
        return Order;
      });
      const controllers = classes.map((Order, index) => {
        class Orders {
          order(_order: object) {}
        }
        Reflect.defineMetadata("design:paramtypes", [Order], Orders.prototype, "order");
        const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, "order")!;
        MessageMapping(`/order/${index}`)(Orders.prototype, "order", descriptor);
        Controller()(Orders);
        return Orders;
      });
      const { document, warnings } = apiOf({ controllers });
      expect(document.components.schemas).to.deep.equal({
        Order: { type: "object", title: "Order" },
        Order2: { type: "object", title: "Order" },
      });
      expect(Object.keys(document.operations)).to.deep.equal(["Orders.order", "Orders.order-2"]);
      expect(warnings[0]).to.match(/^Of the class Order no more than its name is known/);
    });

    it("says bytes, and what needs none", () => {
      @Controller()
      class Pictures {
        @MessageMapping("/picture")
        picture(_bytes: Uint8Array) {}

        @MessageMapping("/ping")
        ping() {}
      }
      const { channels } = apiOf({ controllers: [Pictures] }).document;
      expect(channels["app.picture"]?.messages.send).to.deep.include({
        contentType: "application/octet-stream",
        payload: { type: "string", format: "binary" },
      });
      expect(channels["app.ping"]?.messages.send).to.not.have.property("payload");
    });
  });

  describe("of a contract", () => {
    const contract = destinations({
      "/app/room/{room}": { send: Text },
      "/topic/room/{room}": { message: z.object({ text: z.string() }).meta({ id: "Said" }) },
      "/app/rooms": { subscribe: z.array(z.string()) },
      "/topic/news": { message: Text, send: Text },
      "/user/queue/errors": { message: z.object({ error: z.string() }) },
      "/user/queue/answers": { message: z.string() },
      "/app/ask": { send: z.object({}) },
    });
    const options = { contract, contractIsComplete: false, controllers: [Rooms] };

    it("takes schemas and the names of variables", async () => {
      const api = apiOf(options);
      const { channels, operations } = api.document;
      expect(channels["app.room.room"]?.address).to.equal("/app/room/{room}");
      expect(channels["topic.room.room"]?.messages.message?.payload).to.deep.equal({
        $ref: "#/components/schemas/Said",
      });
      expect(channels["app.rooms"]?.messages.answer?.payload).to.have.property("$ref");
      expect(operations["Rooms.say"]?.reply?.channel).to.deep.equal({ $ref: "#/channels/topic.room.room" });
      expect(api.warnings).to.deep.equal([]);
    });

    it("has what only the template and only the broker know", () => {
      const { operations } = apiOf(options).document;
      expect(operations["send.topic.news"]).to.include({ action: "send" }).and.not.have.property("x-methods");
      expect(operations["broker.topic.news"]).to.include({
        action: "receive",
        summary: "The broker takes what clients send to /topic/news",
      });
    });

    it("does not let it be said again", () => {
      expect(() => apiOf(options, { messages: { "/topic/room/{id}": Text } })).to.throw(
        ConfigurationError,
        "asyncApi: messages has /topic/room/{id}, which is said already: leave one of them out",
      );
    });
  });

  describe("of methods", () => {
    it("has all destinations, all replies and all errors", () => {
      @Controller()
      class Many {
        @MessageMapping("/a", "/b")
        @SendTo("/topic/a", "/topic/b")
        @SendToUser("/queue/c")
        many() {
          return 1;
        }

        @MessageMapping("/c")
        silent() {}
      }
      @ControllerAdvice()
      class Advice {
        @MessageExceptionHandler()
        @SendToUser("/queue/problems")
        failed() {
          return "";
        }
      }
      const { operations } = apiOf({
        controllers: [Many, Advice],
        applicationDestinationPrefixes: ["/app", "/api"],
      }).document;
      const receives = Object.keys(operations).filter((id) => !id.startsWith("send."));
      expect(receives).to.deep.equal([
        "Many.many.app.a",
        "Many.many.app.b",
        "Many.many.api.a",
        "Many.many.api.b",
        "Many.silent.app.c",
        "Many.silent.api.c",
      ]);
      const many = operations["Many.many.app.a"];
      expect(many?.reply?.channel).to.deep.equal({ $ref: "#/channels/user.queue.c" });
      expect(many?.["x-replies"]).to.deep.equal([
        { $ref: "#/channels/topic.a/messages/message" },
        { $ref: "#/channels/topic.b/messages/message" },
      ]);
      expect(many?.["x-errors"]).to.deep.equal([{ $ref: "#/channels/user.queue.problems/messages/Error" }]);
      expect(operations["Many.silent.app.c"]?.description).to.equal(
        "A value that the method returns is sent to /topic/c.",
      );
    });

    it("takes symbols, inherited methods and instances", async () => {
      const say = Symbol("say");
      abstract class Base {
        @MessageMapping("/inherited")
        inherited() {}
      }
      @Controller()
      class Odd extends Base {
        @MessageMapping("/symbol")
        [say]() {}
      }
      const api = apiOf({ controllers: [new Odd()] });
      expect(Object.keys(api.document.operations)).to.deep.equal(["Odd.Symbol-say", "Odd.inherited"]);
    });

    it("says how a stream that outlives its session ends", () => {
      @Controller()
      class Answers {
        @MessageMapping("/answer/{id}")
        @SendTo("/topic/answer/{id}")
        @Detached({ key: "answer {id}" })
        async *answer() {
          yield "";
        }
      }
      const { channels } = apiOf({ controllers: [Answers] }).document;
      expect(channels["topic.answer.id"]?.messages.message?.headers).to.have.nested.property(
        "properties.stream.enum",
      );
    });

    it("writes destinations whose segments dots separate", async () => {
      @Controller()
      class Prices {
        @MessageMapping("price.{ticker}")
        @SendTo("/topic/price.{ticker}")
        price() {
          return 1;
        }
      }
      const api = apiOf({ controllers: [Prices], destinationSeparator: "." });
      expect(Object.values(api.document.channels).map(({ address }) => address)).to.deep.equal([
        "/app/price.{ticker}",
        "/topic/price.{ticker}",
      ]);
    });
  });

  describe("of security", () => {
    const security = messageSecurity(
      (messages) =>
        messages
          .nullDestMatcher()
          .authenticated()
          .simpDestMatchers("/app/admin/**")
          .hasRole("ADMIN")
          .simpDestMatchers("/app/public")
          .permitAll()
          .simpMessageDestMatchers("/app/**")
          .authenticated()
          .simpSubscribeDestMatchers("/topic/prices", "/topic/**")
          .authenticated()
          .simpSubscribeDestMatchers("/user/queue/*")
          .authenticated()
          .anyMessage()
          .denyAll(),
      { onDenied: "message" },
    );
    @Controller()
    class Doors {
      @MessageMapping("/admin/{what}")
      @SendTo("/topic/admin")
      admin() {
        return 1;
      }

      @MessageMapping("/public")
      open() {}

      @MessageMapping("/speak")
      @Authorize(hasRole("SPEAKER"))
      @SendTo("/topic/speech", "/queue/speech")
      speak() {
        return 1;
      }
    }
    const options = {
      security,
      controllers: [Doors],
      clientInboundChannel: {
        interceptors: [
          bearerToken({ verify: () => ({ user: { name: "rod" } }), renewal: { destination: "/app/token" } }),
          csrfToken(),
        ],
      },
    };
    const info = { securitySchemes: { login: { type: "httpApiKey", name: "connect.sid", in: "cookie" } } };

    it("says which rules hold, and how to log in", async () => {
      const api = apiOf(options, info);
      const { operations, components, servers } = api.document;
      expect(components.securitySchemes).to.have.keys("bearer", "login");
      expect(servers.ws?.security).to.deep.equal([
        { $ref: "#/components/securitySchemes/bearer" },
        { $ref: "#/components/securitySchemes/login" },
      ]);
      expect(servers.ws?.["x-connect-headers"]).to.have.length(2);
      expect(operations["Doors.admin"]?.["x-authorization"]).to.deep.equal(['rule 2: hasRole("ADMIN")']);
      expect(operations["Doors.admin"]?.security).to.deep.equal(servers.ws?.security);
      expect(operations["Doors.open"]).to.not.have.any.keys("security", "x-authorization");
      expect(operations["Doors.speak"]?.["x-authorization"]).to.deep.equal([
        "rule 4: authenticated()",
        '@Authorize(hasRole("SPEAKER"))',
      ]);
      expect(api.document["x-rules"]).to.have.property(
        "2",
        'simpDestMatchers("/app/admin/**") hasRole("ADMIN")',
      );
    });

    it("has what interceptors, denials and rules know of", () => {
      const { operations, channels } = apiOf(options, info).document;
      expect(operations["own.app.token"]).to.include({ summary: "Renews the token of the session" });
      expect(channels["user.queue.token"]?.messages.notice?.payload).to.have.property("$ref");
      expect(channels["user.queue.errors"]?.messages.notice?.title).to.equal(
        "Tells that a message or a subscription was denied",
      );
      expect(operations["send.topic.prices"]?.description).to.equal(
        "The rules name it, and nothing else does.",
      );
    });

    it("leaves out what a user may not, and all that is only for that", async () => {
      const api = apiOf(options, info);
      const { document } = await api.forUser({ name: "rod" });
      expect(Object.keys(document.operations)).to.not.include.members(["Doors.admin"]);
      expect(document.operations).to.not.have.property("Doors.speak");
      expect(document.channels).to.not.have.any.keys("app.admin.what", "app.speak", "queue.speech");
      expect(document.operations).to.include.keys("Doors.open", "own.app.token", "send.topic.admin");

      const speaker = { name: "lea", roles: ["SPEAKER"] };
      const speak = (await api.forUser(speaker)).document.operations["Doors.speak"];
      expect(speak?.reply?.channel).to.deep.equal({ $ref: "#/channels/topic.speech" });
      expect(speak, "who may not subscribe to /queue/speech").to.not.have.property("x-replies");

      const ann = { name: "ann", roles: ["ADMIN"] };
      const admin = await api.forUser(ann);
      expect(admin.document.operations).to.have.property("Doors.admin");
      expect((await api.forUser(null)).document.operations).to.deep.equal({});
    });

    it("says of what a user may do for some destinations that it depends", async () => {
      const rules = messageSecurity((messages) =>
        messages
          .simpMessageDestMatchers("/app/admin/{what}")
          .access((_user, _message, variables) => variables.get("what") === "lunch")
          .anyMessage()
          .permitAll(),
      );
      const { document } = await apiOf({ ...options, security: rules }).forUser({ name: "rod" });
      expect(document.operations["Doors.admin"]).to.include({ "x-may": "depends" });
      expect(document.operations["Doors.open"]).to.not.have.property("x-may");
    });
  });

  // The parser takes a second for a document, so all that is odd is in one.
  it("is what the reference parser accepts", async () => {
    interface Tree {
      children: Tree[];
    }
    const tree: z.ZodType<Tree> = z.object({ children: z.lazy(() => z.array(tree)) });
    @Controller()
    class Odd {
      @MessageMapping("/odd/**", "/odd/?/*")
      [Symbol("odd")](_order: Intl.Locale) {}
    }
    const api = apiOf(
      {
        controllers: [Rooms, new Odd()],
        contract: destinations({ "/app/room/{room}": { send: Text }, "/topic/tree": { message: tree } }),
        contractIsComplete: false,
        endpoints: [{ path: "/ws", sockJS: true }, { path: "/plain" }],
        security: messageSecurity((messages) => messages.anyMessage().authenticated(), {
          onDenied: "message",
        }),
        clientInboundChannel: { interceptors: [bearerToken({ verify: () => ({ user: { name: "rod" } }) })] },
      },
      { description: "With everything", license: { name: "MIT" }, mountPath: "/api" },
    );
    expect(await diagnosticsOf(api)).to.deep.equal([]);
    expect(await diagnosticsOf(await api.forUser({ name: "rod" }))).to.deep.equal([]);
  });

  it("has a server for each endpoint, below the mount", () => {
    const endpoints = [{ path: "/ws" }, { path: "/stomp/chat", sockJS: { webSocketEnabled: false } }];
    const { servers } = apiOf({ endpoints }, { mountPath: "/api" }).document;
    expect(Object.entries(servers).map(([id, { pathname }]) => [id, pathname])).to.deep.equal([
      ["ws", "/api/ws"],
      ["stomp.chat", "/api/stomp/chat"],
    ]);
    expect(servers["stomp.chat"]?.["x-transports"]).to.not.include("sockjs-websocket");
  });

  it("makes a document of each messaging of an application", () => {
    const [one, two] = [apiOf({ controllers: [Rooms] }), apiOf({}, { messages: { "/topic/x": Text } })];
    expect(one.document.operations).to.have.property("Rooms.say");
    expect(Object.keys(two.document.operations)).to.deep.equal(["send.topic.x"]);
  });

  it("is made the same each time, and can be written as JSON", () => {
    const [one, two] = [apiOf({ controllers: [Rooms] }), apiOf({ controllers: [Rooms] })];
    expect(JSON.stringify(one)).to.equal(JSON.stringify(two.document));
  });

  describe("rejects", () => {
    const messaging = stompMessaging({ endpoints: [{ path: "/ws" }] });
    const cases: [string, object, string][] = [
      ["what it does not know", { ...INFO, hots: "x" }, 'asyncApi has no "hots": there are title, version'],
      ["a missing version", { title: "x" }, "asyncApi: version is undefined: it must be a text"],
      ["a URL as host", { ...INFO, host: "https://x" }, 'asyncApi: host is "https://x": it is a name'],
      ["a mount without slash", { ...INFO, mountPath: "api" }, 'mountPath is "api": it begins with a slash'],
      [
        "a message without schema",
        { ...INFO, messages: { "/topic/x": {} } },
        "/topic/x what is no Standard Schema",
      ],
    ];
    for (const [what, info, text] of cases) {
      it(what, () => {
        expect(() => asyncApi(messaging, info as AsyncApiInfo)).to.throw(ConfigurationError, text);
      });
    }

    it("a call without messaging", () => {
      for (const forgotten of [undefined, INFO]) {
        expect(() => asyncApi(forgotten as never, INFO)).to.throw(
          ConfigurationError,
          "asyncApi takes what stompMessaging returned, and then what only you know",
        );
      }
    });

    it("no missing host, of which it warns", () => {
      const { document, warnings } = asyncApi(messaging, { title: "x", version: "1" });
      expect(document.servers.ws?.host).to.equal("localhost");
      expect(warnings).to.deep.equal(["No host is named, and localhost stands in: host"]);
    });
  });
});
