import { expect } from "chai";
import {
  ConfigurationError,
  DestinationVariable,
  MessageHandlingError,
  MessageMapping,
  type SimpMessageType,
  SubscribeMapping,
} from "express-stomp";
import { faultOf, Noting, withControllers } from "../support/controllers.js";

describe("Mappings", () => {
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

    for (const pattern of ["/a/b/**", "/a*/b/**", "/a/b*/**", "/{x:a+}/b/**"]) {
      it(`does not mind two methods that tie behind a better one: ${pattern}`, async () => {
        class BetterController extends Noting {
          @MessageMapping("/{x}/b/**")
          one() {
            this.called.push("one");
          }

          @MessageMapping("/a/{y}/**")
          other() {
            this.called.push("other");
          }

          @MessageMapping(pattern)
          better() {
            this.called.push("better");
          }
        }
        const controller = new BetterController();
        await withControllers(controller).send("/app/a/b/c");
        expect(controller.called).to.deep.equal(["better"]);
      });
    }

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
});
