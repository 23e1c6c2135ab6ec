import { expect } from "chai";
import {
  ConfigurationError,
  type HandlerMethodArgumentResolver,
  type HandlerMethodReturnValueHandler,
  type Message,
  MessageHandlingError,
  MessageMapping,
  type MethodParameter,
  Payload,
  SendTo,
  SubscribeMapping,
} from "express-stomp";
import { bodyOf, faultOf, native, withControllers } from "../support/controllers.js";

class Tenant {
  constructor(readonly name: string | undefined) {}
}

const LOCALE = Symbol("locale");

/** A decorator of the application's own. */
function Locale() {
  return (prototype: object, method: string | symbol, index: number) =>
    Reflect.defineMetadata(LOCALE, index, prototype, method);
}

const tenantResolver: HandlerMethodArgumentResolver = {
  supportsParameter: ({ type }) => type === Tenant,
  resolveArgument: (_parameter, { headers }) => new Tenant(headers.native.get("tenant")),
};

const localeResolver: HandlerMethodArgumentResolver = {
  supportsParameter: ({ controllerClass, method, index }) =>
    Reflect.getMetadata(LOCALE, controllerClass.prototype as object, method) === index,
  async resolveArgument(_parameter, { headers }) {
    const locale = headers.native.get("locale");
    if (!locale) throw new RangeError("no locale");
    return locale;
  },
};

class Controller {
  readonly calls: unknown[][] = [];

  @MessageMapping("/both")
  both(tenant: Tenant, @Locale() locale: string, text: string) {
    this.calls.push([tenant.name, locale, text]);
  }

  @MessageMapping("/explicit")
  explicit(@Payload() tenant: Tenant) {
    this.calls.push([tenant]);
  }
}

describe("argumentResolvers", () => {
  it("give arguments by class or by a decorator, sync or async; the payload is what is left", async () => {
    const controller = new Controller();
    const { send } = withControllers(controller, { argumentResolvers: [tenantResolver, localeResolver] });
    await send("/app/both", "hello", native({ tenant: "acme", locale: "ko" }));
    expect(controller.calls).to.deep.equal([["acme", "ko", "hello"]]);
  });

  it("are not asked where a decorator of ours says what belongs there", async () => {
    const asked: MethodParameter[] = [];
    const controller = new Controller();
    const resolver: HandlerMethodArgumentResolver = {
      supportsParameter(parameter) {
        asked.push(parameter);
        return tenantResolver.supportsParameter(parameter) || localeResolver.supportsParameter(parameter);
      },
      resolveArgument: () => "resolved",
    };
    const { send } = withControllers(controller, { argumentResolvers: [resolver] });
    await send("/app/explicit", '{"name":"acme"}');
    expect(controller.calls).to.deep.equal([[{ name: "acme" }]]);
    expect(asked.map(({ method, index, type }) => [method, index, type])).to.deep.equal([
      ["both", 0, Tenant],
      ["both", 1, String],
      ["both", 2, String],
    ]);
    expect(asked[0]?.controllerClass).to.equal(Controller);
  });

  it("fail as the method would", async () => {
    const { send } = withControllers(new Controller(), {
      argumentResolvers: [tenantResolver, localeResolver],
    });
    const fault = (await faultOf(() => send("/app/both", "hello"))) as Error;
    expect(fault).to.be.instanceOf(MessageHandlingError);
    expect(fault.message).to.equal("Controller.both failed: no locale");
  });

  it("are needed at start where nothing else is known of a parameter", () => {
    expect(() => withControllers(new Controller(), { argumentResolvers: [tenantResolver] })).to.throw(
      ConfigurationError,
      "Nothing is known of parameter 2 of Controller.both",
    );
  });
});

describe("returnValueHandlers", () => {
  class Invoice {
    constructor(readonly total: number) {}
  }

  class Billing {
    @MessageMapping("/bill")
    async bill() {
      return new Invoice(7);
    }

    @MessageMapping("/stream")
    async *stream() {
      yield new Invoice(8);
      yield "text";
    }

    @MessageMapping("/sent")
    @SendTo("/topic/bills")
    sent() {
      return new Invoice(9);
    }

    @SubscribeMapping("/bill")
    subscribed() {
      return new Invoice(10);
    }

    @MessageMapping("/nothing")
    nothing() {}
  }

  const handled: [unknown, MethodParameter, Message][] = [];
  const handler: HandlerMethodReturnValueHandler = {
    supportsReturnType: ({ type }) => type === Invoice,
    handleReturnValue: async (...args) => void handled.push(args),
  };
  beforeEach(() => handled.splice(0));

  it("take what methods return without an annotation, promises and streams unwrapped", async () => {
    const { send, toBroker } = withControllers(new Billing(), { returnValueHandlers: [handler] });
    await send("/app/bill");
    await send("/app/stream");
    await send("/app/nothing");
    await new Promise(setImmediate);
    expect(handled.map(([value]) => value)).to.deep.equal([new Invoice(7), new Invoice(8)]);
    const [, returnType, message] = handled[0] as (typeof handled)[0];
    expect(returnType).to.deep.equal({ controllerClass: Billing, method: "bill", index: -1, type: Invoice });
    expect(message.headers.destination).to.equal("/app/bill");
    expect(toBroker.map(bodyOf)).to.deep.equal(["text"]);
  });

  it("are not asked where @SendTo says where, or a subscriber waits", async () => {
    const { send, subscribe, toBroker, toClient } = withControllers(new Billing(), {
      returnValueHandlers: [handler],
    });
    await send("/app/sent");
    await subscribe("/app/bill");
    expect(handled).to.deep.equal([]);
    expect([...toBroker, ...toClient].map(bodyOf)).to.deep.equal(['{"total":9}', '{"total":10}']);
  });

  it("may take a whole stream", async () => {
    const streams: unknown[] = [];
    const whole: HandlerMethodReturnValueHandler = {
      supportsReturnType: ({ method }) => method === "stream",
      handleReturnValue: (value) => void streams.push(value),
    };
    const { send, toBroker } = withControllers(new Billing(), { returnValueHandlers: [whole] });
    await send("/app/stream");
    expect(streams[0]).to.have.property(Symbol.asyncIterator);
    expect(toBroker).to.deep.equal([]);
  });

  it("fail as the method would", async () => {
    const broken: HandlerMethodReturnValueHandler = {
      supportsReturnType: () => true,
      handleReturnValue: () => Promise.reject(new Error("no printer")),
    };
    const { send } = withControllers(new Billing(), { returnValueHandlers: [broken] });
    const fault = (await faultOf(() => send("/app/bill"))) as Error;
    expect(fault.message).to.equal("Billing.bill failed: no printer");
  });
});
