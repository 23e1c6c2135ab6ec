import { expect } from "chai";
import {
  ConfigurationError,
  Controller,
  ControllerAdvice,
  type ControllerContainer,
  MessageExceptionHandler,
  MessageHandlingError,
  MessageMapping,
  Payload,
  Scope,
  SendTo,
  SimpMessagingTemplate,
  SubscribeMapping,
  stompMessaging,
} from "express-stomp";
import { Container, inject, injectable, multiInject, named, optional, preDestroy } from "inversify";
import { bodyOf, faultOf, withControllers } from "../support/controllers.js";
import { RawClient } from "../support/raw-client.js";
import { startServer } from "../support/server.js";

@injectable()
class Catalogue {
  static made = 0;
  readonly number = ++Catalogue.made;
}

@Scope("websocket")
class Basket {
  static readonly disposed: Basket[] = [];
  readonly items: string[] = [];

  @preDestroy()
  empty() {
    Basket.disposed.push(this);
  }
}

@Controller()
@Scope("websocket")
class BasketController {
  constructor(
    readonly basket: Basket,
    readonly catalogue: Catalogue,
    readonly template: SimpMessagingTemplate,
  ) {}

  @MessageMapping("/add")
  add(@Payload() item: string) {
    this.basket.items.push(item);
    return this.basket.items;
  }

  @MessageMapping("/catalogue")
  number() {
    return this.catalogue.number;
  }
}

@Controller()
@Scope("websocket")
class CheckoutController {
  constructor(readonly basket: Basket) {}

  @SubscribeMapping("/checkout")
  checkout() {
    return this.basket.items.length;
  }
}

@Controller()
class ShopController {
  constructor(readonly catalogue: Catalogue) {}

  @MessageMapping("/shop")
  number() {
    return this.catalogue.number;
  }
}

const session = (sessionId: string) => ({ sessionId });

describe('@Scope("websocket")', () => {
  beforeEach(() => Basket.disposed.splice(0));

  function stations(container?: Container) {
    const controllers = [BasketController, CheckoutController, ShopController];
    const all = withControllers(controllers, { container });
    void all.sendMessage("", { messageType: "CONNECT", ...session("s2") });
    return all;
  }

  for (const [whose, container] of [
    ["ours", () => undefined],
    ["the application's", () => new Container({ defaultScope: "Singleton" })],
  ] as const) {
    describe(`in a container that is ${whose}`, () => {
      it("gives each session its own controllers and services, which share with each other", async () => {
        const { send, subscribe, toBroker, toClient } = stations(container());
        await send("/app/add", "tea");
        await send("/app/add", "milk", session("s2"));
        await send("/app/add", "cake");
        await subscribe("/app/checkout");
        expect(toBroker.map(bodyOf)).to.deep.equal(['["tea"]', '["milk"]', '["tea","cake"]']);
        expect(toClient.map(bodyOf)).to.deep.equal(["2"]);
      });

      it("shares everything else among all", async () => {
        const { send, toBroker } = stations(container());
        await send("/app/catalogue");
        await send("/app/catalogue", "", session("s2"));
        await send("/app/shop");
        expect(new Set(toBroker.map(bodyOf)).size).to.equal(1);
      });
    });
  }

  it("makes nothing for a session that needs nothing", async () => {
    const { send, sendMessage } = stations();
    await send("/app/shop");
    await sendMessage("", { messageType: "DISCONNECT" });
    expect(Basket.disposed).to.deep.equal([]);
  });

  it("disposes of what a session had when it ends, and of nothing else", async () => {
    const { send, sendMessage, toBroker } = stations();
    await send("/app/add", "tea");
    await send("/app/add", "milk", session("s2"));
    await sendMessage("", { messageType: "DISCONNECT" });
    expect(Basket.disposed.map(({ items }) => items)).to.deep.equal([["tea"]]);

    await send("/app/add", "sugar", session("s2"));
    expect(bodyOf(toBroker.at(-1))).to.equal('["milk","sugar"]');
  });

  it("is a fault where no session is connected, before and after", async () => {
    const { send, sendMessage } = stations();
    await sendMessage("", { messageType: "DISCONNECT" });
    for (const sessionId of ["s1", "unknown", undefined]) {
      const fault = (await faultOf(() => send("/app/add", "tea", { sessionId }))) as Error;
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect(fault.message).to.equal("BasketController is of a session, and no session is connected");
    }
  });

  it("logs a @preDestroy that fails or does not settle, and the session has ended all the same", async () => {
    @Controller()
    @Scope("websocket")
    class Failing {
      @MessageMapping("/failing")
      handle() {}

      @preDestroy()
      async end() {
        throw new Error("no database");
      }
    }
    @Controller()
    @Scope("websocket")
    class Stuck {
      @MessageMapping("/stuck")
      handle() {}

      @preDestroy()
      end() {
        return new Promise(() => {});
      }
    }
    for (const [type, destination, text] of [
      [Failing, "/app/failing", /no database/],
      [Stuck, "/app/stuck", /did not settle within 5 ms/],
    ] as const) {
      const { send, sendMessage, log } = withControllers(type, { handlerTimeout: 5 });
      await send(destination);
      expect(await sendMessage("", { messageType: "DISCONNECT" })).to.equal(true);
      expect(log.at(-1))
        .to.match(text)
        .and.match(/^error The objects of session s1 were not disposed of/);
    }
  });

  it("costs one message when a controller cannot be made, and an advice may be of a session too", async () => {
    @Controller()
    @Scope("websocket")
    class Broken {
      constructor(_basket: Basket) {
        throw new RangeError("broken");
      }

      @MessageMapping("/broken")
      handle() {}
    }
    @ControllerAdvice()
    @Scope("websocket")
    class SessionAdvice {
      constructor(readonly basket: Basket) {}

      @MessageExceptionHandler()
      @SendTo("/topic/errors")
      any(error: Error) {
        return `${error.message} ${this.basket.items.length}`;
      }
    }
    const { send, toBroker } = withControllers([Broken, SessionAdvice]);
    await send("/app/broken");
    expect(toBroker.map(bodyOf)).to.deep.equal(["broken 0"]);
  });

  describe("keeps what outlives a session from getting hold of it", () => {
    @injectable()
    class Statistics {
      constructor(readonly basket: Basket) {}
    }
    const says = /Basket is of a session: only what has @Scope\("websocket"\) too can have it injected/;

    it("in a shared controller", () => {
      @Controller()
      class Leaking {
        constructor(readonly basket: Basket) {}

        @MessageMapping("/leak")
        leak() {}
      }
      expect(() => withControllers(Leaking)).to.throw(ConfigurationError, says);
    });

    it("in a shared service that a session's controller needs, by its class", () => {
      @Controller()
      @Scope("websocket")
      class Session {
        constructor(readonly statistics: Statistics) {}

        @MessageMapping("/session")
        session() {}
      }
      expect(() => withControllers(Session)).to.throw(ConfigurationError, says);
    });

    it("in a shared service that a session's controller needs, by any name", () => {
      @Controller()
      @Scope("websocket")
      class Session {
        @inject("statistics") @named("daily") declare readonly statistics: Statistics;

        @MessageMapping("/session")
        session() {}
      }
      const container = new Container();
      container.bind("statistics").to(Statistics).inSingletonScope().whenNamed("daily");
      expect(() => withControllers(Session, { container })).to.throw(ConfigurationError, says);
    });

    it("in the container itself", () => {
      const container = new Container();
      container.bind(Basket).toSelf().inSingletonScope();
      expect(() => withControllers(BasketController, { container })).to.throw(
        ConfigurationError,
        'Basket has @Scope("websocket"): leave it out of the container',
      );
    });
  });

  it("has whatever else inversify injects", async () => {
    @Controller()
    @Scope("websocket")
    class Many {
      constructor(
        @inject("currency") readonly currency: string,
        @multiInject("tax") readonly taxes: number[],
        @inject("missing") @optional() readonly missing?: string,
      ) {}

      @MessageMapping("/many")
      many() {
        return [this.currency, this.taxes, typeof this.missing];
      }
    }
    const container = new Container();
    container.bind("currency").toConstantValue("KRW");
    container.bind("tax").toConstantValue(1);
    container.bind("tax").toConstantValue(2);
    const { send, toBroker } = withControllers(Many, { container });
    await send("/app/many");
    expect(toBroker.map(bodyOf)).to.deep.equal(['["KRW",[1,2],"undefined"]']);
  });

  it("serves several messagings of one container", async () => {
    const container = new Container({ defaultScope: "Singleton" });
    const first = withControllers(BasketController, { container });
    const second = withControllers(BasketController, { container });
    await first.send("/app/add", "tea");
    await second.send("/app/add", "milk");
    expect([...first.toBroker, ...second.toBroker].map(bodyOf)).to.deep.equal(['["tea"]', '["milk"]']);
  });

  it("fails at start where it cannot be", () => {
    const container = new Container();
    const shape: ControllerContainer = {
      isBound: (identifier) => container.isBound(identifier as never),
      get: (identifier, options) => container.get(identifier as never, options as never),
      bind: (identifier) => container.bind<unknown>(identifier as never),
    };
    expect(() => withControllers(BasketController, { container: shape })).to.throw(
      ConfigurationError,
      "@Scope of BasketController needs a Container of inversify 7 or 8",
    );
    expect(() => withControllers(new CheckoutController(new Basket()))).to.throw(
      ConfigurationError,
      'CheckoutController has @Scope("websocket"): give the class, not controllers of it',
    );
    expect(() => Scope("request" as never)).to.throw(ConfigurationError, '@Scope knows "websocket" only');

    @Controller()
    @Scope("websocket")
    class Needy {
      constructor(@inject("nobody") readonly nobody: unknown) {}

      @MessageMapping("/needy")
      needy() {}
    }
    const endpoints = [{ path: "/ws" }];
    expect(() => stompMessaging({ endpoints, controllers: [Needy] })).to.throw(
      ConfigurationError,
      "Needy cannot be made for a session: ",
    );
  });

  it("ends with a client that goes away, or with the server", async () => {
    const server = await startServer({ controllers: [BasketController] });
    const [one, two] = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
    for (const client of [one, two]) {
      client.send("SEND\ndestination:/app/add\ncontent-type:text/plain\n\ntea^@");
      await client.synchronize();
    }
    const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    one.cut();
    await gone;
    expect(Basket.disposed).to.have.length(1);

    await server.close();
    expect(Basket.disposed).to.have.length(2);
  });
});
