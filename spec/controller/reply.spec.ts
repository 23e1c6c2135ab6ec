import { expect } from "chai";
import {
  ConfigurationError,
  DestinationVariable,
  MessageConversionError,
  MessageHandlingError,
  MessageMapping,
  Payload,
  SendTo,
  SubscribeMapping,
} from "express-stomp";
import { bodyOf, destinationsOf, faultOf, native, withControllers } from "../support/controllers.js";

describe("a handler's return value", () => {
  describe("of a SEND", () => {
    @MessageMapping("/c")
    class ReplyController {
      @MessageMapping("/greet")
      greet(@Payload() name: string) {
        return `hello ${name}`;
      }

      @MessageMapping("/later")
      async later(@Payload() name: string) {
        return this.greet(name);
      }

      @MessageMapping("/thenable")
      thenable() {
        // biome-ignore lint/suspicious/noThenProperty: what some libraries return in place of a promise
        return { then: (resolve: (value: string) => void) => resolve("at last") };
      }

      @MessageMapping("/nothing")
      nothing() {}

      @MessageMapping("/null")
      async null() {
        return null;
      }

      @MessageMapping("/object")
      object() {
        return { a: 1 };
      }

      @MessageMapping("/number")
      number() {
        return 0;
      }

      @MessageMapping("/bytes")
      bytes() {
        return Uint8Array.of(1, 2);
      }

      @MessageMapping("/two")
      @SendTo("/topic/one", "/queue/two")
      two() {
        return "both";
      }

      @MessageMapping("/v/{id}/{kind}")
      @SendTo("/topic/{kind}.{id}")
      placeholders(@DestinationVariable("id") id: string) {
        return id;
      }
    }

    let stations: ReturnType<typeof withControllers>;
    beforeEach(() => {
      stations = withControllers(new ReplyController());
    });

    it("goes to /topic and the destination without its prefix, through the broker channel", () => {
      const sent = stations.send("/app/c/greet", "Bob", {
        user: { name: "bob" },
        ...native({ foo: "bar", receipt: "r" }),
      });

      expect(sent).to.equal(true);
      expect(stations.toClient).to.deep.equal([]);
      expect(stations.toBroker).to.have.length(1);
      const [{ payload, headers }] = stations.toBroker as [(typeof stations.toBroker)[0]];
      expect(Buffer.from(payload).toString()).to.equal("hello Bob");
      expect({ ...headers, native: [...headers.native] }).to.deep.equal({
        messageType: "MESSAGE",
        destination: "/topic/c/greet",
        contentType: "text/plain;charset=UTF-8",
        sessionId: "s1",
        user: { name: "bob" },
        native: [],
      });
    });

    it("is waited for, of a promise or of anything like one", async () => {
      const sent = stations.send("/app/c/later", "Bob");
      expect(stations.toBroker).to.deep.equal([]);
      await sent;
      await stations.send("/app/c/thenable");
      expect(stations.toBroker.map(bodyOf)).to.deep.equal(["hello Bob", "at last"]);
    });

    it("is not sent when it is nothing", async () => {
      expect(stations.send("/app/c/nothing")).to.equal(true);
      expect(await stations.send("/app/c/null")).to.equal(true);
      expect(stations.toBroker).to.deep.equal([]);
    });

    it("is written as what it is", async () => {
      for (const what of ["object", "number", "bytes"]) await stations.send(`/app/c/${what}`);
      expect(
        stations.toBroker.map((message) => [bodyOf(message), message.headers.contentType]),
      ).to.deep.equal([
        ['{"a":1}', "application/json"],
        ["0", "application/json"],
        ["\u0001\u0002", "application/octet-stream"],
      ]);
    });

    it("goes to every destination of @SendTo, in order", async () => {
      await stations.send("/app/c/two");
      expect(destinationsOf(stations.toBroker)).to.deep.equal(["/topic/one", "/queue/two"]);
      expect(stations.toBroker.map(bodyOf)).to.deep.equal(["both", "both"]);
    });

    it("goes where the destination's variables say; what they hold is not expanded again", async () => {
      await stations.send("/app/c/v/{kind}/x");
      expect(destinationsOf(stations.toBroker)).to.deep.equal(["/topic/x.{kind}"]);
    });

    it("goes to /topic and the whole destination when there are no prefixes", async () => {
      const { send, toBroker } = withControllers(new ReplyController(), { prefixes: [] });
      await send("/c/object");
      expect(destinationsOf(toBroker)).to.deep.equal(["/topic/c/object"]);
    });
  });

  describe("of a class with @SendTo", () => {
    @SendTo("/topic/class")
    class ClassController {
      @MessageMapping("/inherits")
      inherits() {
        return 1;
      }

      @MessageMapping("/overrides")
      @SendTo("/topic/method")
      overrides() {
        return 2;
      }

      @MessageMapping("/empty")
      @SendTo()
      empty() {
        return 3;
      }

      @SubscribeMapping("/subscribed")
      subscribed() {
        return 4;
      }
    }

    it("goes there, unless the method names destinations of its own", async () => {
      const { send, subscribe, toBroker, toClient } = withControllers(new ClassController());
      await send("/app/inherits");
      await send("/app/overrides");
      await send("/app/empty");
      await subscribe("/app/subscribed");
      expect(destinationsOf(toBroker)).to.deep.equal([
        "/topic/class",
        "/topic/method",
        "/topic/class",
        "/topic/class",
      ]);
      expect(toClient).to.deep.equal([]);
    });
  });

  describe("of a SUBSCRIBE", () => {
    class SubscribeController {
      @SubscribeMapping("/init")
      init() {
        return { rooms: 2 };
      }

      @SubscribeMapping("/public")
      @SendTo("/topic/public")
      public() {
        return "someone came";
      }

      @SubscribeMapping("/default")
      @SendTo()
      default() {
        return "someone came";
      }

      @MessageMapping("/message")
      message() {
        return "no";
      }
    }

    it("goes to the one who subscribed, under the full destination, past the broker", () => {
      const { subscribe, toBroker, toClient } = withControllers(new SubscribeController());
      const user = { name: "ann" };
      expect(subscribe("/app/init", { user, subscriptionId: "sub-7" })).to.equal(true);

      expect(toBroker).to.deep.equal([]);
      expect(toClient).to.have.length(1);
      expect(bodyOf(toClient[0])).to.equal('{"rooms":2}');
      const { native: clients, messageId, ...headers } = (toClient[0] as (typeof toClient)[0]).headers;
      expect(headers).to.deep.equal({
        messageType: "MESSAGE",
        destination: "/app/init",
        sessionId: "s1",
        subscriptionId: "sub-7",
        contentType: "application/json",
        user,
      });
      expect(messageId).to.match(/^[0-9a-f-]{36}$/);
      expect([...clients]).to.deep.equal([]);
    });

    it("goes through the broker with @SendTo", async () => {
      const { subscribe, toBroker, toClient } = withControllers(new SubscribeController());
      await subscribe("/app/public");
      await subscribe("/app/default");
      expect(destinationsOf(toBroker)).to.deep.equal(["/topic/public", "/topic/default"]);
      expect(toClient).to.deep.equal([]);
    });

    it("has nobody to go to without a subscription id", async () => {
      const { subscribe, toClient } = withControllers(new SubscribeController());
      const fault = await faultOf(() => subscribe("/app/init", { subscriptionId: undefined }));
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect(toClient).to.deep.equal([]);
    });

    it("does not exist where the other command is mapped", () => {
      const { send, subscribe, toBroker, toClient } = withControllers(new SubscribeController());
      expect(send("/app/init")).to.equal(true);
      expect(subscribe("/app/message")).to.equal(true);
      expect([...toBroker, ...toClient]).to.deep.equal([]);
    });
  });

  describe("that cannot be sent", () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const unwritable: [string, unknown][] = [
      ["a cycle", cyclic],
      ["a BigInt", { big: 1n }],
      ["a function", () => 1],
      ["a symbol", Symbol("s")],
    ];
    for (const [what, value] of unwritable) {
      it(`is a handled error: ${what}`, async () => {
        class Controller {
          @MessageMapping("/a")
          now() {
            return value;
          }

          @MessageMapping("/b")
          async later() {
            return value;
          }
        }
        const { send, toBroker, errors } = withControllers(new Controller());
        for (const destination of ["/app/a", "/app/b"]) {
          const fault = await faultOf(() => send(destination));
          expect(fault).to.be.instanceOf(MessageConversionError);
          expect((fault as MessageConversionError).publicMessage).to.equal(undefined);
        }
        expect(errors).to.have.length(2);
        expect(toBroker).to.deep.equal([]);
      });
    }

    class TwoController {
      @MessageMapping("/two")
      @SendTo("/topic/one", "/topic/two")
      two() {
        return "x";
      }
    }

    it("is a handled error when an interceptor stops it", async () => {
      const { send, errors } = withControllers(new TwoController(), {
        brokerInterceptors: [{ preSend: () => null }],
      });
      const fault = (await faultOf(() => send("/app/two"))) as MessageHandlingError;
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect(fault.message).to.include("An interceptor stopped the reply to /topic/one");
      expect(errors).to.have.length(1);
    });

    it("is a handled error when the second send fails, and the first is not lost", async () => {
      const { send, toBroker } = withControllers(new TwoController(), {
        brokerInterceptors: [
          {
            async preSend(message) {
              if (message.headers.destination === "/topic/two") throw new Error("full");
              return message;
            },
          },
        ],
      });
      const fault = (await faultOf(() => send("/app/two"))) as MessageHandlingError;
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect(fault.message).to.include("full");
      expect(destinationsOf(toBroker)).to.deep.equal(["/topic/one"]);
    });

    it("fails at start when @SendTo names a variable that a pattern does not have", () => {
      class Controller {
        @MessageMapping("/a/{id}")
        @SendTo("/topic/{room}")
        handle() {
          return 1;
        }
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property(
          "message",
          "Controller.handle wants {room}, which its mapping to /a/{id} does not have",
        );
    });
  });
});
