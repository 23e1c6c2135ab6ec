import { expect } from "chai";
import type { Principal as TypeOnly } from "express-stomp";
import {
  ConfigurationError,
  DestinationVariable,
  Message,
  MessageExceptionHandler,
  MessageHandlingError,
  MessageMapping,
  Payload,
  Principal,
  SubscribeMapping,
} from "express-stomp";
import { faultOf, Recording, withControllers } from "../support/controllers.js";

class Note {
  text = "";
}

interface Member extends Principal {
  readonly roles: readonly string[];
}

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

  describe("without a decorator", () => {
    class UndecoratedController extends Recording {
      @MessageMapping("/class")
      class(message: Note) {
        this.record(message);
      }

      @MessageMapping("/text")
      text(text: string) {
        this.record(text);
      }

      @MessageMapping("/number")
      number(number: number) {
        this.record(number);
      }

      @MessageMapping("/list")
      list(list: string[]) {
        this.record(list);
      }

      @MessageMapping("/second")
      second(user: Principal, bytes: Uint8Array) {
        this.record(user.name, bytes.length);
      }
    }

    it("are the payload where their class says that they can be", async () => {
      const controller = new UndecoratedController();
      const { send } = withControllers(controller);
      const user = { name: "ann" };
      await send("/app/class", '{"text":"a"}');
      await send("/app/text", "a");
      await send("/app/number", "1");
      await send("/app/list", '["a"]');
      await send("/app/second", "abc", { user });
      expect(controller.calls).to.deep.equal([[{ text: "a" }], ["a"], [1], [["a"]], ["ann", 3]]);
    });

    const unknown: [what: string, controller: () => object][] = [
      [
        "a union",
        () => {
          class Controller {
            @MessageMapping("/a")
            handle(_user: Principal | undefined) {}
          }
          return new Controller();
        },
      ],
      [
        "an interface",
        () => {
          class Controller {
            @MessageMapping("/a")
            handle(_user: Member) {}
          }
          return new Controller();
        },
      ],
      [
        "what is imported as a type only",
        () => {
          class Controller {
            @MessageMapping("/a")
            handle(_user: TypeOnly) {}
          }
          return new Controller();
        },
      ],
      [
        "unknown",
        () => {
          class Controller {
            @MessageMapping("/a")
            handle(_user: unknown) {}
          }
          return new Controller();
        },
      ],
      [
        "an interface, behind the payload",
        () => {
          class Controller {
            @MessageMapping("/a")
            handle(_user: Member, @Payload() _text: string) {}
          }
          return new Controller();
        },
      ],
      [
        "an interface, before a parameter that can be the payload",
        () => {
          class Controller {
            @MessageMapping("/a")
            handle(_user: Member, _text: string) {}
          }
          return new Controller();
        },
      ],
      [
        "an interface, of a SUBSCRIBE",
        () => {
          class Controller {
            @SubscribeMapping("/a")
            handle(_user: Member) {}
          }
          return new Controller();
        },
      ],
    ];
    for (const [what, controller] of unknown) {
      it(`fail at start where nothing is known of them: ${what}`, () => {
        expect(() => withControllers(controller()))
          .to.throw(ConfigurationError)
          .with.property("message")
          .that.matches(
            /^Nothing is known at run time of parameter 0 of Controller\.handle \(_user\): the compiler notes no class for an interface.*import type.*Write before it what it is: (@Payload\(\), )?@Principal\(\)/,
          );
      });
    }

    it("fail at start with a tool that notes no types, and the error names such", () => {
      class Controller {
        handle(_user: Principal) {}
      }
      const descriptor = Object.getOwnPropertyDescriptor(Controller.prototype, "handle");
      MessageMapping("/a")(Controller.prototype, "handle", descriptor as TypedPropertyDescriptor<() => void>);
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property("message")
        .that.matches(
          /parameter 0 of Controller\.handle \(_user\): no types were noted.*tsx, esbuild and Vite before 8.*tsc, swc and Vite from 8/,
        );
    });

    it("fail at start where no payload can be what they are", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_callback: () => void) {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "Nothing is known at run time of parameter 0 of Controller.handle (_callback)",
      );
    });

    it("are the error in an exception handler, whatever is known of them", async () => {
      class Controller extends Recording {
        @MessageMapping("/a")
        handle() {
          throw new RangeError("no");
        }

        @MessageExceptionHandler()
        failed(error: unknown) {
          this.record((error as Error).message);
        }
      }
      const controller = new Controller();
      await withControllers(controller).send("/app/a", '{"message":"forged"}');
      expect(controller.calls).to.deep.equal([["no"]]);
    });

    it("fail at start behind another that is the payload", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_payload: string, _other: string) {}
      }
      expect(() => withControllers(new Controller()))
        .to.throw(ConfigurationError)
        .with.property("message")
        .that.matches(/^Nothing is known of parameter 1 of Controller\.handle.*decorate it with @Header/);
    });

    it("fail at start beside a @Payload too", () => {
      class Controller {
        @MessageMapping("/a")
        handle(_other: string, @Payload() _payload: string) {}
      }
      expect(() => withControllers(new Controller())).to.throw(
        ConfigurationError,
        "parameter 0 of Controller.handle",
      );
    });

    it("fail at start where SUBSCRIBE has no payload to give", () => {
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

  it("fail at start where @Payload stands before what is no client's", () => {
    class Controller {
      @MessageMapping("/a")
      handle(@Payload() _user: Principal) {}
    }
    expect(() => withControllers(new Controller())).to.throw(
      ConfigurationError,
      "@Payload gives parameter 0 of Controller.handle what a client wrote, and its type says that it is ours",
    );
  });

  it("fail at start where @Principal or @Message stands before what is neither", () => {
    class Names {
      @MessageMapping("/a")
      // @ts-expect-error the user is no text
      handle(@Principal() _user: string) {}
    }
    class Bodies {
      @MessageMapping("/a")
      // @ts-expect-error the message is not its payload
      handle(@Message() _body: Uint8Array) {}
    }
    expect(() => withControllers(new Names())).to.throw(
      ConfigurationError,
      "@Principal gives the user: parameter 0 of Names.handle cannot be String. For the name take user: Principal",
    );
    expect(() => withControllers(new Bodies())).to.throw(
      ConfigurationError,
      "@Message gives the message as it came: parameter 0 of Bodies.handle cannot be Uint8Array",
    );
  });

  it("may be a user of the application's own class", async () => {
    class Member {
      declare readonly name: string;
    }
    class Members extends Recording {
      @MessageMapping("/a")
      handle(@Principal() member: Member) {
        this.record(member.name);
      }
    }
    const controller = new Members();
    await withControllers(controller).send("/app/a", "", { user: { name: "ann" } });
    expect(controller.calls).to.deep.equal([["ann"]]);
  });
});
