import { expect } from "chai";
import fc from "fast-check";
import { RawClient } from "../../support/raw-client.js";
import { settled } from "../../support/recording.js";
import { RelayStage } from "../../support/relay-stage.js";
import { parseFrame } from "../../support/stomp-session.js";
import { TopicBroker } from "../../support/topic-broker.js";
import { until } from "../../support/users-on-servers.js";

const DESTINATIONS = ["/topic/a", "/topic/b", "/topic/c"] as const;

type Step =
  | { readonly what: "connect" | "leave" | "cut"; readonly client: number }
  | { readonly what: "subscribe"; readonly client: number; readonly id: string; readonly to: string }
  | { readonly what: "unsubscribe"; readonly client: number; readonly id: string }
  | { readonly what: "publish" | "refuse" | "allow" | "end"; readonly to: string }
  | { readonly what: "lose" | "hold" | "release" | "check" };

const client = fc.nat({ max: 3 });
const id = fc.constantFrom("0", "1", "2");
const to = fc.constantFrom(...DESTINATIONS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom("connect", "leave", "cut"), client }) },
  { weight: 8, arbitrary: fc.record({ what: fc.constant("subscribe"), client, id, to }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("unsubscribe"), client, id }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("publish"), to }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom("refuse", "allow", "end"), to }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("lose", "hold", "release", "check") }) },
);

/** What a client should have. */
interface Person {
  readonly raw: RawClient;
  /** Destinations by the ids of its subscriptions. */
  readonly subscriptions: Map<string, string>;
  /** Since the last look: `id destination` of all that it ever had. */
  readonly had: Set<string>;
  /** Destinations that it asked for since the last look, confirmed or not. */
  readonly asked: Set<string>;
  /** It has to end: it used an id twice. */
  mustEnd: boolean;
}

/** What happened to a broker and its clients, and what must have come of it: a map of who listens to what. */
class Model {
  readonly #stage: RelayStage;
  readonly #topics: TopicBroker;
  readonly #people = new Map<number, Person>();
  /** Since the last look. */
  readonly #refused = new Set<string>();
  readonly #ended = new Set<string>();
  #lost = false;
  #bodies = 0;

  private constructor(stage: RelayStage, topics: TopicBroker) {
    this.#stage = stage;
    this.#topics = topics;
  }

  static async open(closesOnError: boolean): Promise<Model> {
    const relay = { connections: "shared", clientLogin: "web", reconnectInterval: 5 } as const;
    const stage = await RelayStage.open({ relay });
    const topics = new TopicBroker(stage.broker, "web");
    topics.closesOnError = closesOnError;
    await stage.available();
    return new Model(stage, topics);
  }

  async close(): Promise<void> {
    for (const { raw } of this.#people.values()) raw.cut();
    await this.#stage.close();
  }

  async run(next: Step): Promise<void> {
    switch (next.what) {
      case "connect":
        return this.#connect(next.client);
      case "subscribe":
        return this.#subscribe(next);
      case "unsubscribe": {
        const person = this.#people.get(next.client);
        person?.raw.send(`UNSUBSCRIBE\nid:${next.id}\n\n^@`);
        person?.subscriptions.delete(next.id);
        return;
      }
      case "leave":
      case "cut": {
        const person = this.#people.get(next.client);
        if (next.what === "leave") person?.raw.send("DISCONNECT\n\n^@");
        else person?.raw.cut();
        this.#people.delete(next.client);
        return;
      }
      case "publish":
        return this.#topics.publish(next.to, `${++this.#bodies}`);
      case "refuse":
        this.#refused.add(next.to);
        this.#topics.refused.add(next.to);
        return;
      case "allow":
        this.#topics.refused.delete(next.to);
        return;
      case "end":
        this.#ended.add(next.to);
        return this.#topics.end(next.to);
      case "lose":
        this.#lost = true;
        this.#topics.lose();
        return noticed();
      case "hold":
        this.#topics.isHolding = true;
        return;
      case "release":
        return this.#topics.release();
      case "check":
        return this.check();
    }
  }

  /** Lets everything come to an end, and compares. */
  async check(): Promise<void> {
    this.#topics.release();
    this.#topics.refused.clear();
    await noticed();
    await this.#stage.available();
    for (const [key, person] of this.#people) {
      if (await this.#isThere(person)) continue;
      this.#people.delete(key);
    }
    // Nobody listens for those who have gone, and once for those who are there.
    const wanted = [
      ...new Set([...this.#people.values()].flatMap((each) => [...each.subscriptions.values()])),
    ];
    await this.#untilSubscribed(wanted.toSorted());

    const first = this.#bodies + 1;
    for (const destination of DESTINATIONS) this.#topics.publish(destination, `${++this.#bodies}`);
    for (const person of this.#people.values()) {
      const expected = DESTINATIONS.flatMap((destination, n) =>
        [...person.subscriptions]
          .filter(([, text]) => text === destination)
          .map(([subscription]) => `${subscription} ${destination} ${first + n}`),
      );
      const heard: string[] = [];
      // Something from before may have been on its way.
      const isNew = (text: string) => Number(text.split(" ")[2]) >= first;
      while (heard.filter(isNew).length < expected.length) heard.push(heardOf(await person.raw.frame()));
      heard.push(...(await person.raw.synchronize()).map(heardOf));
      expect(heard.filter(isNew).toSorted()).to.deep.equal(expected.toSorted());
      expect(new Set(heard).size).to.equal(heard.length);
      for (const text of heard)
        expect([...person.had].some((had) => text.startsWith(`${had} `))).to.equal(true);
      person.had.clear();
      person.asked.clear();
      for (const [subscription, text] of person.subscriptions) person.had.add(`${subscription} ${text}`);
    }
    this.#refused.clear();
    this.#ended.clear();
    this.#lost = false;
  }

  /** A broker that closes does so also when it refuses what it has just taken on trial. */
  get #mayBeLost(): boolean {
    return this.#lost || (this.#topics.closesOnError && this.#refused.size > 0);
  }

  async #connect(key: number): Promise<void> {
    if (this.#people.has(key)) return;
    await this.#stage.available();
    const raw = await RawClient.connect(this.#stage.server.port).catch(() => undefined);
    // The line may be lost in this very moment.
    if (!raw) {
      expect(this.#mayBeLost, "a client was refused, and no line was lost").to.equal(true);
      return;
    }
    const person = { raw, subscriptions: new Map(), had: new Set(), asked: new Set() } as const;
    this.#people.set(key, { ...person, mustEnd: false } as Person);
  }

  #subscribe({ client: key, id: subscription, to: destination }: Step & { what: "subscribe" }): void {
    const person = this.#people.get(key);
    if (!person) return;
    person.raw.send(`SUBSCRIBE\nid:${subscription}\ndestination:${destination}\n\n^@`);
    if (person.subscriptions.has(subscription)) person.mustEnd = true;
    person.subscriptions.set(subscription, destination);
    person.had.add(`${subscription} ${destination}`);
    person.asked.add(destination);
  }

  /** Reads what came for somebody; gives whether the session lives, and fails where it should, or should not. */
  async #isThere(person: Person): Promise<boolean> {
    /** The newest message of each subscription: destinations are on several lines. */
    const last = new Map<string, number>();
    for (const event of await person.raw.outcome()) {
      if (typeof event === "string" && event.startsWith("MESSAGE")) {
        const [subscription, destination, body] = heardOf(event).split(" ");
        expect(person.had, "what nobody asked for").to.include(`${subscription} ${destination}`);
        const had = `${subscription} ${destination}`;
        expect(Number(body), "the order, each once").to.be.above(last.get(had) ?? 0);
        last.set(had, Number(body));
        continue;
      }
      const mayEnd =
        person.mustEnd ||
        [...person.had].some((had) => this.#ended.has(had.split(" ")[1]!)) ||
        [...person.asked].some((asked) => this.#refused.has(asked)) ||
        (this.#mayBeLost &&
          (person.asked.size > 0 || [...person.had].some((had) => this.#refused.has(had.split(" ")[1]!))));
      expect(mayEnd, `a session ended for nothing: ${JSON.stringify(event)}`).to.equal(true);
      return false;
    }
    expect(person.mustEnd, "a session that used an id twice").to.equal(false);
    return true;
  }

  async #untilSubscribed(wanted: readonly string[]): Promise<void> {
    const key = wanted.join();
    let looks = 0;
    await until(() => {
      if (this.#topics.subscribed.join() === key) return true;
      // By then nothing is on its way any more.
      if (++looks > 400) expect(this.#topics.subscribed).to.deep.equal(wanted);
      return false;
    });
  }
}

/** Lets the server notice what the broker has done: both are in this process, so turns of its event loop are enough. */
async function noticed(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await settled();
}

/** `subscription destination body` of a MESSAGE. */
function heardOf(text: string): string {
  const { headers, body } = parseFrame(text);
  return `${headers.get("subscription")} ${headers.get("destination")} ${body}`;
}

describe("Shared connections", () => {
  it("give everybody what a map says, and nothing else, whatever is lost, refused or ended meanwhile", async function () {
    this.timeout(300_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: "max" }),
        fc.boolean(),
        async (steps, closesOnError) => {
          const model = await Model.open(closesOnError);
          try {
            for (let n = 0; n < 4; n++) await model.run({ what: "connect", client: n });
            for (const each of steps) await model.run(each);
            await model.check();
          } finally {
            await model.close();
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
