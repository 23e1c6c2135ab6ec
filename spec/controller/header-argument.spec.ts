import { expect } from "chai";
import {
  ConfigurationError,
  Header,
  Headers,
  MessageHandlingError,
  type MessageHeaders,
  MessageMapping,
  NativeHeaders,
  Principal,
} from "express-stomp";
import { faultOf, native, Recording, withControllers } from "../support/controllers.js";

describe("a handler's arguments", () => {
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
});
