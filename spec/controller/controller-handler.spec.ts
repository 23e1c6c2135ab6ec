import { expect } from "chai";
import {
  AccessDeniedError,
  ConfigurationError,
  MessageHandlingError,
  MessageMapping,
  Payload,
  SubscribeMapping,
} from "express-stomp";
import { faultOf, Noting, withControllers } from "../support/controllers.js";

describe("ControllerHandler", () => {
  describe("when it starts", () => {
    it("refuses the same mapping twice, variables' names aside, and names both methods", () => {
      class RoomController {
        @MessageMapping("/room/{id}")
        handle() {}
      }
      class OtherController {
        @MessageMapping("/x", "/room/{name}")
        handle() {}
      }
      expect(() => withControllers([new RoomController(), new OtherController()]))
        .to.throw(ConfigurationError)
        .with.property(
          "message",
          "MESSAGE /room/{name} is mapped twice: to RoomController.handle and to OtherController.handle",
        );
    });

    it("refuses two patterns with an equal right to a destination, and names both methods and it", () => {
      class StarController {
        @MessageMapping("/x/*/b")
        one() {}
      }
      class OtherController {
        @MessageMapping("/x/a/*")
        other() {}
      }
      class BothController {
        @MessageMapping("/x/a/b")
        both() {}
      }
      class ElsewhereController {
        @MessageMapping("/y/a/*")
        one() {}

        @SubscribeMapping("/x/a/*")
        other() {}
      }
      expect(() => withControllers([new StarController(), new OtherController()])).to.throw(
        ConfigurationError,
        "Ambiguous handler methods: StarController.one (/x/*/b) and OtherController.other (/x/a/*) " +
          "have an equal right to /x/a/b: map that too, or make one more specific",
      );
      for (const third of [new BothController(), new ElsewhereController()]) {
        const others = third instanceof BothController ? [new OtherController()] : [];
        expect(() => withControllers([new StarController(), ...others, third])).not.to.throw();
      }
    });

    it("lets one destination have a SEND, a SUBSCRIBE and patterns", () => {
      class Controller {
        @MessageMapping("/a", "/a")
        @SubscribeMapping("/a")
        both() {}

        @MessageMapping("/{a}")
        variable() {}

        @MessageMapping("/*")
        star() {}

        @MessageMapping("/{a:x+}")
        regex() {}

        @MessageMapping("/{a:y+}")
        otherRegex() {}
      }
      expect(() => withControllers(new Controller())).not.to.throw();
    });

    it("refuses a mapping without a destination", () => {
      class Controller {
        @SubscribeMapping()
        handle() {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "Controller.handle has no destination: name one in @SubscribeMapping or above the class",
      );
    });

    it("refuses a pattern that cannot be read", () => {
      class Controller {
        @MessageMapping("/room/{id")
        handle() {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "Controller.handle is mapped to /room/{id: ",
      );
    });

    it("refuses a placeholder of Spring's, which would be a variable", () => {
      class Controller {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: as somebody may write it who comes from Spring
        @MessageMapping("${app.room}/{id}")
        handle() {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "stands for nothing in a string, write it between backticks",
      );
    });

    it("refuses a controller that maps nothing", () => {
      class Controller {
        handle() {}
      }
      expect(() => withControllers(new Controller())).to.throw(ConfigurationError, "Controller maps nothing");
      expect(() => withControllers(Object.create(null))).to.throw(ConfigurationError, "maps nothing");
    });
  });

  describe("when it calls a method", () => {
    it("is done with it, when the method is synchronous, before send returns", () => {
      class Controller extends Noting {
        @MessageMapping("/now")
        now() {
          this.called.push("now");
        }
      }
      const controller = new Controller();
      expect(withControllers(controller).send("/app/now")).to.equal(true);
      expect(controller.called).to.deep.equal(["now"]);
    });

    it("is done with it when its promise is", async () => {
      let finish: () => void = () => {};
      class Controller extends Noting {
        @MessageMapping("/later")
        async later() {
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          this.called.push("later");
        }
      }
      const controller = new Controller();
      const sent = withControllers(controller).send("/app/later");
      expect(controller.called).to.deep.equal([]);
      finish();
      expect(await sent).to.equal(true);
      expect(controller.called).to.deep.equal(["later"]);
    });
  });

  describe("when a method fails", () => {
    let thrown: unknown;

    class FailingController {
      @MessageMapping("/now")
      now() {
        throw thrown;
      }

      @MessageMapping("/later")
      async later() {
        throw thrown;
      }

      @MessageMapping("/thenable")
      thenable() {
        // biome-ignore lint/suspicious/noThenProperty: what some libraries return in place of a promise
        return { then: (_: unknown, reject: (fault: unknown) => void) => reject(thrown) };
      }
    }

    const printedByNobody = {
      [Symbol.for("nodejs.util.inspect.custom")]() {
        throw new Error("do not look");
      },
      toString: () => "unprintable",
    };
    const faults: [string, unknown][] = [
      ["an error", new Error("boom")],
      ["a frozen error", Object.freeze(new Error("boom"))],
      ["null", null],
      ["undefined", undefined],
      ["text", "boom"],
      ["an object that throws when printed", printedByNobody],
    ];
    for (const [what, fault] of faults) {
      it(`logs, announces and throws a handling error: ${what}`, async () => {
        thrown = fault;
        const { send, errors, log } = withControllers(new FailingController());
        for (const method of ["now", "later", "thenable"]) {
          const error = await faultOf(() => send(`/app/${method}`));
          expect(error).to.be.instanceOf(MessageHandlingError);
          expect(error).to.have.property("cause", fault);
          expect(error).to.have.property("publicMessage", undefined);
          expect((error as Error).message).to.match(new RegExp(`^FailingController.${method} failed: `));

          expect(errors.at(-1)).to.have.property("error", error);
          expect(errors.at(-1)?.message.headers.destination).to.equal(`/app/${method}`);
          expect(log.at(-1)).to.include(
            `error FailingController.${method} failed on /app/${method} of session s1`,
          );
        }
        expect(errors).to.have.length(3);
        expect(log).to.have.length(3);
      });
    }

    it("passes on a handling error as it is", async () => {
      thrown = Object.freeze(new MessageHandlingError("no such room", { publicMessage: "No such room" }));
      const { send, errors } = withControllers(new FailingController());
      expect(await faultOf(() => send("/app/now"))).to.equal(thrown);
      expect(await faultOf(() => send("/app/later"))).to.equal(thrown);
      expect(errors.map(({ error }) => error)).to.deep.equal([thrown, thrown]);
    });

    it("keeps the public text of other errors, and no other text", async () => {
      thrown = new AccessDeniedError("Members only");
      const { send } = withControllers(new FailingController());
      const error = (await faultOf(() => send("/app/now"))) as MessageHandlingError;
      expect(error).to.be.instanceOf(MessageHandlingError);
      expect(error.publicMessage).to.equal("Members only");
      expect(error.cause).to.equal(thrown);
    });

    it("writes what the client chose in one line of the log", async () => {
      thrown = new Error("boom");
      const { send, log } = withControllers(new FailingController(), { prefixes: ["/app"] });
      await faultOf(() => send("/app/now", "", { sessionId: "s\n1" }));
      expect(log[0]).to.include("of session s\\u000a1");
    });

    it("goes on with the next message", async () => {
      thrown = new Error("boom");
      const { send, errors } = withControllers(new FailingController());
      await faultOf(() => send("/app/now"));
      await faultOf(() => send("/app/now"));
      expect(errors).to.have.length(2);
    });
  });

  describe("when the client's message is at fault", () => {
    it("warns without what the client wrote", async () => {
      class Controller {
        @MessageMapping("/a")
        handle(@Payload() _payload: { a: number }) {}
      }
      const { send, errors, log } = withControllers(new Controller());
      await faultOf(() => send("/app/a", "{\n2026-01-01 ERROR forged"));
      expect(log).to.deep.equal([
        "warn Controller.handle failed on /app/a of session s1: The payload is no valid JSON",
      ]);
      expect(errors).to.have.length(1);
    });
  });
});
