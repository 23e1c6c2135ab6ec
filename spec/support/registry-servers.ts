import { brokerBackplane } from "#lib/servers/broker-backplane.js";
import { serversKey } from "#lib/servers/seal.js";
import { UserRegistryBroadcast } from "#lib/servers/user-registry-broadcast.js";
import { UserSessions } from "#lib/user/user-sessions.js";
import { BrokerHub, type HubConnection } from "./broker-hub.js";
import { FakeTimers } from "./fake-timers.js";
import { recordingLogger } from "./recording.js";

export const REGISTRY_EXPIRATION = 20_000;

const KEY = serversKey("a secret of the servers");

/** What one server knows of a session: its user, and `id destination` of each subscription. */
type Books = Record<string, readonly string[]>;

/** One of several servers that tell each other who is connected. */
export class RegistryServer {
  readonly name: string;
  readonly line: HubConnection;
  readonly sessions = new UserSessions();
  readonly log: readonly string[];
  readonly #broadcast: UserRegistryBroadcast;
  #sessionIds = 0;

  constructor(name: string, hub: BrokerHub, clock: FakeTimers, messageSizeLimit = 1024 * 1024) {
    const logger = recordingLogger();
    this.name = name;
    this.line = hub.connect();
    this.log = logger.lines;
    const backplane = brokerBackplane({ ...this.line, destination: "/topic/registry", messageSizeLimit });
    this.#broadcast = new UserRegistryBroadcast(
      { backplane, key: KEY, expiration: REGISTRY_EXPIRATION, logger, clock },
      this.sessions,
    );
  }

  /** Connects a user; gives the session's id. */
  connect(user: string): string {
    const id = `${this.name}-${++this.#sessionIds}`;
    this.sessions.add(id, { name: user });
    return id;
  }

  /** All that this server knows, of its own sessions and of others'. */
  get books(): Books {
    return booksOf([...this.sessions.users.values()].flatMap(({ sessions }) => [...sessions.values()]));
  }

  /** What there is to know of its own. */
  get own(): Books {
    return booksOf(this.sessions.ofServer());
  }

  close(): Promise<void> {
    return this.#broadcast.close();
  }
}

function booksOf(sessions: Iterable<ReturnType<UserSessions["get"]> & object>): Books {
  const books: Record<string, string[]> = {};
  for (const { id, user, subscriptions } of sessions) {
    const told = [...subscriptions.values()].map(({ id: sub, destination }) => `${sub} ${destination}`);
    books[id] = [user.name, ...told.toSorted()];
  }
  return Object.fromEntries(Object.entries(books).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Some servers on one hub, with a time of their own. */
export class RegistryServers {
  readonly hub = new BrokerHub();
  readonly time = new FakeTimers();
  readonly all: RegistryServer[] = [];

  open(messageSizeLimit?: number): RegistryServer {
    const server = new RegistryServer(`s${this.all.length}`, this.hub, this.time, messageSizeLimit);
    this.all.push(server);
    return server;
  }

  /** What every server should know. */
  get truth(): Books {
    const all = Object.assign({}, ...this.all.map(({ own }) => own)) as Books;
    return Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  async close(server: RegistryServer): Promise<void> {
    this.all.splice(this.all.indexOf(server), 1);
    await server.close();
  }
}
