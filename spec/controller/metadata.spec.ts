import { expect } from "chai";
import {
  ConfigurationError,
  Header,
  MessageMapping,
  Payload,
  SendTo,
  SendToUser,
  SubscribeMapping,
} from "express-stomp";
import { bodyOf, faultOf, native, withControllers } from "../support/controllers.js";

@MessageMapping("/base")
@SendTo("/topic/base")
class BaseController {
  @MessageMapping("/kept")
  kept() {
    return "base kept";
  }

  @MessageMapping("/overridden")
  overridden(@Header("x") x: number): unknown {
    return x;
  }

  @MessageMapping("/moved")
  moved() {
    return "base moved";
  }
}

class PlainHeir extends BaseController {
  override overridden(x: number) {
    return [typeof x, x];
  }

  @MessageMapping("/elsewhere")
  override moved() {
    return "heir moved";
  }

  @MessageMapping("/added")
  added() {
    return "added";
  }
}

@MessageMapping("/heir")
@SendTo("/topic/heir")
class MovedHeir extends BaseController {}

describe("mappings of a class that extends another", () => {
  it("are inherited, with the class's own", async () => {
    const { send, toBroker } = withControllers(new PlainHeir());
    await send("/app/base/kept");
    await send("/app/base/added");
    expect(toBroker.map((message) => [message.headers.destination, bodyOf(message)])).to.deep.equal([
      ["/topic/base", "base kept"],
      ["/topic/base", "added"],
    ]);
  });

  it("call the override, with the arguments that were decorated above", async () => {
    const { send, toBroker } = withControllers(new PlainHeir());
    await send("/app/base/overridden", "", native({ x: "7" }));
    expect(toBroker.map(bodyOf)).to.deep.equal(['["number",7]']);
  });

  it("are replaced where the override has its own", async () => {
    const { send, toBroker } = withControllers(new PlainHeir());
    await send("/app/base/moved");
    await send("/app/base/elsewhere");
    expect(toBroker.map(bodyOf)).to.deep.equal(["heir moved"]);
  });

  it("move with the class's mapping, and leave the other class as it was", async () => {
    const { send, toBroker } = withControllers([new BaseController(), new MovedHeir()]);
    await send("/app/heir/kept");
    await send("/app/base/kept");
    await send("/app/base/added");
    expect(toBroker.map(({ headers }) => headers.destination)).to.deep.equal(["/topic/heir", "/topic/base"]);
  });

  it("send replies where the override says, and nowhere else", async () => {
    class Heir extends BaseController {
      @SendToUser("/queue/moved")
      override moved() {
        return "for one";
      }
    }
    const { send, toBroker } = withControllers(new Heir());
    await send("/app/base/moved", "", { user: { name: "jo" } });
    expect(toBroker.map(({ headers }) => headers.destination)).to.deep.equal(["/user/jo/queue/moved"]);
  });

  it("have no effect on a sibling of the same name", () => {
    class BaseControllerToo {
      kept() {}
    }
    expect(() => withControllers(new BaseControllerToo())).to.throw(ConfigurationError, "maps nothing");
  });
});

describe("decorated methods", () => {
  it("are called on their controller", async () => {
    class Counter {
      #count = 0;

      @MessageMapping("/count")
      @SubscribeMapping("/count")
      count() {
        return ++this.#count;
      }
    }
    const { send, subscribe, toBroker, toClient } = withControllers(new Counter());
    await send("/app/count");
    await subscribe("/app/count");
    expect([...toBroker, ...toClient].map(bodyOf)).to.deep.equal(["1", "2"]);
  });

  it("may be named by symbols", async () => {
    const key = Symbol("handle");
    class Controller {
      @MessageMapping("/a")
      [key]() {
        throw new Error("boom");
      }
    }
    const fault = (await faultOf(() => withControllers(new Controller()).send("/app/a"))) as Error;
    expect(fault.message).to.equal("Controller.Symbol(handle) failed: boom");
  });

  it("fail at start when nothing maps them", () => {
    class Controller {
      @MessageMapping("/a")
      mapped() {}

      @SendTo("/topic/a")
      forgotten() {}
    }
    expect(() => withControllers(new Controller())).to.throw(
      ConfigurationError,
      "Controller.forgotten is decorated and mapped to nothing",
    );
  });

  it("fail at start when they are methods no more", () => {
    class Controller {
      @MessageMapping("/a")
      handle() {}
    }
    const controller = Object.assign(new Controller(), { handle: 1 });
    expect(() => withControllers(controller)).to.throw(ConfigurationError, "Controller.handle is no method");
  });

  it("need no metadata of the compiler when decorators say all", async () => {
    class Controller {
      handle(...args: unknown[]) {
        return args;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Controller.prototype, "handle");
    MessageMapping("/a")(Controller.prototype, "handle", descriptor as TypedPropertyDescriptor<() => void>);
    Payload()(Controller.prototype, "handle", 0);
    Header("x")(Controller.prototype, "handle", 1);

    const { send, toBroker } = withControllers(new Controller());
    await send("/app/a", '{"b":1}', native({ x: "7" }));
    expect(toBroker.map(bodyOf)).to.deep.equal(['[{"b":1},"7"]']);
  });
});
