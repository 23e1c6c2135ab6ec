import { expect } from "chai";
import { messageSecurity } from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { HistoryStage, idOf, ROOM, ROOMS, told } from "../support/history-stage.js";
import { post } from "../support/sockjs-http.js";
import { parseFrame } from "../support/stomp-session.js";

describe("History", () => {
  const stage = new HistoryStage();
  const { start, connect, publish, subscribe, heard, position } = stage;

  afterEach(() => stage.close());

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
    expect(stage.events.map(({ replayed }) => replayed)).to.deep.equal([1]);
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
    await stage.server.messaging.template.convertAndSend(ROOM, bytes);
    bytes.write("after!");
    expect((await subscribe(await connect(), from)).map(({ body }) => body)).to.deep.equal(["", "before"]);
    const { messages } = await stage.server.messaging.history(ROOM);
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
      const { text } = await post(stage.server.port, `${path}/xhr`);
      return text === "o\n" ? [] : (JSON.parse(text.slice(1)) as string[]).join("").split("\0");
    };
    const send = (frame: string) =>
      post(stage.server.port, `${path}/xhr_send`, JSON.stringify([`${frame}\0`]));
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
      expect(await stage.server.messaging.recheck({ user: "rod" }, "You have left")).to.equal(1);
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
    const [subscription] = stage.server.messaging.userRegistry.findSubscriptions(() => true);
    await stage.server.messaging.unsubscribe(subscription!, "left");
    session.send("ACK", { id: first?.headers.get("ack") ?? "" });
    const [notice, ...others] = await session.messages();
    expect([notice?.headers.get("unsubscribed"), others]).to.deep.equal(["left", []]);
  });
});
