import { expect } from "chai";
import {
  bearerToken,
  ConfigurationError,
  Controller,
  ControllerAdvice,
  Detached,
  MessageExceptionHandler,
  MessageMapping,
  messageSecurity,
  Payload,
  SendTo,
  SendToUser,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { type AsyncApiInfo, asyncApi } from "express-stomp/asyncapi";
import { destinations } from "express-stomp/contract";
import { z } from "zod";
import { apiOf, INFO, Rooms, Text } from "../support/async-api-of.js";
import { diagnosticsOf, subscribeHeadersOf } from "../support/asyncapi-parser.js";

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

  it("says how often clients may, and where they hear that it was too often", async () => {
    const api = apiOf({
      controllers: [Rooms],
      rateLimits: [
        {
          destinations: ["/app/room/7", "/app/secret"],
          per: "user",
          limit: 10,
          window: 1_000,
          beyond: "refuse",
        },
        { command: "SUBSCRIBE", per: "session", limit: 100, window: 60_000, beyond: "end" },
        { destinations: ["/app/nothing"], per: "address", limit: 1, window: 1_000, beyond: "ignore" },
      ],
    });
    const { operations, channels, "x-rate-limits": limits } = api.document;
    expect(operations["Rooms.say"]?.["x-rate-limits"]).to.deep.equal(["rateLimits[0]"]);
    expect(operations["Rooms.ask"]).to.not.have.property("x-rate-limits");
    for (const id of ["Rooms.rooms", "send.topic.room.id"]) {
      expect(operations[id]?.["x-rate-limits"], id).to.deep.equal(["rateLimits[1]"]);
    }
    expect(limits).to.deep.equal({
      "rateLimits[0]": {
        ...{ destinations: ["/app/room/7", "/app/secret"], command: "SEND" },
        ...{ per: "user", limit: 10, window: 1_000, beyond: "refuse" },
      },
      "rateLimits[1]": { command: "SUBSCRIBE", per: "session", limit: 100, window: 60_000, beyond: "end" },
      "rateLimits[2]": {
        ...{ destinations: ["/app/nothing"], command: "SEND" },
        ...{ per: "address", limit: 1, window: 1_000, beyond: "ignore" },
      },
    });
    expect(channels["user.queue.errors"]?.messages.notice?.title).to.equal(
      "Tells that a message was beyond a rate limit",
    );
    expect(await diagnosticsOf(api)).to.deep.equal([]);
    expect(JSON.stringify(await api.forUser({ name: "rod" })))
      .to.include("rateLimits[0]")
      .and.not.include("secret");
  });

  describe("has the headers of STOMP, each set once:", () => {
    const contract = destinations({
      "/app/room/{room}": { send: Text },
      "/topic/room/{room}": { message: Text, send: Text },
      "/topic/price": { message: Text },
      "/queue/jobs": { message: Text },
    });
    const options = {
      contract,
      contractIsComplete: false,
      controllers: [Rooms],
      clientInboundChannel: { deduplicate: true },
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        queuePrefixes: ["/queue"],
        history: { destinations: ["/topic/room/*", "/user/queue/answers"], size: 10, ttl: 60_000 },
        retainLast: ["/topic/price"],
        conflate: [{ destinations: ["/topic/price"], every: 100 }],
        selectorHeaderName: "selector",
      }),
    };
    it("of SEND, and of MESSAGE", () => {
      const { channels, components } = apiOf(options).document;
      const of = (channel: string, message: string) =>
        channels[channel]?.messages[message]?.traits?.map(({ $ref }) => $ref.split("/").at(-1));
      expect(of("app.room.room", "send")).to.deep.equal(["send", "sendOnce"]);
      expect(of("topic.room.room", "send")).to.deep.equal(["send", "sendOnce", "sendInTransaction"]);
      expect(of("app.rooms", "subscribe")).to.deep.equal(["subscribe"]);
      expect(of("app.rooms", "answer")).to.deep.equal(["message"]);
      expect(of("topic.price", "message")).to.deep.equal(["message", "acknowledged"]);
      expect(of("topic.room.room", "message")).to.deep.equal(["message", "acknowledged", "replayed"]);
      expect(of("user.queue.answers", "message")).to.deep.equal(["message", "acknowledged", "replayed"]);
      expect(of("queue.jobs", "message")).to.deep.equal(["message", "acknowledged", "queued"]);
      expect(components.messageTraits?.sendOnce).to.have.nested.property(
        "headers.properties.dedup-id.type",
        "string",
      );
    });

    it("and the facts of queues, histories, retained and conflated messages at their channels", () => {
      const { channels } = apiOf(options).document;
      expect(channels["queue.jobs"]).to.deep.include({
        description: "A queue: each message goes to one of those who have subscribed.",
        "x-queue": true,
      });
      expect(channels["topic.room.room"]).to.deep.include({ "x-history": { size: 10, ttl: 60_000 } });
      expect(channels["topic.price"]).to.deep.include({
        description:
          "A new subscriber is given the newest message at once. Every 100 ms the newest message goes out.",
        "x-retained": true,
        "x-conflated-every": 100,
      });
      expect(channels["app.room.room"]).to.not.have.property("description");
    });

    it("and of SUBSCRIBE, where a reader of the document finds them", async () => {
      const api = apiOf(options);
      expect(await diagnosticsOf(api)).to.deep.equal([]);
      const found = await subscribeHeadersOf(api);
      expect(found("send.topic.room.room")).to.deep.equal([
        "id",
        "receipt",
        "ack",
        "prefetch-count",
        "selector",
        "since",
      ]);
      expect(found("send.queue.jobs")).to.deep.equal(["id", "receipt", "ack", "prefetch-count", "selector"]);
    });

    it("but of a broker that runs elsewhere no more than STOMP itself has", async () => {
      const broker = () => ({
        name: "elsewhere",
        isAvailable: true,
        handle() {},
        hasSubscription: () => false,
        close() {},
      });
      const api = apiOf({ controllers: [Rooms], broker });
      const found = await subscribeHeadersOf(api);
      expect(found("send.topic.room.id")).to.deep.equal(["id", "receipt", "ack"]);
      expect(JSON.stringify(api)).to.not.include("dedup-id");
    });
  });

  it("has a server for each port that listens straight over TCP, now", async () => {
    const messaging = stompMessaging({ endpoints: [{ path: "/tcp" }] });
    const [here, everywhere] = [
      await messaging.listen({ port: 0 }),
      await messaging.listen({ port: 0, host: "0.0.0.0" }),
    ];
    const api = asyncApi(messaging, { ...INFO, host: "chat.example:8080" });
    expect(Object.keys(api.document.servers)).to.deep.equal(["tcp", "tcp-2", "tcp-3"]);
    const { "tcp-2": second, "tcp-3": third } = api.document.servers;
    expect(second).to.include({ host: `127.0.0.1:${here.address.port}`, protocol: "stomp" });
    expect(second?.["x-transports"]).to.deep.equal(["tcp"]);
    expect(second).to.not.have.property("pathname");
    expect(third?.host).to.equal(`chat.example:${everywhere.address.port}`);
    expect(await diagnosticsOf(api)).to.deep.equal([]);

    here.close();
    expect(Object.keys(asyncApi(messaging, INFO).document.servers)).to.deep.equal(["tcp", "tcp-2"]);
    await messaging.close();
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
      [
        "an adapter that is none",
        { ...INFO, toStandardJsonSchema: "valibot" },
        'toStandardJsonSchema is "valibot": it is',
      ],
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
