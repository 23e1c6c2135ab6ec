import { expect } from "chai";
import { RawClient } from "../../support/raw-client.js";
import type { RelayStage, RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";
import { openShared, subscribeAll } from "../../support/shared-relay-stage.js";
import { StompSession } from "../../support/stomp-session.js";

describe("stompBrokerRelay with shared connections that are lost, or of which the broker ends something", () => {
  let stage: RelayStage;
  let shared: ScriptedLine;
  const clients: RawClient[] = [];

  async function start(options: RelayStageOptions = {}) {
    ({ stage, shared } = await openShared(options));
  }

  const connect = () => stage.session();

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await stage.close();
  });

  it("subscribes again when the connection was lost, and its clients go on", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    await subscribeAll(shared, [ann!, rod!]);
    await stage.broker.line();
    stage.broker.options = { connects: false };
    shared.cut();
    await stage.available(false);
    const error = await StompSession.connect(stage.server.port).catch((thrown: Error) => thrown);
    expect(error).to.have.property("message", "ERROR instead of CONNECTED");
    shared = await stage.broker.line();
    await shared.until("CONNECT");
    stage.broker.options = {};
    shared.connected();
    const id = (await shared.until("SUBSCRIBE")).headers.get("id")!;
    shared.send("MESSAGE", { subscription: id, destination: "/topic/a", "message-id": "m" }, "again");
    for (const client of [ann!, rod!]) expect((await client.frame()).body).to.equal("again");
  });

  it("ends the sessions whose subscription the broker does not confirm again, and no other", async () => {
    await start({ relay: { receiptTimeout: 200 } });
    const [ann, rod] = [await connect(), await connect()];
    await subscribeAll(shared, [ann!], "/topic/a");
    await subscribeAll(shared, [rod!], "/topic/b");
    for (const _ of [ann, rod]) await (await stage.broker.line()).closed();
    // The other one at once, since it has no more time.
    stage.broker.options = { receipts: ({ headers }) => headers.get("destination") === "/topic/b" };
    shared.cut();
    shared = await stage.broker.line();
    const [a, b] = [await shared.until("SUBSCRIBE"), await shared.until("SUBSCRIBE")];
    expect([a, b].map(({ headers }) => headers.get("destination"))).to.deep.equal(["/topic/a", "/topic/b"]);

    const error = await ann!.frame();
    const text = "The broker has not confirmed the subscription to /topic/a again: subscribe anew";
    expect([error.command, error.headers.get("message")]).to.deep.equal([
      "ERROR",
      text.replaceAll(":", "\\c"),
    ]);
    expect((await shared.until("UNSUBSCRIBE")).headers.get("id")).to.equal(a!.headers.get("id"));
    expect(stage.server.log.filter((line) => line.startsWith(`error ${text}`))).to.have.length(1);
    const subscription = b!.headers.get("id")!;
    shared.send("MESSAGE", { subscription, destination: "/topic/b", "message-id": "m" }, "still here");
    expect((await rod!.frame()).body).to.equal("still here");

    // Nobody is led to believe that it is heard there: it is tried out again.
    const refusal = rod!.refusal("SUBSCRIBE", { id: "1", destination: "/topic/a" });
    await (await stage.broker.line()).until("SUBSCRIBE");
    expect(await refusal).to.equal("Broker not available");
  });

  it("confirms a SUBSCRIBE only when the broker has confirmed again, after the connection was lost", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    for (const destination of ["/topic/b", "/topic/a"]) {
      await subscribeAll(shared, [destination === "/topic/a" ? ann! : rod!], destination);
      await (await stage.broker.line()).closed();
    }
    const lost = stage.available(false);
    stage.broker.options = { receipts: false };
    shared.cut();
    await lost;
    shared = await stage.broker.line();
    const b = await shared.until("SUBSCRIBE");
    const { headers } = await shared.until("SUBSCRIBE");
    // One destination does not wait for another.
    shared.send("RECEIPT", { "receipt-id": b.headers.get("receipt")! });
    ann!.send("SUBSCRIBE", { id: "b", destination: "/topic/b", receipt: "r" });
    expect((await ann!.frame()).command).to.equal("RECEIPT");

    const subscribed = new Promise<void>((resolve) => {
      stage.server.messaging.on("subscribe", () => resolve());
    });
    rod!.send("SUBSCRIBE", { id: "s", destination: "/topic/a", receipt: "r" });
    await subscribed;
    const subscription = headers.get("id")!;
    shared.send("MESSAGE", { subscription, destination: "/topic/a", "message-id": "m" }, "1");
    expect((await rod!.frame()).command).to.equal("MESSAGE");
    shared.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
    expect((await rod!.frame()).command).to.equal("RECEIPT");
  });

  it("refuses a SUBSCRIBE when the connection is lost again before the broker has confirmed, in no words of others", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    await subscribeAll(shared, [ann!]);
    await (await stage.broker.line()).closed();
    stage.broker.options = { receipts: false };
    shared.cut();
    shared = await stage.broker.line();
    await shared.until("SUBSCRIBE");
    const subscribed = new Promise<void>((resolve) => {
      stage.server.messaging.on("subscribe", () => resolve());
    });
    const refusal = rod!.refusal("SUBSCRIBE", { id: "1", destination: "/topic/a" });
    await subscribed;
    shared.cut();
    expect(await refusal).to.equal("Broker not available");
    shared = await stage.broker.line();
    const subscription = (await shared.until("SUBSCRIBE")).headers.get("id")!;
    shared.send("MESSAGE", { subscription, destination: "/topic/a", "message-id": "m" }, "to ann");
    expect((await ann!.frame()).body).to.equal("to ann");
  });

  it("refuses a SUBSCRIBE while its connection is away, though others have the destination", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    await subscribeAll(shared, [ann!]);
    stage.broker.options = { connects: false };
    shared.cut();
    await stage.available(false);
    expect(await rod!.refusal("SUBSCRIBE", { id: "1", destination: "/topic/a" })).to.equal(
      "Broker not available",
    );
  });

  for (const [away, others] of [
    ["shared connection alone", false],
    ["broker", true],
    ["broker, as the shared connection tells first,", true],
  ] as const) {
    it(`${others ? "forgets" : "remembers"} over what it may have been lost, when the ${away} was away`, async () => {
      const tellsFirst = away.includes("first");
      // Long enough that the shared connection is not back before the other one has told.
      const opened = await openShared({ relay: { reconnectInterval: tellsFirst ? 500 : 10 } });
      ({ stage, shared } = opened);
      const [ann, eve, rod] = [await connect(), await connect(), await connect()];
      for (const destination of ["/topic/a", "/topic/b"]) {
        ann.send("SEND", { destination, receipt: "r" });
        await ann.frame();
        const trial = await stage.broker.line();
        await trial.closed();
      }
      stage.broker.options = { receipts: false };
      const refusal = eve.refusal("SEND", { destination: "/topic/a" });
      await shared.until("SEND");
      const lost = stage.available(false);
      if (others && !tellsFirst) opened.system.cut();
      shared.cut();
      if (tellsFirst) {
        expect(await refusal).to.equal("Broker not available");
        opened.system.cut();
      }
      await lost;
      expect(await refusal).to.equal("Broker not available");
      stage.broker.options = {};
      await stage.available();

      rod.send("SEND", { destination: "/topic/b", receipt: "b" });
      expect((await rod.frame()).headers.get("receipt-id")).to.equal("b");
      rod.send("SEND", { destination: "/topic/a", receipt: "a" });
      expect((await rod.frame()).headers.get("receipt-id")).to.equal("a");
      rod.send("BEGIN", { transaction: "t", receipt: "t" });
      expect((await rod.frame()).headers.get("receipt-id")).to.equal("t");
      // The application's and the shared one, two trials; what was lost again, one trial or two, and rod's own.
      expect(stage.broker.accepted).to.equal(2 + 2 + (others ? 2 + 2 : 1 + 1) + 1);
    });
  }

  it("tells a sender who waits for a receipt that the connection was lost", async () => {
    await start();
    const client = await connect();
    client.send("SEND", { destination: "/topic/a", receipt: "1" });
    await client.frame();
    stage.broker.options = { receipts: false };
    const refusal = client.refusal("SEND", { destination: "/topic/a" });
    await shared.until("SEND");
    shared.cut();
    expect(await refusal).to.equal("Broker not available");
  });

  it("ends the sessions whose subscription the broker ends, and no other", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    const a = await subscribeAll(shared, [ann!], "/topic/a");
    const b = await subscribeAll(shared, [rod!], "/topic/b");
    shared.send("ERROR", { message: "Server cancelled subscription", subscription: a });
    const error = await ann!.frame();
    expect([error.command, error.headers.get("message")]).to.deep.equal([
      "ERROR",
      "Server cancelled subscription",
    ]);
    shared.send("MESSAGE", { subscription: b, destination: "/topic/b", "message-id": "m" }, "still here");
    expect((await rod!.frame()).body).to.equal("still here");
  });

  it("does not blame whoever waits for a receipt when the broker ends a subscription", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    const a = await subscribeAll(shared, [ann!], "/topic/a");
    await (await stage.broker.line()).closed();
    stage.broker.options = { receipts: false };
    rod!.send("SUBSCRIBE", { id: "1", destination: "/topic/b", receipt: "r" });
    const trial = await stage.broker.line();
    trial.send("RECEIPT", { "receipt-id": (await trial.until("SUBSCRIBE")).headers.get("receipt")! });
    const { headers } = await shared.until("SUBSCRIBE");
    shared.send("ERROR", { message: "Server cancelled subscription", subscription: a });
    expect((await ann!.frame()).command).to.equal("ERROR");
    shared.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
    expect((await rod!.frame()).command).to.equal("RECEIPT");
  });

  it("stays when the broker ends a subscription that has just been left", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    const a = await subscribeAll(shared, [ann!], "/topic/a");
    const b = await subscribeAll(shared, [rod!], "/topic/b");
    ann!.cut();
    await shared.until("UNSUBSCRIBE");
    shared.send("ERROR", { message: "Server cancelled subscription", subscription: a });
    shared.send("MESSAGE", { subscription: b, destination: "/topic/b", "message-id": "m" }, "still here");
    expect((await rod!.frame()).body).to.equal("still here");
  });

  it("stays when the broker refuses one destination, and says which frame it means", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    const b = await subscribeAll(shared, [rod!], "/topic/b");
    await (await stage.broker.line()).closed();
    stage.broker.options = { receipts: false };
    const refusal = ann!.refusal("SUBSCRIBE", { id: "1", destination: "/topic/a" });
    const trial = await stage.broker.line();
    trial.send("RECEIPT", { "receipt-id": (await trial.until("SUBSCRIBE")).headers.get("receipt")! });
    const { headers } = await shared.until("SUBSCRIBE");
    stage.broker.options = {};
    shared.send("ERROR", { message: "Not any more", "receipt-id": headers.get("receipt")! });
    expect(await refusal).to.equal("Not any more");
    shared.send("MESSAGE", { subscription: b, destination: "/topic/b", "message-id": "m" }, "still here");
    expect((await rod!.frame()).body).to.equal("still here");
  });
});
