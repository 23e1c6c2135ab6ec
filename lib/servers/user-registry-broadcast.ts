import type { SimpSession } from "../user/simp-user-registry.js";
import type { RemoteSession, UserSessions } from "../user/user-sessions.js";
import { type LinkListener, ServerLink, type ServerLinkOptions } from "./server-link.js";

/** What servers tell each other of those who are connected to them. */
type Told =
  /** The server whose sessions the sender wants to hear of, all. */
  | { readonly ask: string }
  /** All sessions of the sender, in so many messages. */
  | { readonly part: number; readonly of: number; readonly sessions: readonly RemoteSession[] }
  /** Those that changed, and the ids of those that ended. */
  | { readonly changed: readonly RemoteSession[]; readonly ended: readonly string[] };

interface Server {
  /** Whether we have heard of all its sessions, and missed no change since. */
  complete: boolean;
  /** The ids that an answer has told, until it has come whole. */
  told: Set<string>;
}

const CHANGES_DELAY = 100;
/** Roughly, in characters: brokers bound what a message may have. */
const PART_SIZE = 64 * 1024;

/**
 * Keeps the books of who is connected in step over all servers. Each tells what
 * changes, at once; all it has it tells those who ask, because they are new or
 * have missed something. So what it costs grows with what happens, not with who
 * is there.
 */
export class UserRegistryBroadcast implements LinkListener<Told> {
  readonly #sessions: UserSessions;
  readonly #link: ServerLink<Told>;
  readonly #servers = new Map<string, Server>();
  readonly #changed = new Set<string>();
  #telling: NodeJS.Timeout | undefined;
  #asked = false;

  constructor(options: ServerLinkOptions, sessions: UserSessions) {
    this.#sessions = sessions;
    this.#link = new ServerLink(options, this);
    sessions.watch((sessionId) => {
      this.#changed.add(sessionId);
      this.#tellSoon();
    });
  }

  take(from: string, { content }: { readonly content: Told }): void {
    if ("ask" in content) {
      if (content.ask !== this.#link.id) return;
      this.#asked = true;
      this.#tellSoon();
    } else if ("part" in content) {
      this.#takePart(from, content);
    } else {
      for (const session of content.changed) this.#sessions.setRemote(from, session);
      for (const id of content.ended) this.#sessions.removeRemote(from, id);
    }
  }

  /** Asks again with each sign of life, until the answer has come: the question may have been lost. */
  alive(from: string): void {
    const server = this.#servers.get(from) ?? { complete: false, told: new Set() };
    this.#servers.set(from, server);
    if (!server.complete) this.#tell({ ask: from });
  }

  missed(from: string): void {
    const server = this.#servers.get(from);
    if (!server) return;
    server.complete = false;
    server.told.clear();
    this.#tell({ ask: from });
  }

  left(from: string): void {
    this.#servers.delete(from);
    for (const { id } of this.#sessions.ofServer(from)) this.#sessions.removeRemote(from, id);
  }

  async close(): Promise<void> {
    clearTimeout(this.#telling);
    await this.#link.close();
  }

  #takePart(from: string, told: { part: number; of: number; sessions: readonly RemoteSession[] }): void {
    const server = this.#servers.get(from);
    if (!server) return;
    if (told.part === 0) server.told.clear();
    for (const session of told.sessions) {
      server.told.add(session.id);
      this.#sessions.setRemote(from, session);
    }
    if (told.part < told.of - 1) return;

    for (const { id } of this.#sessions.ofServer(from)) {
      if (!server.told.has(id)) this.#sessions.removeRemote(from, id);
    }
    server.told.clear();
    server.complete = true;
  }

  #tellSoon(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#tellChanges();
      if (this.#asked) this.#tellAll();
      this.#asked = false;
    }, CHANGES_DELAY).unref();
  }

  #tellChanges(): void {
    if (this.#changed.size === 0) return;

    const changed: SimpSession[] = [];
    const ended: string[] = [];
    for (const id of this.#changed) {
      const session = this.#sessions.get(id);
      if (session) changed.push(session);
      else ended.push(id);
    }
    this.#changed.clear();
    for (const sessions of inParts(changed)) this.#tell({ changed: sessions, ended: [] });
    if (ended.length > 0) this.#tell({ changed: [], ended });
  }

  #tellAll(): void {
    const parts = inParts(this.#sessions.ofServer());
    if (parts.length === 0) parts.push([]);
    for (const [part, sessions] of parts.entries()) this.#tell({ part, of: parts.length, sessions });
  }

  /** What does not arrive the others will notice by its number, and ask. */
  #tell(told: Told): void {
    this.#link.say(told).catch(() => {});
  }
}

function inParts(sessions: readonly SimpSession[]): RemoteSession[][] {
  const parts: RemoteSession[][] = [];
  let size = PART_SIZE;
  for (const { id, user, subscriptions } of sessions) {
    if (size >= PART_SIZE) {
      parts.push([]);
      size = 0;
    }
    const told: [string, string][] = [];
    for (const subscription of subscriptions.values()) {
      told.push([subscription.id, subscription.destination]);
      size += 8 + subscription.id.length + subscription.destination.length;
    }
    parts.at(-1)?.push({ id, name: user.name, subscriptions: told });
    size += 64 + user.name.length;
  }
  return parts;
}
