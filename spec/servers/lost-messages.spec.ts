import { expect } from "chai";
import fc from "fast-check";
import type { Message } from "#lib/message/message.js";
import { brokerBackplane } from "#lib/servers/broker-backplane.js";
import { decodeEnvelope } from "#lib/servers/envelope.js";
import { Seal, serversKey } from "#lib/servers/seal.js";
import { ServerLink } from "#lib/servers/server-link.js";
import { BrokerHub, type HubConnection } from "../support/broker-hub.js";
import { FakeTimers } from "../support/fake-timers.js";
import { recordingLogger } from "../support/recording.js";
import { REGISTRY_EXPIRATION, RegistryServers } from "../support/registry-servers.js";

/** How often a message came to somebody in a run. */
class Losing {
  readonly #hub: BrokerHub;
  count = 0;
  lost: { readonly message: Message; readonly to: HubConnection } | undefined;

  /** @param nth which delivery is lost; none by default */
  constructor(hub: BrokerHub, nth = 0) {
    this.#hub = hub;
    this.#hub.loses = (message, to) => {
      if (++this.count !== nth) return false;
      this.lost = { message, to };
      return true;
    };
  }
}

describe("When the nth message between servers is lost", () => {
  it("all servers agree on who is there again, whatever n is", async function () {
    this.timeout(120_000);
    const deliveries = await registryRun();
    expect(deliveries).to.be.above(100);
    for (let nth = 1; nth <= deliveries; nth++) await registryRun(nth);
  });

  it("nothing else is lost of what servers say, whatever n is", async function () {
    this.timeout(120_000);
    const deliveries = await linkRun();
    expect(deliveries).to.be.above(60);
    for (let nth = 1; nth <= deliveries; nth++) await linkRun(nth);
  });

  /** Sessions come, change and go on three servers, one of which is cut off for a while; gives the deliveries. */
  async function registryRun(nth?: number): Promise<number> {
    const servers = new RegistryServers();
    const { time, hub } = servers;
    const losing = new Losing(hub, nth);
    const [a, b] = [servers.open(), servers.open()];
    const rod = a.connect("rod");
    await time.pass(1000);
    for (let i = 0; i < 600; i++) b.connect(`of b ${i}`);
    const ann = b.connect("ann");
    await time.pass(500);
    const c = servers.open();
    a.sessions.addSubscription(rod, "0", "/topic/a");
    await time.pass(500);
    a.sessions.removeSubscription(rod, "0");
    b.sessions.remove(ann);
    c.sessions.addSubscription(c.connect("rod"), "1", "/topic/b");
    await time.pass(500);
    b.line.cut();
    b.sessions.addSubscription(b.connect("late"), "2", "/topic/c");
    a.connect("other");
    await time.pass(REGISTRY_EXPIRATION * 1.5);
    b.line.restore();
    a.sessions.remove(rod);
    await time.pass(3 * REGISTRY_EXPIRATION);
    for (const { books, name } of servers.all) {
      expect(books, `${name} when delivery ${nth} is lost`).to.deep.equal(servers.truth);
    }
    await Promise.all(servers.all.map((server) => server.close()));
    return losing.count;
  }

  /** One server says something to two others, from its first moment on and over an outage. */
  async function linkRun(nth?: number): Promise<number> {
    const hub = new BrokerHub();
    const clock = new FakeTimers();
    const losing = new Losing(hub, nth);
    const opener = new Seal(KEY, DESTINATION);
    const open = () => {
      const line = hub.connect();
      const backplane = brokerBackplane({ ...line, destination: DESTINATION, messageSizeLimit: 1024 * 1024 });
      const said: string[] = [];
      const options = {
        backplane,
        key: KEY,
        expiration: REGISTRY_EXPIRATION,
        logger: recordingLogger(),
        clock,
      };
      const link = new ServerLink<string>(options, { take: (_, { content }) => void said.push(content) });
      return { line, link, said };
    };
    const listeners = [open(), open()];
    await clock.pass(1500);
    const speaker = open();
    const words: string[] = [];
    const promises: Promise<void>[] = [];
    const say = () => {
      words.push(`word ${words.length}`);
      promises.push(speaker.link.say(words.at(-1)!));
    };
    for (let i = 0; i < 3; i++) say();
    await clock.pass(1500);
    for (let i = 0; i < 3; i++) say();
    for (const away of [500, REGISTRY_EXPIRATION * 1.5]) {
      speaker.line.cut();
      await clock.pass(away);
      speaker.line.restore();
      for (let i = 0; i < 3; i++) say();
      await clock.pass(1500);
    }
    say();
    await clock.pass(10_000);
    await Promise.all(promises);

    const { lost } = losing;
    const content =
      lost && decodeEnvelope<string>(opener.open(lost.message.payload)!.content).envelope.content;
    for (const { line, said } of listeners) {
      const expected = line === lost?.to ? words.filter((word) => word !== content) : words;
      expect(said, `when delivery ${nth} is lost`).to.deep.equal(expected);
    }
    await Promise.all([speaker, ...listeners].map(({ link }) => link.close()));
    return losing.count;
  }
});

describe("When messages between servers are lost at random, and lines", () => {
  it("all servers agree on who is there once that is over", async function () {
    this.timeout(120_000);
    const server = fc.nat({ max: 2 });
    const small = fc.nat({ max: 5 });
    const step = fc.oneof(
      fc.record({ what: fc.constant("connect" as const), server, user: small }),
      fc.record({ what: fc.constant("subscribe" as const), server, session: small, id: small, to: small }),
      fc.record({ what: fc.constant("unsubscribe" as const), server, session: small, id: small }),
      fc.record({ what: fc.constant("disconnect" as const), server, session: small }),
      fc.record({ what: fc.constant("cut" as const), server }),
      fc.record({ what: fc.constant("restore" as const), server }),
      fc.record({ what: fc.constant("pass" as const), ms: fc.constantFrom(10, 100, 1000, 15_000, 45_000) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.infiniteStream(fc.nat({ max: 99 })),
        fc.constantFrom(0, 5, 30),
        async (steps, chance, percent) => {
          const servers = new RegistryServers();
          const all = [servers.open(), servers.open(), servers.open()];
          servers.hub.loses = () => chance.next().value < percent;
          const sessions: string[][] = [[], [], []];
          for (const each of steps) {
            if (each.what === "pass") {
              await servers.time.pass(each.ms);
              continue;
            }
            const { line, sessions: books } = all[each.server]!;
            const own = sessions[each.server]!;
            if (each.what === "connect") own.push(all[each.server]!.connect(`user ${each.user}`));
            else if (each.what === "cut" || each.what === "restore") line[each.what]();
            else {
              const session = own[each.session];
              if (session === undefined) continue;
              if (each.what === "subscribe")
                books.addSubscription(session, `${each.id}`, `/topic/${each.to}`);
              else if (each.what === "unsubscribe") books.removeSubscription(session, `${each.id}`);
              else {
                own.splice(each.session, 1);
                books.remove(session);
              }
            }
          }
          servers.hub.loses = () => false;
          servers.hub.restore();
          await servers.time.pass(4 * REGISTRY_EXPIRATION);
          for (const { books } of all) expect(books).to.deep.equal(servers.truth);
          await Promise.all(all.map((each) => each.close()));
        },
      ),
      { numRuns: 60 },
    );
  });
});

const KEY = serversKey("a secret of the servers");
const DESTINATION = "/topic/servers";
