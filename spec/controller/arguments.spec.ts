import { expect } from "chai";
import {
  ConfigurationError,
  DestinationVariable,
  Message,
  MessageHandlingError,
  MessageMapping,
  Payload,
  Principal,
  SubscribeMapping,
} from "express-stomp";
import { faultOf, Recording, withControllers } from "../support/controllers.js";

describe("a handler's arguments", () => {
  describe("a destination variable", () => {
    class RoomController extends Recording {
      @MessageMapping("/room/{room}/{page:\\d+}")
      page(@DestinationVariable("page") page: number, @DestinationVariable("room") room: string) {
        this.record(page, room);
      }

      @MessageMapping("/flag/{flag}")
      flag(@DestinationVariable("flag") flag: boolean) {
        this.record(flag);
      }
    }

    it("is text, or a number or boolean where the parameter is one", async () => {
      const controller = new RoomController();
      const { send } = withControllers(controller);
      await send("/app/room/a b/12");
      await send("/app/flag/yes");
      expect(controller.calls).to.deep.equal([[12, "a b"], [true]]);
    });

    it("is refused when it is neither", async () => {
      const fault = await faultOf(() => withControllers(new RoomController()).send("/app/flag/x"));
      const { publicMessage } = fault as MessageHandlingError;
      expect(publicMessage).to.equal("Destination variable 'flag' is neither true nor false");
    });

    it("must be in every pattern of the mapping", () => {
      class Controller {
        @MessageMapping("/a/{id}", "/b")
        handle(@DestinationVariable("id") _id: string) {}
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property("message", "Controller.handle wants {id}, which its mapping to /b does not have");
    });
  });

  describe("the user and the message", () => {
    class PersonController extends Recording {
      @MessageMapping("/typed")
      typed(message: Message, text: string, principal: Principal) {
        this.record(message, text, principal);
      }

      @MessageMapping("/decorated")
      decorated(@Principal() principal: unknown, @Message() message: unknown) {
        this.record(principal, message);
      }

      @SubscribeMapping("/subscribed")
      subscribed(principal: Principal) {
        this.record(principal);
      }
    }

    it("are known by their types", async () => {
      const controller = new PersonController();
      await withControllers(controller).send("/app/typed", "hello", { user: { name: "ann" } });

      const [message, text, principal] = controller.calls[0] as [Message, string, Principal];
      expect(message.headers.destination).to.equal("/app/typed");
      expect(Buffer.from(message.payload).toString()).to.equal("hello");
      expect(text).to.equal("hello");
      expect(principal.name).to.equal("ann");
    });

    it("are known by their decorators", async () => {
      const controller = new PersonController();
      await withControllers(controller).send("/app/decorated", "", { user: { name: "ann" } });
      expect(controller.calls[0]?.[0]).to.deep.equal({ name: "ann" });
      expect(controller.calls[0]?.[1]).to.have.nested.property("headers.destination", "/app/decorated");
    });

    it("leave the user out when there is none", async () => {
      const controller = new PersonController();
      await withControllers(controller).subscribe("/app/subscribed");
      expect(controller.calls).to.deep.equal([[undefined]]);
    });
  });

  describe("that nothing is known of", () => {
    it("fail at start, with what to do", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_payload: string, _other: string) {}
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property("message")
        .that.matches(/^Nothing is known of parameter 1 of Controller\.handle.*decorate it with @Header/);
    });

    it("fail beside a @Payload too", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_other: string, @Payload() _payload: string) {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "parameter 0 of Controller.handle",
      );
    });

    it("fail where SUBSCRIBE has no payload to give", () => {
      class Controller {
        @SubscribeMapping("/a")
        handle(_payload: string) {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "SUBSCRIBE has no payload for parameter 0 of Controller.handle",
      );
    });
  });
});
