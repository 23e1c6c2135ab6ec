import { createContext, runInContext } from "node:vm";
import { Client, type IMessage, type StompConfig } from "@stomp/stompjs";
import { expect } from "chai";
import { build } from "esbuild";
import { type TestBroker, testBroker } from "express-stomp/testing/broker";

describe("testBroker", () => {
  const clients: Client[] = [];
  let broker: TestBroker;

  function start(options: StompConfig = {}): Client {
    const client = new Client({
      webSocketFactory: () => broker.webSocket(),
      reconnectDelay: 0,
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
      ...options,
    });
    clients.push(client);
    client.activate();
    return client;
  }

  async function connected(options: StompConfig = {}): Promise<Client> {
    return new Promise((resolve) => {
      const client = start({ ...options, onConnect: () => resolve(client) });
    });
  }

  beforeEach(() => {
    broker = testBroker();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) {
      broker.lines.resume();
      broker.dropReceipts(false);
      await client.deactivate({ force: true });
    }
  });

  /** The next message of a subscription. */
  function next(client: Client, destination: string, headers = {}): Promise<IMessage> {
    return new Promise((resolve) => client.subscribe(destination, resolve, headers));
  }

  it("answers what an unchanged Client sends, and gives it what the test sends", async () => {
    broker.on("/app/hello", ({ name }: { name: string }) =>
      broker.send("/topic/greetings", { content: `Hello, ${name}` }),
    );
    const client = await connected();
    const greeting = next(client, "/topic/greetings");
    await broker.subscribed("/topic/greetings");
    client.publish({ destination: "/app/hello", body: '{"name":"Rod"}' });
    const { body, headers } = await greeting;
    expect(JSON.parse(body)).to.deep.equal({ content: "Hello, Rod" });
    expect(headers).to.include({ destination: "/topic/greetings", "content-type": "application/json" });
    expect((await broker.frame("SEND", "/app/hello")).body).to.deep.equal({ name: "Rod" });
    await client.deactivate();
    await broker.unsubscribed("/topic/greetings");
    await broker.disconnected();
    expect(broker.frames.map(({ command }) => command)).to.include("DISCONNECT");
  });

  it("passes on what nobody takes, text and bytes as they are", async () => {
    const client = await connected();
    const [text, bytes] = [next(client, "/topic/a"), next(client, "/topic/b")];
    client.publish({ destination: "/topic/a", body: "ü:\\", headers: { colour: "a:b\\d" } });
    const binaryBody = Uint8Array.of(0, 1, 255);
    const headers = { "content-type": "application/octet-stream" };
    client.publish({ destination: "/topic/b", binaryBody, headers });
    expect(await text)
      .to.deep.include({ body: "ü:\\" })
      .and.nested.property("headers.colour", "a:b\\d");
    expect([...(await bytes).binaryBody]).to.deep.equal([0, 1, 255]);
  });

  it("asks for a password, if there are users", async () => {
    broker = testBroker({ users: { rod: "secret" } });
    const refused = new Promise<string>((resolve) => {
      start({ connectHeaders: { login: "rod", passcode: "guess" }, onStompError: (f) => resolve(f.body) });
    });
    expect(await refused).to.equal("Bad credentials");
    await connected({ connectHeaders: { login: "rod", passcode: "secret" } });
    expect(broker.connections).to.equal(1);
  });

  it("refuses CONNECT while it is told to", async () => {
    broker.refuse("Broker not available");
    const refused = new Promise<string>((resolve) => {
      start({ onStompError: ({ headers }) => resolve(headers.message ?? "") });
    });
    expect(await refused).to.equal("Broker not available");
    broker.refuse(undefined);
    await connected();
  });

  it("cuts, and lets the Client come back", async () => {
    let closed = 0;
    let opened = 0;
    const again = new Promise<void>((resolve) => {
      start({
        reconnectDelay: 1,
        onWebSocketClose: ({ code }) => {
          if (code === 1006) closed++;
          if (closed === 2) broker.lines.resume();
        },
        onConnect: () => {
          if (++opened === 2) resolve();
        },
      });
    });
    await broker.connected();
    broker.lines.down();
    await again;
    expect([closed, opened]).to.deep.equal([2, 2]);
  });

  it("stalls, and drops receipts", async () => {
    const client = await connected();
    const message = next(client, "/topic/a");
    broker.lines.stall();
    broker.send("/topic/a", "lost?");
    await broker.lines;
    let receipts = 0;
    client.watchForReceipt("r", () => receipts++);
    client.publish({ destination: "/topic/b", headers: { receipt: "r" } });
    expect(broker.frames.filter(({ command }) => command === "SEND")).to.have.length(0);
    broker.dropReceipts();
    broker.lines.resume();
    await broker.frame("SEND", "/topic/b");
    broker.send("/topic/a", "now");
    await message;
    expect(receipts).to.equal(0);
  });

  it("delays, in order", async () => {
    const client = await connected();
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      client.subscribe("/topic/a", ({ body }) => {
        if (heard.push(body) === 3) resolve();
      });
    });
    await broker.subscribed("/topic/a");
    broker.lines.delay(5);
    for (const body of ["1", "2", "3"]) broker.send("/topic/a", body);
    await Promise.resolve();
    expect(heard).to.deep.equal([]);
    await all;
    expect(heard).to.deep.equal(["1", "2", "3"]);
  });

  it("sends heart-beats until it is silent, and the Client notices", async () => {
    broker = testBroker({ heartbeat: [20, 0] });
    const lost = new Promise<void>((resolve) => {
      start({ heartbeatIncoming: 20, onHeartbeatLost: () => resolve() });
    });
    await broker.connected();
    broker.silence();
    await lost;
  });

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`delivers once more what is not acknowledged, or given back, in STOMP ${version}`, async () => {
      const client = await connected({
        stompVersions: new (await import("@stomp/stompjs")).Versions([version]),
      });
      const heard: IMessage[] = [];
      client.subscribe("/queue/jobs", (message) => void heard.push(message), { ack: "client-individual" });
      await broker.subscribed("/queue/jobs");
      for (const body of ["a", "b"]) broker.send("/queue/jobs", body);
      await settled();
      heard[0]?.ack();
      await broker.frame("ACK");
      expect(broker.redeliver()).to.equal(1);
      await settled();
      heard[2]?.nack();
      await broker.frame("NACK");
      await settled();
      expect(heard.map(({ body, headers }) => [body, headers.redelivered])).to.deep.equal([
        ["a", undefined],
        ["b", undefined],
        ["b", "true"],
        ["b", "true"],
      ]);
    });
  }

  it("lets SEND, ACK and NACK wait for COMMIT, and drops them at ABORT", async () => {
    const client = await connected();
    const heard: IMessage[] = [];
    client.subscribe("/queue/jobs", (message) => void heard.push(message), { ack: "client-individual" });
    await broker.subscribed("/queue/jobs");
    broker.send("/queue/jobs", "job");
    await settled();
    const receipts: string[] = [];
    const sent = (transaction: string, receipt: string) => {
      client.watchForReceipt(receipt, () => receipts.push(receipt));
      client.publish({ destination: "/queue/jobs", body: receipt, headers: { transaction, receipt } });
      heard[0]?.ack({ transaction });
    };
    const dropped = client.begin("first");
    sent("first", "a");
    dropped.abort();
    await broker.frame("ABORT");
    const kept = client.begin("second");
    sent("second", "b");
    await settled();
    expect([heard.length, broker.redeliver(), receipts]).to.deep.equal([1, 1, ["a", "b"]]);
    kept.commit();
    await broker.frame("COMMIT");
    await settled();
    expect(heard.map(({ body }) => body)).to.deep.equal(["job", "job", "b"]);
    expect(heard[2]?.headers).to.not.have.any.keys("transaction", "receipt");
    // The new message alone: COMMIT has acknowledged the other.
    expect([broker.redeliver(), receipts]).to.deep.equal([1, ["a", "b"]]);
  });

  it("answers a transaction that has not begun, or is over, with ERROR", async () => {
    const refused = async (act: (client: Client) => void) =>
      new Promise((resolve) => {
        const client = start({
          onStompError: ({ headers }) => resolve([headers.message, headers["receipt-id"]]),
          onConnect: () => act(client),
        });
      });
    const headers = { transaction: "t", receipt: "r" };
    const text = "The transaction t has not begun, or is over";
    expect(await refused((client) => client.publish({ destination: "/topic/a", headers }))).to.deep.equal([
      text,
      "r",
    ]);
    const over = await refused((client) => {
      client.begin("t").commit();
      client.commit("t");
    });
    expect(over).to.deep.equal([text, undefined]);
    const twice = await refused((client) => {
      for (let i = 0; i < 2; i++) client.begin("t");
    });
    expect(twice).to.deep.equal(["The transaction t has begun already", undefined]);
  });

  it("does not deliver once more to a subscription that is over", async () => {
    const client = await connected();
    const { unsubscribe } = client.subscribe("/queue/jobs", () => {}, { ack: "client" });
    await broker.subscribed("/queue/jobs");
    broker.send("/queue/jobs", "job");
    await settled();
    unsubscribe();
    await broker.unsubscribed("/queue/jobs");
    expect(broker.redeliver()).to.equal(0);
  });

  it("acknowledges all before it with ack:client", async () => {
    const client = await connected();
    const heard: IMessage[] = [];
    client.subscribe("/queue/jobs", (message) => void heard.push(message), { ack: "client" });
    await broker.subscribed("/queue/jobs");
    for (const body of ["a", "b", "c"]) broker.send("/queue/jobs", body);
    await settled();
    heard[1]?.ack();
    await broker.frame("ACK");
    expect(broker.redeliver()).to.equal(1);
  });

  it("sends again what was missed, or says that it cannot", async () => {
    const client = await connected();
    for (const body of ["a", "b", "c"]) broker.send("/topic/a", body);
    const heard = async (since: string) => {
      const messages: IMessage[] = [];
      const { unsubscribe } = client.subscribe("/topic/a", (message) => void messages.push(message), {
        since,
      });
      await broker.subscribed("/topic/a");
      await settled();
      unsubscribe();
      await broker.unsubscribed("/topic/a");
      return messages.map(({ body, headers }) => [
        headers.recovered ?? headers.replayed,
        body,
        headers["message-id"],
      ]);
    };
    const [marker, a, b, c] = await heard("first");
    expect([marker?.[0], a?.[1], b?.[1], c?.[1]]).to.deep.equal(["true", "a", "b", "c"]);
    expect(await heard(String(a?.[2]))).to.deep.equal([["true", "", a?.[2]], b, c]);
    expect(await heard("now")).to.deep.equal([["false", "", c?.[2]]]);
    expect(await heard("unknown")).to.deep.equal([["false", "", c?.[2]]]);
    broker.recover(false);
    expect(await heard(String(a?.[2]))).to.deep.equal([["false", "", c?.[2]]]);
  });

  it("answers what a handler throws with ERROR, and sends one when it is told to", async () => {
    broker.on("/app/fail", async () => {
      throw new Error("no");
    });
    const errors: string[] = [];
    const failed = async (act: (client: Client) => void) =>
      new Promise<void>((resolve) => {
        const client = start({
          onStompError: ({ headers }) => {
            errors.push(headers.message ?? "");
            resolve();
          },
          onConnect: () => act(client),
        });
      });
    await failed((client) => client.publish({ destination: "/app/fail" }));
    await failed(() => broker.error("The session was ended"));
    expect(errors).to.deep.equal(["no", "The session was ended"]);
    const closed = new Promise<number>((resolve) => {
      start({ onWebSocketClose: ({ code }) => resolve(code), onConnect: () => broker.close() });
    });
    expect(await closed).to.equal(1001);
  });

  it("runs in a page: it needs nothing of Node", async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { Client } from "@stomp/stompjs";
          import { testBroker } from "express-stomp/testing/broker";
          const broker = testBroker();
          const client = new Client({ webSocketFactory: broker.webSocket, reconnectDelay: 0 });
          client.onConnect = () => client.subscribe("/topic/a", ({ body }) => told(body));
          client.activate();
          broker.subscribed("/topic/a").then(() => broker.send("/topic/a", "in a page"));`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      write: false,
      platform: "browser",
      format: "iife",
    });
    const told = await new Promise((resolve) => {
      const page = {
        TextEncoder,
        TextDecoder,
        setTimeout,
        setInterval,
        clearInterval,
        clearTimeout,
        console,
        told: resolve,
      };
      runInContext(outputFiles[0]?.text ?? "", createContext({ ...page, queueMicrotask, self: page }));
    });
    expect(told).to.equal("in a page");
  });
});

/** Waits until what was sent has arrived: the network is made of microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
