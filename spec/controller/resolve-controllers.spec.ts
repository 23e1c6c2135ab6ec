import { expect } from "chai";
import {
  ConfigurationError,
  Controller,
  MessageMapping,
  Scope,
  SimpMessagingTemplate,
  SimpUserRegistry,
  SubscribableChannel,
} from "express-stomp";
import { Container, inject, injectable } from "inversify";
import { resolveControllers } from "#lib/controller/resolve-controllers.js";
import { CompositeMessageConverter } from "#lib/message/converters.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { recordingLogger } from "../support/recording.js";

const channel = (name: string) => new SubscribableChannel(name, { logger: recordingLogger() });

function bindings() {
  const brokerChannel = channel("brokerChannel");
  return {
    template: new SimpMessagingTemplate(brokerChannel, new CompositeMessageConverter()),
    userRegistry: new SimpUserRegistry(new UserSessions()),
    clientInboundChannel: channel("clientInboundChannel"),
    clientOutboundChannel: channel("clientOutboundChannel"),
    brokerChannel,
  };
}

@injectable()
class RoomRepository {}

@Controller()
class RoomController {
  constructor(
    readonly template: SimpMessagingTemplate,
    readonly users: SimpUserRegistry,
    readonly rooms: RoomRepository,
    @inject("brokerChannel") readonly brokerChannel: SubscribableChannel,
  ) {}

  @MessageMapping("/room")
  room() {}
}

@Controller()
class ChatController {
  constructor(readonly rooms: RoomRepository) {}
}

const resolve = <T extends object>(controllers: object[], container?: Container, given = bindings()) =>
  resolveControllers(controllers, container, given).map(({ exemplar }) => exemplar as T);

describe("resolveControllers", () => {
  describe("when the application has no container", () => {
    it("injects template, user registry, channels and the application's services", () => {
      const given = bindings();
      const [controller] = resolve<RoomController>([RoomController], undefined, given);
      expect(controller).to.be.instanceOf(RoomController);
      expect(controller?.template).to.equal(given.template);
      expect(controller?.users).to.equal(given.userRegistry);
      expect(controller?.brokerChannel).to.equal(given.brokerChannel);
      expect(controller?.rooms).to.be.instanceOf(RoomRepository);
    });

    it("shares services between controllers, and nothing between messagings", () => {
      const [room, chat] = resolve<RoomController | ChatController>([RoomController, ChatController]);
      expect(room?.rooms).to.equal(chat?.rooms);

      const [other] = resolve<RoomController>([RoomController]);
      expect(other).not.to.equal(room);
      expect(other?.rooms).not.to.equal(room?.rooms);
    });
  });

  describe("when the application has a container", () => {
    it("uses its bindings, of controllers too", () => {
      const container = new Container();
      const rooms = new RoomRepository();
      container.bind(RoomRepository).toConstantValue(rooms);
      container.bind(RoomController).toSelf().inSingletonScope();

      const [room, chat] = resolve<RoomController | ChatController>(
        [RoomController, ChatController],
        container,
      );
      expect(room).to.equal(container.get(RoomController));
      expect(room?.rooms).to.equal(rooms);
      expect(chat?.rooms).to.equal(rooms);
    });

    it("binds the template and the channels in it", () => {
      const container = new Container();
      const given = bindings();
      resolve([], container, given);
      expect(container.get(SimpMessagingTemplate)).to.equal(given.template);
      expect(container.get("clientInboundChannel")).to.equal(given.clientInboundChannel);
      expect(container.get("clientOutboundChannel")).to.equal(given.clientOutboundChannel);
    });

    it("leaves a template that is bound there alone", () => {
      const container = new Container();
      const first = bindings();
      resolve([RoomController], container, first);
      const [second] = resolve<RoomController>([RoomController], container);
      expect(second?.template).to.equal(first.template);
    });

    it("needs no more of it than three methods", () => {
      const container = new Container();
      const shape = {
        isBound: (identifier: never) => container.isBound(identifier),
        get: (identifier: never, options: never) => container.get(identifier, options) as unknown,
        bind: (identifier: never) => container.bind<unknown>(identifier),
      };
      const [controller] = resolveControllers([RoomController], shape, bindings());
      expect(controller?.exemplar).to.be.instanceOf(RoomController);
    });
  });

  it("leaves instances as they are", () => {
    const instance = { anything: true };
    expect(resolve([instance])).to.deep.equal([instance]);
    expect(resolve([instance])[0]).to.equal(instance);
  });

  it("takes a class that is @injectable already", () => {
    @Controller()
    @injectable("Singleton")
    class Both {
      constructor(readonly rooms: RoomRepository) {}
    }
    expect(resolve<Both>([Both])[0]?.rooms).to.be.instanceOf(RoomRepository);
  });

  describe("where nothing is known of a constructor's parameter", () => {
    /** As esbuild compiles it: `@Controller()` and `@inject` are there, types are not. */
    class Untyped {
      constructor(readonly rooms: RoomRepository) {}
    }
    Controller()(Untyped);

    it("fails with the parameter, the tools that drop types, and what to write", () => {
      expect(() => resolve([Untyped]))
        .to.throw(ConfigurationError)
        .with.property("message")
        .that.matches(
          /^Untyped cannot be made: nothing is known at run time of parameter 0 of the constructor of Untyped \(rooms\): no types were noted.*tsx, esbuild.*@inject\(TheClass\)/,
        );
    });

    it("fails so for a service that a controller needs, and for one behind @inject", () => {
      class Service {
        constructor(
          readonly rooms: RoomRepository,
          readonly count: number,
        ) {}
      }
      injectable()(Service);
      inject(Number)(Service, undefined, 1);
      @Controller()
      class Typed {
        constructor(readonly service: Service) {}
      }
      expect(() => resolve([Typed])).to.throw(
        ConfigurationError,
        "Typed cannot be made: nothing is known at run time of parameter 0 of the constructor of Service (rooms)",
      );
    });

    it("fails so for an interface", () => {
      interface Rooms {
        readonly count: number;
      }
      @Controller()
      class Typed {
        constructor(readonly rooms: Rooms) {}
      }
      expect(() => resolve([Typed])).to.throw(
        ConfigurationError,
        "parameter 0 of the constructor of Typed (rooms): the compiler notes no class for an interface",
      );
    });

    it("fails so for a class of a session", () => {
      class OfSession {
        constructor(readonly rooms: RoomRepository) {}
      }
      Scope("websocket")(OfSession);
      @Controller()
      @Scope("websocket")
      class OfSessionToo {
        constructor(readonly needed: OfSession) {}
      }
      expect(() => resolve([OfSessionToo])).to.throw(
        ConfigurationError,
        "nothing is known at run time of parameter 0 of the constructor of OfSession (rooms)",
      );
    });
  });

  it("does not inject what a constructor hands on itself", () => {
    @Controller()
    class Named {
      constructor(readonly name: string) {}
    }
    @Controller()
    class Lobby extends Named {
      constructor() {
        super("lobby");
      }
    }
    expect(resolve<Lobby>([Lobby])[0]?.name).to.equal("lobby");
  });

  it("injects what an inherited constructor takes", () => {
    @Controller()
    class Heir extends ChatController {}
    @Controller()
    class HeirOfPlain extends RoomRepository {}
    @Controller()
    class HeirOfItsOwn extends ChatController {
      constructor(
        readonly template: SimpMessagingTemplate,
        rooms: RoomRepository,
      ) {
        super(rooms);
      }
    }

    expect(resolve<Heir>([Heir])[0]?.rooms).to.be.instanceOf(RoomRepository);
    expect(resolve([HeirOfPlain])[0]).to.be.instanceOf(HeirOfPlain);

    const [own] = resolve<HeirOfItsOwn>([HeirOfItsOwn]);
    expect(own?.template).to.be.instanceOf(SimpMessagingTemplate);
    expect(own?.rooms).to.be.instanceOf(RoomRepository);
  });

  const misuses: [what: string, controllers: () => unknown[], says: string][] = [
    ["a class without @Controller", () => [RoomRepository], "RoomRepository has no @Controller() above it"],
    [
      "a class whose parent only has it",
      () => [class Heir extends ChatController {}],
      "Heir has no @Controller() above it",
    ],
    [
      "undefined",
      () => [ChatController, undefined],
      "controllers[1] is undefined: a class with @Controller(), or an object, belongs there (do its modules",
    ],
    ["null", () => [null], "controllers[0] is null"],
    ["a name", () => ["ChatController"], "controllers[0] is ChatController"],
    [
      "a class that needs what nobody binds",
      () => {
        @Controller()
        class Needy {
          constructor(@inject("database") readonly database: unknown) {}
        }
        return [Needy];
      },
      "Needy cannot be made: ",
    ],
    [
      "a class whose constructor throws",
      () => {
        @Controller()
        class Throwing {
          constructor() {
            throw new Error("no database");
          }
        }
        return [Throwing];
      },
      "Throwing cannot be made: no database",
    ],
  ];
  for (const [what, controllers, says] of misuses) {
    it(`refuses ${what}`, () => {
      expect(() => resolve(controllers() as object[])).to.throw(ConfigurationError, says);
      expect(() => resolve(controllers() as object[], new Container())).to.throw(ConfigurationError, says);
    });
  }
});
