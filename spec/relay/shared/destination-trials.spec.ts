import { expect } from "chai";
import type { ChannelInterceptor, Message } from "express-stomp";
import type { RelayStage, RelayStageOptions } from "../../support/relay-stage.js";
import type { ScriptedLine } from "../../support/scripted-broker.js";
import { openShared, subscribeAll } from "../../support/shared-relay-stage.js";
import type { StompSession } from "../../support/stomp-session.js";

describe("A destination that is to be shared", () => {
  let stage: RelayStage;
  let shared: ScriptedLine;

  async function start(options: RelayStageOptions = {}) {
    ({ stage, shared } = await openShared(options));
  }

  const connect = () => stage.session();

  /** Starts; `came` resolves when a client has sent something. */
  async function startNoticing(body: string): Promise<{ came: Promise<void> }> {
    let tell = () => {};
    const came = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const noticing: ChannelInterceptor = {
      preSend(message: Message) {
        if (Buffer.from(message.payload).toString() === body) tell();
        return message;
      },
    };
    await start({ server: { clientInboundChannel: { interceptors: [noticing] } } });
    return { came };
  }

  afterEach(() => stage.close());

  it("costs only the one client what the broker refuses", async () => {
    await start();
    const [ann, eve] = [await connect(), await connect()];
    const id = await subscribeAll(shared, [ann!]);
    await stage.broker.line();
    for (const frame of [
      ["SUBSCRIBE", { id: "1", destination: "/topic/a/b" }],
      ["SEND", { destination: "/topic/a/b" }],
    ] as const) {
      stage.broker.options = { receipts: false };
      const refused = frame[0] === "SUBSCRIBE" ? eve! : await connect();
      const refusal = refused.refusal(frame[0], frame[1]);
      const trial = await stage.broker.line();
      const { headers } = await trial.until(frame[0]);
      trial.send("ERROR", { message: "Invalid destination", "receipt-id": headers.get("receipt")! });
      trial.socket.end();
      expect(await refusal).to.equal("Invalid destination");
    }
    stage.broker.options = {};
    shared.send("MESSAGE", { subscription: id, destination: "/topic/a", "message-id": "m" }, "still here");
    expect((await ann!.frame()).body).to.equal("still here");
  });

  it("sends over a shared connection, once the broker has taken the destination, with the broker's receipts", async () => {
    await start();
    const client = await connect();
    client.send("SEND", { destination: "/topic/a", receipt: "1" }, "first");
    const trial = await stage.broker.line();
    expect((await trial.until("SEND")).body).to.equal("first");
    expect((await client.frame()).headers.get("receipt-id")).to.equal("1");

    stage.broker.options = { receipts: false };
    client.send("SEND", { destination: "/topic/a", receipt: "2", x: "y" }, "second");
    client.send("SEND", { destination: "/topic/a" }, "third");
    const second = await shared.until("SEND");
    expect([second.body, second.headers.get("x")]).to.deep.equal(["second", "y"]);
    expect((await shared.until("SEND")).body).to.equal("third");
    shared.send("RECEIPT", { "receipt-id": second.headers.get("receipt")! });
    expect((await client.frame()).headers.get("receipt-id")).to.equal("2");
    stage.broker.options = {};
  });

  it("is tried out again by the first message that is longer, and by no other of that length", async () => {
    await start();
    const client = await connect();
    const long = "x".repeat(20_000);
    for (const body of ["short", long]) {
      client.send("SEND", { destination: "/topic/a", receipt: "r" }, body);
      const trial = await stage.broker.line();
      expect((await trial.until("SEND")).body).to.equal(body);
      await client.frame();
    }
    client.send("SEND", { destination: "/topic/a" }, long);
    expect((await shared.until("SEND")).body).to.equal(long);
  });

  it("is tried out by one message, and the others wait for that", async () => {
    const { came } = await startNoticing("second");
    const [ann, rod] = [await connect(), await connect()];
    stage.broker.options = { receipts: false };
    ann!.send("SEND", { destination: "/topic/a" }, "first");
    const trial = await stage.broker.line();
    const first = await trial.until("SEND");
    rod!.send("SEND", { destination: "/topic/a" }, "second");
    await came;
    trial.send("RECEIPT", { "receipt-id": first.headers.get("receipt")! });
    expect((await shared.until("SEND")).body).to.equal("second");
    expect(stage.broker.accepted).to.equal(3);
  });

  it("is tried out again when the first message was refused", async () => {
    const { came } = await startNoticing("good");
    const [ann, rod] = [await connect(), await connect()];
    stage.broker.options = { receipts: false };
    const refusal = ann!.refusal("SEND", { destination: "/topic/a" }, "bad");
    const trial = await stage.broker.line();
    const bad = await trial.until("SEND");
    rod!.send("SEND", { destination: "/topic/a", receipt: "r" }, "good");
    await came;
    trial.send("ERROR", { message: "No", "receipt-id": bad.headers.get("receipt")! });
    expect(await refusal).to.equal("No");
    const next = await stage.broker.line();
    const good = await next.until("SEND");
    expect(good.body).to.equal("good");
    next.send("RECEIPT", { "receipt-id": good.headers.get("receipt")! });
    expect((await rod!.frame()).headers.get("receipt-id")).to.equal("r");
  });

  it("is tried out once when the line to the broker breaks, whoever waits for that", async () => {
    const { came } = await startNoticing("second");
    const [ann, rod] = [await connect(), await connect()];
    stage.broker.options = { receipts: false };
    const refusals = [ann!.refusal("SEND", { destination: "/topic/a" }, "first")];
    const trial = await stage.broker.line();
    await trial.until("SEND");
    refusals.push(rod!.refusal("SEND", { destination: "/topic/a" }, "second"));
    await came;
    trial.cut();
    expect(await Promise.all(refusals)).to.deep.equal(["Broker not available", "Broker not available"]);
    expect(stage.broker.accepted).to.equal(3);
  });

  it("does not tell a client whose login it was that the broker refused", async () => {
    await start();
    const client = await connect();
    stage.broker.options = { connects: false };
    const refusal = client.refusal("SEND", { destination: "/topic/a" });
    const trial = await stage.broker.line();
    await trial.until("CONNECT");
    trial.send("ERROR", { message: "Access refused for user 'web'" });
    expect(await refusal).to.equal("Broker not available");
    expect(stage.server.log.join("\n")).to.include(
      "refused a client's connection: Access refused for user 'web'",
    );
  });

  it("leaves a destination that was left before it was found good, though its id is in use again", async () => {
    await start({ server: { preserveReceiveOrder: false } });
    const client = await connect();
    stage.broker.options = { receipts: false };
    client.send("SUBSCRIBE", { id: "s", destination: "/topic/a" });
    const a = await stage.broker.line();
    const first = await a.until("SUBSCRIBE");
    client.send("UNSUBSCRIBE", { id: "s" });
    client.send("SUBSCRIBE", { id: "s", destination: "/topic/b" });
    const b = await stage.broker.line();
    const second = await b.until("SUBSCRIBE");
    stage.broker.options = {};
    b.send("RECEIPT", { "receipt-id": second.headers.get("receipt")! });
    const kept = await shared.until("SUBSCRIBE");
    expect(kept.headers.get("destination")).to.equal("/topic/b");
    a.send("RECEIPT", { "receipt-id": first.headers.get("receipt")! });
    await a.closed();
    client.cut();
    const next = await shared.frame();
    expect([next.command, next.headers.get("id")]).to.deep.equal(["UNSUBSCRIBE", kept.headers.get("id")]);
  });

  describe("among many that are new at once", () => {
    const CLIENTS = 200;

    /** Waits until the server has handed on so many frames. */
    async function handedOn(frames: number): Promise<void> {
      const { messaging } = stage.server;
      while (messaging.stats().framesReceived < frames) await new Promise(setImmediate);
    }

    /** Starts with clients that have all sent to a destination of their own, and the trials of the first ten. */
    async function crowd(count: number, options: RelayStageOptions = {}) {
      await start(options);
      const clients: StompSession[] = [];
      for (let n = 0; n < count; n++) clients.push(await connect());
      stage.broker.options = { connects: false };
      for (const [n, client] of clients.entries()) {
        client.send("SEND", { destination: `/topic/${n}`, receipt: "1" }, "first");
      }
      await handedOn(2 * count);
      const trials: ScriptedLine[] = [];
      while (trials.length < 10) trials.push(await stage.broker.line());
      for (const trial of trials) await trial.until("CONNECT");
      return { clients, trials };
    }

    it("is one of ten that are tried out, in order, and every client gets its answers in order", async () => {
      const { clients, trials } = await crowd(CLIENTS);
      for (const [n, client] of clients.entries()) {
        client.send("SUBSCRIBE", { id: "s", destination: `/topic/${n}`, receipt: "2" });
        client.send("SEND", { destination: `/topic/${n}`, receipt: "3" }, "second");
      }
      stage.broker.options = {};
      for (const trial of trials) trial.connected();
      for (const client of clients) {
        const receipts = [await client.frame(), await client.frame(), await client.frame()];
        expect(receipts.map(({ headers }) => headers.get("receipt-id"))).to.deep.equal(["1", "2", "3"]);
      }
      expect(stage.broker.accepted).to.equal(2 + 2 * CLIENTS);
      expect(stage.broker.most).to.equal(2 + 10);

      const first = await Promise.all(trials.map((trial) => trial.until("SEND")));
      expect(first.map(({ headers }) => headers.get("destination"))).to.deep.equal(
        trials.map((_, n) => `/topic/${n}`),
      );
      const eleventh = await (await stage.broker.line()).until("SEND");
      expect(eleventh.headers.get("destination")).to.equal("/topic/10");
    });

    it("does not wait longer than for a receipt, and is not tried out then", async () => {
      const { clients, trials } = await crowd(11, { relay: { receiptTimeout: 200 } });
      const late = await clients[10]!.frame();
      expect([late.command, late.headers.get("message")]).to.deep.equal(["ERROR", "Broker not available"]);

      for (const trial of trials) trial.connected();
      for (const client of clients.slice(0, 10)) {
        expect((await client.frame()).headers.get("receipt-id")).to.equal("1");
      }
      expect(stage.broker.accepted).to.equal(2 + 10);
    });

    it("has its turn when others are lost", async () => {
      const { clients, trials } = await crowd(20);
      for (const trial of trials) trial.cut();
      for (const client of clients.slice(0, 10)) expect((await client.frame()).command).to.equal("ERROR");
      for (let n = 10; n < 20; n++) {
        const trial = await stage.broker.line();
        await trial.until("CONNECT");
        trial.connected();
      }
      for (const client of clients.slice(10)) expect((await client.frame()).command).to.equal("RECEIPT");
    });

    it("ends with the server, though the broker says nothing", async () => {
      // Else the sessions would wait longer for what they sent.
      const { trials } = await crowd(20, { server: { handlerTimeout: 1 } });
      await stage.server.messaging.close({ drainMs: 0 });
      for (const trial of trials) await trial.closed();
      expect(stage.broker.accepted).to.equal(2 + 10);
    });
  });
});
