import { expect } from "chai";
import {
  AccessDeniedError,
  Authorize,
  access,
  authenticated,
  ConfigurationError,
  Controller,
  ControllerAdvice,
  hasAnyRole,
  hasRole,
  Message,
  MessageExceptionHandler,
  MessageMapping,
  type MessagingEvents,
  messageSecurity,
  Payload,
  type Principal,
  permitAll,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
} from "express-stomp";
import { z } from "zod";
import { annotatedMethods } from "#lib/controller/metadata.js";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";

const parsed: unknown[] = [];
const Watched = z.string().transform((value) => {
  parsed.push(value);
  return value;
});

@Controller()
@Authorize(authenticated())
class News {
  @MessageMapping("/news/{section}")
  @Authorize(hasRole("EDITOR"))
  @SendTo("/topic/news")
  publish(@Payload(Watched) text: string) {
    return text;
  }

  @MessageMapping("/own/{name}")
  @Authorize(async (user, _message, variables) => user?.name === variables.get("name"))
  @SendTo("/topic/news")
  own(@Payload() text: string) {
    return text;
  }

  @MessageMapping("/letters")
  @SendTo("/topic/news")
  letter(@Payload() text: string) {
    return text;
  }

  @SubscribeMapping("/headlines")
  @Authorize(permitAll())
  headlines() {
    return "headlines";
  }

  @SubscribeMapping("/drafts")
  @Authorize(hasAnyRole("EDITOR", "BOSS"))
  drafts() {
    return "drafts";
  }
}

class Special extends News {
  override letter(text: string) {
    return `special ${text}`;
  }
}

const users = new Map<string, Principal & { roles: string[] }>([
  ["ed", { name: "ed", roles: ["EDITOR"] }],
  ["rod", { name: "rod", roles: [] }],
]);

describe("@Authorize", () => {
  let server: TestServer;
  let denials: MessagingEvents["accessDenied"][];
  const clients: RawClient[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}): Promise<void> {
    parsed.length = 0;
    server = await startServer({
      endpoints: [{ path: "/ws", user: (req) => users.get(req.get("x-user") ?? "") }],
      controllers: [News],
      ...options,
    });
    denials = [];
    server.messaging.on("accessDenied", (event) => void denials.push(event));
  }

  async function connect(user?: string): Promise<RawClient> {
    const headers = user === undefined ? {} : { "x-user": user };
    const client = await RawClient.connect(server.port, "", "/ws", { headers });
    clients.push(client);
    client.send(
      "SUBSCRIBE\nid:1\ndestination:/topic/news\n\n^@SUBSCRIBE\nid:2\ndestination:/user/queue/errors\n\n^@",
    );
    await client.synchronize();
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server.close();
  });

  const calls: [who: string | undefined, frame: string, answer: string][] = [
    ["ed", "SEND\ndestination:/app/news/sport\n\ngoal^@", "\n\ngoal^@"],
    ["rod", "SEND\ndestination:/app/news/sport\n\ngoal^@", "Access denied\\c SEND /app/news/sport"],
    [undefined, "SEND\ndestination:/app/news/sport\n\ngoal^@", "Access denied\\c SEND /app/news/sport"],
    ["rod", "SEND\ndestination:/app/own/rod\n\nmine^@", "\n\nmine^@"],
    ["rod", "SEND\ndestination:/app/own/ed\n\nhis^@", "Access denied\\c SEND /app/own/ed"],
    ["rod", "SEND\ndestination:/app/letters\n\ndear^@", "\n\ndear^@"],
    [undefined, "SEND\ndestination:/app/letters\n\ndear^@", "Access denied\\c SEND /app/letters"],
    [undefined, "SUBSCRIBE\nid:3\ndestination:/app/headlines\n\n^@", "\n\nheadlines^@"],
    ["ed", "SUBSCRIBE\nid:3\ndestination:/app/drafts\n\n^@", "\n\ndrafts^@"],
    ["rod", "SUBSCRIBE\nid:3\ndestination:/app/drafts\n\n^@", "Access denied\\c SUBSCRIBE /app/drafts"],
  ];
  for (const [who, frame, answer] of calls) {
    it(`answers ${frame.split("\n", 2).join(" ")} of ${who ?? "a stranger"} with ${JSON.stringify(answer)}`, async () => {
      await start();
      const client = await connect(who);
      client.send(frame);
      const frames = await client.frame();
      expect(frames).to.include(answer);
      if (!answer.startsWith("Access")) return;

      expect(frames).to.match(/^ERROR\n/);
      expect(await client.closed()).to.equal(1002);
      expect(denials).to.have.length(1);
      expect(server.log.filter((line) => /^(error|warn)/.test(line))).to.deep.equal([]);
    });
  }

  it("is asked before arguments are looked at", async () => {
    await start();
    const rod = await connect("rod");
    rod.send("SEND\ndestination:/app/news/sport\ncontent-type:application/json\n\n{not JSON^@");
    expect(await rod.frame()).to.include("message:Access denied");
    expect(parsed).to.deep.equal([]);
    expect(denials.map(({ rule, user }) => [rule, user?.name])).to.deep.equal([
      ['@Authorize(hasRole("EDITOR"))', "rod"],
    ]);
  });

  it("holds for the methods that a class inherits or overrides", async () => {
    await start({ controllers: [new Special()] });
    const stranger = await connect();
    stranger.send("SEND\ndestination:/app/letters\n\ndear^@");
    expect(await stranger.frame()).to.include("message:Access denied");
  });

  it("lets an exception handler take the denial, and the session lives", async () => {
    @ControllerAdvice()
    class Advice {
      @MessageExceptionHandler()
      @SendToUser("/queue/errors", { broadcast: false })
      denied(error: AccessDeniedError) {
        return `sorry: ${error.message}`;
      }
    }
    await start({ controllers: [News, Advice] });
    const rod = await connect("rod");
    rod.send("SEND\ndestination:/app/news/sport\n\ngoal^@");
    expect(await rod.frame()).to.include("sorry: Access denied: SEND /app/news/sport");
    expect(await rod.synchronize()).to.deep.equal([]);
    expect(denials).to.have.length(1);
  });

  it("costs what the option onDenied says, and asks its authoritiesOf", async () => {
    const security = messageSecurity((messages) => messages.anyMessage().permitAll(), {
      onDenied: "message",
      authoritiesOf: ({ name }) => (name === "rod" ? ["ROLE_EDITOR"] : []),
    });
    await start({ security });
    const [ed, rod] = [await connect("ed"), await connect("rod")];

    ed.send("SEND\ndestination:/app/news/sport\n\ngoal^@");
    expect(await ed.frame()).to.include('{"destination":"/app/news/sport"');
    rod.send("SEND\ndestination:/app/news/sport\n\ngoal^@");
    expect(await rod.frame()).to.include("\n\ngoal^@");
    ed.send("SEND\ndestination:/app/news/sport\nreceipt:r\n\ngoal^@");
    expect(await ed.frame()).to.include("\n\ngoal^@");
    expect(await ed.frame()).to.match(/^ERROR\nmessage:Access denied.*\nreceipt-id:r\n/);
  });

  it("tells the text of an AccessDeniedError, and of a function that fails nothing", async () => {
    @Controller()
    class Failing {
      @MessageMapping("/reason")
      @Authorize(() => {
        throw new AccessDeniedError("Not before noon");
      })
      reason() {}

      @MessageMapping("/fault")
      @Authorize(access(async () => Promise.reject(new Error("secret"))))
      fault() {}

      @MessageMapping("/own")
      own() {
        throw new AccessDeniedError("Not you");
      }
    }
    await start({ controllers: [Failing] });
    for (const [destination, text] of [
      ["/app/reason", "Not before noon"],
      ["/app/fault", "Access denied\\c SEND /app/fault"],
    ]) {
      const client = await connect("rod");
      client.send(`SEND\ndestination:${destination}\n\n^@`);
      expect(await client.frame()).to.equal(`ERROR\nmessage:${text}\nretry:never\ncontent-length:0\n\n^@`);
    }
    expect(server.log.filter((line) => line.startsWith("error"))).to.deep.equal([
      "error @Authorize(access(…)) could not decide, and so denied Error: secret",
    ]);

    // What a method itself throws costs the message only, as ever.
    const client = await connect("rod");
    client.send("SEND\ndestination:/app/own\n\n^@");
    expect(await client.synchronize()).to.deep.equal([]);
  });

  it("is bound by handlerTimeout", async () => {
    @Controller()
    class Waiting {
      @MessageMapping("/wait")
      @Authorize(() => new Promise<boolean>(() => {}))
      wait() {
        parsed.push("called");
      }
    }
    await start({ controllers: [Waiting], handlerTimeout: 1 });
    const rod = await connect("rod");
    rod.send("SEND\ndestination:/app/wait\nreceipt:r\n\n^@");
    expect(await rod.frame()).to.match(/^ERROR\n(?:.*\n)*receipt-id:r\n/);
    expect(parsed).to.deep.equal([]);
  });

  it("does not call what it lets pass too late", async () => {
    let pass = (_allowed: boolean) => {};
    @Controller()
    class Waiting {
      @MessageMapping("/wait")
      @Authorize(() => new Promise<boolean>((resolve) => (pass = resolve)))
      wait() {
        parsed.push("called");
      }
    }
    await start({ controllers: [Waiting], handlerTimeout: 1 });
    const rod = await connect("rod");
    rod.send("SEND\ndestination:/app/wait\nreceipt:r\n\n^@");
    expect(await rod.frame()).to.match(/^ERROR\n(?:.*\n)*receipt-id:r\n/);

    pass(true);

    await settled();
    expect(parsed).to.deep.equal([]);
  });

  describe("when it makes no sense", () => {
    beforeEach(() => start());

    it("does not start with anything but an authorization or a function", () => {
      for (const given of ["ROLE_A", undefined, {}, null, ["A"]]) {
        expect(() => Authorize(given as never)).to.throw(ConfigurationError, /@Authorize takes hasRole/);
      }
    });

    it("does not stand twice", () => {
      expect(() => {
        class Twice {
          @Authorize(permitAll())
          @Authorize(permitAll())
          @MessageMapping("/a")
          a() {}
        }
        return Twice;
      }).to.throw(ConfigurationError, "@Authorize stands twice on a method of Twice: one function");
    });

    it("does not stand on what handles exceptions", async () => {
      class Handling {
        @MessageMapping("/a")
        a() {}

        @MessageExceptionHandler()
        @Authorize(permitAll())
        handle(_error: Error, @Message() _message: Message) {}
      }
      const exemplar = new Handling();
      const source = { exemplar, name: "Handling", controllerFor: () => exemplar };
      expect(() => annotatedMethods(source)).to.throw(ConfigurationError, /Handling.handle has @Authorize/);
    });

    it("does not stand alone", () => {
      class Alone {
        @Authorize(permitAll())
        a() {}
      }
      const exemplar = new Alone();
      const source = { exemplar, name: "Alone", controllerFor: () => exemplar };
      expect(() => annotatedMethods(source)).to.throw(ConfigurationError, /mapped to nothing/);
    });
  });
});
