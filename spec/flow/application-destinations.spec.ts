import { expect } from "chai";
import {
  ConfigurationError,
  MessageMapping,
  Payload,
  SendTo,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
} from "express-stomp";
import { RelayStage, type RelayStageOptions } from "../support/relay-stage.js";
import type { ScriptedLine } from "../support/scripted-broker.js";
import { startServer, type TestServer } from "../support/server.js";
import { openShared } from "../support/shared-relay-stage.js";
import { StompSession } from "../support/stomp-session.js";

class AccountController {
  readonly heard: string[] = [];

  @MessageMapping("/login")
  login(@Payload() password: string) {
    this.heard.push(password);
  }

  @SubscribeMapping("/init")
  init() {
    return "at first";
  }
}

/** Behind a prefix, where dots separate, nothing begins with a slash. */
class DotsController extends AccountController {
  @MessageMapping("login")
  override login(@Payload() password: string) {
    super.login(password);
  }

  @SubscribeMapping("init")
  override init() {
    return super.init();
  }
}

class RoomController {
  @MessageMapping("/room")
  @SendTo("/board")
  say(@Payload() text: string) {
    return text;
  }
}

type Options = Partial<StompMessagingOptions>;

const slashes: Options = { applicationDestinationPrefixes: ["/app"] };
const dots: Options = { ...slashes, destinationSeparator: "." };

/** By what is configured: where the controller is, where its SUBSCRIBE is answered, and how spies listen. */
const CASES: [what: string, options: Options, login: string, init: string, spies: string[]][] = [
  ["no broker is named", { ...slashes, broker: simpleBroker() }, "/app/login", "/app/init", []],
  [
    "the broker has queues only",
    { ...slashes, broker: simpleBroker({ queuePrefixes: ["/queue"] }) },
    "/app/login",
    "/app/init",
    [],
  ],
  [
    "the broker's prefix holds the application's",
    { applicationDestinationPrefixes: ["/x/app/"], broker: simpleBroker({ destinationPrefixes: ["/x"] }) },
    "/x/app/login",
    "/x/app/init",
    ["/x/**", "/x/*/login", "/x/{a}/login"],
  ],
  [
    "the broker retains everything",
    { ...slashes, broker: simpleBroker({ retainLast: ["/**"] }) },
    "/app/login",
    "/app/init",
    [],
  ],
  [
    "dots separate",
    { ...dots, broker: simpleBroker() },
    "/app/login",
    "/app/init",
    ["**", "/app/*", "/app/lo*", "/a*", "/app/**"],
  ],
  [
    "neither side has prefixes",
    { applicationDestinationPrefixes: [], broker: simpleBroker() },
    "/login",
    "/init",
    ["/*", "/log*", "/{a}"],
  ],
];

describe("What is under an application prefix", () => {
  for (const [what, options, login, init, more] of CASES) {
    describe(`where ${what}`, () => {
      const spies = [login, init, "/**", "/a*/login", "/app/**", "/{a}/login", "/*/login", ...more];
      let controller: AccountController;
      let server: TestServer;
      const sessions: StompSession[] = [];

      beforeEach(async () => {
        controller = new (options.destinationSeparator === "." ? DotsController : AccountController)();
        server = await startServer({ controllers: [controller], ...options });
      });

      afterEach(async () => {
        for (const session of sessions.splice(0)) session.cut();
        await server.close();
      });

      async function connect() {
        const session = await StompSession.connect(server.port);
        sessions.push(session);
        return session;
      }

      /** Who listens to one pattern each; some are refused. */
      async function listen() {
        const listening: StompSession[] = [];
        for (const destination of spies) {
          const spy = await connect();
          spy.send("SUBSCRIBE", { id: "spy", destination });
          // What @SubscribeMapping answers is its own.
          const read = await spy.messages().then(
            () => true,
            () => false,
          );
          if (read) listening.push(spy);
        }
        return async () => (await Promise.all(listening.map((spy) => spy.bodies()))).flat();
      }

      it("reaches controllers, and no subscriber", async () => {
        const heard = await listen();
        const client = await connect();
        client.send("SEND", { destination: login }, "my password");
        client.send("BEGIN", { transaction: "t" });
        client.send("COMMIT", { transaction: "t" });
        await client.messages();
        expect(controller.heard).to.deep.equal(["my password"]);
        expect(await heard()).to.deep.equal([]);
      });

      it("is not kept for who comes later", async () => {
        const client = await connect();
        client.send("SEND", { destination: login }, "my password");
        await client.messages();
        expect(await (await listen())()).to.deep.equal([]);
      });

      it("hears from no other client what only a controller answers", async () => {
        const client = await connect();
        client.send("SUBSCRIBE", { id: "mine", destination: init });
        expect(await client.bodies()).to.deep.equal(["at first"]);
        const other = await connect();
        other.send("SEND", { destination: init }, "forged");
        await other.messages();
        expect(await client.bodies()).to.deep.equal([]);
      });

      it("hears nothing of the application either", async () => {
        const heard = await listen();
        for (const destination of [login, init]) {
          await server.messaging.template.convertAndSend(destination, "sent").catch(() => {});
        }
        expect(await heard()).to.deep.equal([]);
      });
    });
  }

  it("leaves all else to a broker without prefixes", async () => {
    const server = await startServer({ controllers: [new RoomController()], broker: simpleBroker() });
    const client = await StompSession.connect(server.port);
    client.send("SUBSCRIBE", { id: "all", destination: "/**" });
    client.send("SEND", { destination: "/apple/room" }, "apples");
    client.send("SEND", { destination: "/app" }, "no prefix");
    client.send("SEND", { destination: "/app/room" }, "said");
    expect(await client.bodies()).to.deep.equal(["apples", "no prefix", "said"]);
    client.cut();
    await server.close();
  });

  it("has no dead letters", async () => {
    const broker = simpleBroker({ queuePrefixes: ["/queue"], deadLetterDestination: "/app/dead" });
    const fault = await startServer({ broker }).catch((error: unknown) => error);
    expect(fault)
      .to.be.instanceOf(ConfigurationError)
      .with.property("message")
      .that.matches(/deadLetterDestination \/app\/dead is under a prefix of the application/);
  });
});

for (const connections of ["own", "shared"] as const) {
  describe(`What is under an application prefix, with a relay and ${connections} connections`, () => {
    let stage: RelayStage;
    afterEach(() => stage.close());

    async function open(options: RelayStageOptions): Promise<ScriptedLine[]> {
      if (connections === "own") {
        stage = await RelayStage.open(options);
        return [await stage.system()];
      }
      const opened = await openShared(options);
      stage = opened.stage;
      return [opened.system, opened.shared];
    }

    for (const [what, destinationPrefixes, prefix] of [
      ["without prefixes", [], "/app"],
      ["whose prefix holds it", ["/topic"], "/topic/app"],
    ] as const) {
      it(`never gets to a broker ${what}`, async () => {
        const controller = new AccountController();
        const server = { controllers: [controller], applicationDestinationPrefixes: [prefix] };
        const lines = await open({ server, relay: { destinationPrefixes } });
        const { template } = stage.server.messaging;

        await template.convertAndSend(`${prefix}/login`, "sent").catch(() => {});
        await template.convertAndSend("/topic/end", "end");
        const client = await stage.session();
        client.send("SEND", { destination: `${prefix}/login` }, "my password");
        client.send("SUBSCRIBE", { id: "mine", destination: `${prefix}/init` });
        expect(await client.bodies()).to.deep.equal(["at first"]);
        expect(controller.heard).to.deep.equal(["my password"]);

        // A new destination goes over a connection of its own first, where connections are shared.
        for (const receipt of ["tried", "sent"]) {
          client.send("SEND", { destination: "/topic/end", receipt }, "end");
          await client.frame();
        }
        lines.push(await stage.broker.line());
        for (const line of lines) {
          const commands = [];
          for (let frame = await line.frame(); frame.headers.get("destination") !== "/topic/end"; ) {
            commands.push(frame.command);
            frame = await line.frame();
          }
          expect(commands).to.not.include.members(["SEND"]);
          expect(commands).to.not.include.members(["SUBSCRIBE"]);
        }
      });
    }
  });
}
