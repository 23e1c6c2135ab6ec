import { expect } from "chai";
import {
  ConfigurationError,
  type MessageHandler,
  MessageMapping,
  type MessagingEvents,
  SendTo,
  SendToUser,
  type StompMessagingOptions,
  SubscribeMapping,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { RelayStage } from "../support/relay-stage.js";
import { startServer, type TestServer } from "../support/server.js";
import { openShared } from "../support/shared-relay-stage.js";
import { StompSession } from "../support/stomp-session.js";

class GreetingController {
  @MessageMapping("/hello")
  @SendTo("/topic/hello")
  hello() {
    return "hello";
  }

  @MessageMapping("/lost/{place}")
  @SendTo("/{place}/lost")
  lost() {
    return "lost";
  }

  @SubscribeMapping("/init")
  init() {
    return "at first";
  }
}

const UNSERVED: [command: "SEND" | "SUBSCRIBE", destination: string][] = [
  ["SUBSCRIBE", "/topics/x"],
  ["SUBSCRIBE", "/elsewhere"],
  ["SUBSCRIBE", "topic/x"],
  ["SUBSCRIBE", "/**"],
  ["SUBSCRIBE", "/app/nothing"],
  ["SUBSCRIBE", "/app/hello"],
  ["SUBSCRIBE", "/app/**"],
  ["SEND", "/topics/x"],
  ["SEND", "/elsewhere"],
  ["SEND", "/app/helo"],
  ["SEND", "/app/init"],
  ["SEND", "/app//hello"],
  ["SEND", "/app/hello/"],
  ["SEND", "/app"],
];
const id = (command: string) => (command === "SUBSCRIBE" ? { id: "1" } : {});

describe("What nobody serves", () => {
  let server: TestServer;
  let unhandled: MessagingEvents["unhandled"][];
  let subscribed: unknown[];
  const sessions: StompSession[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}) {
    server = await startServer({ controllers: [new GreetingController()], ...options });
    unhandled = [];
    subscribed = [];
    server.messaging.on("unhandled", (event) => void unhandled.push(event));
    server.messaging.on("subscribed", (event) => void subscribed.push(event));
  }

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  async function connect(version?: string) {
    const session = await StompSession.connect(server.port, version);
    sessions.push(session);
    return session;
  }

  const warnings = () => server.log.filter((line) => line.startsWith("warn Nothing here serves"));

  it("is ERROR that names it, for a SUBSCRIBE and for who asks for a receipt, in every version", async () => {
    await start();
    for (const [command, destination] of UNSERVED) {
      for (const version of ["1.0", "1.1", "1.2"]) {
        const session = await connect(version);
        const refusal = await session.refusal(command, { ...id(command), destination });
        expect(refusal, `${command} ${destination}`).to.equal(`Nothing here serves ${destination}`);
      }
    }
    expect([subscribed, unhandled]).to.deep.equal([[], []]);
    expect(warnings()[0]).to.match(
      /^warn Nothing here serves SUBSCRIBE \/topics\/x of session \S+: controllers have what is under \/app, the broker what is under \/topic or \/queue, users what is under \/user\/$/,
    );
  });

  it("names each prefix once, though it is of topics and of queues", async () => {
    await start({
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"], queuePrefixes: ["/queue"] }),
    });
    const session = await connect();
    await session.refusal("SUBSCRIBE", { id: "1", destination: "/topics/x" });
    expect(warnings()[0]).to.include("the broker what is under /topic or /queue, users");
  });

  it("is ERROR for a SUBSCRIBE without a receipt too", async () => {
    await start();
    const session = await connect();
    session.send("SUBSCRIBE", { id: "1", destination: "/topics/x" });
    const { command, headers } = await session.frame();
    expect([command, headers.get("message")]).to.deep.equal(["ERROR", "Nothing here serves /topics/x"]);
  });

  it("is logged and announced for a SEND without a receipt, and the session lives", async () => {
    await start();
    const session = await connect();
    const sends = UNSERVED.filter(([command]) => command === "SEND").map(([, destination]) => destination);
    for (const destination of sends) session.send("SEND", { destination }, "x");
    expect(await session.messages()).to.deep.equal([]);
    expect(unhandled.map(({ message }) => message.headers.destination)).to.deep.equal(sends);
    expect(warnings()).to.have.length(sends.length);
  });

  it("does not fill the log, however often it is sent", async () => {
    await start();
    const session = await connect();
    for (let i = 0; i < 200; i++) session.send("SEND", { destination: `/elsewhere/${i}` });
    await session.messages();
    expect(unhandled).to.have.length(200);
    expect(warnings()).to.have.length(10);
  });

  it("is not what controllers, the broker or users serve", async () => {
    await start();
    const session = await connect();
    for (const [i, destination] of ["/topic/hello", "/topic", "/app/init", "/user/queue/x"].entries()) {
      session.send("SUBSCRIBE", { id: i, destination, receipt: "r" });
      while ((await session.frame()).command !== "RECEIPT");
    }
    session.send("SEND", { destination: "/app/hello", receipt: "r" });
    const bodies = [await session.frame(), await session.frame()].map(({ command, body }) => [command, body]);
    expect(bodies).to.deep.include.members([
      ["MESSAGE", "hello"],
      ["RECEIPT", ""],
    ]);
    expect(warnings()).to.deep.equal([]);
  });

  it("may be served by a handler of the application's own", async () => {
    await start();
    const heard: string[] = [];
    const audit: MessageHandler = {
      handle: ({ headers }) => void heard.push(headers.destination ?? ""),
      serves: () => false,
    };
    const own: MessageHandler = {
      handle: ({ headers }) => void heard.push(headers.destination ?? ""),
      serves: ({ destination }) => destination === "/own",
    };
    server.messaging.clientInboundChannel.subscribe(audit);
    server.messaging.clientInboundChannel.subscribe(own);
    server.messaging.brokerChannel.subscribe(own);

    const session = await connect();
    session.send("SEND", { destination: "/own", receipt: "r" });
    expect((await session.frame()).command).to.equal("RECEIPT");
    await server.messaging.template.convertAndSend("/own", "x");
    expect(heard.filter((destination) => destination === "/own")).to.have.length(3);
    expect(await session.refusal("SEND", { destination: "/elsewhere" })).to.equal(
      "Nothing here serves /elsewhere",
    );
  });

  it("may be served by a handler that does not say what it serves", async () => {
    await start();
    server.messaging.clientInboundChannel.subscribe({ handle() {} });
    server.messaging.brokerChannel.subscribe({ handle() {} });
    const session = await connect();
    session.send("SEND", { destination: "/elsewhere", receipt: "r" });
    expect((await session.frame()).command).to.equal("RECEIPT");
    await server.messaging.template.convertAndSend("/elsewhere", "x");
  });

  const rejection = (promise: Promise<unknown>) =>
    promise.then(
      () => "resolved",
      (error: Error) => error.message,
    );

  it("rejects what the application sends there", async () => {
    await start();
    const { template } = server.messaging;
    for (const destination of ["/topics/x", "/elsewhere", "x", "/app/hello", "/app/nothing"]) {
      expect(await rejection(template.convertAndSend(destination, "x"))).to.equal(
        `Nothing here serves ${destination}: controllers have what is under /app, the broker what is under /topic or ` +
          "/queue, users what is under /user/",
      );
    }
    expect(await rejection(template.convertAndSendToUser("rod", "/user/queue/x", "x"))).to.equal(
      "convertAndSendToUser takes a destination without /user/: /queue/x, not /user/queue/x",
    );
    await template.convertAndSend("/topic/x", "x");
    await template.convertAndSendToUser("rod", "/queue/x", "x");
  });

  it("fails a method that replies there: its client hears of it if it waits for a receipt", async () => {
    await start();
    const errors: string[] = [];
    server.messaging.on("controllerError", ({ error }) => void errors.push(error.message));
    const session = await connect();
    session.send("SEND", { destination: "/app/lost/topic" });
    session.send("SEND", { destination: "/app/lost/elsewhere" });
    await session.messages();
    expect(errors).to.have.length(1);
    expect(errors[0]).to.include("Nothing here serves /elsewhere/lost");
    expect(await session.refusal("SEND", { destination: "/app/lost/elsewhere" })).to.not.include("prefix");
  });

  it("rejects all after close", async () => {
    await start();
    const { template, close } = server.messaging;
    await close();
    const closed = "The messaging was closed: it sends nothing any more";
    expect(await rejection(template.convertAndSend("/topic/x", "x"))).to.equal(closed);
    expect(await rejection(template.convertAndSendToUser("rod", "/queue/x", "x"))).to.equal(closed);
  });
});

for (const connections of ["own", "shared"] as const) {
  describe(`What nobody serves, with a relay and ${connections} connections`, () => {
    let stage: RelayStage;
    afterEach(() => stage.close());

    it("is refused, announced and rejected, and the broker hears nothing of it", async () => {
      const opened = connections === "shared" ? await openShared({}) : undefined;
      stage = opened?.stage ?? (await RelayStage.open());
      if (!opened) await stage.system();
      const { messaging } = stage.server;
      const unhandled: unknown[] = [];
      messaging.on("unhandled", ({ message }) => void unhandled.push(message.headers.destination));

      for (const [command, destination] of UNSERVED) {
        const session = await stage.session();
        const refusal = await session.refusal(command, { ...id(command), destination });
        expect(refusal).to.equal(`Nothing here serves ${destination}`);
      }
      const session = await stage.session();
      session.send("SEND", { destination: "/elsewhere" });
      expect(await session.messages()).to.deep.equal([]);
      expect(unhandled).to.deep.equal(["/elsewhere"]);

      const fault: unknown = await messaging.template
        .convertAndSend("/elsewhere", "x")
        .catch((error: unknown) => error);
      expect(String(fault)).to.include("Nothing here serves /elsewhere");
      await messaging.close();
      const late: unknown = await messaging.template.convertAndSend("/topic/x", "x").catch((e: unknown) => e);
      expect(String(late)).to.include("The messaging was closed");
    });
  });
}

describe("A configuration by which nobody would be served", () => {
  const start = (options: Partial<StompMessagingOptions>) =>
    stompMessaging({
      endpoints: [{ path: "/ws" }],
      applicationDestinationPrefixes: ["/app"],
      broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"] }),
      ...options,
    });

  it("fails at start where a mapping repeats the application's prefix", () => {
    class Controller {
      @MessageMapping("/app/hello")
      hello() {}
    }
    expect(() => start({ controllers: [new Controller()] })).to.throw(
      ConfigurationError,
      "Controller.hello is mapped to /app/hello, which has a prefix of the application: that is taken from what " +
        "clients send to before, so write /hello",
    );
  });

  it("fails at start where application and broker have the same prefix", () => {
    for (const prefix of ["/app", "/app/", "/app/topic"]) {
      for (const broker of [{ destinationPrefixes: ["/topic", prefix] }, { queuePrefixes: [prefix] }]) {
        expect(() => start({ broker: simpleBroker(broker) })).to.throw(
          ConfigurationError,
          `simpleBroker: its prefix ${prefix} is under one of applicationDestinationPrefixes`,
        );
      }
    }
  });

  const replies: [what: string, decorator: ReturnType<typeof SendTo>, text: string][] = [
    [
      "outside of the broker's prefixes",
      SendTo("/topics/x"),
      "Controller.reply sends its replies to /topics/x and nobody could hear them: the broker has what is under /topic or /queue",
    ],
    ["under the application's prefix", SendTo("/app/x"), "sends its replies to /app/x and nobody could hear"],
    [
      "to what is a user's and names none",
      SendTo("/user/public"),
      'what is under /user/ is for one user, as /user/<name>/queue/x is. For all who listen write @SendTo("/topic/public")',
    ],
    [
      "to a user, with the prefix twice",
      SendToUser("/user/queue/x"),
      'Controller.reply has @SendToUser("/user/queue/x"), which is sent to /user/<name>/user/queue/x: write @SendToUser("/queue/x")',
    ],
  ];
  for (const [what, decorator, text] of replies) {
    it(`fails at start where @SendTo goes ${what}`, () => {
      class Controller {
        @MessageMapping("/reply")
        @decorator
        reply() {}
      }
      @decorator
      class OfClass {
        @MessageMapping("/reply")
        reply() {}
      }
      expect(() => start({ controllers: [new Controller()] })).to.throw(ConfigurationError, text);
      expect(() => start({ controllers: [new OfClass()] })).to.throw(
        ConfigurationError,
        text.replace("Controller", "OfClass"),
      );
    });
  }

  it("fails at start where @SendTo() goes to /topic, and the broker has none", () => {
    class Controller {
      @MessageMapping("/reply")
      @SendTo()
      reply() {}
    }
    const broker = simpleBroker({ destinationPrefixes: ["/queue"] });
    expect(() => start({ controllers: [new Controller()], broker })).to.throw(
      ConfigurationError,
      "Controller.reply sends its replies to /topic, as @SendTo() does, and nobody could hear them",
    );
  });

  it("is none that only a message can tell", () => {
    class Controller {
      @MessageMapping("/a/{place}/{name}")
      @SendTo("/{place}/x", "/topic/{place}", "/user/{name}/queue/x", "/queue/x")
      reply() {}

      @MessageMapping("/plain")
      plain() {}
    }
    start({ controllers: [new Controller()] });
    start({ controllers: [new Controller()], broker: simpleBroker() });
  });

  it("is none where an interceptor of brokerChannel may send elsewhere", () => {
    class Controller {
      @MessageMapping("/a")
      @SendTo("/room/x")
      reply() {}
    }
    start({
      controllers: [new Controller()],
      brokerChannel: { interceptors: [{ preSend: (message) => message }] },
    });
  });
});
