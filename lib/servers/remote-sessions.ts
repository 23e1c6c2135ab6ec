import type { UserSessions } from "../user/user-sessions.js";
import type { RegistryEntry } from "./registry-parts.js";

/** The place of a part among those that make an answer. */
export interface PartOfAnswer {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** All that an answer has told so far. */
class Told {
  /** By session: ids of its subscriptions, and the destinations at which presence is silent of it. */
  readonly sessions = new Map<string, { readonly ids: Set<string>; readonly hidden: Set<string> }>();
  /** The destinations that strangers subscribe to. */
  readonly strangers = new Set<string>();
}

/** The sessions of one other server, as far as it has told of them. */
export class RemoteSessions {
  readonly #server: string;
  readonly #sessions: UserSessions;
  readonly #unknown: () => void;
  #isComplete = false;
  /** The part of an answer that has come so far. */
  #told: Told | undefined;

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
    if (isFirst) this.#told = new Told();
    if (!this.#told) return;

    for (const entry of entries) this.#take(entry);
    if (!isLast) return;
    this.#forgetAllBut(this.#told);
    this.#isComplete = true;
    this.#told = undefined;
  }

  /** The server has gone, and its sessions with it. */
  clear(): void {
    this.#forgetAllBut(new Told());
  }

  #take(entry: RegistryEntry): void {
    const told = this.#told;
    const [kind, session] = entry;
    switch (kind) {
      case "session":
        this.#sessions.addRemote(this.#server, session, entry[2], entry[3]);
        this.#sessions.describe(session, entry[3], this.#server);
        if (!told?.sessions.has(session)) told?.sessions.set(session, { ids: new Set(), hidden: new Set() });
        return;
      case "ended":
        this.#sessions.remove(session, this.#server, entry[2]);
        told?.sessions.delete(session);
        return;
      case "subscription":
        this.#subscribe(session, entry[2], entry[3]);
        told?.sessions.get(session)?.ids.add(entry[2]);
        return;
      case "unsubscribed":
        this.#sessions.removeSubscription(session, entry[2], this.#server);
        told?.sessions.get(session)?.ids.delete(entry[2]);
        return;
      case "info":
        this.#sessions.describe(session, entry[2] ?? undefined, this.#server);
        return;
      case "hidden":
        this.#sessions.hide(session, entry[2], entry[3], this.#server);
        if (entry[3]) told?.sessions.get(session)?.hidden.add(entry[2]);
        else told?.sessions.get(session)?.hidden.delete(entry[2]);
        return;
      case "strangers":
        this.#sessions.strangers.told(this.#server, entry[1], entry[2]);
        told?.strangers.add(entry[1]);
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

  #forgetAllBut({ sessions, strangers }: Told): void {
    for (const { id, subscriptions, hiddenAt } of this.#sessions.ofServer(this.#server)) {
      const kept = sessions.get(id);
      if (!kept) {
        this.#sessions.remove(id, this.#server);
        continue;
      }
      for (const subscription of subscriptions.keys()) {
        if (!kept.ids.has(subscription)) this.#sessions.removeSubscription(id, subscription, this.#server);
      }
      for (const destination of hiddenAt ?? []) {
        if (!kept.hidden.has(destination)) this.#sessions.hide(id, destination, false, this.#server);
      }
    }
    for (const destination of this.#sessions.strangers.at(this.#server)) {
      if (!strangers.has(destination)) this.#sessions.strangers.told(this.#server, destination, 0);
    }
  }
}
