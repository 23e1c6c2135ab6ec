// The load, in a process of its own: prepares a scenario, waits for "go", and says what it saw.
import { setTimeout as delay } from "node:timers/promises";
import type { Dialect } from "./dialect.js";
import { PEERS } from "./peers.js";
import { type LoadClient, masked, NUMBER_LENGTH, RawClient } from "./raw-client.js";
import { type Flow, scenarioOf } from "./scenarios.js";
import { SockJsClient } from "./sock-js-client.js";

interface Publication {
  remaining: number;
  readonly at: number;
}

interface Topic {
  readonly destination: string;
  readonly subscribers: number;
  next: number;
  readonly underWay: Map<number, Publication>;
}

/** A part of a run. */
interface Portion {
  readonly publications: number;
  /** After so many milliseconds no more are begun. */
  readonly limitMs: number;
  /** Subscribers that do not read. */
  readonly stopped?: number;
}

/** Connections that are opened at a time. */
const AT_A_TIME = 100;
const HEART_BEAT_MS = 8_000;
/** A run in which so long nothing arrives has lost something. */
const STALL_MS = 15_000;
/** As long as nothing takes that is still alive. */
const LIMIT_MS = 180_000;
/** So long publications are begun at the most: what costs much needs fewer of them to be counted finely. */
const WARM_UP_MS = 600;
const RUN_MS = 800;
/** Those who do not read are to be given more than the kernel and the limits hold. */
const SLOW_MS = 40_000;
/** What a stopped client has still to read takes no longer, and then it learns whether it was cut. */
const READ_MS = 3_000;

export interface LoadResult {
  readonly deliveries: number;
  readonly seconds: number;
  /** Milliseconds from a publication to its last delivery. */
  readonly p50: number;
  readonly p99: number;
  /** Of those that did not read: how many the server has cut. */
  readonly cut: number;
  /** Deliveries each second while all were still reading; 0 where all go on. */
  readonly rateBefore: number;
}

const [port, peer, name] = [Number(process.argv[2]), process.argv[3] ?? "", process.argv[4] ?? ""];
const scenario = scenarioOf(name);
const { dialect, warmUpMs = WARM_UP_MS } = PEERS[peer] ?? {};
if (dialect === undefined) throw new Error(`no peer ${peer}`);
// Whatever goes wrong, here or in what a client reads.
process.on("uncaughtException", ({ message }) => {
  process.send?.({ failed: message }, () => process.exit(1));
});
setTimeout(() => fail("it took too long"), LIMIT_MS).unref();
const clients: LoadClient[] = [];
setInterval(() => {
  for (const client of clients) client?.heartBeat();
}, HEART_BEAT_MS).unref();

if (scenario.kind === "connect") {
  const connectAll = () =>
    inParallel(scenario.connections, async (i) => {
      const client = await RawClient.connect(port, dialect);
      clients.push(client);
      await client.subscribe(dialect.topic(String(i)), "sub-0");
    });
  if (scenario.isWarm) {
    await connectAll();
    await Promise.all(clients.splice(0).map((client) => client.end()));
  }
  await told("ready");
  const start = performance.now();
  await connectAll();
  report({
    p50: 0,
    p99: 0,
    cut: 0,
    rateBefore: 0,
    deliveries: scenario.connections,
    seconds: (performance.now() - start) / 1000,
  });
} else {
  const flow = await prepare(scenario, dialect);
  const enough = warmUpMs > WARM_UP_MS ? Number.POSITIVE_INFINITY : Math.ceil(scenario.publications / 6);
  await flow.run({ publications: enough, limitMs: warmUpMs });
  const stopped = clients.slice(0, scenario.stopped ?? 0);
  const before = stopped.length > 0 ? await flow.run({ ...scenario, limitMs: RUN_MS }) : undefined;
  for (const client of stopped) client.pause();
  await told("ready");
  const limitMs = stopped.length > 0 ? SLOW_MS : RUN_MS;
  for (;;) {
    const result = await flow.run({ ...scenario, limitMs, stopped: stopped.length });
    for (const client of stopped) client.resume();
    if (stopped.length > 0) await delay(READ_MS);
    report({
      ...result,
      cut: stopped.filter((client) => client.closed).length,
      rateBefore: before ? before.deliveries / before.seconds : 0,
    });
    await asked();
  }
}

async function prepare(scenario: Flow, dialect: Dialect) {
  const publishers: RawClient[] = [];
  const { ids, subscribers, topics: count } = scenario;
  const perTopic = scenario.patterns ? subscribers / 10 : subscribers / count;
  const topics = Array.from({ length: count }, (_, i): Topic => {
    return {
      destination: dialect.topic(`p${i}`, "news"),
      subscribers: perTopic,
      next: 0,
      underWay: new Map(),
    };
  });
  // Only the first topic is published to when the others are there to be told from it.
  const published = scenario.publishers === 1 ? topics.slice(0, 1) : topics;
  let completed: (topic: Topic, publication: Publication) => void = () => {};

  const subscribe = async (i: number): Promise<void> => {
    const client = await (dialect.sockJs ? SockJsClient : RawClient).connect(port, dialect);
    const topic = topics[scenario.patterns ? 0 : i % count] as Topic;
    let expected = 0;
    if (scenario.controller) client.behindNumber += '"}'.length;
    if (scenario.json) client.behindNumber += "}]".length;
    client.onMessage = (number) => {
      if (number !== expected++) fail(`subscriber ${i} got ${number} instead of ${expected - 1}`);
      const publication = topic.underWay.get(number);
      if (publication && --publication.remaining === 0) {
        topic.underWay.delete(number);
        completed(topic, publication);
      }
    };
    clients.push(client);
    await client.subscribe(
      scenario.patterns ? pattern(dialect, i) : topic.destination,
      ids === "equal" ? "sub-0" : `sub-${String(i).padStart(4, "0")}`,
    );
  };
  await inParallel(subscribers, subscribe);
  for (let i = 0; i < scenario.publishers; i++) publishers.push(await RawClient.connect(port, dialect));
  clients.push(...publishers);

  async function run({ publications, limitMs, stopped = 0 }: Portion): Promise<LoadResult> {
    const times: number[] = [];
    let total = publications;
    let started = 0;
    let ended = 0;
    const start = performance.now();
    await new Promise<void>((resolve) => {
      const ready = publishers.map(() => Math.ceil(scenario.inFlight / publishers.length));
      let heard = performance.now();
      const watch = setInterval(() => {
        if (performance.now() - heard > STALL_MS) fail(`${started - ended} publications did not arrive`);
      }, 1000);
      let awaited = false;
      const publishLater = () => {
        if (awaited) return;
        awaited = true;
        setImmediate(() => {
          awaited = false;
          for (const [i, publisher] of publishers.entries()) {
            const frames: Buffer[] = [];
            for (; (ready[i] as number) > 0 && started < total; started++) {
              (ready[i] as number)--;
              const turn = Math.floor(started / publishers.length) * publishers.length + i;
              const topic = published[turn % published.length] as Topic;
              const number = topic.next++;
              topic.underWay.set(number, { remaining: topic.subscribers - stopped, at: performance.now() });
              frames.push(
                scenario.controller
                  ? greeting(dialect, scenario.size, number)
                  : publication(dialect, topic.destination, scenario, number),
              );
            }
            if (frames.length > 0) publisher.write(Buffer.concat(frames));
          }
        });
      };
      completed = (topic, { at }) => {
        heard = performance.now();
        times.push(heard - at);
        const publisher = published.indexOf(topic) % publishers.length;
        (ready[publisher] as number)++;
        if (heard - start > limitMs) total = started;
        if (++ended < total) publishLater();
        else {
          clearInterval(watch);
          resolve();
        }
      };
      publishLater();
    });
    times.sort((a, b) => a - b);
    return {
      deliveries: ended * (perTopic - stopped),
      seconds: (performance.now() - start) / 1000,
      p50: times[Math.floor(times.length / 2)] as number,
      p99: times[Math.floor(times.length * 0.99)] as number,
      cut: 0,
      rateBefore: 0,
    };
  }
  return { run };
}

/** Of ten one matches the topic that is published to, and of those each tenth is for all topics. */
function pattern({ topic, everything }: Dialect, i: number): string {
  if (i % 10 !== 0) return topic(`p${1 + i}`, "*");
  return i % 100 === 0 ? everything : topic("p0", "*");
}

function publication({ send }: Dialect, destination: string, { size, json }: Flow, number: number): Buffer {
  const digits = String(number).padStart(NUMBER_LENGTH, "0");
  if (!json) return masked(send(destination, "text/plain", digits.padStart(size, "x")));

  const end = `,"number":1${digits}}]`;
  return masked(send(destination, "application/json", `${rows(size - end.length)}${end}`));
}

/** So many characters of rows, the last of them open. */
function rows(length: number): string {
  let text = "[";
  // As good as random, and the same each time.
  for (let i = 1, x = 12_345; text.length < length; i++) {
    x = (x * 48_271) % 2_147_483_647;
    const time = new Date(1.79e12 + x).toISOString();
    text += `${i > 1 ? "," : ""}{"id":${x},"name":"user ${x % 977}","price":${(x % 99_991) / 100},"at":"${time}"}`;
  }
  const whole = text.slice(0, text.lastIndexOf(",{", length - 20));
  return `${whole},{"note":"${"".padEnd(length - whole.length - 11, "n")}"`;
}

/** What the controller of the peers takes, of so many bytes. */
function greeting({ send }: Dialect, size: number, number: number): Buffer {
  const plain = { name: "", number: String(number).padStart(NUMBER_LENGTH, "0") };
  const name = "x".repeat(size - JSON.stringify(plain).length);
  return masked(send("/app/p0/news", "application/json", JSON.stringify({ ...plain, name })));
}

async function inParallel(count: number, task: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count) }, worker));
}

function told(what: string): Promise<void> {
  process.send?.(what);
  return asked();
}

/** Resolves when a portion is wanted. */
function asked(): Promise<void> {
  return new Promise((resolve) => process.once("message", () => resolve()));
}

/** The connections stay until the process is ended from outside: what they cost idle is still to be seen. */
function report(result: LoadResult): void {
  process.send?.(result);
}

function fail(text: string): never {
  throw new Error(text);
}
