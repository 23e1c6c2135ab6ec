import { expect } from "chai";
import {
  Authorize,
  access,
  bearerToken,
  Controller,
  ControllerAdvice,
  createMessage,
  csrfToken,
  DestinationVariable,
  Header,
  hasRole,
  type ImaginedMessage,
  MessageExceptionHandler,
  MessageMapping,
  messageSecurity,
  Payload,
  Principal,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { destinations } from "express-stomp/contract";
import { z } from "zod";
import { rod, SEND, SUBSCRIBE, staff } from "./support/verdict.js";

const Text = z.object({ text: z.string() });

class Letter {
  declare subject: string;
}

@Controller()
@MessageMapping("/rooms/{room:[0-9]+}")
class Rooms {
  @MessageMapping("/say")
  @SendTo("/topic/rooms/{room}", "/topic/all")
  @Authorize(hasRole("SPEAKER"))
  say(
    @DestinationVariable("room") room: number,
    @Payload(Text) { text }: z.infer<typeof Text>,
    @Header("urgency", { defaultValue: 1 }) urgency: number,
    @Header("nativeHeaders.id") id: string,
    @Header("simpSessionId") session: string,
    @Principal() user: Principal,
  ) {
    return { room, text, urgency, id, session, user: user.name };
  }

  @MessageMapping("/shout")
  shout(letter: Letter) {
    return letter;
  }

  @SubscribeMapping("/people")
  people() {
    return [];
  }

  @MessageMapping("/ask")
  @SendToUser()
  ask() {
    return "an answer";
  }

  @MessageExceptionHandler(RangeError)
  @SendToUser("/queue/errors", { broadcast: false })
  failed(error: RangeError) {
    return error.message;
  }
}

@ControllerAdvice()
class Advice {
  @MessageExceptionHandler()
  failed(error: Error) {
    return error.message;
  }
}

const messagingWith = (options: Partial<StompMessagingOptions> = {}) =>
  stompMessaging({
    endpoints: [{ path: "/ws", sockJS: { webSocketEnabled: false } }, { path: "/plain" }],
    applicationDestinationPrefixes: ["/app", "/other/"],
    controllers: [Rooms, Advice],
    ...options,
  });

const method = (name: string, options?: Partial<StompMessagingOptions>) => {
  const { methods } = messagingWith(options).description;
  return methods.find((each) => each.name === name) as (typeof methods)[number];
};

describe("messaging.description", () => {
  it("has each destination of a method, as clients write it, and where its answers are heard", () => {
    const { mappings, replies } = method("Rooms.say");
    expect(mappings.map(({ destination }) => destination)).to.deep.equal([
      "/app/rooms/{room:[0-9]+}/say",
      "/other/rooms/{room:[0-9]+}/say",
    ]);
    expect(mappings[0]?.replies).to.deep.equal([
      { destination: "/topic/rooms/{room}", to: "subscribers", isDefault: false },
      { destination: "/topic/all", to: "subscribers", isDefault: false },
    ]);
    expect(replies).to.deep.equal([]);
  });

  it("has the destinations that no decorator names", () => {
    const firstReply = (name: string) => method(name).mappings[0]?.replies;
    expect(firstReply("Rooms.shout")).to.deep.equal([
      { destination: "/topic/rooms/{room:[0-9]+}/shout", to: "subscribers", isDefault: true },
    ]);
    expect(firstReply("Rooms.people")).to.deep.equal([
      { destination: "/app/rooms/{room:[0-9]+}/people", to: "subscription", isDefault: false },
    ]);
    expect(firstReply("Rooms.ask")).to.deep.equal([
      { destination: "/user/queue/rooms/{room:[0-9]+}/ask", to: "user", isDefault: false },
    ]);
  });

  it("has payload, headers of clients and variables, with their classes", () => {
    const { payload, headers, variables, authorize } = method("Rooms.say");
    expect(payload).to.deep.equal({ required: true, schema: Text, type: Object });
    expect(headers).to.deep.equal([
      { name: "urgency", required: false, defaultValue: 1, type: Number },
      { name: "id", required: true, defaultValue: undefined, type: String },
    ]);
    expect(variables).to.deep.equal([{ name: "room", type: Number }]);
    expect(authorize).to.include({ text: 'hasRole("SPEAKER")' });
    expect(method("Rooms.shout").payload).to.deep.equal({
      required: true,
      schema: undefined,
      type: Letter,
    });
  });

  it("takes a payload's schema of the contract, where the method has none", () => {
    const contract = destinations({ "/app/rooms/{r}/shout": { send: Text } });
    const options = {
      contract: contract,
      contractIsComplete: false,
      applicationDestinationPrefixes: ["/app"],
    };
    expect(method("Rooms.shout", options).payload?.schema).to.equal(Text);
  });

  it("tells what exception handlers take, and where they answer", () => {
    expect(method("Rooms.failed")).to.deep.include({
      type: "EXCEPTION",
      isAdvice: false,
      mappings: [],
      replies: [{ destination: "/user/queue/errors", to: "session", isDefault: false }],
      exceptionTypes: [RangeError],
    });
    expect(method("Advice.failed")).to.deep.include({
      isAdvice: true,
      replies: [{ destination: undefined, to: "subscribers", isDefault: true }],
      exceptionTypes: [Error],
    });
  });

  it("tells which parameters a resolver of the application gives", () => {
    const argumentResolvers = [
      { supportsParameter: ({ type }: { type: unknown }) => type === Letter, resolveArgument: () => null },
    ];
    const { payload, resolvedParameters } = method("Rooms.shout", { argumentResolvers });
    expect(payload).to.equal(undefined);
    expect(resolvedParameters).to.deep.equal([0]);
  });

  it("has endpoints, prefixes, heart-beats and versions", () => {
    const broker = simpleBroker({ destinationPrefixes: ["/topic", "/queue"], heartbeatValue: [0, 5000] });
    expect(messagingWith({ broker }).description).to.deep.include({
      endpoints: [
        { path: "/ws", sockJS: ["xhr", "xhr_streaming", "eventsource"] },
        { path: "/plain", sockJS: undefined },
      ],
      applicationDestinationPrefixes: ["/app", "/other/"],
      brokerDestinationPrefixes: ["/topic", "/queue"],
      userDestinationPrefix: "/user",
      heartbeat: [0, 5000],
      stompVersions: ["1.0", "1.1", "1.2"],
    });
  });

  it("joins prefixes and patterns where dots separate", () => {
    @Controller()
    class Prices {
      @MessageMapping("price.{id}")
      ask() {}
    }
    const { methods } = messagingWith({ controllers: [Prices], destinationSeparator: "." }).description;
    expect(methods[0]?.mappings[0]).to.deep.equal({
      destination: "/app/price.{id}",
      replies: [{ destination: "/topic/price.{id}", to: "subscribers", isDefault: true }],
    });
  });

  it("tells what interceptors ask of clients, and where they and denials are told of", () => {
    const verify = () => ({ user: rod });
    const renewal = { destination: "/app/token" };
    const { connectHeaders, ownSends, ownMessages } = messagingWith({
      clientInboundChannel: { interceptors: [bearerToken({ verify, renewal }), csrfToken()] },
      security: messageSecurity((messages) => messages.anyMessage().permitAll(), { onDenied: "message" }),
    }).description;
    expect(connectHeaders).to.deep.equal([
      { name: "Authorization", kind: "bearer", required: true },
      { name: "X-CSRF-TOKEN", kind: "csrf", required: true },
    ]);
    expect(ownSends.map(({ destination }) => destination)).to.deep.equal(["/app/token"]);
    expect(ownMessages.map(({ destination }) => destination)).to.deep.equal([
      "/user/queue/token",
      "/user/queue/errors",
    ]);
  });

  it("tells where presence is told of", () => {
    const { ownMessages } = messagingWith({
      presence: { destinations: ["/topic/room/{id}"], suffix: "who" },
    }).description;
    expect(ownMessages.map(({ destination }) => destination)).to.deep.equal(["/topic/room/{id}/who"]);
  });

  describe("foresee", () => {
    const security = messageSecurity((messages) =>
      messages
        .nullDestMatcher()
        .permitAll()
        .simpDestMatchers("/app/rooms/1/**")
        .hasRole("STAFF")
        .simpDestMatchers("/app/letters/{to}")
        .access((user, _message, variables) => variables.get("to") === user?.name)
        .simpSubscribeDestMatchers("/topic/failing")
        .access(() => {
          throw new TypeError("there is no payload");
        })
        .simpDestMatchers("/app/**", "/topic/**")
        .authenticated()
        .anyMessage()
        .denyAll(),
    );
    const { description } = messagingWith({ security });
    const speaker = { name: "lea", roles: ["SPEAKER"] };
    const cases: [Principal | undefined, ImaginedMessage, string][] = [
      [rod, SEND("/app/rooms/1/shout"), "no"],
      [staff, SEND("/app/rooms/1/shout"), "yes"],
      [rod, SEND("/app/rooms/{room:[0-9]+}/shout"), "depends"],
      [undefined, SEND("/app/rooms/{room:[0-9]+}/shout"), "no"],
      [rod, SEND("/app/rooms/{room:[0-9]+}/say"), "no"],
      [speaker, SEND("/app/rooms/{room:[0-9]+}/say"), "depends"],
      [rod, SEND("/app/letters/rod"), "yes"],
      [rod, SEND("/app/letters/ann"), "no"],
      [rod, SEND("/app/letters/{to}"), "depends"],
      [rod, SUBSCRIBE("/topic/failing"), "depends"],
      [rod, SUBSCRIBE("/topic/rooms/{room}"), "yes"],
      [undefined, SUBSCRIBE("/topic/rooms/{room}"), "no"],
      [rod, SUBSCRIBE("/queue/x"), "no"],
      [undefined, { type: "CONNECT" }, "yes"],
      [undefined, { type: "DISCONNECT" }, "yes"],
    ];
    for (const [user, message, expected] of cases) {
      it(`says ${expected} of ${message.type} ${message.destination ?? ""} of ${user?.name ?? "a stranger"}`, async () => {
        expect(await description.foresee(user, message)).to.equal(expected);
      });
    }

    it("says no more than what happens", async () => {
      for (const [user, message, expected] of cases) {
        if (expected === "depends" || message.destination?.includes("{")) continue;
        const { type, destination } = message;
        const real = createMessage(new Uint8Array(), { messageType: type, destination });
        const { granted } = await security.decide(user, real);
        expect(granted ? "yes" : "no", `${type} ${destination}`).to.equal(expected);
      }
    });

    it("lets those hear who is in a room who may hear the room, as a subscription does", async () => {
      const { description: told } = messagingWith({
        presence: { destinations: ["/topic/room/{id}"] },
        security: messageSecurity((messages) =>
          messages
            .simpSubscribeDestMatchers("/topic/room/1", "/topic/room/2/presence")
            .hasRole("STAFF")
            .anyMessage()
            .permitAll(),
        ),
      });
      const may = (user: Principal, destination: string) => told.foresee(user, SUBSCRIBE(destination));
      expect(await may(rod, "/topic/room/1/presence")).to.equal("no");
      expect(await may(staff, "/topic/room/1/presence")).to.equal("yes");
      expect(await may(rod, "/topic/room/2/presence")).to.equal("no");
      expect(await may(rod, "/topic/room/3/presence")).to.equal("yes");
      expect(await may(rod, "/topic/room/{id}/presence")).to.equal("depends");
      expect(await told.foresee(rod, SEND("/topic/room/1/presence"))).to.equal("yes");
    });

    it("says without rules what @Authorize does", async () => {
      const { description: open } = messagingWith();
      const say = SEND("/app/rooms/{room:[0-9]+}/say");
      expect(await open.foresee(rod, say)).to.equal("no");
      expect(await open.foresee(speaker, say)).to.equal("yes");
      expect(await open.foresee(undefined, SEND("/app/rooms/{room:[0-9]+}/shout"))).to.equal("yes");
    });

    it("says of a destination that cannot be read what it says of any", async () => {
      const { description: open } = messagingWith();
      for (const odd of ["/topic/{", "/app/}", "/topic/{a:(}"]) {
        expect(await open.foresee(rod, SUBSCRIBE(odd)), odd).to.equal("yes");
        expect(await description.foresee(rod, SEND(odd)), odd).to.equal("depends");
      }
    });

    it("gives the rules that may decide, up to the first that has all", () => {
      const numbers = (message: ImaginedMessage) => security.rulesFor(message).map(({ number }) => number);
      expect(numbers(SEND("/app/rooms/{room:[0-9]+}/say"))).to.deep.equal([2, 5]);
      expect(numbers(SEND("/app/rooms/1/say"))).to.deep.equal([2]);
      expect(numbers(SEND("/topic/failing"))).to.deep.equal([5]);
      expect(numbers(SUBSCRIBE("/queue/x"))).to.deep.equal([6]);
      expect(numbers({ type: "CONNECT" })).to.deep.equal([1]);
      expect(security.rules.map(({ matcher }) => matcher)[1]).to.equal('simpDestMatchers("/app/rooms/1/**")');
    });

    it("asks access(…) of @Authorize about a destination that has no variables", async () => {
      @Controller()
      class Own {
        @MessageMapping("/mine")
        @Authorize(access((user) => user?.name === "rod"))
        mine() {}
      }
      const { description: own } = messagingWith({ controllers: [Own] });
      expect(await own.foresee(rod, SEND("/app/mine"))).to.equal("yes");
      expect(await own.foresee(staff, SEND("/app/mine"))).to.equal("no");
    });
  });
});
