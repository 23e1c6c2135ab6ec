import { expect } from "chai";
import { type StompBrokerRelayOptions, stompBrokerRelay } from "express-stomp";
import { CERTIFICATE } from "../../support/certificate.js";
import { RawClient } from "../../support/raw-client.js";
import type { RelayStage, RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";
import { openShared, subscribeAll } from "../../support/shared-relay-stage.js";

describe("stompBrokerRelay with shared connections", () => {
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

  it("opens none for a client, and one subscription for all of them", async () => {
    await start();
    const all = [await connect(), await connect(), await connect()];
    const id = await subscribeAll(shared, all);
    const trial = await stage.broker.line();
    expect((await trial.until("SUBSCRIBE")).headers.get("destination")).to.equal("/topic/a");
    await trial.closed();
    expect(stage.broker.open).to.equal(2);

    shared.send("MESSAGE", { subscription: id, destination: "/topic/a", "message-id": "m", x: "1" }, "hello");
    for (const [i, client] of all.entries()) {
      const { headers, body } = await client.frame();
      expect(body).to.equal("hello");
      expect(headers.get("subscription")).to.equal(`s${i}`);
      expect([headers.get("message-id"), headers.get("destination"), headers.get("x")]).to.deep.equal([
        "m",
        "/topic/a",
        "1",
      ]);
    }
  });

  for (const strategy of ["terminate", "drop-oldest"] as const) {
    it(`ends no reader by a burst, nor waits long for one that takes nothing, overflowStrategy ${strategy}`, async () => {
      await start({ secure: true, server: { transport: { overflowStrategy: strategy } } });
      const open = async () => {
        const client = await RawClient.connect(stage.server.port, "", "/ws", { ca: CERTIFICATE });
        clients.push(client);
        // So that what is read at once from the broker is many times as much for the client.
        for (let n = 0; n < 20; n++) client.send(`SUBSCRIBE\nid:${n}\ndestination:/topic/a\n\n^@`);
        await client.synchronize();
        return client;
      };
      const [reader, stopped] = [await open(), await open()];
      const id = (await shared.until("SUBSCRIBE")).headers.get("id")!;
      stopped.webSocket.pause();

      for (let i = 0; i < 100; i++) {
        const headers = { subscription: id, destination: "/topic/a", "message-id": `${i}` };
        shared.send("MESSAGE", headers, `${i}.`.padEnd(2_000, "x"));
      }

      for (let i = 0; i < 2000; i++) {
        expect(await reader.frame()).to.include(`\n\n${Math.floor(i / 20)}.`);
      }
      expect(await reader.synchronize()).to.deep.equal([]);
    });
  }

  it("ends the subscription with the last subscriber", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    const id = await subscribeAll(shared, [ann!, rod!]);
    ann!.send("UNSUBSCRIBE", { id: "s0", receipt: "r" });
    await ann!.frame();
    shared.send("MESSAGE", { subscription: id, destination: "/topic/a", "message-id": "m" }, "to rod");
    expect((await rod!.frame()).body).to.equal("to rod");
    rod!.cut();
    expect((await shared.until("UNSUBSCRIBE")).headers.get("id")).to.equal(id);
    expect(await ann!.messages()).to.deep.equal([]);
  });

  it("confirms a SUBSCRIBE when the broker has confirmed the shared one", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    stage.broker.options = { receipts: false };
    ann!.send("SUBSCRIBE", { id: "s", destination: "/topic/a", receipt: "r" });
    const trial = await stage.broker.line();
    trial.send("RECEIPT", { "receipt-id": (await trial.until("SUBSCRIBE")).headers.get("receipt")! });
    const { headers } = await shared.until("SUBSCRIBE");
    rod!.send("SUBSCRIBE", { id: "s", destination: "/topic/a", receipt: "r" });
    stage.broker.options = {};
    shared.send(
      "MESSAGE",
      { subscription: headers.get("id")!, destination: "/topic/a", "message-id": "m" },
      "1",
    );
    // Whatever the order, nobody is told before the broker has said so.
    expect((await ann!.frame()).command).to.equal("MESSAGE");
    shared.send("RECEIPT", { "receipt-id": headers.get("receipt")! });
    expect((await ann!.frame()).command).to.equal("RECEIPT");
  });

  it("does not wait for a broker that does not confirm, nor hears from it later", async () => {
    await start({ relay: { receiptTimeout: 300 } });
    const ann = await connect();
    // At once, since the trial has no more time.
    stage.broker.options = { receipts: ({ headers }) => headers.get("id") === "trial" };
    const refusal = ann.refusal("SUBSCRIBE", { id: "s", destination: "/topic/a" });
    const { headers } = await shared.until("SUBSCRIBE");
    expect(await refusal).to.equal("Broker not available");
    expect((await shared.until("UNSUBSCRIBE")).headers.get("id")).to.equal(headers.get("id"));
  });

  for (const [what, command, headers] of [
    ["an acknowledgement", "SUBSCRIBE", { id: "1", destination: "/topic/a", ack: "client" }],
    ["a selector", "SUBSCRIBE", { id: "1", destination: "/topic/a", selector: "x = 1" }],
    ["a queue", "SUBSCRIBE", { id: "1", destination: "/queue/a" }],
    ["a list that may hold a queue", "SUBSCRIBE", { id: "1", destination: "/topic/a,queue" }],
    ["a transaction", "BEGIN", { transaction: "t" }],
    ["a SEND to a queue", "SEND", { destination: "/queue/a" }],
    ["a long header", "SEND", { destination: "/topic/a", color: "x".repeat(256) }],
    ["a long type of content", "SEND", { destination: "/topic/a", "content-type": "x".repeat(256) }],
    ["a header that the broker acts on", "SEND", { destination: "/topic/a", expiration: "1" }],
  ] as const) {
    it(`gives a client a connection of its own for ${what}`, async () => {
      await start();
      const client = await connect();
      client.send(command, { ...headers, receipt: "mine" });
      const own = await stage.broker.line();
      expect((await own.until("CONNECT")).headers.get("login")).to.equal("web");
      const { receipt: _, ...passed } = Object.fromEntries((await own.until(command)).headers);
      expect(passed).to.include(headers);
      expect((await client.frame()).headers.get("receipt-id")).to.equal("mine");

      client.send("SEND", { destination: "/topic/b" }, "after that");
      expect((await own.until("SEND")).body).to.equal("after that");
      client.send("DISCONNECT", { receipt: "bye" });
      await client.frame();
      await own.closed();
    });
  }

  it("gives a client a connection of its own when the broker has got what it sent before", async () => {
    await start();
    const client = await connect();
    client.send("SEND", { destination: "/topic/a", receipt: "tried" });
    await client.frame();
    await stage.broker.line();
    stage.broker.options = { receipts: ({ command }) => command !== "BEGIN" };

    client.send("SEND", { destination: "/topic/a" }, "before");
    client.send("BEGIN", { transaction: "t" });
    expect((await shared.until("SEND")).body).to.equal("before");
    const { headers } = await shared.until("BEGIN");
    const { accepted } = stage.broker;
    shared.send("RECEIPT", { "receipt-id": headers.get("receipt")! });

    const own = await stage.broker.line();
    expect(stage.broker.accepted).to.equal(accepted + 1);
    expect((await own.until("BEGIN")).headers.get("transaction")).to.equal("t");
  });

  it("lets nobody pay for receipts that others wait for", async () => {
    await start();
    const [ann, rod] = [await connect(), await connect()];
    ann!.send("SEND", { destination: "/topic/a", receipt: "r" });
    await ann!.frame();
    stage.broker.options = { receipts: false };
    for (let n = 0; n <= 10_001; n++) ann!.send("SEND", { destination: "/topic/a", receipt: "r" });
    const pending = [];
    while (pending.length <= 10_000) pending.push(await shared.until("SEND"));

    rod!.send("SEND", { destination: "/topic/a", receipt: "r" }, "rod's");
    const rods = await shared.until("SEND");
    expect(rods.body).to.equal("rod's");
    shared.send("RECEIPT", { "receipt-id": rods.headers.get("receipt")! });
    expect((await rod!.frame()).command).to.equal("RECEIPT");
    // She who has too many waits for one that came when there were.
    shared.send("RECEIPT", { "receipt-id": pending.at(-1)!.headers.get("receipt")! });
    await shared.until("SEND");
    // The server would wait for all of them when it closes.
    shared.cut();
  });

  it("keeps what is for servers only from its clients", async () => {
    await start();
    const ann = await connect();
    const id = await subscribeAll(shared, [ann]);
    const marks = { "express-stomp-servers-only": "1" };
    shared.send(
      "MESSAGE",
      { subscription: id, destination: "/topic/a", "message-id": "1", ...marks },
      "secret",
    );
    shared.send("MESSAGE", { subscription: id, destination: "/topic/a", "message-id": "2" }, "public");
    expect((await ann.frame()).body).to.equal("public");
  });

  it("refuses an id that is in use, in whatever connection", async () => {
    await start();
    const ann = await connect();
    await subscribeAll(shared, [ann]);
    expect(await ann.refusal("SUBSCRIBE", { id: "s0", destination: "/queue/a" })).to.equal(
      "The subscription id s0 is in use",
    );
  });

  it("refuses options that cannot be", async () => {
    await start();
    const wrong: [StompBrokerRelayOptions, string][] = [
      [{ connections: "some" as "own" }, 'connections must be "own" or "shared", not \'some\''],
      [{ connections: "shared", passClientLogin: true }, 'connections must be "own" with passClientLogin'],
      [{ sharedConnections: 3 }, 'sharedConnections is for connections: "shared"'],
      [{ connections: "shared", sharedConnections: 0 }, "sharedConnections must be a whole number"],
    ];
    for (const [options, text] of wrong) {
      expect(() => stompBrokerRelay(options)).to.throw(`stompBrokerRelay: ${text}`);
    }
  });
});
