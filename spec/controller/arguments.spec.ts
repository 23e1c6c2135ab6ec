import { expect } from "chai";
import {
  ConfigurationError,
  DestinationVariable,
  Header,
  Headers,
  Message,
  MessageConversionError,
  MessageHandlingError,
  type MessageHeaders,
  MessageMapping,
  NativeHeaders,
  Payload,
  Principal,
  SubscribeMapping,
} from "express-stomp";
import { faultOf, native, withControllers } from "../support/controllers.js";

class ChatMessage {
  declare readonly roomId: string;
}

/** Keeps what its methods were called with. */
class Recording {
  readonly calls: unknown[][] = [];

  protected record(...args: unknown[]): void {
    this.calls.push(args);
  }
}

describe("a handler's arguments", () => {
  describe("the payload", () => {
    class PayloadController extends Recording {
      @MessageMapping("/object")
      object(message: ChatMessage) {
        this.record(message);
      }

      @MessageMapping("/text")
      text(text: string) {
        this.record(text);
      }

      @MessageMapping("/bytes")
      bytes(bytes: Uint8Array) {
        this.record(bytes);
      }

      @MessageMapping("/buffer")
      buffer(bytes: Buffer) {
        this.record(bytes);
      }

      @MessageMapping("/number")
      number(number: number) {
        this.record(number);
      }

      @MessageMapping("/boolean")
      boolean(boolean: boolean) {
        this.record(boolean);
      }

      @MessageMapping("/list")
      list(list: string[]) {
        this.record(list);
      }

      @MessageMapping("/unknown")
      unknown(value: unknown) {
        this.record(value);
      }

      @MessageMapping("/optional")
      optional(@Payload({ required: false }) message?: ChatMessage) {
        this.record(message);
      }

      @MessageMapping("/second/{id}")
      second(@DestinationVariable("id") id: string, message: ChatMessage) {
        this.record(id, message);
      }

      @MessageMapping("/last")
      last(principal: Principal, @Payload() text: string) {
        this.record(principal, text);
      }
    }

    let controller: PayloadController;
    let stations: ReturnType<typeof withControllers>;
    beforeEach(() => {
      controller = new PayloadController();
      stations = withControllers(controller);
    });

    const received = async (destination: string, body: string | Uint8Array, contentType?: string) => {
      await stations.send(destination, body, { contentType });
      return controller.calls.at(-1)?.[0];
    };

    it("is parsed as JSON for a class, content type or none", async () => {
      expect(await received("/app/object", '{"roomId":"r1"}')).to.deep.equal({ roomId: "r1" });
      expect(await received("/app/object", '{"roomId":"r2"}', "application/json")).to.deep.equal({
        roomId: "r2",
      });
    });

    it("is what the parameter's type says", async () => {
      expect(await received("/app/text", '{"a":1}', "application/json")).to.equal('{"a":1}');
      expect(await received("/app/bytes", Uint8Array.of(0, 255))).to.deep.equal(Uint8Array.of(0, 255));
      expect(await received("/app/buffer", "abc")).to.deep.equal(Buffer.from("abc"));
      expect(await received("/app/number", "-1.5")).to.equal(-1.5);
      expect(await received("/app/boolean", "false")).to.equal(false);
      expect(await received("/app/list", '["a"]')).to.deep.equal(["a"]);
    });

    it("is what the content type says where the parameter's type says nothing", async () => {
      expect(await received("/app/unknown", "[1]")).to.deep.equal([1]);
      expect(await received("/app/unknown", "[1]", "text/plain")).to.equal("[1]");
    });

    it("may be any parameter when the others are known", async () => {
      await stations.send("/app/second/7", '{"roomId":"r1"}');
      await stations.send("/app/last", "hello", { user: { name: "ann" } });
      expect(controller.calls).to.deep.equal([
        ["7", { roomId: "r1" }],
        [{ name: "ann" }, "hello"],
      ]);
    });

    it("must not be empty, unless it is not required", async () => {
      const fault = await faultOf(() => stations.send("/app/object", ""));
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect((fault as MessageHandlingError).publicMessage).to.equal("Payload value must not be empty");

      expect(await received("/app/optional", "")).to.equal(undefined);
      expect(await received("/app/optional", "null")).to.equal(undefined);
      expect(controller.calls).to.have.length(2);
    });

    const misfits: [destination: string, body: string, contentType: string | undefined, says: string][] = [
      ["/app/object", "{", undefined, "The payload is no valid JSON"],
      ["/app/object", '{"roomId":"r1"}', "text/plain", "Cannot convert text/plain to ChatMessage"],
      ["/app/object", "null", undefined, "Cannot convert null to ChatMessage"],
      ["/app/object", "5", undefined, "Cannot convert number to ChatMessage"],
      ["/app/object", "[]", undefined, "Cannot convert object to ChatMessage"],
      ["/app/number", '"5"', undefined, "Cannot convert string to Number"],
      ["/app/boolean", "0", undefined, "Cannot convert number to Boolean"],
      ["/app/list", "{}", undefined, "Cannot convert object to Array"],
      ["/app/unknown", "null", undefined, "Cannot convert null to Object"],
    ];
    for (const [destination, body, contentType, says] of misfits) {
      it(`is refused: ${body} as ${contentType ?? "JSON"} for ${destination}`, async () => {
        const fault = await faultOf(() => stations.send(destination, body, { contentType }));
        expect(fault).to.be.instanceOf(MessageConversionError);
        expect((fault as MessageConversionError).publicMessage).to.equal(says);
        expect(controller.calls).to.deep.equal([]);
      });
    }
  });

  describe("a header", () => {
    class HeaderController extends Recording {
      @MessageMapping("/text")
      text(@Header("x") x: string) {
        this.record(x);
      }

      @MessageMapping("/number")
      number(@Header("x") x: number) {
        this.record(x);
      }

      @MessageMapping("/boolean")
      boolean(@Header("x") x: boolean) {
        this.record(x);
      }

      @MessageMapping("/list")
      list(@Header("x") x: string[]) {
        this.record(x);
      }

      @MessageMapping("/date")
      date(@Header("x") x: Date) {
        this.record(x);
      }

      @MessageMapping("/optional")
      optional(@Header("x", { required: false }) x?: string) {
        this.record(x);
      }

      @MessageMapping("/fallback")
      fallback(@Header("x", { defaultValue: 7 }) x: number) {
        this.record(x);
      }

      @MessageMapping("/fallbacks")
      fallbacks(@Header("x", { defaultValue: "a" }) x: string[]) {
        this.record(x);
      }

      @MessageMapping("/own")
      own(
        @Header("sessionId") sessionId: string,
        @Header("simpSessionId") simpSessionId: string,
        @Header("simpDestination") destination: string,
        @Header("nativeHeaders.sessionId", { required: false }) forged: string,
        @Header("simple", { required: false }) simple: string,
      ) {
        this.record(sessionId, simpSessionId, destination, forged, simple);
      }

      @MessageMapping("/user")
      user(
        @Header("user", { required: false }) user: Principal,
        @Header("simpUser", { required: false }) simpUser: Principal,
      ) {
        this.record(user, simpUser);
      }

      @MessageMapping("/attributes")
      attributes(
        @Header("sessionAttributes") attributes: Map<string, unknown>,
        @Header("simpSessionAttributes") simpAttributes: Map<string, unknown>,
      ) {
        attributes.set("visits", ((simpAttributes.get("visits") as number) ?? 0) + 1);
        this.record(attributes.get("visits"));
      }
    }

    let controller: HeaderController;
    let stations: ReturnType<typeof withControllers>;
    beforeEach(() => {
      controller = new HeaderController();
      stations = withControllers(controller);
    });

    it("are the session's attributes too, which live as long as it", async () => {
      const sessionAttributes = new Map();
      await stations.send("/app/attributes", "", { sessionAttributes });
      await stations.send("/app/attributes", "", { sessionAttributes });
      await stations.send("/app/attributes", "", { sessionAttributes: new Map() });
      expect(controller.calls.map(([visits]) => visits)).to.deep.equal([1, 2, 1]);
    });

    const received = async (destination: string, headers: Record<string, string> | [string, string][]) => {
      await stations.send(destination, "", native(headers));
      return controller.calls.at(-1)?.[0];
    };

    it("is the first of repeated ones, or all where the parameter is an array", async () => {
      const twice: [string, string][] = [
        ["x", "1"],
        ["x", "2"],
      ];
      expect(await received("/app/text", twice)).to.equal("1");
      expect(await received("/app/list", twice)).to.deep.equal(["1", "2"]);
      expect(await received("/app/list", { x: "1" })).to.deep.equal(["1"]);
    });

    it("becomes a number or a boolean where the parameter is one", async () => {
      expect(await received("/app/number", { x: "-1.5e3" })).to.equal(-1500);
      expect(await received("/app/boolean", { x: "true" })).to.equal(true);
      expect(await received("/app/boolean", { x: "OFF" })).to.equal(false);
    });

    it("is refused when it cannot", async () => {
      for (const x of ["", " ", "1a", "NaN", "Infinity"]) {
        const fault = await faultOf(() => received("/app/number", { x }));
        expect((fault as MessageHandlingError).publicMessage).to.equal("Header 'x' is no number");
      }
      const fault = await faultOf(() => received("/app/boolean", { x: "maybe" }));
      expect((fault as MessageHandlingError).publicMessage).to.equal("Header 'x' is neither true nor false");
    });

    it("does not pass text off as another class", async () => {
      const fault = await faultOf(() => received("/app/date", { x: "2026-01-01" }));
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect((fault as MessageHandlingError).message).to.equal("Header 'x' is text and cannot be Date");
    });

    it("is required unless said otherwise", async () => {
      for (const destination of ["/app/text", "/app/number", "/app/list"]) {
        const fault = (await faultOf(() => received(destination, {}))) as MessageHandlingError;
        expect(fault).to.be.instanceOf(MessageHandlingError);
        expect(fault.publicMessage).to.equal("Missing header 'x'");
        expect(fault.message).to.match(/^Missing header 'x' for parameter 0 of HeaderController\.\w+$/);
      }
      expect(await received("/app/optional", {})).to.equal(undefined);
    });

    it("has its default when it is missing or empty", async () => {
      expect(await received("/app/fallback", {})).to.equal(7);
      expect(await received("/app/fallback", { x: "" })).to.equal(7);
      expect(await received("/app/fallback", { x: "8" })).to.equal(8);
      expect(await received("/app/text", { x: "" })).to.equal("");
      expect(await received("/app/fallbacks", {})).to.deep.equal(["a"]);
    });

    it("is ours before it is the client's, under Spring's name too", async () => {
      await stations.send(
        "/app/own",
        "",
        native({ sessionId: "forged", simpSessionId: "forged", simple: "s" }),
      );
      expect(controller.calls).to.deep.equal([["s1", "s1", "/app/own", "forged", "s"]]);
    });

    it("is never a client's in the place of a missing one of ours", async () => {
      await stations.send("/app/user", "", native({ user: "admin", simpUser: "admin" }));
      expect(controller.calls).to.deep.equal([[undefined, undefined]]);
    });

    it("may be one that an interceptor added", async () => {
      await stations.sendMessage("", { destination: "/app/text", x: "added" } as Partial<MessageHeaders>);
      expect(controller.calls).to.deep.equal([["added"]]);
    });
  });

  describe("all headers", () => {
    class HeadersController extends Recording {
      @MessageMapping("/all")
      all(@Headers() headers: MessageHeaders, @Headers() clients: NativeHeaders, undecorated: NativeHeaders) {
        this.record(headers, clients, undecorated);
      }
    }

    it("are the message's, or those of the client alone", async () => {
      const controller = new HeadersController();
      await withControllers(controller).send("/app/all", "", native({ a: "b" }));

      const [headers, clients, undecorated] = controller.calls[0] as [MessageHeaders, unknown, unknown];
      expect(headers).to.include({ destination: "/app/all", sessionId: "s1", messageType: "MESSAGE" });
      expect(headers.native.get("a")).to.equal("b");
      expect(clients).to.equal(headers.native);
      expect(undecorated).to.equal(headers.native);
    });

    it("cannot be what they are not", () => {
      class Controller {
        @MessageMapping("/all")
        all(@Headers() _headers: Map<string, string>) {}
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property(
          "message",
          "@Headers gives MessageHeaders or NativeHeaders: parameter 0 of Controller.all cannot be Map",
        );
    });
  });

  describe("a destination variable", () => {
    class RoomController extends Recording {
      @MessageMapping("/room/{room}/{page:\\d+}")
      page(@DestinationVariable("page") page: number, @DestinationVariable("room") room: string) {
        this.record(page, room);
      }

      @MessageMapping("/flag/{flag}")
      flag(@DestinationVariable("flag") flag: boolean) {
        this.record(flag);
      }
    }

    it("is text, or a number or boolean where the parameter is one", async () => {
      const controller = new RoomController();
      const { send } = withControllers(controller);
      await send("/app/room/a b/12");
      await send("/app/flag/yes");
      expect(controller.calls).to.deep.equal([[12, "a b"], [true]]);
    });

    it("is refused when it is neither", async () => {
      const fault = await faultOf(() => withControllers(new RoomController()).send("/app/flag/x"));
      const { publicMessage } = fault as MessageHandlingError;
      expect(publicMessage).to.equal("Destination variable 'flag' is neither true nor false");
    });

    it("must be in every pattern of the mapping", () => {
      class Controller {
        @MessageMapping("/a/{id}", "/b")
        handle(@DestinationVariable("id") _id: string) {}
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property("message", "Controller.handle wants {id}, which its mapping to /b does not have");
    });
  });

  describe("the user and the message", () => {
    class PersonController extends Recording {
      @MessageMapping("/typed")
      typed(message: Message, text: string, principal: Principal) {
        this.record(message, text, principal);
      }

      @MessageMapping("/decorated")
      decorated(@Principal() principal: unknown, @Message() message: unknown) {
        this.record(principal, message);
      }

      @SubscribeMapping("/subscribed")
      subscribed(principal: Principal) {
        this.record(principal);
      }
    }

    it("are known by their types", async () => {
      const controller = new PersonController();
      await withControllers(controller).send("/app/typed", "hello", { user: { name: "ann" } });

      const [message, text, principal] = controller.calls[0] as [Message, string, Principal];
      expect(message.headers.destination).to.equal("/app/typed");
      expect(Buffer.from(message.payload).toString()).to.equal("hello");
      expect(text).to.equal("hello");
      expect(principal.name).to.equal("ann");
    });

    it("are known by their decorators", async () => {
      const controller = new PersonController();
      await withControllers(controller).send("/app/decorated", "", { user: { name: "ann" } });
      expect(controller.calls[0]?.[0]).to.deep.equal({ name: "ann" });
      expect(controller.calls[0]?.[1]).to.have.nested.property("headers.destination", "/app/decorated");
    });

    it("leave the user out when there is none", async () => {
      const controller = new PersonController();
      await withControllers(controller).subscribe("/app/subscribed");
      expect(controller.calls).to.deep.equal([[undefined]]);
    });
  });

  describe("that nothing is known of", () => {
    it("fail at start, with what to do", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_payload: string, _other: string) {}
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property("message")
        .that.matches(/^Nothing is known of parameter 1 of Controller\.handle.*decorate it with @Header/);
    });

    it("fail beside a @Payload too", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_other: string, @Payload() _payload: string) {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "parameter 0 of Controller.handle",
      );
    });

    it("fail where SUBSCRIBE has no payload to give", () => {
      class Controller {
        @SubscribeMapping("/a")
        handle(_payload: string) {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "SUBSCRIBE has no payload for parameter 0 of Controller.handle",
      );
    });
  });
});
