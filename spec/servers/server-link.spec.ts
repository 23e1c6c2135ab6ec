import { expect } from "chai";
import { SERVERS_ONLY } from "#lib/broker/broker.js";
import { createMessage } from "#lib/message/message.js";
import { serversKey } from "#lib/servers/seal.js";
import { ServerLink } from "#lib/servers/server-link.js";
import { BrokerHub } from "../support/broker-hub.js";
import { recordingLogger } from "../support/recording.js";

const KEY = serversKey("a secret of the servers");
const DESTINATION = "/topic/servers";

describe("ServerLink", () => {
  let hub: BrokerHub;
  let links: TestLink[];

  beforeEach(() => {
    hub = new BrokerHub();
    links = [];
  });

  afterEach(() => Promise.all(links.map(({ link }) => link.close())));

  it("takes what one server says to all others, once and in order", async () => {
    const [alice, bob, carol] = await greeted(3);
    for (const text of ["one", "two", "three"]) await alice!.link.say(text, Buffer.from(text));
    expect(await bob!.heard(3)).to.deep.equal(["one=one", "two=two", "three=three"]);
    expect(await carol!.heard(3)).to.deep.equal(["one=one", "two=two", "three=three"]);
    expect(alice!.said).to.deep.equal([]);
  });

  it("gets to know a server that comes later", async () => {
    const [alice, bob] = await greeted(2);
    const carol = open();
    await carol.until("alive", alice!.link.id);
    await carol.until("alive", bob!.link.id);
    await alice!.until("alive", carol.link.id);
    await alice!.link.say("hello");
    expect(await carol.heard(1)).to.deep.equal(["hello="]);
  });

  it("is heard by nobody with another secret, and says so once", async () => {
    const [alice] = await greeted(2);
    const stranger = open({ key: serversKey("the secret of somebody else") });
    await stranger.link.say("hello");
    await stranger.link.say("hello");
    await sync(alice!);
    expect(alice!.said).to.deep.equal(["sync="]);
    expect(
      alice!.log.filter((line) => line.includes("Somebody else sends to /topic/servers")),
    ).to.have.length(1);
  });

  it("does not hear what anybody else sends, whatever it is", async () => {
    const [alice] = await greeted(2);
    for (const payload of [Buffer.alloc(0), Buffer.from("{}"), Buffer.alloc(40), Buffer.alloc(100_000, 1)]) {
      await hub.send(createMessage(payload, { destination: DESTINATION }));
    }
    await sync(alice!);
    expect(alice!.said).to.deep.equal(["sync="]);
  });

  it("does not hear a recording", async () => {
    const [alice, bob] = await greeted(2);
    await alice!.link.say("once");
    await bob!.heard(1);
    for (const recorded of [...hub.sent]) await hub.send(recorded);
    await sync(bob!);
    expect(bob!.said).to.deep.equal(["once=", "sync="]);
  });

  it("does not hear a recording of a server that has gone, nor think that it is back", async () => {
    const [alice, bob] = await greeted(2);
    await alice!.link.say("once");
    await alice!.link.close();
    await bob!.until("left", alice!.link.id);
    const told = bob!.told.length;
    for (const recorded of [...hub.sent]) await hub.send(recorded);
    expect(bob!.told.slice(told)).to.deep.equal([]);
    expect(bob!.said).to.deep.equal(["once="]);
  });

  it("does not hear a recording when it is new itself", async () => {
    const [alice] = await greeted(2);
    await alice!.link.say("of old");
    await Promise.all(links.map(({ link }) => link.close()));
    const recordings = [...hub.sent];

    const [carol, dora] = await greeted(2);
    for (const recorded of recordings) await hub.send(recorded);
    await sync(carol!);
    await dora!.heard(0);
    expect(carol!.said).to.deep.equal(["sync="]);
    expect(carol!.told).to.not.include(`alive ${alice!.link.id}`);
  });

  it("tells when something was lost", async () => {
    const [alice, bob] = await greeted(2);
    hub.broken = true;
    await alice!.link.say("lost").catch(() => {});
    hub.broken = false;
    await alice!.link.say("there");
    await bob!.until("missed", alice!.link.id);
    expect(await bob!.heard(1)).to.deep.equal(["there="]);
  });

  it("rejects what the broker does not take", async () => {
    const [alice] = await greeted(2);
    hub.broken = true;
    const error = await alice!.link.say("lost").catch((thrown: unknown) => thrown);
    expect(error).to.be.an("error").with.property("message", "The broker is away");
  });

  it("forgets a server that says nothing for too long, and knows it again when it speaks", async () => {
    const [alice, bob] = await greeted(2, { expiration: 100 });
    hub.broken = true;
    await bob!.until("left", alice!.link.id);
    await alice!.until("left", bob!.link.id);
    hub.broken = false;
    bob!.told.length = 0;
    await bob!.until("alive", alice!.link.id);
  });

  it("knows for long who only gives signs of life", async () => {
    const [alice, bob] = await greeted(2, { expiration: 60 });
    for (let i = 0; i < 5; i++) {
      bob!.told.length = 0;
      await bob!.until("alive", alice!.link.id);
    }
    expect(bob!.told).to.not.include(`left ${alice!.link.id}`);
  });

  it("marks all it sends, so that no client is given it", async () => {
    const [alice] = await greeted(2);
    await alice!.link.say("hello");
    await alice!.link.close();
    expect(hub.sent.every(({ headers }) => headers.native.has(SERVERS_ONLY))).to.equal(true);
  });

  it("says nothing any more when it is closed", async () => {
    const [alice, bob, carol] = await greeted(3, { expiration: 60 });
    const byAlice = () =>
      hub.sent.filter(({ payload }) => Buffer.from(payload).toString("hex", 0, 16) === alice!.link.id).length;
    await alice!.link.close();
    const sent = byAlice();
    for (let i = 0; i < 3; i++) {
      carol!.told.length = 0;
      await carol!.until("alive", bob!.link.id);
    }
    expect(byAlice()).to.equal(sent);
  });

  interface TestLink {
    readonly link: ServerLink<string>;
    readonly log: readonly string[];
    readonly said: string[];
    readonly told: string[];
    heard(count: number): Promise<readonly string[]>;
    until(what: string, who: string): Promise<void>;
  }

  function open({ key = KEY, expiration = 20_000 } = {}): TestLink {
    const said: string[] = [];
    const told: string[] = [];
    let check = () => {};
    const reach = (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        const before = check;
        check = () => {
          before();
          if (condition()) resolve();
        };
        check();
      });
    const note = (list: string[]) => (text: string) => {
      list.push(text);
      check();
    };
    const [saying, telling] = [note(said), note(told)];
    const logger = recordingLogger();
    const link = new ServerLink<string>(
      { system: hub.system, application: hub.application, destination: DESTINATION, key, expiration, logger },
      {
        take: (_, { content, payload }) => saying(`${content}=${Buffer.from(payload)}`),
        alive: (from) => telling(`alive ${from}`),
        missed: (from) => telling(`missed ${from}`),
        left: (from) => telling(`left ${from}`),
      },
    );
    const test: TestLink = {
      link,
      log: logger.lines,
      said,
      told,
      async heard(count) {
        await reach(() => said.length >= count);
        return said;
      },
      until: (what, who) => reach(() => told.includes(`${what} ${who}`)),
    };
    links.push(test);
    return test;
  }

  /** Opens so many, and waits until each knows each. */
  async function greeted(count: number, options: { expiration?: number } = {}): Promise<TestLink[]> {
    const all = Array.from({ length: count }, () => open(options));
    for (const one of all) {
      for (const other of all) if (one !== other) await one.until("alive", other.link.id);
    }
    return all;
  }

  /** Waits until a link has taken all that was sent before. */
  async function sync(link: TestLink): Promise<void> {
    const other = links.find((one) => link.told.includes(`alive ${one.link.id}`))!;
    await other.link.say("sync");
    while (!link.said.includes("sync=")) await link.heard(link.said.length + 1);
  }
});
