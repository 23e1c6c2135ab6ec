import { expect } from "chai";
import {
  ConfigurationError,
  Controller,
  ControllerAdvice,
  DestinationVariable,
  Header,
  Headers,
  Message,
  MessageMapping,
  Payload,
  Principal,
  SendTo,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";

/** A decorator as JavaScript, or a compiler with other settings, may call it. */
type Loose = (...args: unknown[]) => unknown;

const descriptor = { value: () => undefined };

describe("decorators", () => {
  const misuses: [what: string, misuse: () => unknown, says: string][] = [
    [
      "@Controller above a method",
      () => (Controller() as Loose)({}, "handle", descriptor),
      "@Controller belongs above a class",
    ],
    ["@Controller without parentheses", () => (Controller as Loose)(class {}), "write @Controller()"],
    [
      "@ControllerAdvice without them",
      () => (ControllerAdvice as Loose)(class {}),
      "write @ControllerAdvice()",
    ],
    ["@Principal without them", () => (Principal as unknown as Loose)({}, "handle", 0), "write @Principal()"],
    ["@Headers without them", () => (Headers as Loose)({}, "handle", 0), "write @Headers()"],
    ["@Payload without them", () => (Payload as Loose)({}, "handle", 0), "write @Payload()"],
    ["@Controller above an object", () => (Controller() as Loose)({}), "@Controller belongs above a class"],
    [
      "@MessageMapping without parentheses",
      () => (MessageMapping as Loose)(class {}),
      '@MessageMapping takes destinations as text, not function: write @MessageMapping("/…")',
    ],
    [
      "@SendTo with an array",
      () => (SendTo as Loose)(["/topic/a"]),
      "@SendTo takes destinations as text, not object",
    ],
    [
      "@SendTo without a text",
      () => SendTo("/topic/a", ""),
      "@SendTo has an empty destination: for the default write @SendTo()",
    ],
    [
      "@SendToUser without a text",
      () => SendToUser("", { broadcast: false }),
      "@SendToUser has an empty destination: for the default write @SendToUser()",
    ],
    [
      "@MessageMapping above a property",
      () => (MessageMapping("/a") as Loose)({}, "field", undefined),
      "@MessageMapping stands on Object.field: it belongs above a method that is not static",
    ],
    [
      "@MessageMapping above an accessor",
      () => (MessageMapping("/a") as Loose)({}, "field", { get: () => 1 }),
      "@MessageMapping stands on Object.field",
    ],
    [
      "@SubscribeMapping above a static method",
      () => (SubscribeMapping("/a") as Loose)(class Rooms {}, "handle", descriptor),
      "@SubscribeMapping stands on Rooms.handle",
    ],
    [
      "@SubscribeMapping above a class",
      () => (SubscribeMapping("/a") as Loose)(class {}),
      "@SubscribeMapping stands above methods only",
    ],
    [
      "a class decorator of the standard",
      () => (Controller() as Loose)(class {}, { kind: "class" }),
      '@Controller needs "experimentalDecorators"',
    ],
    [
      "a method decorator of the standard",
      () => (MessageMapping("/a") as Loose)(() => {}, { kind: "method" }),
      '@MessageMapping needs "experimentalDecorators"',
    ],
    [
      "@Header of a constructor",
      () => (Header("x") as Loose)(class {}, undefined, 0),
      "@Header belongs before a parameter of a method that is not static",
    ],
    [
      "@Principal above a method",
      () => (Principal() as Loose)({}, "handle", descriptor),
      "@Principal belongs before a parameter",
    ],
    [
      "@MessageMapping twice on a method",
      () => {
        class Rooms {
          @MessageMapping("/a")
          @MessageMapping("/b")
          handle() {}
        }
        return Rooms;
      },
      "@MessageMapping stands twice on a method of Rooms: one takes several destinations",
    ],
    [
      "@SendTo twice on a class",
      () => {
        @SendTo("/topic/a")
        @SendTo("/topic/b")
        class Rooms {}
        return Rooms;
      },
      "@SendTo stands twice on Rooms",
    ],
    ["@Header without a name", () => (Header as Loose)(), "@Header needs a name"],
    [
      "@DestinationVariable without a name",
      () => DestinationVariable(""),
      "@DestinationVariable needs a name",
    ],
    [
      "two decorators before one parameter",
      () => {
        class Rooms {}
        Payload()(Rooms.prototype, "handle", 1);
        Headers()(Rooms.prototype, "handle", 1);
      },
      "Parameter 1 of Rooms.handle has two decorators: @Headers is one",
    ],
  ];
  for (const [what, misuse, says] of misuses) {
    it(`refuse ${what}`, () => {
      expect(misuse).to.throw(ConfigurationError, says);
    });
  }

  it("do not compile on a static method, a property or a constructor's parameter", () => {
    const misuse = () => {
      class Rooms {
        // @ts-expect-error: a property is no method
        @MessageMapping("/a")
        field = 1;

        // @ts-expect-error: a constructor's parameters are injected
        constructor(@Header("x") readonly x: string) {}

        // @ts-expect-error: a class is no controller's method
        @Controller()
        handle() {}

        // @ts-expect-error: nothing of a class itself is called
        @MessageMapping("/static")
        // @ts-expect-error: nor has it arguments
        static ofTheClass(@Payload() _text: string) {}

        @MessageMapping("/user")
        user(
          @Principal() _any: unknown,
          @Principal() _user: Principal | undefined,
          @Principal() _member: { name: string; roles: string[] },
          // @ts-expect-error: the user is more than a name
          @Principal() _name: string,
          // @ts-expect-error: the message is more than its payload
          @Message() _payload: Uint8Array,
        ) {}
      }
      return Rooms;
    };
    expect(misuse).to.throw(ConfigurationError);
  });

  it("Message and Principal are types too", () => {
    const name = (principal: Principal, message: Message) =>
      `${principal.name} ${message.payload.byteLength} ${message.headers.destination}`;
    expect(name).to.be.a("function");
    expect([Message, Principal].map((decorator) => typeof decorator())).to.deep.equal([
      "function",
      "function",
    ]);
  });
});
