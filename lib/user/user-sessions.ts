import type { Principal } from "../message/message.js";
import type { SimpSession, SimpSubscription, SimpUser } from "./simp-user-registry.js";

interface User extends SimpUser {
  principal: Principal;
  readonly sessions: Map<string, Session>;
}

interface Session extends SimpSession {
  readonly user: User;
  readonly subscriptions: Map<string, SimpSubscription>;
}

/** What another server tells of a session. */
export interface RemoteSession {
  readonly id: string;
  /** The user's. */
  readonly name: string;
  readonly subscriptions: readonly (readonly [id: string, destination: string])[];
}

/** Hears of each session of a user that came, went, or subscribed to something else. */
export type SessionChanged = (sessionId: string) => void;

/**
 * Keeps the books of who is connected: what `SimpUserRegistry` shows, and the
 * sessions of strangers. Sessions on other servers are there to be seen only.
 */
export class UserSessions {
  readonly #users = new Map<string, User>();
  readonly #sessions = new Map<string, Session>();
  readonly #anonymous = new Set<string>();
  #changed: SessionChanged = () => {};

  get users(): ReadonlyMap<string, SimpUser> {
    return this.#users;
  }

  add(sessionId: string, principal: Principal | undefined): void {
    if (this.#sessions.has(sessionId) || this.#anonymous.has(sessionId)) return;
    if (!principal) {
      this.#anonymous.add(sessionId);
      return;
    }
    this.#add(sessionId, principal);
    this.#changed(sessionId);
  }

  /** Notes a session of another server as it is now; in place of what was known of it. */
  setRemote(server: string, { id, name, subscriptions }: RemoteSession): void {
    const known = this.#sessions.get(id);
    if (this.#anonymous.has(id) || (known && known.server !== server)) return;

    const session = known ?? this.#add(id, { name }, server);
    const told = new Map(subscriptions);
    for (const subscription of session.subscriptions.values()) {
      if (told.get(subscription.id) !== subscription.destination)
        session.subscriptions.delete(subscription.id);
    }
    for (const [subscriptionId, destination] of told) {
      if (session.subscriptions.has(subscriptionId)) continue;
      session.subscriptions.set(subscriptionId, { id: subscriptionId, session, destination });
    }
  }

  /** Removes a session of another server. */
  removeRemote(server: string, sessionId: string): void {
    if (this.#sessions.get(sessionId)?.server === server) this.remove(sessionId);
  }

  /** Hears of changes to this server's own sessions. */
  watch(changed: SessionChanged): void {
    this.#changed = changed;
  }

  get(sessionId: string): SimpSession | undefined {
    return this.#sessions.get(sessionId);
  }

  /** The sessions of users on this server, or on another. */
  ofServer(server?: string): SimpSession[] {
    return [...this.#sessions.values()].filter((session) => session.server === server);
  }

  remove(sessionId: string): void {
    this.#anonymous.delete(sessionId);
    const session = this.#sessions.get(sessionId);
    if (!session) return;

    const { user } = session;
    this.#sessions.delete(sessionId);
    session.subscriptions.clear();
    user.sessions.delete(sessionId);
    if (user.sessions.size === 0) this.#users.delete(user.name);
    if (session.server === undefined) this.#changed(sessionId);
  }

  /** Notes a subscription, unless its session is a stranger's or has one of that id. */
  addSubscription(sessionId: string, id: string, destination: string): void {
    const session = this.#sessions.get(sessionId);
    if (session && !session.subscriptions.has(id)) {
      session.subscriptions.set(id, { id, session, destination });
      this.#changed(sessionId);
    }
  }

  removeSubscription(sessionId: string, id: string): void {
    if (this.#sessions.get(sessionId)?.subscriptions.delete(id)) this.#changed(sessionId);
  }

  isAnonymous(sessionId: string): boolean {
    return this.#anonymous.has(sessionId);
  }

  /**
   * Gives the ids of a user's sessions on this server. A stranger is known by the id of the
   * session; it goes before a user of that name, since anybody may be able to
   * choose a name and nobody can choose an id.
   *
   * @param only the one session that is meant; nobody, when it is not this user's
   */
  idsOf(name: string, only?: string): string[] {
    if (this.#anonymous.has(name)) return only === undefined || only === name ? [name] : [];

    const ids: string[] = [];
    for (const { id, server } of this.#users.get(name)?.sessions.values() ?? []) {
      if (server === undefined && (only === undefined || only === id)) ids.push(id);
    }
    return ids;
  }

  #add(id: string, principal: Principal, server?: string): Session {
    const { name } = principal;
    let user = this.#users.get(name);
    if (!user) {
      user = { name, principal, sessions: new Map() };
      this.#users.set(name, user);
    }
    const session = { id, user, server, subscriptions: new Map() };
    // What this server knows of a person is more than what others tell.
    if (server === undefined && ![...user.sessions.values()].some((other) => other.server === undefined)) {
      user.principal = principal;
    }
    user.sessions.set(id, session);
    this.#sessions.set(id, session);
    return session;
  }
}
