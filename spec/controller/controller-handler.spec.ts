import { expect } from "chai";
import {
  AccessDeniedError,
  ConfigurationError,
  DestinationVariable,
  MessageHandlingError,
  MessageMapping,
  type SimpMessageType,
  SubscribeMapping,
} from "express-stomp";
import { faultOf, withControllers } from "../support/controllers.js";

/** A controller whose methods note their name. */
abstract class Noting {
  readonly called: string[] = [];
}

describe("ControllerHandler", () => {
  describe("when it looks for a method", () => {
    @MessageMapping("/c", "d")
    class ClassController extends Noting {
      @MessageMapping("/a", "b")
      several() {
        this.called.push("several");
      }

      @MessageMapping()
      root() {
        this.called.push("root");
      }

      @SubscribeMapping("/a")
      subscribed() {
        this.called.push("subscribed");
      }
    }

    it("joins the class's patterns with the method's, slashes added", async () => {
      const controller = new ClassController();
      const { send } = withControllers(controller);
      for (const path of ["/c/a", "/c/b", "/d/a", "/d/b", "/c", "/d", "/a", "/c/a/", "/C/a", "/c/x"]) {
        await send(`/app${path}`);
      }
      expect(controller.called).to.deep.equal(["several", "several", "several", "several", "root", "root"]);
    });

    it("keeps SEND and SUBSCRIBE apart, and ignores all else", async () => {
      const controller = new ClassController();
      const { subscribe, sendMessage } = withControllers(controller);
      await subscribe("/app/c/a");
      const others: SimpMessageType[] = ["CONNECT", "CONNECT_ACK", "UNSUBSCRIBE", "DISCONNECT", "OTHER"];
      for (const messageType of others) await sendMessage("", { messageType, destination: "/app/c/a" });
      await sendMessage("", {});
      expect(controller.called).to.deep.equal(["subscribed"]);
    });

    it("looks under the prefixes only, the first that fits", async () => {
      const controller = new ClassController();
      const { send } = withControllers(controller, { prefixes: ["/app", "/pub/", "/app/c"] });
      await send("/pub/c");
      await send("/app/c/a");
      for (const other of ["/c", "/application/c", "/app", "/pub", "app/c", "/app/c/c", "x/app/c", ""]) {
        await send(other);
      }
      expect(controller.called).to.deep.equal(["root", "several"]);
    });

    it("looks for every destination when there are no prefixes", async () => {
      const controller = new ClassController();
      const { send } = withControllers(controller, { prefixes: [] });
      await send("/c/a");
      await send("/app/c/a");
      expect(controller.called).to.deep.equal(["several"]);
    });

    it("notes in the log that nobody handles a message, and answers nothing", () => {
      const { send, log, toBroker } = withControllers(new ClassController());
      expect(send("/app/none\n")).to.equal(true);
      expect(log).to.deep.equal(["debug no controller handles MESSAGE /app/none\\u000a"]);
      expect(toBroker).to.deep.equal([]);
    });

    it("does not take a client's destination for a pattern", async () => {
      const controller = new ClassController();
      const { send } = withControllers(controller);
      for (const path of ["/app/*/a", "/app/**", "/app/{x}/a", "/app/__proto__", "/app/constructor"]) {
        await send(path);
      }
      expect(controller.called).to.deep.equal([]);
    });
  });

  describe("when dots separate", () => {
    @MessageMapping("price")
    class PriceController extends Noting {
      @MessageMapping("{ticker}.{at}")
      price(@DestinationVariable("ticker") ticker: string, @DestinationVariable("at") at: string) {
        this.called.push(`${ticker} ${at}`);
        return "1";
      }

      @MessageMapping("a.**")
      everything() {
        this.called.push("everything");
      }

      @SubscribeMapping()
      root() {
        this.called.push("root");
      }
    }

    it("reads what is behind the prefix, which keeps its slash", async () => {
      const controller = new PriceController();
      const { send, subscribe, toBroker } = withControllers(controller, { separator: "." });
      await send("/app/price.b.1/2");
      await send("/app/price.a");
      await send("/app/price.a.1.2");
      await subscribe("/app/price");
      for (const other of ["/app.price.b.1", "/app//price.b.1", "/app/price/b/1", "/app/price.b", "/app/"]) {
        await send(other);
      }
      expect(controller.called).to.deep.equal(["b 1/2", "everything", "everything", "root"]);
      expect(toBroker.map(({ headers }) => headers.destination)).to.deep.equal(["/topic/price.b.1/2"]);
    });

    it("reads whole destinations when there are no prefixes", async () => {
      class WholeController extends Noting {
        @MessageMapping("/app/price.{ticker}")
        price(@DestinationVariable("ticker") ticker: string) {
          this.called.push(ticker);
        }
      }
      const controller = new WholeController();
      const { send } = withControllers(controller, { separator: ".", prefixes: [] });
      await send("/app/price.b");
      await send("/price.b");
      expect(controller.called).to.deep.equal(["b"]);
    });

    it("knows which mappings are the same, and which only look so", () => {
      class DottedController {
        @MessageMapping("{a}.x/y")
        one() {}

        @MessageMapping("{b}.x.y")
        other() {}
      }
      class TwiceController extends DottedController {
        @MessageMapping("{c}.x.y")
        again() {}
      }
      expect(() => withControllers(new DottedController(), { separator: "." })).not.to.throw();
      expect(() => withControllers(new TwiceController(), { separator: "." })).to.throw(
        ConfigurationError,
        "mapped twice",
      );
    });

    it("fails for a leading slash, of a class or a method, that no destination has", () => {
      class SlashController {
        @MessageMapping("/price.{id}")
        price() {}
      }
      @MessageMapping("/price")
      class SlashedController {
        @SubscribeMapping("{id}")
        price() {}
      }
      @MessageMapping("price")
      class BehindController {
        @MessageMapping("/{id}")
        price() {}
      }
      for (const [controller, name] of [
        [SlashController, "SlashController.price is mapped to /price.{id}"],
        [SlashedController, "SlashedController.price is mapped to /price.{id}"],
        [BehindController, "BehindController.price is mapped to price./{id}"],
      ] as const) {
        expect(() => withControllers(new controller(), { separator: "." })).to.throw(
          ConfigurationError,
          `${name}, which nobody sends to: where dots separate, leave its leading slash out`,
        );
      }
      expect(() => withControllers(new SlashController(), { separator: ".", prefixes: [] })).not.to.throw();
    });

    it("fails for a dot inside braces, and names the method", () => {
      class BraceController {
        @MessageMapping("{version:\\d+.\\d+}")
        version() {}
      }
      expect(() => withControllers(new BraceController(), { separator: "." })).to.throw(
        ConfigurationError,
        "BraceController.version is mapped to {version:\\d+.\\d+}: The braces",
      );
    });
  });

  describe("when several patterns fit", () => {
    class PatternController extends Noting {
      @MessageMapping("/**")
      everything() {
        this.called.push("everything");
      }

      @MessageMapping("/room/{id}")
      room(@DestinationVariable("id") id: string) {
        this.called.push(`room ${id}`);
      }

      @MessageMapping("/room/*")
      star() {
        this.called.push("star");
      }

      @MessageMapping("/room/lobby")
      lobby() {
        this.called.push("lobby");
      }

      @MessageMapping("/x/*/b", "/x/a/*")
      twice() {
        this.called.push("twice");
      }
    }

    it("takes the exact one, then the more specific", async () => {
      const controller = new PatternController();
      const { send } = withControllers(controller);
      for (const path of ["/room/lobby", "/room/r1", "/room/a/b", "/none"]) await send(`/app${path}`);
      expect(controller.called).to.deep.equal(["lobby", "room r1", "everything", "everything"]);
    });

    it("does not mind two patterns of one method that tie", async () => {
      const controller = new PatternController();
      await withControllers(controller).send("/app/x/a/b");
      expect(controller.called).to.deep.equal(["twice"]);
    });

    it("fails, naming both methods, when two tie that only a message can tell of", async () => {
      class TieController {
        @MessageMapping("/x/{number:\\d+}")
        one() {}

        @MessageMapping("/x/{text:\\w+}")
        other() {}
      }
      const { send, errors } = withControllers(new TieController());
      expect(send("/app/x/a")).to.equal(true);

      const fault = (await faultOf(() => send("/app/x/7"))) as MessageHandlingError;
      expect(fault).to.be.instanceOf(MessageHandlingError);
      expect(fault.message).to.match(/^Ambiguous handler methods: /);
      expect(fault.message).to.include("TieController.one (/x/{number:\\d+})");
      expect(fault.message).to.include("TieController.other (/x/{text:\\w+})");
      expect(fault.publicMessage).to.equal(undefined);
      expect(errors).to.have.length(1);
    });
  });

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
        handle(_payload: { a: number }) {}
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
