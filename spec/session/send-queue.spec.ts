import { expect } from "chai";
import { type MessagingEvents, simpleBroker } from "express-stomp";
import { utf8 } from "#lib/message/octets.js";
import { SendQueue } from "#lib/session/send-queue.js";
import { SharedMessage } from "#lib/socket/shared-message.js";
import { countOperations } from "../support/count-operations.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { parseFrame, type ReadFrame } from "../support/stomp-session.js";

describe("SendQueue", () => {
  let given: string[];
  let dropped: boolean[];
  let buffered: number;

  const queueOf = (limit: number) =>
    new SendQueue({
      limit,
      buffered: () => buffered,
      give: ({ bytes }) => {
        given.push(Buffer.from(bytes).toString());
        buffered += bytes.length;
      },
      dropped: (first) => dropped.push(first),
    });
  const send = (queue: SendQueue, text: string, droppable = true) =>
    queue.send(new SharedMessage(utf8(text), false), droppable);

  beforeEach(() => {
    given = [];
    dropped = [];
    buffered = 0;
  });

  it("gives frames to a socket that has room at once, and lets them wait otherwise, in order", () => {
    const queue = queueOf(8);

    for (const text of ["aa", "bb", "cc"]) send(queue, text);
    expect(given).to.deep.equal(["aa", "bb"]);
    buffered = 2;
    send(queue, "dd");
    expect(given).to.deep.equal(["aa", "bb"]);
    queue.pump();

    expect(given).to.deep.equal(["aa", "bb", "cc"]);
    expect(queue.size).to.equal(2);
  });

  it("drops the oldest that may be dropped, and tells which drop is the first of a row", () => {
    const queue = queueOf(8);
    buffered = 4;

    send(queue, "11");
    send(queue, "RR", false);
    for (const text of ["22", "33", "44"]) send(queue, text);
    buffered = 0;
    queue.flush();

    expect(given).to.deep.equal(["RR", "44"]);
    expect(dropped).to.deep.equal([true, false, false]);
  });

  it("begins a new row when nothing has waited", () => {
    const queue = queueOf(8);
    for (let row = 0; row < 2; row++) {
      buffered = 8;
      send(queue, "11");
      send(queue, "22");
      buffered = 0;
      queue.pump();
    }

    expect(dropped).to.deep.equal([true, false, true, false]);
  });

  describe("with subjects", () => {
    const tell = (queue: SendQueue, subject: string, text: string) =>
      queue.send(new SharedMessage(utf8(text), false), { subject });

    it("keeps the newest of each once there is too much, and from then on until nothing waits", () => {
      const queue = queueOf(16);
      buffered = 8;

      for (const text of ["1", "2"]) tell(queue, "a", `a${text}`);
      expect(dropped, "while there is room").to.deep.equal([]);
      send(queue, "RR", false);
      for (const text of ["b1", "a3", "b2"]) tell(queue, text.charAt(0), text);
      expect(dropped).to.deep.equal([true, false, false]);
      buffered = 0;
      queue.flush();
      expect(given).to.deep.equal(["RR", "a3", "b2"]);
    });

    it("keeps all again when nothing has waited", () => {
      const queue = queueOf(8);
      buffered = 8;
      for (const text of ["a1", "a2"]) tell(queue, "a", text);
      buffered = 0;
      queue.pump();
      buffered = 4;
      for (const text of ["a3", "a4"]) tell(queue, "a", text);
      buffered = 0;
      queue.flush();
      expect(given).to.deep.equal(["a3", "a4"]);
      expect(dropped).to.have.length(2);
    });

    it("drops the oldest where there are too many of them", () => {
      const queue = queueOf(8);
      buffered = 4;
      for (const text of ["a1", "b1", "c1", "d1"]) tell(queue, text.charAt(0), text);
      buffered = 0;
      queue.flush();
      expect(given).to.deep.equal(["c1", "d1"]);
    });

    it("looks at a frame a few times, however many subjects wait", () => {
      const queue = queueOf(20_000);
      buffered = 20_000;
      const looked = countOperations(() => {
        for (let i = 0; i < 20_000; i++) tell(queue, `${i}`, "x");
      });
      expect(looked / 20_000).to.be.below(20);
    });

    it("looks for what is stale only if something is, however many wait at the limit", () => {
      const queue = queueOf(2_000);
      buffered = 1_000;
      const looked = countOperations(() => {
        for (let i = 0; i < 3_000; i++) tell(queue, `${i}`, "x");
      });
      expect(queue.size).to.equal(1_000);
      expect(looked / 3_000).to.be.below(20);
    });
  });

  it("keeps what must arrive, however much it is", () => {
    const queue = queueOf(8);
    buffered = 8;

    for (let i = 0; i < 10; i++) send(queue, "RR", false);

    expect(queue.size).to.equal(20);
    expect(dropped).to.deep.equal([]);
  });
});

describe('overflowStrategy: "drop-oldest"', () => {
  let server: TestServer;
  let client: RawClient;

  beforeEach(async () => {
    server = await startServer({
      broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
      transport: { overflowStrategy: "drop-oldest", sendBufferSizeLimit: 300_000, sendTimeLimit: 60_000 },
    });
    client = await RawClient.connect(server.port);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
    await client.synchronize();
  });

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  it("drops whole MESSAGEs, the oldest that wait, and no RECEIPT; an event tells it once", async function () {
    this.timeout(60_000);
    const told: MessagingEvents["slowConsumer"][] = [];
    server.messaging.on("slowConsumer", (event) => void told.push(event));
    const padding = "x".repeat(10_000);
    const publish = (i: number) => server.messaging.template.convertAndSend("/topic/a", `${i} ${padding}`);

    client.webSocket.pause();
    client.send("UNSUBSCRIBE\nid:none\nreceipt:before\n\n^@");
    const count = 3_000;
    for (let i = 0; i < count; i++) await publish(i);
    client.webSocket.resume();
    client.send("UNSUBSCRIBE\nid:none\nreceipt:after\n\n^@");

    const frames: string[] = [];
    while (!frames.at(-1)?.includes("receipt-id:after")) frames.push(await client.frame());
    const messages = frames.filter((frame) => frame.startsWith("MESSAGE"));
    const numbers = messages.map((frame) => Number(/\n\n(\d+) x{10000}\^@$/.exec(frame)?.[1]));
    const { messagesDropped, messagesSent, limitsExceeded } = server.messaging.stats();

    expect(numbers.at(-1)).to.equal(count - 1);
    expect(numbers).to.deep.equal([...numbers].sort((a, b) => a - b));
    expect(numbers.length).to.equal(count - messagesDropped);
    expect(messagesDropped).to.be.above(0);
    expect(messagesSent).to.equal(count);
    expect(frames.some((frame) => frame.includes("receipt-id:before"))).to.equal(true);
    expect(limitsExceeded).to.deep.equal({ sendBufferSizeLimit: 1 });
    expect(told.map(({ limit }) => limit)).to.deep.equal(["sendBufferSizeLimit"]);
  });

  it("drops none that is to be acknowledged: the session ends instead", async function () {
    this.timeout(60_000);
    client.send("SUBSCRIBE\nid:2\ndestination:/topic/b\nack:client\n\n^@");
    await client.synchronize();
    const failed = new Promise<MessagingEvents["sessionError"]>((resolve) => {
      server.messaging.on("sessionError", resolve);
    });
    client.webSocket.pause();
    for (let i = 0; i < 1_000; i++) {
      await server.messaging.template.convertAndSend("/topic/b", Buffer.alloc(10_000, "x"));
    }
    expect((await failed).error.message).to.include("sendBufferSizeLimit");
    expect(server.messaging.stats().messagesDropped).to.equal(0);
  });

  it("still tells ERROR behind what waits, and closes", async function () {
    this.timeout(60_000);
    client.webSocket.pause();
    for (let i = 0; i < 1_500; i++) {
      await server.messaging.template.convertAndSend("/topic/a", Buffer.alloc(10_000, "x"));
    }
    const failed = new Promise((resolve) => server.messaging.on("sessionError", resolve));
    client.send("NONSENSE\n\n^@");
    await failed;
    client.webSocket.resume();

    let event = await client.next();
    let last = event;
    for (; typeof event === "string"; event = await client.next()) last = event;

    expect(last).to.match(/^ERROR\nmessage:Unknown command/);
    expect(event.closed).to.equal(1002);
  });
});

describe('overflowStrategy: "keep-latest"', () => {
  let server: TestServer;
  let client: RawClient;
  const padding = "x".repeat(10_000);

  beforeEach(async () => {
    server = await startServer({
      transport: { overflowStrategy: "keep-latest", sendBufferSizeLimit: 300_000, sendTimeLimit: 60_000 },
    });
    client = await RawClient.connect(server.port);
  });

  afterEach(async () => {
    client.cut();
    await server.close();
  });

  /** Publishes to each destination in turn, up to this number, to a client that does not read; gives what that hears then. */
  async function overflow(destinations: readonly string[], count: number): Promise<ReadFrame[]> {
    client.webSocket.pause();
    client.send("UNSUBSCRIBE\nid:none\nreceipt:before\n\n^@");
    for (let i = 0; i < count; i++) {
      for (const destination of destinations) {
        await server.messaging.template.convertAndSend(destination, `${i} ${padding}`);
      }
    }
    client.webSocket.resume();
    client.send("UNSUBSCRIBE\nid:none\nreceipt:after\n\n^@");
    const frames: ReadFrame[] = [];
    while (frames.at(-1)?.headers.get("receipt-id") !== "after")
      frames.push(parseFrame(await client.frame()));
    return frames;
  }

  it("leaves of what waits the newest of each destination, for each subscription", async function () {
    this.timeout(60_000);
    client.send("SUBSCRIBE\nid:all\ndestination:/topic/*\n\n^@SUBSCRIBE\nid:b\ndestination:/topic/b\n\n^@");
    await client.synchronize();
    // More than the kernel holds.
    const frames = await overflow(["/topic/a", "/topic/b", "/topic/c"], 1_000);

    const messages = frames.filter(({ command }) => command === "MESSAGE");
    for (const [id, destination] of [
      ["all", "/topic/a"],
      ["all", "/topic/b"],
      ["all", "/topic/c"],
      ["b", "/topic/b"],
    ]) {
      const numbers = messages
        .filter(
          ({ headers }) => headers.get("subscription") === id && headers.get("destination") === destination,
        )
        .map(({ body }) => Number.parseInt(body, 10));
      expect(numbers.at(-1), `${id} ${destination}`).to.equal(999);
      expect(numbers).to.deep.equal([...numbers].sort((a, b) => a - b));
      // All that was in the socket, a gap, and the newest.
      expect(numbers.at(-2), `${id} ${destination}`).to.be.below(999 - 100);
    }
    const { messagesDropped, messagesSent, limitsExceeded } = server.messaging.stats();
    expect(messagesSent - messagesDropped).to.equal(messages.length);
    expect(limitsExceeded).to.deep.equal({ sendBufferSizeLimit: 1 });
    expect(frames.some(({ headers }) => headers.get("receipt-id") === "before")).to.equal(true);
  });

  it("drops none that is to be acknowledged, nor of a queue", async function () {
    this.timeout(60_000);
    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nack:client\n\n^@");
    await client.synchronize();
    const failed = new Promise<MessagingEvents["sessionError"]>((resolve) => {
      server.messaging.on("sessionError", resolve);
    });
    client.webSocket.pause();
    for (let i = 0; i < 1_000; i++) await server.messaging.template.convertAndSend("/topic/a", padding);
    expect((await failed).error.message).to.include("sendBufferSizeLimit");
    expect(server.messaging.stats().messagesDropped).to.equal(0);
  });
});
