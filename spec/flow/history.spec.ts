import { expect } from "chai";
import {
  type HistoryOptions,
  type MessagingEvents,
  messageSecurity,
  type SimpleBrokerOptions,
  type StompMessagingOptions,
  simpleBroker,
} from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { startServer, type TestServer } from "../support/server.js";
import { post } from "../support/sockjs-http.js";
import { parseFrame, type ReadFrame, StompSession } from "../support/stomp-session.js";

const ROOMS: HistoryOptions = { destinations: ["/topic/room/**"], size: 100, ttl: 300_000 };
const ROOM = "/topic/room/7";

/** A frame as one line: a marker by what it says, a message by its body, with an arrow if it was missed. */
function told({ headers, body }: ReadFrame): string {
  const recovered = headers.get("recovered");
  if (recovered !== undefined) return `${recovered} ${headers.get("replayed")}`;
  return headers.get("replayed") === "true" ? `↩${body}` : body;
}

const idOf = (frame: ReadFrame | undefined) => frame?.headers.get("message-id") ?? "";

describe("History", () => {
  let server: TestServer;
  let events: MessagingEvents["recovered"][];
  const sessions: StompSession[] = [];

  async function start(
    broker: SimpleBrokerOptions = {},
    options: Partial<StompMessagingOptions> = {},
  ): Promise<void> {
    server = await startServer({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        queuePrefixes: ["/queue"],
        history: ROOMS,
        selectorHeaderName: "selector",
        ...broker,
      }),
      ...options,
    });
    events = [];
    server.messaging.on("recovered", (event) => void events.push(event));
  }

  async function connect(version?: string): Promise<StompSession> {
    const session = await StompSession.connect(server.port, version);
    sessions.push(session);
    return session;
  }

  const publish = (body: string, destination = ROOM) =>
    server.messaging.template.convertAndSend(destination, body);

  /** Subscribes and gives what has come when that was handled. */
  async function subscribe(session: StompSession, since: string | undefined, headers = {}) {
    session.send("SUBSCRIBE", { id: "1", destination: ROOM, ...(since && { since }), ...headers });
    return session.messages();
  }

  async function heard(session: StompSession): Promise<string[]> {
    return (await session.messages()).map(told);
  }

  /** The position behind the messages so far. */
  const position = async (destination = ROOM) => (await server.messaging.history(destination)).position;

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.cut();
    await server.close();
  });

  it("gives who comes back a marker, then what was missed with its old ids, then what is live", async () => {
    await start();
    const session = await connect();
    await subscribe(session, undefined);
    for (const body of ["a", "b", "c"]) await publish(body);
    const [a, b, c] = await session.messages();
    session.cut();

    const again = await connect();
    const frames = await subscribe(again, idOf(a));
    expect(frames.map(told)).to.deep.equal(["true 2", "↩b", "↩c"]);
    expect(frames.map(idOf)).to.deep.equal([idOf(a), idOf(b), idOf(c)]);
    expect(frames.map(({ headers }) => headers.get("subscription"))).to.deep.equal(["1", "1", "1"]);
    expect(frames.map(({ headers }) => headers.get("destination"))).to.deep.equal([ROOM, ROOM, ROOM]);
    await publish("d");
    expect(await heard(again)).to.deep.equal(["d"]);
  });

  it("says nothing to who does not ask, and replays nothing", async () => {
    await start();
    await publish("a");
    expect(await subscribe(await connect(), undefined)).to.deep.equal([]);
  });

  it("tells the position by since:now, so that nothing is missed of a room that was quiet", async () => {
    await start();
    await publish("before");
    const [marker] = await subscribe(await connect(), "now");
    expect(told(marker!)).to.equal("true 0");
    await publish("elsewhere", "/topic/room/8");
    await publish("first");
    expect((await subscribe(await connect(), idOf(marker))).map(told)).to.deep.equal(["true 1", "↩first"]);
    expect(events.map(({ replayed }) => replayed)).to.deep.equal([1]);
  });

  it("gives all that is kept by since:first, behind a position from which it can be asked for again", async () => {
    await start({ history: { ...ROOMS, size: 3 } });
    expect((await subscribe(await connect(), "first")).map(told)).to.deep.equal(["true 0"]);
    for (const body of ["a", "b", "c", "d"]) await publish(body);
    const frames = await subscribe(await connect(), "first");
    expect(frames.map(told)).to.deep.equal(["true 3", "↩b", "↩c", "↩d"]);
    const again = await subscribe(await connect(), idOf(frames[0]));
    expect(again.map(told)).to.deep.equal(["true 3", "↩b", "↩c", "↩d"]);
  });

  it("gives the messages of all destinations that a pattern fits, in the order published", async () => {
    await start();
    const from = await position();
    for (const [body, room] of ["3", "1", "3", "2", "1"].entries())
      await publish(`${body}`, `/topic/room/${room}`);
    const frames = await subscribe(await connect(), from, { destination: "/topic/room/*" });
    expect(frames.map(told)).to.deep.equal(["true 5", "↩0", "↩1", "↩2", "↩3", "↩4"]);
    expect(frames[0]?.headers.get("destination")).to.equal("/topic/room/*");
    expect(frames[1]?.headers.get("destination")).to.equal("/topic/room/3");
  });

  it("sends RECEIPT behind the marker", async () => {
    await start();
    const session = await connect();
    session.send("SUBSCRIBE", { id: "1", destination: ROOM, since: "now", receipt: "r" });
    expect((await session.frame()).command).to.equal("MESSAGE");
    expect((await session.frame()).command).to.equal("RECEIPT");
  });

  describe("says recovered:false and the newest position, and never ERROR,", () => {
    async function expectRefused(
      since: string,
      reason: string,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      const session = await connect();
      const [marker, ...others] = await subscribe(session, since, headers);
      expect([told(marker!), others], since).to.deep.equal(["false 0", []]);
      expect(idOf(marker)).to.match(/^[\w-]{12}-[0-9]+$/);
      const { destination = ROOM } = headers;
      const { sessionId, ...event } = events.at(-1)!;
      expect(event).to.deep.equal({ user: undefined, destination, recovered: false, replayed: 0, reason });
      expect(server.messaging.stats().recoveries).to.deep.equal({ recovered: 0, refused: events.length });
      await publish("live", destination.replaceAll("*", "x"));
      expect(await heard(session)).to.deep.equal(["live"]);
    }

    it("to who names what is no position, or one of the future", async () => {
      await start();
      for (const since of ["7", "abc", "latest", "ID:queue-1", `${await position()}9`, "x".repeat(1_000)]) {
        await expectRefused(since, "epoch");
      }
    });

    it("after a restart", async () => {
      await start();
      await publish("a");
      const from = await position();
      await server.close();
      await start();
      await publish("b");
      await expectRefused(from, "epoch");
    });

    it("when more was missed than is kept", async () => {
      await start({ history: { ...ROOMS, size: 3 } });
      const from = await position();
      for (const body of ["a", "b", "c", "d"]) await publish(body);
      await expectRefused(from, "trimmed");
    });

    it("when it was longer ago than messages are kept, and not a moment before", async () => {
      const time = new FakeTime();
      await start({}, { clock: time });
      const from = await position();
      await publish("a");
      time.pass(300_000);
      const session = await connect();
      expect((await subscribe(session, from)).map(told)).to.deep.equal(["true 1", "↩a"]);
      time.pass(1);
      session.send("UNSUBSCRIBE", { id: "1" });
      expect((await subscribe(session, from)).map(told)).to.deep.equal(["false 0"]);
      session.send("UNSUBSCRIBE", { id: "1" });
      expect((await subscribe(session, await position())).map(told)).to.deep.equal(["true 0"]);
    });

    it("when more was missed than one SUBSCRIBE may get", async () => {
      await start({ replayLimit: 3 });
      const from = await position();
      for (const body of ["a", "b", "c", "d"]) await publish(body);
      await expectRefused(from, "limit");
    });

    it("when all messages together took too many bytes", async () => {
      await start({ historySizeLimit: 10_000 });
      const from = await position();
      await publish("x".repeat(5_000));
      await publish("y".repeat(5_000), "/topic/room/8");
      await expectRefused(from, "trimmed");
    });

    it("when a message was too large to be kept at all", async () => {
      await start({ historySizeLimit: 1_000 });
      const from = await position();
      await publish("x".repeat(2_000));
      await expectRefused(from, "trimmed");
    });

    it("where no messages are kept, or not all that the subscription hears", async () => {
      await start();
      for (const destination of ["/topic/other", "/topic/**", "/topic/*/7"]) {
        await expectRefused(await position(), "none", { destination });
      }
    });

    it("where no history is configured", async () => {
      await start({ history: [] });
      const session = await connect();
      const [now] = await subscribe(session, "now");
      expect(told(now!)).to.equal("false 0");
      session.send("UNSUBSCRIBE", { id: "1" });
      expect((await subscribe(session, idOf(now))).map(told)).to.deep.equal(["false 0"]);
    });

    it("on a queue, which gives what waits in it besides", async () => {
      await start();
      await publish("job", "/queue/jobs");
      const frames = await subscribe(await connect(), await position(), { destination: "/queue/jobs" });
      expect(frames.map(told)).to.deep.equal(["false 0", "job"]);
    });
  });

  it("is kept as the first of several entries says that fits", async () => {
    const history = [{ destinations: ["/topic/room/7", "/topic/desk/*"], size: 1, ttl: 1_000 }, ROOMS];
    await start({ history });
    const from = await position();
    for (const room of ["7", "8"]) for (const body of ["a", "b"]) await publish(body, `/topic/room/${room}`);
    const session = await connect();
    expect((await subscribe(session, from)).map(told)).to.deep.equal(["false 0"]);
    const frames = await subscribe(session, from, { id: "2", destination: "/topic/room/8" });
    expect(frames.map(told)).to.deep.equal(["true 2", "↩a", "↩b"]);
  });

  it("passes a selector, and what that hides is no gap", async () => {
    await start();
    const sender = await connect();
    const from = await position();
    for (const [i, color] of ["red", "blue", "red"].entries()) {
      sender.send("SEND", { destination: ROOM, color }, `${i}`);
    }
    await sender.messages();
    const blue = await subscribe(await connect(), from, { selector: "color = 'blue'" });
    expect(blue.map(told)).to.deep.equal(["true 1", "↩1"]);
    const green = await subscribe(await connect(), from, { selector: "color = 'green'" });
    expect(green.map(told)).to.deep.equal(["true 0"]);
  });

  it("keeps what clients send, whatever they say of themselves", async () => {
    await start();
    const session = await connect();
    const from = await position();
    session.send(
      "SEND",
      { destination: ROOM, recovered: "true", replayed: "9", " replayed": "8", mood: "fine" },
      "a",
    );
    const frames = await subscribe(session, from);
    expect(frames.map(told)).to.deep.equal(["true 1", "↩a"]);
    expect([...(frames[1]?.headers.keys() ?? [])]).to.deep.equal([
      "destination",
      "mood",
      "replayed",
      "subscription",
      "message-id",
      "content-length",
    ]);
  });

  it("keeps bytes as they were sent, whatever the application writes into them later", async () => {
    await start();
    const from = await position();
    const bytes = Buffer.from("before");
    await server.messaging.template.convertAndSend(ROOM, bytes);
    bytes.write("after!");
    expect((await subscribe(await connect(), from)).map(({ body }) => body)).to.deep.equal(["", "before"]);
    const { messages } = await server.messaging.history(ROOM);
    messages[0]?.payload.fill(0);
    expect((await subscribe(await connect(), from)).map(({ body }) => body)).to.deep.equal(["", "before"]);
  });

  it("answers each of two subscriptions to one destination by its own position", async () => {
    await start();
    const from = await position();
    await publish("a");
    const later = await position();
    await publish("b");
    const session = await connect();
    session.send("SUBSCRIBE", { id: "1", destination: ROOM, since: from });
    session.send("SUBSCRIBE", { id: "2", destination: ROOM, since: later });
    const frames = await session.messages();
    expect(frames.map((frame) => `${frame.headers.get("subscription")} ${told(frame)}`)).to.deep.equal([
      ...["1 true 2", "1 ↩a", "1 ↩b"],
      ...["2 true 1", "2 ↩b"],
    ]);
  });

  it("gives no retained message besides, unless that may have been missed", async () => {
    await start({ retainLast: ["/topic/room/*"] });
    await publish("a");
    const from = await position();
    expect((await subscribe(await connect(), from)).map(told)).to.deep.equal(["true 0"]);
    expect((await subscribe(await connect(), "gone")).map(told)).to.deep.equal(["false 0", "a"]);
    expect((await subscribe(await connect(), undefined)).map(told)).to.deep.equal(["a"]);
  });

  it("gives who asks for all the retained message too where the history has not kept it as long", async () => {
    const time = new FakeTime();
    await start({ retainLast: ["/topic/room/*"] }, { clock: time });
    await publish("old");
    time.pass(300_001);
    await publish("new", "/topic/room/8");
    const from = await position();
    expect((await subscribe(await connect(), "first")).map(told)).to.deep.equal(["true 0", "old"]);
    // In a position stands that it was heard.
    expect((await subscribe(await connect(), from)).map(told)).to.deep.equal(["true 0"]);
    const all = { destination: "/topic/room/*" };
    const both = await connect();
    expect((await subscribe(both, "first", all)).map(told)).to.deep.equal(["true 1", "↩new", "old"]);
    await publish("live");
    expect(await heard(both)).to.deep.equal(["live"]);
    const acknowledging = await connect();
    const window = { ack: "client-individual", "prefetch-count": "1" };
    const first = await subscribe(acknowledging, "first", { ...all, ...window });
    expect(first.map(told)).to.deep.equal(["true 2", "↩new"]);
    await publish("newest", "/topic/room/8");
    acknowledging.send("ACK", { id: first[1]?.headers.get("ack") ?? "" });
    const second = await acknowledging.messages();
    expect(second.map(told)).to.deep.equal(["↩live"]);
    acknowledging.send("ACK", { id: second[0]?.headers.get("ack") ?? "" });
    expect(await heard(acknowledging)).to.deep.equal(["newest"]);
  });

  for (const version of ["1.0", "1.1", "1.2"]) {
    for (const ack of ["client", "client-individual"]) {
      it(`lets a STOMP ${version} client with ack:${ack} acknowledge all it is given, one at a time`, async () => {
        await start();
        const from = await position();
        const bodies = ["a", "b", "c"];
        for (const body of bodies) await publish(body);
        const session = await connect(version);
        session.send("SUBSCRIBE", { id: "1", destination: ROOM, since: from, ack, "prefetch-count": 1 });
        let frames = await session.messages();
        // The marker takes no place in the window: a client that knows of it need not acknowledge it.
        expect(frames.map(told)).to.deep.equal(["true 3", "↩a"]);
        const seen: string[] = [];
        while (frames.length > 0) {
          for (const { headers } of frames) {
            const acknowledged =
              version === "1.2"
                ? { id: headers.get("ack") ?? "" }
                : {
                    "message-id": headers.get("message-id") ?? "",
                    ...(version === "1.1" && { subscription: "1" }),
                  };
            session.send("ACK", acknowledged);
          }
          seen.push(...frames.map(told));
          frames = await session.messages();
        }
        expect(seen).to.deep.equal(["true 3", "↩a", "↩b", "↩c"]);
        await publish("d");
        expect(await heard(session)).to.deep.equal(["d"]);
      });
    }
  }

  it("lets a client leave markers unacknowledged for ever, and bounds what is remembered of them", async () => {
    await start({ unacknowledgedLimit: 10 });
    const session = await connect();
    for (let i = 0; i < 50; i++) {
      session.send("SUBSCRIBE", { id: `${i}`, destination: ROOM, since: "now", ack: "client" });
      session.send("UNSUBSCRIBE", { id: `${i}` });
    }
    expect(await session.messages()).to.have.length(50);
  });

  it("holds what is not acknowledged back, and gives what came meanwhile behind it", async () => {
    await start();
    const from = await position();
    for (const body of ["a", "b"]) await publish(body);
    const session = await connect();
    session.send("SUBSCRIBE", {
      id: "1",
      destination: ROOM,
      since: from,
      ack: "client",
      "prefetch-count": 1,
    });
    const [, a] = await session.messages();
    await publish("c");
    session.send("ACK", { id: a?.headers.get("ack") ?? "" });
    const [b] = await session.messages();
    session.send("ACK", { id: b?.headers.get("ack") ?? "" });
    expect([b, ...(await session.messages())].map((frame) => told(frame!))).to.deep.equal(["↩b", "c"]);
  });

  it("ends with a second marker when what is not acknowledged makes it fall behind what is kept", async () => {
    await start({ history: { ...ROOMS, size: 2 } });
    const from = await position();
    for (const body of ["a", "b"]) await publish(body);
    const session = await connect();
    session.send("SUBSCRIBE", {
      id: "1",
      destination: ROOM,
      since: from,
      ack: "client",
      "prefetch-count": 1,
    });
    const [, a] = await session.messages();
    for (const body of ["c", "d", "e"]) await publish(body);
    session.send("ACK", { id: a?.headers.get("ack") ?? "" });
    const [marker, ...others] = await session.messages();
    expect([told(marker!), others]).to.deep.equal(["false 0", []]);
    expect(idOf(marker)).to.equal(await position());
    expect(events.map(({ reason }) => reason)).to.deep.equal([undefined, "trimmed"]);
    await publish("f");
    expect(await heard(session)).to.deep.equal(["f"]);
  });

  it("is over with UNSUBSCRIBE, and with the end of the session", async () => {
    await start();
    const from = await position();
    for (let i = 0; i < 9; i++) await publish(`${i}`);
    const session = await connect();
    const asked = { id: "1", destination: ROOM, since: from, ack: "client", "prefetch-count": 2 };
    session.send("SUBSCRIBE", asked);
    const frames = await session.messages();
    session.send("UNSUBSCRIBE", { id: "1" });
    for (const { headers } of frames) session.send("ACK", { id: headers.get("ack") ?? "" });
    expect(await session.messages()).to.deep.equal([]);
    session.send("SUBSCRIBE", asked);
    expect((await session.messages()).map(told)).to.deep.equal(["true 9", "↩0", "↩1"]);
    session.send("DISCONNECT", { receipt: "bye" });
    expect((await session.frame()).headers.get("receipt-id")).to.equal("bye");
  });

  it("gives everything once and in order, wherever the line was cut", async function () {
    this.timeout(120_000);
    await start();
    const from = await position();
    for (let i = 0; i < 50; i++) await publish(`${i}`);
    const all = Array.from({ length: 50 }, (_, i) => `↩${i}`);
    const [, ...whole] = await subscribe(await connect(), from);
    expect(whole.map(told)).to.deep.equal(all);
    for (const [at, last] of whole.entries()) {
      const session = await connect();
      const [marker, ...rest] = await subscribe(session, idOf(last));
      expect(told(marker!)).to.equal(`true ${49 - at}`);
      expect(rest.map(told)).to.deep.equal(all.slice(at + 1));
      session.cut();
    }
  });

  it("gives by SockJS over HTTP what it gives by WebSocket", async () => {
    await start();
    const from = await position();
    for (const body of ["a", "b"]) await publish(body);
    const path = "/ws/000/poller";
    const poll = async () => {
      const { text } = await post(server.port, `${path}/xhr`);
      return text === "o\n" ? [] : (JSON.parse(text.slice(1)) as string[]).join("").split("\0");
    };
    const send = (frame: string) => post(server.port, `${path}/xhr_send`, JSON.stringify([`${frame}\0`]));
    await poll();
    await send("CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:0,0\n\n");
    await poll();
    await send(`SUBSCRIBE\nid:1\ndestination:${ROOM}\nsince:${from}\n\n`);
    const frames: string[] = [];
    while (frames.length < 3) frames.push(...(await poll()).filter((each) => each.trim() !== ""));
    expect(frames.map((frame) => told(parseFrame(frame.trimStart())))).to.deep.equal(["true 2", "↩a", "↩b"]);
  });

  describe("and rights", () => {
    const may = { read: true };
    const security = messageSecurity((messages) =>
      messages
        .simpSubscribeDestMatchers("/topic/room/**")
        .access(() => may.read)
        .anyMessage()
        .permitAll(),
    );

    beforeEach(() => {
      may.read = true;
    });

    it("are those of the moment of the SUBSCRIBE, not of the message", async () => {
      await start({}, { security });
      const from = await position();
      await publish("secret");
      may.read = false;
      const session = await connect();
      expect(await session.refusal("SUBSCRIBE", { id: "1", destination: ROOM, since: from })).to.include(
        "denied",
      );
    });

    it("are judged anew by recheck, which ends a replay that is under way", async () => {
      await start({}, { security, endpoints: [{ path: "/ws", user: () => ({ name: "rod" }) }] });
      const from = await position();
      for (let i = 0; i < 5; i++) await publish(`${i}`);
      const session = await connect();
      session.send("SUBSCRIBE", {
        id: "1",
        destination: ROOM,
        since: from,
        ack: "client",
        "prefetch-count": 1,
      });
      const [, first] = await session.messages();
      may.read = false;
      expect(await server.messaging.recheck({ user: "rod" }, "You have left")).to.equal(1);
      session.send("ACK", { id: first?.headers.get("ack") ?? "" });
      const [notice, ...others] = await session.messages();
      expect([notice?.headers.get("unsubscribed"), others]).to.deep.equal(["You have left", []]);
    });
  });

  it("stops when the server ends the subscription", async () => {
    await start({}, { endpoints: [{ path: "/ws", user: () => ({ name: "rod" }) }] });
    const from = await position();
    for (let i = 0; i < 5; i++) await publish(`${i}`);
    const session = await connect();
    session.send("SUBSCRIBE", {
      id: "1",
      destination: ROOM,
      since: from,
      ack: "client",
      "prefetch-count": 1,
    });
    const [, first] = await session.messages();
    const [subscription] = server.messaging.userRegistry.findSubscriptions(() => true);
    await server.messaging.unsubscribe(subscription!, "left");
    session.send("ACK", { id: first?.headers.get("ack") ?? "" });
    const [notice, ...others] = await session.messages();
    expect([notice?.headers.get("unsubscribed"), others]).to.deep.equal(["left", []]);
  });
});
