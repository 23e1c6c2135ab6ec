import { expect } from "chai";
import { BrokerNotAvailableError, MessageDeliveryError } from "express-stomp";
import { createMessage, type Message } from "#lib/message/message.js";
import { brokerBackplane } from "#lib/servers/broker-backplane.js";
import { encodeEnvelope } from "#lib/servers/envelope.js";
import { Seal, serversKey, VERSION } from "#lib/servers/seal.js";
import { ServerLink } from "#lib/servers/server-link.js";
import { BrokerHub, type HubConnection } from "../support/broker-hub.js";
import { FakeTimers } from "../support/fake-timers.js";
import { recordingLogger } from "../support/recording.js";

const KEY = serversKey("a secret of the servers");
const DESTINATION = "/topic/servers";
const EXPIRATION = 20_000;
/** Longer than anybody waits for greetings. */
const LONG = 6_000;

describe("ServerLink", () => {
  let hub: BrokerHub;
  let time: FakeTimers;
  let links: TestLink[];

  beforeEach(() => {
    hub = new BrokerHub();
    time = new FakeTimers();
    links = [];
  });

  it("takes what one server says to all others, once and in order", async () => {
    const [alice, bob, carol] = await greeted(3);
    for (const text of ["one", "two", "three"]) await alice!.link.say(text, Buffer.from(text));
    for (const other of [bob, carol])
      expect(other!.said).to.deep.equal(["one=one", "two=two", "three=three"]);
    expect(alice!.said).to.deep.equal([]);
  });

  it("gets to know a server that comes later", async () => {
    const [alice, bob] = await greeted(2);
    const carol = open();
    await time.pass(1000);
    expect(carol.told).to.include.members([`alive ${alice!.link.id}`, `alive ${bob!.link.id}`]);
    expect(alice!.told).to.include(`alive ${carol.link.id}`);
    await alice!.link.say("hello");
    expect(carol.said).to.deep.equal(["hello="]);
  });

  it("rejects what the broker does not take", async () => {
    const [alice] = await greeted(2);
    alice!.line.cut();
    const error = await alice!.link.say("lost").catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(BrokerNotAvailableError);
  });

  it("marks all it sends, so that no client is given it", async () => {
    const [alice] = await greeted(2);
    await alice!.link.say("hello");
    await alice!.link.close();
    expect(hub.sent.every(({ headers }) => headers.native.has("express-stomp-servers-only"))).to.equal(true);
  });

  it("says nothing any more when it is closed", async () => {
    const [alice, bob] = await greeted(3);
    const waiting = open();
    const held = waiting.link.say("too late").catch((thrown: unknown) => thrown);
    await waiting.link.close();
    expect(await held).to.be.instanceOf(BrokerNotAvailableError);

    await alice!.link.close();
    const sent = sentBy(alice!);
    await time.pass(2 * EXPIRATION);
    expect(sentBy(alice!)).to.equal(sent);
    expect(bob!.told.filter((told) => told === `left ${alice!.link.id}`)).to.have.length(1);
  });

  describe("of others", () => {
    it("hears nobody with another secret, and says so once", async () => {
      const [alice] = await greeted(2);
      const stranger = open({ key: serversKey("the secret of somebody else") });
      await time.pass(LONG);
      await stranger.link.say("hello");
      expect(alice!.said).to.deep.equal([]);
      expect(alice!.warnings).to.deep.equal([
        "warn Another sender uses /topic/servers, or a server with another secret. It is not heard.",
      ]);
    });

    it("does not hear what anybody else sends, whatever it is", async () => {
      const [alice] = await greeted(2);
      for (const payload of [
        Buffer.alloc(0),
        Buffer.from("{}"),
        Buffer.alloc(40),
        Buffer.alloc(100_000, 1),
      ]) {
        await hub.send(createMessage(payload, { destination: DESTINATION }));
      }
      expect(alice!.said).to.deep.equal([]);
      expect(alice!.warnings).to.have.length(2);
    });

    it("does not hear a server of another version, and says so once", async () => {
      const [alice, bob] = await greeted(2);
      await alice!.link.say("hello");
      const sealed = Buffer.from(hub.sent.at(-1)!.payload);
      expect(sealed[0]).to.equal(VERSION);
      for (const version of [VERSION + 1, VERSION + 2]) {
        sealed[0] = version;
        await hub.send(createMessage(sealed, { destination: DESTINATION }));
      }
      expect(bob!.said).to.deep.equal(["hello="]);
      expect(bob!.warnings).to.deep.equal([
        "warn Another sender uses /topic/servers, or a server of another version. It is not heard.",
      ]);
    });

    it("passes over what a later release says in the same version, once with a line in the log", async () => {
      const [alice] = await greeted(2);
      const seal = new Seal(KEY, DESTINATION);
      const say = (envelope: object) =>
        hub.send(
          createMessage(seal.close(encodeEnvelope(envelope, Buffer.alloc(0))), { destination: DESTINATION }),
        );
      await say({ greeting: { hears: { [alice!.link.id]: 1 }, sees: [], asks: false, takes: 1e6, more: 1 } });
      for (let i = 0; i < 2; i++) await say({ later: true });
      await say({ content: "and this" });
      expect(alice!.said).to.deep.equal(["and this="]);
      expect(alice!.warnings).to.deep.equal([
        "warn A server says at /topic/servers what this release does not know. It is not heard.",
      ]);
    });
  });

  describe("of a recording", () => {
    it("hears nothing", async () => {
      const [alice, bob] = await greeted(2);
      await alice!.link.say("once");
      await replay(hub.sent);
      expect(bob!.said).to.deep.equal(["once="]);
    });

    it("hears nothing of a server that has gone, nor thinks that it is back", async () => {
      const [alice, bob] = await greeted(2);
      await alice!.link.say("once");
      await alice!.link.close();
      expect(bob!.told.at(-1)).to.equal(`left ${alice!.link.id}`);
      const told = bob!.told.length;
      await replay(hub.sent);
      expect(bob!.told.slice(told)).to.deep.equal([]);
      expect(bob!.said).to.deep.equal(["once="]);
    });

    it("hears nothing when it is new itself", async () => {
      const [alice] = await greeted(2);
      await alice!.link.say("of old");
      await Promise.all(links.map(({ link }) => link.close()));
      const recordings = [...hub.sent];

      const [carol] = await greeted(2);
      await replay(recordings);
      await time.pass(LONG);
      expect(carol!.said).to.deep.equal([]);
      expect(carol!.told).to.not.include(`alive ${alice!.link.id}`);
    });
  });

  describe("when something is lost", () => {
    it("tells it with the next thing that comes", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = () => true;
      await alice!.link.say("lost");
      hub.loses = () => false;
      await alice!.link.say("there");
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
      expect(bob!.said).to.deep.equal(["there="]);
    });

    it("tells it with the next sign of life, if nothing else comes", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = () => true;
      await alice!.link.say("lost");
      hub.loses = () => false;
      await time.pass(EXPIRATION / 2);
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
    });

    it("tells it, when it waited for greetings and was refused", async () => {
      const [alice, bob] = await greeted(2);
      alice!.line.cut();
      alice!.line.restore();
      const waiting = alice!.link.say("refused").catch((thrown: unknown) => thrown);
      alice!.line.cut();
      expect(await waiting).to.be.instanceOf(BrokerNotAvailableError);
      alice!.line.restore();
      await time.pass(1000);
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
      expect(bob!.said).to.deep.equal([]);
    });

    it("tells it, when it was refused to who said it", async () => {
      const [alice, bob] = await greeted(2);
      alice!.line.cut();
      await alice!.link.say("refused").catch(() => {});
      alice!.line.restore();
      await time.pass(1000);
      expect(bob!.told).to.include(`missed ${alice!.link.id}`);
    });
  });

  describe("when a server says nothing", () => {
    it("forgets it, and knows it again when it speaks", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = () => true;
      await time.pass(1.5 * EXPIRATION);
      expect(bob!.told).to.include(`left ${alice!.link.id}`);
      expect(alice!.told).to.include(`left ${bob!.link.id}`);
      hub.loses = () => false;
      bob!.told.length = 0;
      await time.pass(EXPIRATION);
      expect(bob!.told).to.include(`alive ${alice!.link.id}`);
    });

    it("knows it again a moment after it has spoken, if only the one way was lost", async () => {
      const [alice, bob] = await greeted(2);
      hub.loses = (_, to) => to === bob!.line;
      await time.pass(1.3 * EXPIRATION);
      expect(bob!.told).to.include(`left ${alice!.link.id}`);
      hub.loses = () => false;
      await alice!.link.say("to nobody who knows me");
      await time.pass(200);
      await alice!.link.say("here I am");
      expect(bob!.said).to.deep.equal(["here I am="]);
    });

    it("knows it as long as it gives signs of life", async () => {
      const [alice, bob] = await greeted(2);
      bob!.told.length = 0;
      await time.pass(5 * EXPIRATION);
      expect(bob!.told.filter((told) => told === `alive ${alice!.link.id}`)).to.have.length.within(8, 12);
      expect(bob!.told).to.not.include(`left ${alice!.link.id}`);
    });
  });

  describe("that has come, or come back", () => {
    it("is heard from its first word, which waits for the greetings", async () => {
      const [alice] = await greeted(1);
      const bob = open();
      const first = bob.link.say("my first word");
      await time.pass(300);
      await first;
      expect(alice!.said).to.deep.equal(["my first word="]);
    });

    it("waits a second if nobody answers", async () => {
      const alone = open();
      let isSaid = false;
      const said = alone.link.say("to nobody").then(() => {
        isSaid = true;
      });
      await time.pass(900);
      expect(isSaid).to.equal(false);
      await time.pass(200);
      await said;
      await alone.link.say("at once from now on");
    });

    for (const away of [1000, 3 * EXPIRATION]) {
      for (const who of ["one", "both"] as const) {
        it(`is heard from its first word, when the line of ${who} was away for ${away} ms`, async () => {
          const [alice, bob] = await greeted(2);
          if (who === "both") hub.cut();
          else alice!.line.cut();
          await time.pass(away);
          alice!.line.restore();
          // Sent in the very moment in which the connection is there.
          const words = ["one", "two", "three"].map((word) => alice!.link.say(word));
          if (who === "both") {
            await time.pass(2000);
            bob!.line.restore();
          }
          await time.pass(1000);
          await Promise.all(words);
          await alice!.link.say("four");
          expect(bob!.said).to.deep.equal(["one=", "two=", "three=", "four="]);
        });
      }
    }

    it("is heard from its first word, when its process stood still for longer than the others wait", async () => {
      const slow = new FakeTimers();
      const [bob] = await greeted(1);
      const alice = open({ clock: slow });
      const both = async (ms: number) => {
        for (let passed = 0; passed < ms; passed += 50) {
          await time.pass(50);
          await slow.pass(50);
        }
      };
      await both(1000);
      expect(bob!.told).to.include(`alive ${alice.link.id}`);
      await time.pass(2 * EXPIRATION);
      expect(bob!.told).to.include(`left ${alice.link.id}`);

      slow.standStill(2 * EXPIRATION);
      const first = alice.link.say("I have slept");
      await both(1000);
      await first;
      expect(bob!.said).to.deep.equal(["I have slept="]);
    });

    it("does not wait for a server that does not come back, longer than five seconds", async () => {
      const [alice, bob, carol] = await greeted(3);
      hub.cut();
      await time.pass(1000);
      alice!.line.restore();
      bob!.line.restore();
      let isSaid = false;
      const said = alice!.link.say("hello").then(() => {
        isSaid = true;
      });
      await time.pass(4500);
      expect(isSaid).to.equal(false);
      await time.pass(1000);
      await said;
      expect(bob!.said).to.deep.equal(["hello="]);
      carol!.line.restore();
    });

    it("does not wait for a server that says goodbye", async () => {
      const [alice, bob, carol] = await greeted(3);
      alice!.line.cut();
      await time.pass(100);
      alice!.line.restore();
      const said = alice!.link.say("hello");
      hub.loses = (message) => message.payload.length > 400;
      await carol!.link.close();
      hub.loses = () => false;
      await time.pass(500);
      await said;
      expect(bob!.said).to.deep.equal(["hello="]);
    });

    it("refuses what waits when the line is lost again", async () => {
      await greeted(2);
      const carol = open();
      const said = carol.link.say("hello").catch((thrown: unknown) => thrown);
      carol.line.cut();
      expect(await said)
        .to.be.instanceOf(BrokerNotAvailableError)
        .with.property(
          "message",
          "The connection to the other servers was lost before they could be greeted",
        );
    });

    it("refuses what waits when the broker does not let it listen", async () => {
      const line = hub.connect();
      line.system.subscribe = () => Promise.reject(new Error("no topics here"));
      const { link, log } = open({ line });
      const error = await link.say("hello").catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(BrokerNotAvailableError);
      expect(log.join()).to.include("error The other servers cannot be heard at /topic/servers");
      expect(await link.say("again").catch((thrown: unknown) => thrown)).to.be.instanceOf(
        BrokerNotAvailableError,
      );
    });

    it("refuses what waits when the broker does not confirm that it listens", async () => {
      const line = hub.connect();
      line.system.subscribe = () => new Promise(() => {});
      const { link } = open({ line });
      const said = link.say("hello").catch((thrown: unknown) => thrown);
      await time.pass(10_000);
      expect(await said).to.be.instanceOf(BrokerNotAvailableError);
    });

    it("lets no more wait than 16 MiB", async () => {
      const { link } = open();
      const payload = Buffer.alloc(1_000_000);
      const all = Array.from({ length: 17 }, () =>
        link.say("much", payload).catch((thrown: unknown) => thrown),
      );
      const error = await all.at(-1);
      expect(error).to.be.instanceOf(MessageDeliveryError);
      expect((error as Error).message).to.include("Too much waits for the other servers");
      await time.pass(LONG);
      expect(await Promise.all(all.slice(0, 16))).to.deep.equal(Array.from({ length: 16 }, () => undefined));
    });
  });

  describe("with something long", () => {
    it("takes what fits into a message of the broker, and refuses one byte more at once", async () => {
      const [alice, bob] = await greeted(2);
      const room = alice!.link.sizeLimit - '0000{"content":""}'.length;
      await alice!.link.say("", Buffer.alloc(room));
      expect(bob!.said).to.have.length(1);
      expect(hub.sent.at(-1)!.payload.length).to.be.within(1_040_000, 1_048_000);
      expect(() => alice!.link.say("", Buffer.alloc(room + 1))).to.throw(
        MessageDeliveryError,
        "and they take 10474",
      );
      expect(bob!.told).to.not.include(`missed ${alice!.link.id}`);
    });

    it("says no more than the one takes who takes the least", async () => {
      const [alice] = await greeted(2);
      const carol = open({ messageSizeLimit: 100_000 });
      await time.pass(1000);
      expect(() => alice!.link.say("", Buffer.alloc(100_000))).to.throw(MessageDeliveryError);
      await carol.link.close();
      await alice!.link.say("", Buffer.alloc(100_000));
    });
  });

  interface TestLink {
    readonly link: ServerLink<string>;
    readonly line: HubConnection;
    readonly log: readonly string[];
    readonly warnings: readonly string[];
    readonly said: string[];
    readonly told: string[];
  }

  function open({
    key = KEY,
    clock = time,
    line = hub.connect(),
    messageSizeLimit = 1024 * 1024,
  }: {
    key?: Buffer;
    clock?: FakeTimers;
    line?: HubConnection;
    messageSizeLimit?: number;
  } = {}): TestLink {
    const said: string[] = [];
    const told: string[] = [];
    const logger = recordingLogger();
    const { system, application } = line;
    const backplane = brokerBackplane({ system, application, destination: DESTINATION, messageSizeLimit });
    const link = new ServerLink<string>(
      { backplane, key, expiration: EXPIRATION, logger, clock },
      {
        take: (_, { content, payload }) => void said.push(`${content}=${Buffer.from(payload)}`),
        alive: (from) => void told.push(`alive ${from}`),
        missed: (from) => void told.push(`missed ${from}`),
        left: (from) => void told.push(`left ${from}`),
      },
    );
    const test: TestLink = {
      link,
      line,
      log: logger.lines,
      get warnings() {
        return logger.lines.filter((entry) => entry.startsWith("warn"));
      },
      said,
      told,
    };
    links.push(test);
    return test;
  }

  /** Opens so many, and lets each get to know each. */
  async function greeted(count: number): Promise<TestLink[]> {
    const all = Array.from({ length: count }, () => open());
    await time.pass(1000);
    for (const one of all) {
      for (const other of all) if (one !== other) expect(one.told).to.include(`alive ${other.link.id}`);
    }
    return all;
  }

  async function replay(messages: readonly Message[]): Promise<void> {
    for (const recorded of [...messages]) await hub.send(recorded);
  }

  function sentBy({ link }: TestLink): number {
    return hub.sent.filter(({ payload }) => Buffer.from(payload).includes(Buffer.from(link.id, "hex")))
      .length;
  }
});
