import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  Payload,
  SendTo,
  type StompMessagingOptions,
  simpleBroker,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { RelayStage } from "../support/relay-stage.js";
import { startServer, type TestServer } from "../support/server.js";
import { SockJsReader } from "../support/sockjs-reader.js";
import { StompSession } from "../support/stomp-session.js";

const MINUTES = 60_000;

/** Each order is done when the spec says so, unless it is done at once. */
@Controller()
class Orders {
  readonly taken: string[] = [];
  #came = () => {};
  finish: (error?: Error) => void = () => {};
  /** Settles when the next order that waits has come. */
  arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#came = resolve;
    });
  }

  @MessageMapping("/order")
  @SendTo("/topic/orders")
  take(@Payload() order: string) {
    this.taken.push(order);
    return order;
  }

  @MessageMapping("/slow")
  slow(@Payload() order: string): Promise<void> {
    this.taken.push(order);
    this.#came();
    return new Promise((resolve, reject) => {
      this.finish = (error) => (error ? reject(error) : resolve());
    });
  }
}

/** Users are who they say. */
const login: ChannelInterceptor = {
  preSend: (message: Message) => {
    const name = message.headers.native.get("login");
    return name === undefined ? message : withHeaders(message, { user: { name } });
  },
};

describe("A SEND with a dedup-id", () => {
  let server: TestServer;
  let orders: Orders;
  let time: FakeTime;
  const clients: { cut(): void }[] = [];

  async function start(options: Partial<StompMessagingOptions> = {}) {
    orders = new Orders();
    time = new FakeTime();
    server = await startServer({
      controllers: [orders],
      clock: time,
      transport: { timeToFirstMessage: 60 * MINUTES, connectTimeLimit: 60 * MINUTES },
      broker: simpleBroker({ destinationPrefixes: ["/topic"], heartbeatValue: [0, 0] }),
      clientInboundChannel: { interceptors: [login], deduplicate: true },
      ...options,
    });
  }

  async function connect(user?: string, version = "1.2") {
    const client = await StompSession.connect(
      server.port,
      version,
      user === undefined ? {} : { login: user },
    );
    clients.push(client);
    return client;
  }

  async function receipted(client: StompSession, headers: Record<string, string>, body = "x") {
    client.send("SEND", { destination: "/app/order", receipt: "r", ...headers }, body);
    const { command, headers: said } = await client.frame();
    expect([command, said.get("receipt-id")]).to.deep.equal(["RECEIPT", "r"]);
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server?.close();
  });

  for (const version of ["1.0", "1.1", "1.2"]) {
    it(`of STOMP ${version} is handled once, and receipted each time, over sessions of its user`, async () => {
      await start();
      const first = await connect("rod", version);
      await receipted(first, { "dedup-id": "a" });
      await receipted(first, { "dedup-id": "a" });
      first.cut();
      const second = await connect("rod", version);
      await receipted(second, { "dedup-id": "a", receipt: "r" });
      await receipted(second, { "dedup-id": "b" }, "y");

      expect(orders.taken).to.deep.equal(["x", "y"]);
      expect(server.messaging.stats()).to.include({ repeatedSends: 2, forgottenSends: 0 });
    });
  }

  it("is handled once without a receipt, too", async () => {
    await start();
    const client = await connect("rod");
    for (let i = 0; i < 3; i++) client.send("SEND", { destination: "/app/order", "dedup-id": "a" }, "x");
    await client.messages();

    expect(orders.taken).to.deep.equal(["x"]);
  });

  it("goes to subscribers once through the broker, with its header", async () => {
    await start();
    const listener = await connect("ann");
    listener.send("SUBSCRIBE", { id: "s", destination: "/topic/a" });
    await listener.messages();
    const client = await connect("rod");
    await receipted(client, { destination: "/topic/a", "dedup-id": "a" });
    await receipted(client, { destination: "/topic/a", "dedup-id": "a" });

    const heard = await listener.messages();
    expect(heard.map(({ headers }) => headers.get("dedup-id"))).to.deep.equal(["a"]);
  });

  it("is handled each time while the option is off", async () => {
    await start({ clientInboundChannel: { interceptors: [login] } });
    const client = await connect("rod");
    await receipted(client, { "dedup-id": "a" });
    await receipted(client, { "dedup-id": "a" });

    expect(orders.taken).to.deep.equal(["x", "x"]);
  });

  it("is another one of another user, and of each session without a user", async () => {
    await start();
    for (const user of ["rod", "session", undefined, undefined]) {
      await receipted(await connect(user), { "dedup-id": "a" });
    }
    const stranger = await connect();
    await receipted(stranger, { "dedup-id": "a" });
    await receipted(stranger, { "dedup-id": "a" });

    expect(orders.taken).to.have.length(5);
  });

  it("is remembered for five minutes from when it was handled, also while nobody is connected", async () => {
    await start();
    const first = await connect("rod");
    await receipted(first, { "dedup-id": "a" });
    const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    first.cut();
    await gone;
    time.pass(4 * MINUTES + 59_000);
    await receipted(await connect("rod"), { "dedup-id": "a" });
    expect(orders.taken).to.have.length(1);

    time.pass(2_000);
    await receipted(await connect("rod"), { "dedup-id": "a" });
    expect(orders.taken).to.have.length(2);
  });

  it("is swept when its time is over, so that no timer of it is left", async () => {
    await start();
    const client = await connect("rod");
    await receipted(client, { "dedup-id": "a" });
    const gone = new Promise((resolve) => server.messaging.on("disconnect", resolve));
    client.cut();
    await gone;
    expect(time.interval).to.equal(1_000);
    time.pass(7 * MINUTES);
    expect(time.interval).to.equal(undefined);
  });

  it("waits for the first while that is being handled, and is receipted then", async () => {
    await start();
    const first = await connect("rod");
    const arrival = orders.arrival();
    first.send("SEND", { destination: "/app/slow", "dedup-id": "a" }, "x");
    await arrival;
    first.cut();
    const second = await connect("rod");
    second.send("SEND", { destination: "/app/slow", "dedup-id": "a", receipt: "again" }, "x");
    second.send("SEND", { destination: "/app/order", receipt: "behind" }, "y");
    const third = await connect("rod");
    await third.messages();
    expect(orders.taken).to.deep.equal(["x"]);
    orders.finish();

    expect((await second.frame()).headers.get("receipt-id")).to.equal("again");
    expect((await second.frame()).headers.get("receipt-id")).to.equal("behind");
    expect(orders.taken).to.deep.equal(["x", "y"]);
  });

  it("is handled anew when the first has failed, whether it waited for that or comes later", async () => {
    await start();
    const first = await connect("rod");
    let arrival = orders.arrival();
    first.send("SEND", { destination: "/app/slow", "dedup-id": "a", receipt: "first" }, "x");
    await arrival;
    const second = await connect("rod");
    arrival = orders.arrival();
    second.send("SEND", { destination: "/app/slow", "dedup-id": "a", receipt: "second" }, "x");
    orders.finish(new Error("no database"));
    expect((await first.frame()).command).to.equal("ERROR");

    await arrival;
    orders.finish();
    expect((await second.frame()).headers.get("receipt-id")).to.equal("second");
    expect(orders.taken).to.deep.equal(["x", "x"]);
  });

  it("is handled anew when an interceptor stopped the first, or refused it", async () => {
    const answers: (Message | null | "refuse" | undefined)[] = [null, "refuse"];
    const door: ChannelInterceptor = {
      preSend: (message) => {
        if (message.headers.messageType !== "MESSAGE") return message;
        const answer = answers.shift();
        if (answer === "refuse") throw new Error("no");
        return answer === undefined ? message : answer;
      },
    };
    await start({ clientInboundChannel: { interceptors: [login, door], deduplicate: true } });
    const first = await connect("rod");
    first.send("SEND", { destination: "/app/order", "dedup-id": "a" }, "x");
    first.send("SEND", { destination: "/app/order", "dedup-id": "a", receipt: "r" }, "x");
    expect((await first.frame()).command).to.equal("ERROR");
    await receipted(await connect("rod"), { "dedup-id": "a" });

    expect(orders.taken).to.deep.equal(["x"]);
  });

  it("of a session that was ended from here while it waited is not handled", async () => {
    await start();
    const first = await connect("rod");
    const arrival = orders.arrival();
    first.send("SEND", { destination: "/app/slow", "dedup-id": "a" }, "x");
    await arrival;
    const second = await connect("rod");
    second.send("SEND", { destination: "/app/order", receipt: "read" }, "y");
    second.send("SEND", { destination: "/app/slow", "dedup-id": "a", receipt: "r" }, "x");
    expect((await second.frame()).headers.get("receipt-id")).to.equal("read");
    server.messaging.disconnect({ user: "rod" });
    orders.finish(new Error("no database"));
    expect((await second.frame()).command).to.equal("ERROR");
    await (await connect("ann")).messages();

    expect(orders.taken).to.deep.equal(["x", "y"]);
  });

  for (const [id, text] of [
    ["", "SEND has an empty dedup-id: leave it out, or give an id"],
    ["x".repeat(257), "The dedup-id of SEND passes idLengthLimit: 256"],
  ] as const) {
    it(`is ERROR with an id of ${id.length} characters`, async () => {
      await start();
      const client = await connect("rod");
      const said = await client.refusal("SEND", { destination: "/app/order", "dedup-id": id });
      expect(said).to.equal(text);
    });
  }

  it("makes a user's oldest id go beyond 1,000, and nobody else's", async () => {
    await start();
    const ann = await connect("ann");
    await receipted(ann, { "dedup-id": "a" });
    const client = await connect("rod");
    for (let i = 0; i <= 1_000; i++)
      client.send("SEND", { destination: "/topic/a", "dedup-id": `${i}` }, "x");
    await client.messages();
    expect(server.messaging.stats()).to.include({ forgottenSends: 1 });

    client.send("SEND", { destination: "/app/order", "dedup-id": "1", receipt: "r" }, "kept");
    client.send("SEND", { destination: "/app/order", "dedup-id": "0", receipt: "r" }, "forgotten");
    await client.messages();
    await receipted(ann, { "dedup-id": "a" });
    expect(orders.taken).to.deep.equal(["x", "forgotten"]);
  });

  it("makes the ids of who has sent nothing for longest go beyond 16 MiB in all", async () => {
    await start({
      transport: { timeToFirstMessage: 60 * MINUTES, connectTimeLimit: 60 * MINUTES, idLengthLimit: 4_096 },
    });
    const ann = await connect("ann");
    await receipted(ann, { "dedup-id": "a" });
    const rod = await connect("rod");
    for (const user of [rod, await connect("sue"), await connect("tim")]) {
      for (let i = 0; i < 1_000; i++) {
        user.send("SEND", { destination: "/topic/a", "dedup-id": `${i}`.padEnd(4_000, "x") });
      }
      await user.messages();
    }
    expect(server.messaging.stats().forgottenSends).to.be.within(900, 1_100);

    await receipted(ann, { "dedup-id": "a" });
    expect(orders.taken).to.deep.equal(["x", "x"]);
  });

  describe("in a transaction", () => {
    async function listening() {
      const listener = await connect("ann");
      listener.send("SUBSCRIBE", { id: "s", destination: "/topic/a" });
      await listener.messages();
      return listener;
    }
    const inTransaction = { destination: "/topic/a", transaction: "t", "dedup-id": "a" };

    it("is handled with COMMIT, and a repeat in the same one is not", async () => {
      await start();
      const listener = await listening();
      const client = await connect("rod");
      client.send("BEGIN", { transaction: "t" });
      await receipted(client, inTransaction);
      await receipted(client, inTransaction);
      client.send("COMMIT", { transaction: "t" });
      await client.messages();
      await receipted(client, { destination: "/topic/a", "dedup-id": "a" });

      expect(await listener.bodies()).to.deep.equal(["x"]);
    });

    it("was not handled when ABORT came, or the session's end", async () => {
      await start();
      const listener = await listening();
      const client = await connect("rod");
      client.send("BEGIN", { transaction: "t" });
      await receipted(client, inTransaction);
      client.send("ABORT", { transaction: "t" });
      client.send("BEGIN", { transaction: "t" });
      await receipted(client, inTransaction);
      const second = await connect("rod");
      second.send("SEND", { destination: "/topic/a", "dedup-id": "a", receipt: "r" }, "again");
      await (await connect("ann")).messages();
      expect(await listener.bodies()).to.deep.equal([]);
      client.cut();

      expect((await second.frame()).headers.get("receipt-id")).to.equal("r");
      expect(await listener.bodies()).to.deep.equal(["again"]);
    });

    it("is ERROR outside of it, which would wait for itself", async () => {
      await start();
      const client = await connect("rod");
      client.send("BEGIN", { transaction: "t" });
      await receipted(client, inTransaction);

      expect(await client.refusal("SEND", { destination: "/topic/a", "dedup-id": "a" })).to.equal(
        "The dedup-id a is that of a SEND in the transaction t, which is open",
      );
    });
  });

  for (const transport of ["xhr", "xhr_streaming"] as const) {
    it(`is handled once over SockJS's ${transport}`, async () => {
      await start({ clock: undefined as never });
      const client = await SockJsReader.connect(server.port, transport);
      for (let i = 0; i < 2; i++) {
        await client.send("SEND\ndestination:/app/order\ndedup-id:a\nreceipt:r\n\nx^@");
        expect(await client.frame()).to.equal("RECEIPT\nreceipt-id:r\n\n^@");
      }
      client.leave();

      expect(orders.taken).to.deep.equal(["x"]);
    });
  }

  it("is fault-free in the options, and no others are", async () => {
    await start();
    const wrong = { clientInboundChannel: { deduplicate: "yes" } } as unknown as StompMessagingOptions;
    const message = await startServer(wrong).then(
      () => "none",
      (error: Error) => error.message,
    );
    expect(message).to.equal("clientInboundChannel.deduplicate must be true or false");
  });
});

describe("A SEND with a dedup-id through the relay", () => {
  let stage: RelayStage;

  afterEach(() => stage.close());

  it("is receipted when the broker has confirmed it, repeats too, and handed on once", async () => {
    let confirms = false;
    stage = await RelayStage.open({
      broker: { receipts: ({ command }) => confirms || command !== "SEND" },
      server: { clientInboundChannel: { interceptors: [login], deduplicate: true } },
    });
    await stage.system();
    const { client, line } = await stage.connect();
    const send = { destination: "/topic/a", "dedup-id": "a" };
    client.send("SEND", { ...send, receipt: "first" }, "x");
    const first = await line.until("SEND");
    client.send("SEND", { ...send, receipt: "repeat" }, "x");
    client.send("SEND", { destination: "/topic/b", receipt: "behind" }, "y");
    confirms = true;
    line.send("RECEIPT", { "receipt-id": first.headers.get("receipt") ?? "" });

    const receipts = [await client.frame(), await client.frame(), await client.frame()];
    expect(receipts.map(({ headers }) => headers.get("receipt-id"))).to.deep.equal([
      "first",
      "repeat",
      "behind",
    ]);
    expect((await line.until("SEND")).headers.get("destination")).to.equal("/topic/b");
  });

  it("is handled with a COMMIT that came before the broker had confirmed it", async () => {
    stage = await RelayStage.open({
      broker: { receipts: ({ command }) => command !== "SEND" },
      server: { clientInboundChannel: { interceptors: [login], deduplicate: true } },
    });
    await stage.system();
    const { client, line } = await stage.connect();
    const send = { destination: "/topic/a", "dedup-id": "a" };
    client.send("BEGIN", { transaction: "t" });
    client.send("SEND", { ...send, transaction: "t", receipt: "first" }, "x");
    client.send("COMMIT", { transaction: "t", receipt: "commit" });
    const first = await line.until("SEND");
    expect((await client.frame()).headers.get("receipt-id")).to.equal("commit");
    line.send("RECEIPT", { "receipt-id": first.headers.get("receipt") ?? "" });
    expect((await client.frame()).headers.get("receipt-id")).to.equal("first");
    client.send("SEND", { ...send, receipt: "repeat" }, "x");
    client.send("SEND", { destination: "/topic/b" }, "y");

    const { command, headers } = await client.frame();
    expect([command, headers.get("receipt-id")]).to.deep.equal(["RECEIPT", "repeat"]);
    expect((await line.until("SEND")).headers.get("destination")).to.equal("/topic/b");
  });
});
