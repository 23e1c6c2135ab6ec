import { expect } from "chai";
import {
  ConfigurationError,
  ControllerAdvice,
  DestinationVariable,
  Exception,
  Message,
  MessageConversionError,
  MessageExceptionHandler,
  MessageHandlingError,
  MessageMapping,
  Payload,
  Principal,
  SendTo,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";
import { bodyOf, faultOf, withControllers } from "../support/controllers.js";

class StockError extends Error {}
class SoldOutError extends StockError {}
class Refusal {
  constructor(readonly reason: string) {}
}

const sent = (messages: readonly Message[]) =>
  messages.map((message) => [message.headers.destination, bodyOf(message)]);

/** Throws what it is asked for. */
class Shop {
  #fault(name: string): unknown {
    const faults: Record<string, unknown> = {
      stock: new StockError("no stock"),
      soldOut: new SoldOutError("sold out"),
      type: new TypeError("no type"),
      wrapped: new Error("outer", { cause: new SoldOutError("inner") }),
      twice: new Error("outer", { cause: new Error("middle", { cause: new SoldOutError("inner") }) }),
      refusal: new Refusal("not today"),
      text: "just text",
      nothing: undefined,
    };
    return faults[name];
  }

  @MessageMapping("/buy/{what}")
  buy(@DestinationVariable("what") what: string) {
    throw this.#fault(what);
  }

  @MessageMapping("/order/{what}")
  async order(@DestinationVariable("what") what: string) {
    throw this.#fault(what);
  }

  @MessageMapping("/read")
  read(@Payload() _order: Shop) {}

  @SubscribeMapping("/watch/{what}")
  watch(@DestinationVariable("what") what: string) {
    throw this.#fault(what);
  }
}

describe("@MessageExceptionHandler", () => {
  describe("in a controller", () => {
    class CarefulShop extends Shop {
      @MessageExceptionHandler()
      @SendTo("/topic/stock")
      stock(error: StockError) {
        return error.message;
      }

      @MessageExceptionHandler(SoldOutError, RangeError)
      @SendToUser("/queue/errors", { broadcast: false })
      async soldOut(error: Error) {
        return error.message;
      }

      @MessageExceptionHandler(MessageConversionError)
      unreadable(error: MessageConversionError) {
        return error.publicMessage;
      }

      @MessageExceptionHandler(Refusal)
      @SendTo("/topic/refused")
      refused(refusal: Refusal) {
        return refusal.reason;
      }
    }

    it("takes the closest type of what was thrown, and replies by the rules of return values", async () => {
      const { send, toBroker, errors } = withControllers(new CarefulShop());
      expect(await send("/app/buy/stock")).to.equal(true);
      expect(await send("/app/order/stock")).to.equal(true);
      expect(await send("/app/buy/soldOut", "", { user: { name: "jo" } })).to.equal(true);
      expect(sent(toBroker)).to.deep.equal([
        ["/topic/stock", "no stock"],
        ["/topic/stock", "no stock"],
        ["/user/jo/queue/errors", "sold out"],
      ]);
      expect(errors).to.deep.equal([]);
    });

    it("takes the direct cause where nobody takes the error, and no deeper one", async () => {
      const { send, toBroker, errors } = withControllers(new CarefulShop());
      await send("/app/buy/wrapped");
      expect(sent(toBroker)).to.deep.equal([["/user/s1/queue/errors", "inner"]]);

      await faultOf(() => send("/app/buy/twice"));
      expect(errors).to.have.length(1);
    });

    it("takes the faults of arguments too, with the default destination", async () => {
      const { send, toBroker } = withControllers(new CarefulShop());
      await send("/app/read", "{");
      expect(sent(toBroker)).to.deep.equal([["/topic/read", "The payload is no valid JSON"]]);
    });

    it("takes what is no Error, by its class", async () => {
      const { send, toBroker } = withControllers(new CarefulShop());
      await send("/app/buy/refusal");
      expect(sent(toBroker)).to.deep.equal([["/topic/refused", "not today"]]);
    });

    it("takes what a SUBSCRIBE threw, and replies where a return value goes", async () => {
      const { subscribe, toBroker, toClient } = withControllers(new CarefulShop());
      await subscribe("/app/watch/stock");
      expect(sent(toBroker)).to.deep.equal([["/topic/stock", "no stock"]]);
      expect(toClient).to.deep.equal([]);
    });

    it("leaves to log and event what no type fits", async () => {
      const { send, errors, log } = withControllers(new CarefulShop());
      for (const what of ["type", "text", "nothing"]) {
        expect(await faultOf(() => send(`/app/buy/${what}`))).to.be.instanceOf(MessageHandlingError);
      }
      expect(errors).to.have.length(3);
      expect(log.filter((line) => line.startsWith("error"))).to.have.length(3);
    });

    it("does not take what another controller throws", async () => {
      class Other {
        @MessageMapping("/other")
        other() {
          throw new StockError();
        }
      }
      const { send, errors } = withControllers([new CarefulShop(), new Other()]);
      await faultOf(() => send("/app/other"));
      expect(errors).to.have.length(1);
    });
  });

  describe("without types", () => {
    class Catching extends Shop {
      readonly caught: unknown[] = [];

      @MessageExceptionHandler()
      all(error: unknown) {
        this.caught.push(error);
      }

      @MessageExceptionHandler()
      soldOut(_error: SoldOutError) {
        this.caught.push("sold out");
      }
    }

    it("takes whatever nobody else takes, when its parameter is no error's class", async () => {
      const shop = new Catching();
      const { send, errors } = withControllers(shop);
      for (const what of ["text", "nothing", "soldOut", "wrapped", "refusal"]) await send(`/app/buy/${what}`);
      expect(shop.caught.slice(0, 4)).to.deep.equal(["just text", undefined, "sold out", "sold out"]);
      expect(shop.caught[4]).to.be.instanceOf(Refusal);
      expect(errors).to.deep.equal([]);
    });
  });

  it("has the arguments of the message at fault, and its variables", async () => {
    class Telling extends Shop {
      @MessageExceptionHandler(StockError)
      @SendTo("/topic/{what}")
      tell(
        @Payload() body: string,
        @DestinationVariable("what") what: string,
        @Principal() user: Principal,
        @Message() message: Message,
        @Exception() error: unknown,
      ) {
        return [body, what, user.name, message.headers.destination, (error as Error).message];
      }
    }
    const { send, toBroker } = withControllers(new Telling());
    await send("/app/buy/stock", "two", { user: { name: "jo" } });
    expect(sent(toBroker)).to.deep.equal([
      ["/topic/stock", '["two","stock","jo","/app/buy/stock","no stock"]'],
    ]);
  });

  it("is inherited, and replaced by an override that is decorated", async () => {
    class Base extends Shop {
      @MessageExceptionHandler(StockError)
      stock(_error: StockError): string {
        return "base";
      }
    }
    class Heir extends Base {
      @MessageExceptionHandler(TypeError)
      override stock(_error: Error) {
        return "heir";
      }
    }
    const { send, toBroker } = withControllers(new Heir());
    await send("/app/buy/type");
    expect(toBroker.map(bodyOf)).to.deep.equal(["heir"]);
    expect(await faultOf(() => send("/app/buy/stock"))).to.be.instanceOf(MessageHandlingError);
  });

  describe("that fails itself", () => {
    class Failing extends Shop {
      @MessageExceptionHandler(StockError)
      sync(_error: StockError) {
        throw new Error("second fault");
      }

      @MessageExceptionHandler(TypeError)
      async later(_error: TypeError) {
        throw new Error("second fault");
      }

      @MessageExceptionHandler(Refusal)
      @SendTo("/topic/{room}")
      lost() {
        return 1;
      }
    }

    for (const what of ["stock", "type", "refusal"]) {
      it(`is logged, and what it was to handle counts as unhandled: ${what}`, async () => {
        const { send, errors, log } = withControllers(new Failing());
        const fault = (await faultOf(() => send(`/app/buy/${what}`))) as Error;
        expect(fault.message).to.match(/^Failing.buy failed: /);
        expect(errors.map(({ error }) => error)).to.deep.equal([fault]);
        expect(log.filter((line) => line.startsWith("error"))).to.have.length(2);
      });
    }
  });

  const misuses: [what: string, controller: () => object, says: string][] = [
    [
      "twice for the same type",
      () => {
        class Twice extends Shop {
          @MessageExceptionHandler(StockError)
          one() {}

          @MessageExceptionHandler()
          two(_error: StockError) {}
        }
        return new Twice();
      },
      "Both Twice.one and Twice.two take StockError",
    ],
    [
      "twice for everything",
      () => {
        class Twice extends Shop {
          @MessageExceptionHandler()
          one() {}

          @MessageExceptionHandler()
          two() {}
        }
        return new Twice();
      },
      "Both Twice.one and Twice.two take whatever nobody else takes",
    ],
    [
      "whose parameter cannot hold what it takes",
      () => {
        class Narrow extends Shop {
          @MessageExceptionHandler(StockError, TypeError)
          narrow(_error: TypeError) {}
        }
        return new Narrow();
      },
      "Narrow.narrow takes StockError, and its parameter is a TypeError",
    ],
    [
      "above a method that is mapped",
      () => {
        class Mapped {
          @MessageMapping("/a")
          @MessageExceptionHandler()
          both() {}
        }
        return new Mapped();
      },
      "Mapped.both is mapped, and cannot handle exceptions too",
    ],
    [
      "with a parameter that nothing is known of",
      () => {
        class Unknown extends Shop {
          @MessageExceptionHandler(StockError)
          handle(_error: StockError, _body: string) {}
        }
        return new Unknown();
      },
      "Nothing is known of parameter 1 of Unknown.handle",
    ],
    [
      "of something that is no class",
      () => MessageExceptionHandler(undefined as never),
      "@MessageExceptionHandler takes classes of errors, not undefined (do its modules",
    ],
  ];
  for (const [what, controller, says] of misuses) {
    it(`fails at start ${what}`, () => {
      expect(() => withControllers(controller())).to.throw(ConfigurationError, says);
    });
  }

  it("alone knows errors: @Exception in a mapped method fails at start", () => {
    class Controller {
      @MessageMapping("/a")
      handle(@Exception() _error: unknown) {}
    }
    expect(() => withControllers(new Controller())).to.throw(
      ConfigurationError,
      "There is no error for parameter 0 of Controller.handle",
    );
  });
});

describe("@ControllerAdvice", () => {
  @ControllerAdvice()
  class StockAdvice {
    @MessageExceptionHandler(StockError)
    @SendTo("/topic/first")
    stock(error: StockError) {
      return error.message;
    }
  }

  @ControllerAdvice()
  class SecondAdvice {
    @MessageExceptionHandler(Error)
    @SendTo("/topic/second")
    any(error: Error) {
      return error.message;
    }
  }

  it("takes what controllers throw and do not take, in order", async () => {
    class Careful extends Shop {
      @MessageExceptionHandler(SoldOutError)
      @SendTo("/topic/local")
      soldOut(error: SoldOutError) {
        return error.message;
      }
    }
    const { send, toBroker } = withControllers([new StockAdvice(), new SecondAdvice(), new Careful()]);
    for (const what of ["soldOut", "stock", "type", "wrapped"]) await send(`/app/buy/${what}`);
    expect(sent(toBroker)).to.deep.equal([
      ["/topic/local", "sold out"],
      ["/topic/first", "no stock"],
      ["/topic/second", "no type"],
      ["/topic/local", "inner"],
    ]);
  });

  it("fails at start when it maps, or handles nothing", () => {
    @ControllerAdvice()
    class Mapping extends StockAdvice {
      @MessageMapping("/a")
      mapped() {}
    }
    @ControllerAdvice()
    class Empty {}

    expect(() => withControllers([new Shop(), new Mapping()])).to.throw(
      ConfigurationError,
      "Mapping.mapped is mapped, and an advice only handles exceptions",
    );
    expect(() => withControllers(new Empty())).to.throw(
      ConfigurationError,
      "Empty has no method with @MessageExceptionHandler",
    );
  });
});
