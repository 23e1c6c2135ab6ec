import type { UserSessions } from "../user/user-sessions.js";
import type { RegistryEntry } from "./registry-parts.js";

/** The place of a part among those that make an answer. */
export interface PartOfAnswer {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** The sessions of one other server, as far as it has told of them. */
export class RemoteSessions {
  readonly #server: string;
  readonly #sessions: UserSessions;
  readonly #unknown: () => void;
  #isComplete = false;
  /** The part of an answer that has come so far: ids of subscriptions, by session. */
  #told: Map<string, Set<string>> | undefined;

  /** @param unknown hears of an entry of a kind that is not known */
  constructor(server: string, sessions: UserSessions, unknown: () => void) {
    this.#server = server;
    this.#sessions = sessions;
    this.#unknown = unknown;
  }

  /** Whether we have heard of all its sessions, and missed no change since. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Something that it said was lost: what is known may be wrong, and an answer that is on its way has a hole. */
  missed(): void {
    this.#isComplete = false;
    this.#told = undefined;
  }

  /** Takes what changed. */
  takeChanges(entries: readonly RegistryEntry[]): void {
    for (const entry of entries) this.#take(entry);
  }

  /** Takes a part of all it has. Only all parts of one answer, without a hole, say who is not there any more. */
  takePart({ isFirst, isLast }: PartOfAnswer, entries: readonly RegistryEntry[]): void {
    if (this.#isComplete) return;
    if (isFirst) this.#told = new Map();
    if (!this.#told) return;

    for (const entry of entries) this.#take(entry);
    if (!isLast) return;
    this.#forgetAllBut(this.#told);
    this.#isComplete = true;
    this.#told = undefined;
  }

  /** The server has gone, and its sessions with it. */
  clear(): void {
    this.#forgetAllBut(new Map());
  }

  #take(entry: RegistryEntry): void {
    const told = this.#told;
    const [kind, session] = entry;
    switch (kind) {
      case "session":
        this.#sessions.addRemote(this.#server, session, entry[2]);
        if (!told?.has(session)) told?.set(session, new Set());
        return;
      case "ended":
        this.#sessions.remove(session, this.#server);
        told?.delete(session);
        return;
      case "subscription":
        this.#subscribe(session, entry[2], entry[3]);
        told?.get(session)?.add(entry[2]);
        return;
      case "unsubscribed":
        this.#sessions.removeSubscription(session, entry[2], this.#server);
        told?.get(session)?.delete(entry[2]);
        return;
      default:
        this.#unknown();
    }
  }

  /** An id may have come to stand for another subscription. */
  #subscribe(session: string, id: string, destination: string): void {
    const known = this.#sessions.get(session)?.subscriptions.get(id);
    if (known && known.destination !== destination) {
      this.#sessions.removeSubscription(session, id, this.#server);
    }
    this.#sessions.addSubscription(session, id, destination, this.#server);
  }

  #forgetAllBut(told: ReadonlyMap<string, ReadonlySet<string>>): void {
    for (const { id, subscriptions } of this.#sessions.ofServer(this.#server)) {
      const kept = told.get(id);
      if (!kept) {
        this.#sessions.remove(id, this.#server);
        continue;
      }
      for (const subscription of subscriptions.keys()) {
        if (!kept.has(subscription)) this.#sessions.removeSubscription(id, subscription, this.#server);
      }
    }
  }
}
