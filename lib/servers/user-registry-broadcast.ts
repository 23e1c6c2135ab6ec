import { type Clock, systemClock } from "../clock/clock.js";
import type { Logger } from "../logger.js";
import type { ServersStats } from "../observe/stats.js";
import type { UserSessions } from "../user/user-sessions.js";
import type { Said } from "./envelope.js";
import { RegistryChanges } from "./registry-changes.js";
import {
  entriesOf,
  NO_ENTRIES,
  type RegistryEntry,
  RegistryParts,
  readEntries,
  strangersOf,
} from "./registry-parts.js";
import { type PartOfAnswer, RemoteSessions } from "./remote-sessions.js";
import { type LinkListener, ServerLink, type ServerLinkOptions } from "./server-link.js";

/** The messages of servers about those who are connected to them; entries are in the payload. */
type Told =
  /** The server whose sessions the sender wants to hear of, all. */
  | { readonly ask: string }
  /** Entries are all sessions of the sender, or a part of them. */
  | { readonly all: PartOfAnswer }
  /** Entries are what changed. */
  | { readonly changes: true };

const CHANGES_DELAY = 100;

/**
 * Keeps the books of who is connected in step over all servers. Each tells what
 * changes, at once; all it has it tells those who ask, because they are new or
 * have missed something. So what it costs grows with what happens, not with who
 * is there.
 */
export class UserRegistryBroadcast implements LinkListener<Told> {
  readonly #sessions: UserSessions;
  readonly #link: ServerLink<Told>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #servers = new Map<string, RemoteSessions>();
  readonly #changes: RegistryChanges;
  readonly #unwatch: () => void;
  #stopTelling: (() => void) | undefined;
  #isAsked = false;
  #isAnswering = false;
  #hasWarned = false;

  constructor(options: ServerLinkOptions, sessions: UserSessions) {
    const { logger, clock = systemClock } = options;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#logger = logger;
    this.#link = new ServerLink(options, this);
    this.#changes = new RegistryChanges(sessions, () => this.#tellSoon());
    this.#unwatch = sessions.watch(this.#changes);
  }

  get stats(): ServersStats {
    return this.#link.stats;
  }

  take(from: string, { content, payload }: Said<Told>): void {
    if ("ask" in content) {
      if (content.ask !== this.#link.id) return;
      this.#isAsked = true;
      this.#tellSoon();
    } else if ("all" in content) {
      this.#servers.get(from)?.takePart(content.all, readEntries(payload));
    } else if ("changes" in content) {
      this.#servers.get(from)?.takeChanges(readEntries(payload));
    } else {
      this.#link.unknown();
    }
  }

  /** Asks again with each sign of life, until the answer has come: the question may have been lost. */
  alive(from: string): void {
    const server =
      this.#servers.get(from) ?? new RemoteSessions(from, this.#sessions, () => this.#link.unknown());
    this.#servers.set(from, server);
    if (!server.isComplete) this.#ask(from);
  }

  missed(from: string): void {
    const server = this.#servers.get(from);
    if (!server) return;
    server.missed();
    this.#ask(from);
  }

  left(from: string): void {
    this.#servers.get(from)?.clear();
    this.#servers.delete(from);
  }

  async close(): Promise<void> {
    this.#stopTelling?.();
    this.#unwatch();
    await this.#link.close();
  }

  /** The others will notice a message that does not arrive by its number, and ask. */
  #ask(server: string): void {
    this.#say({ ask: server }).catch(() => {});
  }

  #tellSoon(): void {
    this.#stopTelling ??= this.#clock.after(CHANGES_DELAY, () => {
      this.#stopTelling = undefined;
      this.#tellChanges();
      if (this.#isAsked && !this.#isAnswering) void this.#answer();
    });
  }

  #tellChanges(): void {
    if (this.#changes.isEmpty) return;
    const parts = this.#parts(this.#changes.take());
    while (!parts.isDone) {
      const bytes = parts.next();
      if (bytes.length > NO_ENTRIES) this.#say({ changes: true }, bytes).catch(() => {});
    }
  }

  /**
   * Tells all there is, part by part: the next one when the broker has the one before. A change of meanwhile
   * is told before: a session that is in a part counts as told, and its end has to be told, too.
   */
  async #answer(): Promise<void> {
    this.#isAnswering = true;
    try {
      while (this.#isAsked) {
        this.#isAsked = false;
        const parts = this.#parts(this.#all());
        for (let isFirst = true; !parts.isDone; isFirst = false) {
          this.#tellChanges();
          const bytes = parts.next();
          await this.#say({ all: { isFirst, isLast: parts.isDone } }, bytes);
        }
      }
    } catch (error) {
      this.#logger.debug("The other servers could not be told who is connected; they will ask again", error);
    } finally {
      this.#isAnswering = false;
    }
  }

  *#all(): Generator<RegistryEntry> {
    yield* entriesOf(this.#sessions.ofServer());
    yield* strangersOf(this.#sessions.strangers.here);
  }

  async #say(told: Told, entries?: Uint8Array): Promise<void> {
    await this.#link.say(told, entries);
  }

  #parts(entries: Iterable<RegistryEntry>): RegistryParts {
    return new RegistryParts(entries, {
      sizeLimit: () => this.#link.sizeLimit,
      tooLong: (entry) => this.#leftOut(entry),
    });
  }

  /** No more than once: clients could fill the log. */
  #leftOut([kind, session]: RegistryEntry): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn(
      `The ${kind} entry of session ${session} is too long for the other servers (messageSizeLimit): they do not know of it`,
    );
  }
}
