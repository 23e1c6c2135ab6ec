import { expect } from "chai";
import {
  ConfigurationError,
  type Message,
  MessageHandlingError,
  MessageMapping,
  SendTo,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";
import { destinationsOf, faultOf, withControllers } from "../support/controllers.js";

describe("@SendToUser", () => {
  @MessageMapping("/u")
  class UserController {
    @MessageMapping("/all")
    @SendToUser()
    all() {
      return 1;
    }

    @MessageMapping("/one/{id}")
    @SendToUser("/queue/{id}", "direct", { broadcast: false })
    one() {
      return 2;
    }

    @MessageMapping("/both")
    @SendTo("/topic/both")
    @SendToUser("/queue/both")
    both() {
      return 3;
    }

    @SubscribeMapping("/subscribed")
    @SendToUser("/queue/subscribed")
    subscribed() {
      return 4;
    }
  }

  const addressed = (messages: readonly Message[]) =>
    messages.map(({ headers }) => [headers.destination, headers.privateTo]);

  it("goes to every session of the user, by default at /queue and the destination", async () => {
    const { send, toBroker } = withControllers(new UserController());
    await send("/app/u/all", "", { user: { name: "jo" } });
    expect(addressed(toBroker)).to.deep.equal([["/user/jo/queue/u/all", undefined]]);
  });

  it("goes to the session alone without broadcast, wherever the variables say", async () => {
    const { send, toBroker } = withControllers(new UserController());
    await send("/app/u/one/7", "", { user: { name: "jo" } });
    expect(addressed(toBroker)).to.deep.equal([
      ["/user/jo/queue/7", "s1"],
      ["/user/jo/direct", "s1"],
    ]);
  });

  it("goes to the session of one who has no user", async () => {
    const { send, toBroker } = withControllers(new UserController());
    await send("/app/u/all");
    expect(addressed(toBroker)).to.deep.equal([["/user/s1/queue/u/all", "s1"]]);
  });

  it("goes to a user of any name, and to nobody else", async () => {
    const { send, toBroker } = withControllers(new UserController());
    await send("/app/u/all", "", { user: { name: "a/b%2F" } });
    expect(addressed(toBroker)).to.deep.equal([["/user/a%2Fb%252F/queue/u/all", undefined]]);
  });

  it("goes to the user first with @SendTo too", async () => {
    const { send, toBroker } = withControllers(new UserController());
    await send("/app/u/both", "", { user: { name: "jo" } });
    expect(destinationsOf(toBroker)).to.deep.equal(["/user/jo/queue/both", "/topic/both"]);
  });

  it("of a SUBSCRIBE goes through the broker", async () => {
    const { subscribe, toBroker, toClient } = withControllers(new UserController());
    await subscribe("/app/u/subscribed", { user: { name: "jo" } });
    expect(destinationsOf(toBroker)).to.deep.equal(["/user/jo/queue/subscribed"]);
    expect(toClient).to.deep.equal([]);
  });

  it("is a handled error when the message has neither user nor session", async () => {
    const { send, toBroker } = withControllers(new UserController());
    const fault = await faultOf(() => send("/app/u/all", "", { sessionId: undefined }));
    expect(fault).to.be.instanceOf(MessageHandlingError);
    expect((fault as Error).message).to.equal("/u/all came from no user and no session");
    expect(toBroker).to.deep.equal([]);
  });

  it("takes destinations from above the class, and who is meant from the method", async () => {
    @SendToUser("/queue/class")
    class ClassController {
      @MessageMapping("/inherits")
      inherits() {
        return 1;
      }

      @MessageMapping("/private")
      @SendToUser({ broadcast: false })
      private() {
        return 2;
      }

      @MessageMapping("/overrides")
      @SendToUser("/queue/method")
      overrides() {
        return 3;
      }
    }
    const { send, toBroker } = withControllers(new ClassController());
    for (const what of ["inherits", "private", "overrides"]) {
      await send(`/app/${what}`, "", { user: { name: "jo" } });
    }
    expect(addressed(toBroker)).to.deep.equal([
      ["/user/jo/queue/class", undefined],
      ["/user/jo/queue/class", "s1"],
      ["/user/jo/queue/method", undefined],
    ]);
  });

  it("fails at start with options it does not have", () => {
    const says = "@SendToUser has the one option broadcast, true or false";
    expect(() => SendToUser({ broadcast: 1 } as never)).to.throw(ConfigurationError, says);
    expect(() => SendToUser("/queue/a", { private: true } as never)).to.throw(ConfigurationError, says);
  });
});
