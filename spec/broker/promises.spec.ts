import { expect } from "chai";
import fc from "fast-check";
import { settled } from "../support/recording.js";
import { SessionStage, type StageClient } from "../support/session-stage.js";
import type { ReadFrame } from "../support/stomp-session.js";

const QUEUES = ["/queue/a", "/queue/b"];
const TOPICS = ["/topic/a", "/topic/b"];
/** Far more than all topics' messages of a run, and far less than its queues'. */
const SEND_BUFFER = 64 * 1024;

type Kind = "swift" | "slow" | "polling" | "dead";

interface Sent {
  readonly publisher: string;
  readonly destination: string;
  readonly order: number;
  isReceipted: boolean;
  /** Written to somebody who does not acknowledge. */
  given: number;
  deliveries: number;
  acknowledged: number;
}

interface Subscription {
  readonly destination: string;
  readonly ack: string;
  readonly prefetch: number | undefined;
  /** Of topics: what it is to hear. */
  readonly due: string[];
  readonly heard: string[];
  /** Frames that it has not answered. */
  readonly open: ReadFrame[];
  ended: boolean;
}

interface Client {
  readonly name: string;
  readonly kind: Kind;
  readonly line: StageClient;
  readonly subscriptions: Map<string, Subscription>;
  /** What its transactions have sent. */
  transaction: string[] | undefined;
}

/** Plays what sessions do, and checks what they were promised. */
class Play {
  readonly stage = new SessionStage(
    {
      destinationPrefixes: ["/topic"],
      queuePrefixes: ["/queue"],
      backlogLimit: 40,
      deliveryAttempts: 3,
      prefetchCount: 10,
      heartbeatValue: [0, 0],
    },
    SEND_BUFFER,
  );
  readonly #clients = new Map<string, Client>();
  readonly #sent = new Map<string, Sent>();
  #named = 0;
  #used = 0;
  #published = 0;
  #order = 0;

  connect(name: string, kind: Kind): void {
    if (this.#clients.has(name)) return;
    const line = this.stage.connect(kind === "polling" ? 10 : undefined);
    this.#clients.set(name, {
      name: `${name}${++this.#named}`,
      kind,
      line,
      subscriptions: new Map(),
      transaction: undefined,
    });
  }

  subscribe(name: string, destination: string, ack: string, prefetch: number | undefined): void {
    const client = this.#alive(name);
    if (!client) return;
    const id = `s${++this.#used}`;
    const isTopic = destination.startsWith("/topic");
    const subscription = {
      destination,
      ack,
      prefetch,
      due: [],
      heard: [],
      open: [],
      ended: false,
    };
    client.subscriptions.set(id, subscription);
    const header = prefetch === undefined ? "" : `prefetch-count:${prefetch}\n`;
    client.line.say(
      `SUBSCRIBE\nid:${id}\ndestination:${destination}\nack:${isTopic && prefetch === undefined ? "auto" : ack}\n${header}\n^@`,
    );
  }

  unsubscribe(name: string): void {
    const client = this.#alive(name);
    const [id, subscription] = [...(client?.subscriptions ?? [])].find(([, { ended }]) => !ended) ?? [];
    if (!client || !subscription) return;
    subscription.ended = true;
    client.line.say(`UNSUBSCRIBE\nid:${id}\n\n^@`);
  }

  publish(name: string, destination: string, size: number): void {
    const client = this.#alive(name);
    if (!client) return;
    const body = `m${++this.#published}`;
    const { transaction } = client;
    this.#sent.set(body, {
      publisher: client.name,
      destination,
      order: transaction ? Number.NaN : ++this.#order,
      isReceipted: false,
      given: 0,
      deliveries: 0,
      acknowledged: 0,
    });
    const padding = destination.startsWith("/topic") ? "" : "x".repeat(size);
    if (transaction) transaction.push(body);
    else this.#due(body, destination);
    const within = transaction ? "transaction:t\n" : "";
    client.line.say(`SEND\ndestination:${destination}\n${within}receipt:${body}\n\n${body} ${padding}^@`);
  }

  transact(name: string, end: "COMMIT" | "ABORT"): void {
    const client = this.#alive(name);
    if (!client) return;
    if (!client.transaction) {
      client.transaction = [];
      client.line.say("BEGIN\ntransaction:t\n\n^@");
      return;
    }
    const bodies = client.transaction;
    client.transaction = undefined;
    for (const body of bodies) {
      const sent = this.#sent.get(body) as Sent;
      if (end === "COMMIT") {
        this.#sent.set(body, { ...sent, order: ++this.#order });
        this.#due(body, sent.destination);
      } else this.#sent.delete(body);
    }
    client.line.say(`${end}\ntransaction:t\n\n^@`);
  }

  /** Reads, and answers so many of what it was delivered: all but some are acknowledged. */
  work(name: string, count: number, nacks: boolean): void {
    const client = this.#alive(name);
    if (!client || client.kind === "dead") return;
    client.line.read(client.kind === "slow" ? 3_000 : undefined);
    this.#look(client);
    for (let i = 0; i < count; i++) {
      for (const subscription of client.subscriptions.values())
        this.#answer(client, subscription, nacks && i === 0);
    }
  }

  leave(name: string, how: "DISCONNECT" | "cut" | "fault"): void {
    const client = this.#alive(name);
    if (!client) return;
    if (how === "DISCONNECT") client.line.say("DISCONNECT\nreceipt:bye\n\n^@");
    else if (how === "fault") client.line.say("NONSENSE\n\n^@");
    this.#look(client);
    // What is not acknowledged is the client's once it was sent.
    for (const { command, headers, body } of client.line.unread) {
      const sent = this.#sent.get(body.split(" ")[0] as string);
      if (command === "MESSAGE" && sent && !headers.has("ack")) sent.given++;
    }
    for (const body of client.transaction ?? []) this.#sent.delete(body);
    if (how === "cut") client.line.cut();
    for (const subscription of client.subscriptions.values()) subscription.ended = true;
    this.#clients.delete(name);
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.stage.time.pass(1_000);
      for (const [name, client] of this.#clients) {
        if (client.kind !== "dead") this.work(name, 1, false);
        else if (client.line.closing !== undefined) this.leave(name, "cut");
      }
      await settled();
    }
  }

  /** Ends everything in peace: whoever reads gets and acknowledges all; what is left goes to one who takes all. */
  async drain(): Promise<void> {
    await this.pass(15);
    for (const [name, client] of this.#clients) {
      if (client.transaction) this.transact(name, "ABORT");
      if (client.kind === "dead") this.leave(name, "cut");
    }
    this.connect("drain", "swift");
    for (const queue of QUEUES) this.subscribe("drain", queue, "client-individual", undefined);
    for (let before = -1; before !== this.#deliveries; ) {
      before = this.#deliveries;
      for (const name of this.#clients.keys()) this.work(name, 100, false);
      await settled();
    }
  }

  check(): void {
    for (const { name, kind, line, subscriptions } of this.#clients.values()) {
      expect(line.closing, `${name}, ${kind}, was ended`).to.equal(undefined);
      for (const { destination, due, heard, prefetch, ended } of subscriptions.values()) {
        if (!destination.startsWith("/topic")) continue;
        // What waits for room within a prefetch-count goes with UNSUBSCRIBE.
        const expected = ended && prefetch !== undefined ? due.slice(0, heard.length) : due;
        expect(heard, `${name} at ${destination}`).to.deep.equal(expected);
      }
    }
    const announced = this.stage.dropped.filter(({ reason }) => reason !== "prefetch").length;
    const missing = [...this.#sent].filter(([, sent]) => {
      const isDone = sent.acknowledged > 0 || sent.given > 0;
      return sent.destination.startsWith("/queue") && sent.isReceipted && !isDone;
    });
    expect(missing.length, `missing ${missing.map(([body]) => body).join(" ")}`).to.be.at.most(announced);
    expect(this.stage.log.filter((line) => line.startsWith("error"))).to.deep.equal([]);
  }

  get #deliveries(): number {
    let deliveries = 0;
    for (const sent of this.#sent.values()) deliveries += sent.deliveries + sent.acknowledged;
    return deliveries;
  }

  #alive(name: string): Client | undefined {
    const client = this.#clients.get(name);
    return client?.line.isOver ? undefined : client;
  }

  /** Who hears it: those who are there. */
  #due(body: string, destination: string): void {
    for (const { subscriptions } of this.#clients.values()) {
      for (const subscription of subscriptions.values()) {
        if (subscription.destination === destination && !subscription.ended) subscription.due.push(body);
      }
    }
  }

  /** Looks at what a client has read. */
  #look(client: Client): void {
    for (const frame of client.line.frames.splice(0)) {
      if (frame.command === "RECEIPT") {
        const sent = this.#sent.get(frame.headers.get("receipt-id") ?? "");
        if (sent) sent.isReceipted = true;
      } else if (frame.command === "MESSAGE") this.#deliver(client, frame);
    }
  }

  #deliver(client: Client, frame: ReadFrame): void {
    const body = frame.body.split(" ")[0] as string;
    const sent = this.#sent.get(body);
    const subscription = client.subscriptions.get(frame.headers.get("subscription") ?? "");
    if (!sent || !subscription)
      throw new Error(`${client.name} got ${body}, which nobody sent, or nobody asked for`);

    sent.deliveries++;
    const isAgain = frame.headers.get("redelivered") === "true";
    const isQueue = sent.destination.startsWith("/queue");
    if (isQueue) expect(sent.acknowledged, `${body} was acknowledged and came again`).to.equal(0);
    if (!isAgain) {
      if (isQueue) expect(sent.deliveries, `${body} came twice and does not say so`).to.equal(1);
      // Of several queues a pattern's subscriber gets one after the other.
      const before = subscription.heard.findLast((each) => {
        const earlier = this.#sent.get(each);
        return earlier?.publisher === sent.publisher && earlier.destination === sent.destination;
      });
      const earlier = before === undefined ? 0 : (this.#sent.get(before)?.order ?? 0);
      expect(sent.order, `${body} behind ${before}`).to.be.above(earlier);
      subscription.heard.push(body);
    }
    if (!frame.headers.has("ack")) {
      sent.given++;
      return;
    }
    subscription.open.push(frame);
    const limit = subscription.prefetch ?? (isQueue ? 10 : Number.POSITIVE_INFINITY);
    expect(subscription.open.length, `unacknowledged at ${client.name}`).to.be.at.most(limit);
  }

  /** Answers the oldest, so that it counts for itself in ack mode `client`, too. */
  #answer(client: Client, { open }: Subscription, nacks: boolean): void {
    const frame = open.shift();
    if (!frame || client.line.isOver) return;
    if (!nacks) (this.#sent.get(frame.body.split(" ")[0] as string) as Sent).acknowledged++;
    client.line.say(`${nacks ? "NACK" : "ACK"}\nid:${frame.headers.get("ack")}\n\n^@`);
  }
}

const name = fc.constantFrom("ann", "bob", "cid", "dee");
const ops = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("connect" as const),
      name,
      kind: fc.constantFrom<Kind>("swift", "slow", "polling", "dead"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("subscribe" as const),
      name,
      destination: fc.constantFrom(...QUEUES, ...TOPICS, "/queue/*"),
      ack: fc.constantFrom("auto", "client", "client-individual"),
      prefetch: fc.constantFrom(undefined, undefined, 1, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("unsubscribe" as const), name }) },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant("publish" as const),
      name,
      destination: fc.constantFrom(...QUEUES, ...QUEUES, ...TOPICS),
      size: fc.constantFrom(10, 1_000, 9_000),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("transact" as const),
      name,
      end: fc.constantFrom("COMMIT" as const, "COMMIT" as const, "ABORT" as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("work" as const),
      name,
      count: fc.integer({ min: 0, max: 8 }),
      nacks: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("leave" as const),
      name,
      how: fc.constantFrom("DISCONNECT" as const, "cut" as const, "fault" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 4 }) }),
  },
);

describe("What sessions were promised by the simple broker", () => {
  it("holds, whoever reads slowly, polls, crashes, or does not read at all", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(fc.array(ops, { minLength: 20, maxLength: 120 }), async (steps) => {
        const play = new Play();
        for (const kind of ["swift", "slow", "polling", "dead"] as const)
          play.connect({ swift: "ann", slow: "bob", polling: "cid", dead: "dee" }[kind], kind);
        for (const step of steps) {
          if (step.op === "connect") play.connect(step.name, step.kind);
          else if (step.op === "subscribe")
            play.subscribe(step.name, step.destination, step.ack, step.prefetch);
          else if (step.op === "unsubscribe") play.unsubscribe(step.name);
          else if (step.op === "publish")
            for (let i = 0; i < step.count; i++) play.publish(step.name, step.destination, step.size);
          else if (step.op === "transact") play.transact(step.name, step.end);
          else if (step.op === "work") play.work(step.name, step.count, step.nacks);
          else if (step.op === "leave") play.leave(step.name, step.how);
          else await play.pass(step.seconds);
          await settled();
        }
        await play.drain();
        play.check();
      }),
      { numRuns: 150 },
    );
  });
});
