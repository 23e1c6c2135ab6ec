import { expect } from "chai";
import { onEachBroker } from "../../support/brokers.js";
import { decoded, fresh, RealBrokerStage, receipt } from "../../support/real-broker-stage.js";
import { StompSession } from "../../support/stomp-session.js";

/** Each run of the specs tries the same frames; another seed tries others. */
const SEED = Number(process.env.HEADER_SEED ?? 20261130);
const FRAMES = Number(process.env.HEADER_FRAMES ?? 150);

/** What brokers act on, what looks like it, and what nobody knows. */
const NAMES = [
  ...["durable", "exclusive", "auto-delete", "persistent", "x-queue-name", "x-queue-type", "x-expires"],
  ...["x-max-length", "x-max-length-bytes", "x-max-priority", "x-max-age", "x-message-ttl", "x-overflow"],
  ...["x-dead-letter-exchange", "x-dead-letter-routing-key", "x-priority", "x-stream-offset", "x-delay"],
  ...[
    "message-id",
    "subscription",
    "ack",
    "redelivered",
    "browser",
    "receipt-id",
    "id",
    "selector",
    "x-death",
  ],
  ...["transaction", "reply-to", "correlation-id", "expiration", "expires", "priority", "timestamp", "type"],
  ...["user-id", "app-id", "cluster-id", "amqp-message-id", "content-encoding", "content-type", "CC", "BCC"],
  ...["transformation", "amq-msg-type", "JMSXGroupID", "JMSXDeliveryCount", "JMSReplyTo", "JMSExpiration"],
  ...["AMQ_SCHEDULED_DELAY", "AMQ_SCHEDULED_REPEAT", "_AMQ_ROUTE_TO", "destination-type", "prefetch-count"],
  ...["activemq.prefetchSize", "activemq.exclusive", "activemq.priority", "activemq.subscriptionName"],
  ...[
    "activemq.noLocal",
    "activemq.browser",
    "durable-subscription-name",
    "no-local",
    "express-stomp-servers-only",
  ],
  ...[
    "host",
    "login",
    "version",
    "heart-beat",
    "message",
    "color",
    "__proto__",
    "constructor",
    "ä b",
    "original-destination",
  ],
];
const VALUES = [
  ...["true", "false", "", " ", "0", "1", "-1", "300", "99999999999999999999", "abc", "jms-map-json", "text"],
  ...[
    "quorum",
    "reject-publish",
    "amq.topic",
    "/temp-queue/mine",
    "/queue/elsewhere",
    "* * * * *",
    "1,1",
    "end",
  ],
  ...["x".repeat(256), "y".repeat(5000), "z".repeat(12_000), "ü", "a = 'b'", "T_v@@session@@1", "client"],
];

/** Numbers that look like chance, the same for the same seed. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

describe(`Headers that nobody expects (seed ${SEED})`, function () {
  this.timeout(240_000);
  const stage = new RealBrokerStage();

  afterEach(() => stage.close());

  onEachBroker((broker) => {
    for (const connections of ["own", "shared"] as const) {
      for (const version of ["1.0", "1.2"]) {
        it(`cost no other session anything, over ${connections} connections, in STOMP ${version}`, async () => {
          await stage.start(broker(), {
            connections,
            ...(connections === "shared" && { sharedConnections: 1 }),
          });
          const { messaging } = stage.server;
          const changes: boolean[] = [];
          messaging.on("brokerAvailability", ({ isAvailable }) => void changes.push(isAvailable));
          const chance = new Chance(SEED);
          const [topic, queue] = [fresh("topic"), fresh("queue")];
          const [victim, worker, sender] = [
            await stage.connect(),
            await stage.connect(),
            await stage.connect(),
          ];
          await receipt(victim, "SUBSCRIBE", { id: "v", destination: topic });
          await receipt(worker, "SUBSCRIBE", { id: "w", destination: queue, ack: "client-individual" });
          await receipt(sender, "SEND", { destination: topic }, "first");
          expect((await victim.frame()).body).to.equal("first");

          let evil: StompSession | undefined;
          const tried: string[] = [];
          for (let n = 1; n <= FRAMES; n++) {
            const { command, headers, text } = frameOf(chance, { topic, queue, version });
            tried.push(text);
            evil ??= await stage.connect(version);
            evil.send(command, headers, command === "SEND" ? `evil ${n}` : "");
            if (!(await survives(evil))) evil = undefined;
            if (n % 5 > 0) continue;

            const after = `after ${tried.slice(-5).join(" | ")}`;
            for (const each of [`${queue}.0`, `${queue}.1`, `${queue}.2`, queue]) {
              await messaging.template.convertAndSend(each, `job ${n}`);
            }
            await receipt(sender, "SEND", { destination: topic }, `news ${n}`);
            expect(await until(victim, `news ${n}`), after).to.equal(`news ${n}`);
            expect(await until(worker, `job ${n}`), after).to.equal(`job ${n}`);
            expect(changes, after).to.deep.equal([]);
          }
        });
      }
    }
  });

  /** Whether a session lives when it has sent something: it hears what it asks for, or that it has ended. */
  async function survives(session: StompSession): Promise<boolean> {
    session.send("UNSUBSCRIBE", { id: "none", receipt: "alive" });
    try {
      for (;;) if ((await session.frame()).headers.get("receipt-id") === "alive") return true;
    } catch {
      return false;
    }
  }

  /** Gives what a session hears, past what others sent it. */
  async function until(session: StompSession, body: string): Promise<string> {
    for (;;) {
      const frame = await session.frame();
      if (frame.command !== "MESSAGE") return `${frame.command} ${frame.headers.get("message")}`;
      if (frame.headers.has("ack")) session.send("ACK", { id: decoded(frame, "ack").replaceAll(":", "\\c") });
      if (frame.body === body) return body;
    }
  }

  function frameOf(
    chance: Chance,
    { topic, queue, version }: { topic: string; queue: string; version: string },
  ): { command: string; headers: Record<string, string>; text: string } {
    const command = chance.of(["SEND", "SEND", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "BEGIN"]);
    const headers: Record<string, string> = {};
    const shared = [topic, topic, `${topic}.${chance.below(3)}`];
    // A consumer of the worker's queue would share its work: that is what a queue is for.
    const destination =
      command === "SEND" ? chance.of([...shared, queue, `${queue}.${chance.below(3)}`]) : chance.of(shared);
    if (command === "SEND" || command === "SUBSCRIBE") headers.destination = destination;
    if (command.endsWith("SUBSCRIBE")) headers.id = `${chance.below(4)}`;
    if (command === "ACK") Object.assign(headers, version === "1.2" ? { id: "x" } : { "message-id": "x" });
    if (command === "BEGIN") headers.transaction = `${chance.below(3)}`;
    for (let count = chance.below(4); count > 0; count--) {
      const name = chance.of(["", "", "", " "]) + chance.of(NAMES);
      headers[name] = chance.of(VALUES);
    }
    const text = Object.entries(headers).map(([name, value]) => `${name}:${value.slice(0, 20)}`);
    return { command, headers, text: `${command} ${text.join(" ")}` };
  }
});
