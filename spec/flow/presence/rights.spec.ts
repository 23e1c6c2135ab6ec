import { expect } from "chai";
import { bearerToken, messageSecurity, type StompMessagingOptions, simpleBroker } from "express-stomp";
import { PresenceStage, ROOM, short, toldBy } from "../../support/presence-stage.js";
import { RawClient } from "../../support/raw-client.js";
import { startServer } from "../../support/server.js";
import { post, stream } from "../../support/sockjs-http.js";
import { StompSession } from "../../support/stomp-session.js";

describe("The destinations of presence", () => {
  let stage: PresenceStage;
  let banned: Set<string | undefined>;

  /** Without rules. */
  async function openAll() {
    stage = await PresenceStage.open();
  }

  async function open(options: Partial<StompMessagingOptions> = {}) {
    banned = new Set();
    const security = messageSecurity((messages) =>
      messages
        .simpSubscribeDestMatchers("/topic/room/{id}")
        .access((user) => !banned.has(user?.name))
        .simpSubscribeDestMatchers("/topic/room/{id}/presence")
        .access((user) => user?.name !== "guest")
        .anyMessage()
        .permitAll(),
    );
    stage = await PresenceStage.open({}, { security, ...options });
  }

  async function refusal(frame: string, name = "ann"): Promise<string> {
    const client = await stage.users.connect(name);
    client.send(frame);
    const error = await client.frame();
    expect(error).to.match(/^ERROR\n/);
    expect(await client.closed()).to.equal(1002);
    return /message:(.*)/.exec(error)?.[1] ?? "";
  }

  const watching = (destination = `${ROOM}/presence`, more = "") =>
    `SUBSCRIBE\nid:p\ndestination:${destination}\n${more}\n^@`;

  afterEach(() => stage.close());

  it("are refused to who may not subscribe to the room", async () => {
    await open();
    banned.add("ann");
    expect(await refusal(watching())).to.equal("Access denied\\c SUBSCRIBE /topic/room/7/presence");
  });

  it("are refused by a rule of their own, too", async () => {
    await open();
    expect(await refusal(watching(), "guest")).to.equal("Access denied\\c SUBSCRIBE /topic/room/7/presence");
  });

  it("are taken from who has lost the right to the room", async () => {
    await open();
    const { watcher } = await stage.watch("ann");
    banned.add("ann");
    expect(await stage.messaging.recheck({ user: "ann" }, "You have left")).to.equal(1);
    expect(await watcher.frame()).to.include("unsubscribed:You have left\n");
    await stage.join("bob");
    await stage.pass(250);
    expect(await stage.told(watcher)).to.deep.equal([]);
  });

  it("tell that somebody has lost the right to the room", async () => {
    await open();
    await stage.join("ann");
    const { watcher } = await stage.watch();
    banned.add("ann");
    await stage.messaging.recheck({ user: "ann" });
    await stage.pass(250);
    expect((await stage.told(watcher)).map(short)).to.deep.equal(["3: -ann"]);
  });

  it("are none of the broker's: no pattern hears them", async () => {
    await openAll();
    const spy = await stage.users.connect("spy");
    spy.send("SUBSCRIBE\nid:1\ndestination:/topic/**\n\n^@");
    await stage.watch();
    await stage.join("ann");
    await stage.pass(250);
    expect(await spy.synchronize()).to.deep.equal([]);
  });

  it("are of one destination each", async () => {
    await openAll();
    expect(await refusal(watching("/topic/room/*/presence"))).to.equal(
      "Presence is told of one destination\\c /topic/room/*/presence is a pattern",
    );
    const deep = await stage.users.connect("ann");
    deep.send(watching("/topic/elsewhere/presence"));
    expect(await deep.synchronize(), "an ordinary topic").to.deep.equal([]);
  });

  it("take nothing from clients, nor from the application", async () => {
    await open();
    const text = await refusal(`SEND\ndestination:${ROOM}/presence\n\n{}^@`);
    expect(text).to.equal("Presence is told by the server\\c nobody can send there");
    let error: unknown;
    await stage.messaging.template.convertAndSend(`${ROOM}/presence`, {}).catch((thrown: unknown) => {
      error = thrown;
    });
    expect(String(error)).to.include("nobody can send to /topic/room/7/presence");
  });

  it("have the ids and limits of other subscriptions", async () => {
    await open({ broker: simpleBroker({ destinationPrefixes: ["/topic"], subscriptionLimit: 2 }) });
    expect(await refusal(`${watching(ROOM)}${watching()}`)).to.include("The subscription id p is in use");
    const three = `${watching(ROOM)}${watching().replace("id:p", "id:q")}${watching().replace("id:p", "id:r")}`;
    const client = await stage.users.connect("ann");
    client.send(three);
    expect(toldBy(await client.frame()).kind).to.equal("state");
    expect(await client.frame()).to.include("subscriptionLimit");
  });

  it("may be acknowledged", async () => {
    await open();
    const ann = await stage.users.connect("ann");
    ann.send(watching(undefined, "ack:client-individual\n"));
    const [state] = await ann.synchronize();
    const ack = /\nack:(.*)\n/.exec(state!)?.[1];
    ann.send(`ACK\nid:${ack}\n\n^@`);
    await stage.join("bob");
    await stage.pass(250);
    expect((await stage.told(ann)).map(short)).to.deep.equal(["2: +bob"]);
  });

  it("answer `since` with a state, whatever history there is", async () => {
    await open({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        history: { destinations: ["/topic/**"], size: 10, ttl: 60_000 },
      }),
    });
    await stage.join("ann");
    const client = await stage.users.connect("bob");
    client.send(watching(undefined, "since:now\n"));
    const told = await stage.told(client);
    expect(told.map(({ kind }) => kind)).to.deep.equal(["state"]);
    expect((await stage.messaging.history("/topic/**")).messages).to.deep.equal([]);
  });

  it("are told whole where the broker conflates, retains and keeps what is under the room", async () => {
    await open({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        retainLast: ["/topic/**"],
        conflate: [{ destinations: ["/topic/**"], every: 60_000 }],
      }),
    });
    const { watcher } = await stage.watch();
    await stage.join("ann");
    await stage.pass(250);
    await stage.join("bob");
    await stage.pass(250);
    expect((await stage.told(watcher)).map((each) => short(each).slice(3))).to.deep.equal(["+ann", "+bob"]);
    expect((await stage.watch("other")).state.count).to.equal(2);
  });

  it("end with UNSUBSCRIBE", async () => {
    await open();
    const { watcher } = await stage.watch();
    watcher.send("UNSUBSCRIBE\nid:presence\n\n^@");
    await stage.join("ann");
    await stage.pass(250);
    expect(await stage.told(watcher)).to.deep.equal([]);
  });

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`speak STOMP ${version}`, async () => {
      await open();
      const session = await StompSession.connect(stage.users.server.port, version);
      session.send("SUBSCRIBE", { id: "p", destination: `${ROOM}/presence` });
      const { headers } = await session.frame();
      expect(headers.get("presence")).to.equal("state");
      session.send("UNSUBSCRIBE", { id: "p" });
      expect(await session.messages()).to.deep.equal([]);
      session.cut();
    });
  }

  it("reach clients of SockJS", async () => {
    await open({ endpoints: [{ path: "/ws", sockJS: true }] });
    const { port } = stage.users.server;
    const session = `/ws/000/${Math.random().toString(36).slice(2)}`;
    const reading = await stream(port, `${session}/xhr_streaming`, { method: "POST" });
    const say = (text: string) =>
      post(port, `${session}/xhr_send`, JSON.stringify([text.replaceAll("^@", "\0")]));
    await say("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    await say(watching());
    let line = "";
    while (!line.includes("presence:state")) line = await reading.line();
    reading.cut();
  });

  it("need no rule where there are none, and follow the separator", async () => {
    await open();
    const server = await startServer({
      clock: stage.time,
      destinationSeparator: ".",
      presence: { destinations: ["/topic/room.*"], suffix: "who" },
    });
    const client = await RawClient.connect(server.port);
    client.send("SUBSCRIBE\nid:p\ndestination:/topic/room.7.who\n\n^@");
    expect(toldBy((await client.synchronize())[0]!).kind).to.equal("state");
    client.cut();
    await server.close();
  });

  it("are told to a client whose bearer token is renewed", async () => {
    let nick = "A";
    const tokens = bearerToken({
      verify: () => ({ user: { name: "ann", nick } as { name: string } }),
      renewal: { destination: "/app/token" },
    });
    banned = new Set();
    stage = await PresenceStage.open(
      { info: (user) => ({ nick: (user as unknown as { nick: string }).nick }) },
      { clientInboundChannel: { interceptors: [tokens] } },
    );
    const ann = await RawClient.connect(stage.users.server.port, "Authorization:Bearer x\n");
    ann.send(`SUBSCRIBE\nid:room\ndestination:${ROOM}\n\n^@${watching()}`);
    expect((await stage.told(ann))[0]!.users![0]!.info).to.deep.equal({ nick: "A" });
    nick = "B";
    ann.send("SEND\ndestination:/app/token\nAuthorization:Bearer y\n\n^@");
    await ann.synchronize();
    await stage.pass(250);
    expect((await stage.told(ann))[0]!.changed![0]!.info).to.deep.equal({ nick: "B" });
    expect(stage.messaging.userRegistry.getUser("ann")!.principal).to.deep.equal({ name: "ann", nick: "B" });
    ann.cut();
  });
});
