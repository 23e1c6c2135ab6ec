import { expect } from "chai";
import { TickingClock } from "#lib/clock/ticking-clock.js";
import { EventPublisher } from "#lib/events.js";
import { PresenceStation } from "#lib/user/presence/presence.js";
import { PresenceDestinations } from "#lib/user/presence/presence-destinations.js";
import { presencePatterns, presenceSettings } from "#lib/user/presence/presence-options.js";
import { recordingLogger } from "../../support/recording.js";
import { type RegistryServer, RegistryServers } from "../../support/registry-servers.js";

const PEOPLE = 10_000;
const ROOMS = 100;
const GONE_AFTER = 10_000;
const roomOf = (person: number) => `/topic/room/${person % ROOMS}`;

/** What one server has told, in all. */
class Told {
  /** Messages to those who watch, their bytes, and events of presence. */
  messages = 0;
  bytes = 0;
  events = 0;
}

/** Three servers with presence, and 10,000 people who have one session each; no sockets. */
class Stage {
  readonly servers = new RegistryServers();
  readonly told = new Map<RegistryServer, Told>();
  readonly stations = new Map<RegistryServer, PresenceStation>();
  /** Bytes that servers have told each other. */
  between = 0;
  /** Where each person is. */
  readonly places: RegistryServer[] = [];
  #sessions = 0;

  constructor() {
    this.servers.hub.loses = ({ payload }) => {
      this.between += payload.length;
      return false;
    };
  }

  open(): RegistryServer {
    const server = this.servers.open();
    const told = new Told();
    const logger = recordingLogger();
    const events = new EventPublisher(logger);
    for (const name of ["present", "absent", "userOnline", "userOffline"] as const)
      events.on(name, () => void told.events++);
    const { time } = this.servers;
    const station = new PresenceStation({
      settings: presenceSettings({ destinations: ["/topic/room/*"], goneAfter: GONE_AFTER }),
      destinations: new PresenceDestinations(
        presencePatterns({ destinations: ["/topic/room/*"], suffix: "presence" }, "/"),
        "presence",
        "/",
      ),
      userSessions: server.sessions,
      broker: {
        takesForSubscriptions: true,
        handle: ({ payload }) => {
          told.messages++;
          told.bytes += payload.length;
        },
      },
      sessions: { room: () => undefined, feed: (deliver) => void deliver() },
      headersOf: () => undefined,
      events,
      clock: time,
      ticks: new TickingClock({ time }),
      logger,
      sizeLimit: 1_000_000,
    });
    this.told.set(server, told);
    this.stations.set(server, station);
    return server;
  }

  join(person: number, server: RegistryServer): void {
    const session = `session-${++this.#sessions}`;
    server.sessions.add(session, { name: `user-${person}` });
    server.sessions.addSubscription(session, "0", roomOf(person));
    this.places[person] = server;
  }

  /** One watches each room, at this server. */
  watch(server: RegistryServer): void {
    for (let room = 0; room < ROOMS; room++)
      this.stations.get(server)!.watch(`watcher-${room}`, "p", `${roomOf(room)}/presence`);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) await this.servers.time.pass(Math.min(250, ms - passed));
  }

  /** What all servers know of how many are in each room. */
  counts(): Set<number> {
    const all = this.servers.all.map((server) => this.stations.get(server)!);
    const rooms = Array.from({ length: ROOMS }, (_, room) => roomOf(room));
    return new Set(all.flatMap((station) => rooms.map((room) => station.of(room).count)));
  }
}

describe("The presence of 10,000 people on three servers", function () {
  this.timeout(60_000);
  let stage: Stage;
  let watching: RegistryServer;

  before(async () => {
    stage = new Stage();
    const servers = [stage.open(), stage.open(), stage.open()];
    await stage.pass(2_000);
    for (let person = 0; person < PEOPLE; person++) stage.join(person, servers[person % 3]!);
    await stage.pass(2_000);
    expect([...stage.counts()]).to.deep.equal([PEOPLE / ROOMS]);
    watching = stage.open();
    await stage.pass(2_000);
    stage.watch(watching);
  });

  /** Replaces a server; its people come to the others within so long, the first after `pause`. */
  async function restart(old: RegistryServer, pause: number, within: number): Promise<void> {
    const people = [...stage.places.keys()].filter((person) => stage.places[person] === old);
    await stage.servers.close(old);
    await stage.pass(pause);
    const fresh = stage.open();
    const portions = within / 250;
    const portion = Math.ceil(people.length / portions);
    for (let i = 0; i < portions; i++) {
      for (const person of people.slice(i * portion, (i + 1) * portion)) {
        const servers = stage.servers.all.filter((server) => server !== fresh || i > portions / 2);
        stage.join(person, servers[person % servers.length]!);
      }
      await stage.pass(250);
    }
  }

  it("makes no news of a rolling restart: nothing is told, to watchers and by events, and nobody is left behind", async () => {
    const told = stage.told.get(watching)!;
    const before = { ...told };
    const between = stage.between;
    for (const old of stage.servers.all.filter((server) => server !== watching).slice(0, 3))
      await restart(old, 1_000, 4_000);
    await stage.pass(GONE_AFTER + 5_000);

    expect({ ...told }).to.deep.equal(before);
    expect([...stage.counts()]).to.deep.equal([PEOPLE / ROOMS]);
    for (const { sessions } of stage.servers.all) expect(sessions.users.size).to.equal(PEOPLE);
    // About 15,000 people come anew, each told to three servers; three that are new are told of all by each of the others.
    expect((stage.between - between) / PEOPLE).to.be.below(2_000);
  });

  it("tells of people who come back too late in few changes for each room", async () => {
    const told = stage.told.get(watching)!;
    const before = { ...told };
    const [old] = stage.servers.all.filter((server) => server !== watching);
    const gone = stage.places.filter((place) => place === old).length;
    await restart(old!, GONE_AFTER + 5_000, 4_000);
    await stage.pass(GONE_AFTER + 5_000);

    expect([...stage.counts()]).to.deep.equal([PEOPLE / ROOMS]);
    // Each of them is told as absent and as present, offline and online, and once in a change as left and as joined.
    expect(told.events - before.events).to.equal(4 * gone);
    expect((told.messages - before.messages) / ROOMS).to.be.within(2, 40);
    expect((told.bytes - before.bytes) / gone).to.be.below(200);
  });
});
