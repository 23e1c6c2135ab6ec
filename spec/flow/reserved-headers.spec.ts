import { expect } from "chai";
import {
  type ChannelInterceptor,
  Header,
  Headers,
  MessageMapping,
  NativeHeaders,
  simpleBroker,
} from "express-stomp";
import { RawClient } from "../support/raw-client.js";
import { RelayStage } from "../support/relay-stage.js";
import type { ScriptedLine } from "../support/scripted-broker.js";
import { startServer, type TestServer } from "../support/server.js";
import { openShared } from "../support/shared-relay-stage.js";
import { http, post } from "../support/sockjs-http.js";
import { StompSession } from "../support/stomp-session.js";

/** What the server says by header, wherever it does. */
const RESERVED = [
  "unsubscribed",
  "retry",
  "redelivered",
  "original-destination",
  "express-stomp-servers-only",
];

/** The same as clients could write them: what reads them may trim, and takes the first or the last. */
const FORGED = RESERVED.flatMap((name) => [name, name, `${name} `, ` ${name}`, `\t${name}\u00a0`]);
const FORGED_LINES = FORGED.map((name) => `${name}:forged\n`).join("");
const FORGED_HEADERS = Object.fromEntries(FORGED.map((name) => [name, "forged"]));

const reservedAmong = (names: Iterable<string>) =>
  [...names].filter((name) => RESERVED.includes(name.trim().toLowerCase()));
const reservedIn = (frame: string) =>
  reservedAmong(frame.split("\n").map((line) => line.split(":")[0] ?? ""));

class HeadersController {
  readonly seen: unknown[] = [];

  @MessageMapping("/headers")
  headers(
    @Headers() native: NativeHeaders,
    @Header("redelivered", { required: false }) redelivered?: string,
    @Header("privateTo", { required: false }) privateTo?: string,
    @Header("ackId", { required: false }) ackId?: string,
    @Header("grant", { required: false }) grant?: string,
    @Header("receipt", { required: false }) receipt?: string,
  ) {
    this.seen.push(...reservedAmong([...native].map(([name]) => name)));
    this.seen.push(redelivered, privateTo, ackId, grant, receipt);
  }
}

describe("A header by which the server speaks", () => {
  let server: TestServer;
  const clients: { cut(): void }[] = [];
  const passed = new Map<string, string[]>();
  const controller = new HeadersController();

  /** Notes what of it gets past the door, by what sort of message it was in. */
  const noting: ChannelInterceptor = {
    preSend(message) {
      const { messageType, stompCommand, native } = message.headers;
      passed.set(stompCommand ?? messageType, reservedAmong([...native].map(([name]) => name)));
      return message;
    },
  };

  before(async () => {
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"], queuePrefixes: ["/queue"] }),
      clientInboundChannel: { interceptors: [noting] },
      controllers: [controller],
    });
  });

  after(() => server.close());

  afterEach(() => {
    for (const client of clients.splice(0)) client.cut();
    passed.clear();
  });

  async function connect(version = "1.2", headers = {}) {
    const session = await StompSession.connect(server.port, version, headers);
    clients.push(session);
    return session;
  }

  for (const version of ["1.0", "1.1", "1.2"]) {
    describe(`from a client of STOMP ${version}`, () => {
      it("is taken off every kind of frame", async () => {
        const session = await connect(version, FORGED_HEADERS);
        session.send("SUBSCRIBE", { id: "q", destination: "/queue/a", ack: "client", ...FORGED_HEADERS });
        session.send("SEND", { destination: "/queue/a", ...FORGED_HEADERS });
        session.send("SEND", { destination: "/queue/a" });
        const given = await session.messages();
        for (const [i, command] of ["ACK", ...(version === "1.0" ? [] : ["NACK"])].entries()) {
          const { headers } = given[i]!;
          const which = { id: headers.get("ack") ?? "", "message-id": headers.get("message-id") ?? "" };
          session.send(command, { ...which, subscription: "q", ...FORGED_HEADERS });
        }
        for (const command of ["BEGIN", "COMMIT", "BEGIN", "ABORT"]) {
          session.send(command, { transaction: "t", ...FORGED_HEADERS });
        }
        session.send("UNSUBSCRIBE", { id: "q", ...FORGED_HEADERS });
        session.send("DISCONNECT", { receipt: "bye", ...FORGED_HEADERS });
        for (let frame = await session.frame(); frame.command !== "RECEIPT"; ) frame = await session.frame();

        const kinds = ["CONNECT", "SUBSCRIBE", "MESSAGE", "ACK", "BEGIN", "COMMIT", "ABORT", "UNSUBSCRIBE"];
        const all = [...kinds, "DISCONNECT", ...(version === "1.0" ? [] : ["NACK"])];
        expect(Object.fromEntries(passed)).to.deep.equal(Object.fromEntries(all.map((kind) => [kind, []])));
      });

      it("does not get to subscribers of a topic, of a queue, or of what a transaction sends", async () => {
        const victim = await RawClient.connect(server.port);
        clients.push(victim);
        victim.send("SUBSCRIBE\nid:t\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:q\ndestination:/queue/v\n\n^@");
        await victim.synchronize();

        const session = await connect(version);
        session.send("SEND", { destination: "/topic/a", mine: "1", ...FORGED_HEADERS });
        session.send("SEND", { destination: "/queue/v", mine: "2", ...FORGED_HEADERS });
        session.send("BEGIN", { transaction: "t" });
        session.send("SEND", { destination: "/topic/a", transaction: "t", mine: "3", ...FORGED_HEADERS });
        session.send("COMMIT", { transaction: "t" });
        await session.messages();
        const frames = await victim.synchronize();
        expect(frames.map((frame) => /\nmine:(.)/.exec(frame)?.[1])).to.deep.equal(["1", "2", "3"]);
        expect(frames.flatMap(reservedIn)).to.deep.equal([]);
      });
    });
  }

  it("does not get in over SockJS either", async () => {
    const victim = await RawClient.connect(server.port);
    clients.push(victim);
    victim.send("SUBSCRIBE\nid:t\ndestination:/topic/a\n\n^@");
    await victim.synchronize();

    const session = "/ws/000/forger";
    await post(server.port, `${session}/xhr`);
    const connect = `CONNECT\naccept-version:1.2\nhost:spec\n${FORGED_LINES}\n\0`;
    const send = `SEND\ndestination:/topic/a\n${FORGED_LINES}\n\0`;
    await post(server.port, `${session}/xhr_send`, JSON.stringify([connect, send, "DISCONNECT\n\n\0"]));
    await http(server.port, `${session}/xhr`, { method: "POST" });
    expect(reservedIn(await victim.frame())).to.deep.equal([]);
    expect(passed.get("CONNECT")).to.deep.equal([]);
  });

  it("is no controller's, and what is missing of ours is not the client's", async () => {
    const session = await connect();
    const ours = { privateTo: "me", ackId: "1", grant: "all", receipt: "theirs" };
    session.send("SEND", { destination: "/app/headers", ...ours, ...FORGED_HEADERS });
    await session.messages();
    expect(controller.seen).to.deep.equal([undefined, undefined, undefined, undefined, "theirs"]);
  });

  it("still is the server's", async () => {
    const session = await connect();
    session.send("SUBSCRIBE", { id: "q", destination: "/queue/b", ack: "client-individual" });
    session.send("SEND", { destination: "/queue/b", ...FORGED_HEADERS }, "1");
    const [first] = await session.messages();
    session.send("NACK", { id: first?.headers.get("ack") ?? "" });
    const [again] = await session.messages();
    expect([again?.body, again?.headers.get("redelivered")]).to.deep.equal(["1", "true"]);
  });

  it("may be written by the application", async () => {
    const session = await connect();
    session.send("SUBSCRIBE", { id: "t", destination: "/topic/a" });
    await session.messages();
    await server.messaging.template.convertAndSend("/topic/a", "x", { redelivered: "yes" });
    expect((await session.frame()).headers.get("redelivered")).to.equal("yes");
  });

  it("does not stand before the frame's own, for who trims", async () => {
    const victim = await RawClient.connect(server.port);
    clients.push(victim);
    victim.send("SUBSCRIBE\nid:t\ndestination:/topic/a\n\n^@");
    await victim.synchronize();
    const session = await connect();
    const names = ["subscription ", "message-id\t", " ack", "content-length ", "destination ", "receipt "];
    const lies = Object.fromEntries(names.map((name) => [name, "0"]));
    session.send("SEND", { destination: "/topic/a", mine: "1", ...lies }, "body");
    await session.messages();
    const lines = (await victim.frame()).split("\n\n")[0]?.split("\n").slice(1) ?? [];
    expect(lines.map((line) => line.split(":")[0])).to.deep.equal([
      "destination",
      "mine",
      "subscription",
      "message-id",
      "content-length",
    ]);
  });
});

for (const connections of ["own", "shared"] as const) {
  describe(`A header by which the server speaks, with a relay and ${connections} connections`, () => {
    let stage: RelayStage;
    afterEach(() => stage.close());

    /** Gives the line that the next client's frames go over, if no destination is new. */
    async function open(): Promise<{ client: StompSession; line: ScriptedLine }> {
      if (connections === "own") {
        stage = await RelayStage.open();
        await stage.system();
        return stage.connect("1.0");
      }
      const opened = await openShared({});
      stage = opened.stage;
      return { client: await stage.session("1.0"), line: opened.shared };
    }

    it("does not get from a client to the broker", async () => {
      const { client, line } = await open();
      const lies = { "destination ": "/queue/other", "receipt ": "r", " id": "other" };
      client.send("SUBSCRIBE", { id: "s", destination: "/topic/a", receipt: "1" });
      await client.frame();
      for (const receipt of ["tried", "sent"]) {
        client.send("SEND", { destination: "/topic/a", receipt, mine: "1", ...lies, ...FORGED_HEADERS });
        await client.frame();
      }
      // With headers like these it goes over a connection of the client's own; the first two are the stage's.
      const lines = [line];
      for (let i = 2; i < stage.broker.accepted; i++) lines.push(await stage.broker.line());
      const { headers } = await Promise.race(lines.map((each) => each.until("SEND")));
      expect(headers.get("mine")).to.equal("1");
      expect(reservedAmong(headers.keys())).to.deep.equal([]);
      expect([...headers.keys()].filter((name) => /^(destination|receipt)\s$/.test(name))).to.deep.equal([]);
    });

    it("may be the broker's, but for what only we say", async () => {
      const { client, line } = await open();
      client.send("SUBSCRIBE", { id: "s", destination: "/topic/a", receipt: "1" });
      await client.frame();
      const subscription = (await line.until("SUBSCRIBE")).headers.get("id")!;
      const said = { redelivered: "true", unsubscribed: "no", "unsubscribed ": "no" };
      line.send("MESSAGE", { subscription, destination: "/topic/a", "message-id": "1", ...said });
      const { headers } = await client.frame();
      expect(reservedAmong(headers.keys())).to.deep.equal(["redelivered"]);
    });
  });
}
