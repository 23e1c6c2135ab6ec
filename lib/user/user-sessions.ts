import type { Principal } from "../message/message.js";
import type { SimpSession, SimpSubscription, SimpUser } from "./simp-user-registry.js";

interface User extends SimpUser {
  readonly sessions: Map<string, Session>;
}

interface Session extends SimpSession {
  readonly user: User;
  readonly subscriptions: Map<string, SimpSubscription>;
}

/** Keeps the books of who is connected: what `SimpUserRegistry` shows, and the sessions of strangers. */
export class UserSessions {
  readonly #users = new Map<string, User>();
  readonly #sessions = new Map<string, Session>();
  readonly #anonymous = new Set<string>();

  get users(): ReadonlyMap<string, SimpUser> {
    return this.#users;
  }

  add(sessionId: string, principal: Principal | undefined): void {
    if (this.#sessions.has(sessionId) || this.#anonymous.has(sessionId)) return;
    if (!principal) {
      this.#anonymous.add(sessionId);
      return;
    }
    const { name } = principal;
    let user = this.#users.get(name);
    if (!user) {
      user = { name, principal, sessions: new Map() };
      this.#users.set(name, user);
    }
    const session = { id: sessionId, user, subscriptions: new Map() };
    user.sessions.set(sessionId, session);
    this.#sessions.set(sessionId, session);
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
  }

  /** Notes a subscription, unless its session is a stranger's or has one of that id. */
  addSubscription(sessionId: string, id: string, destination: string): void {
    const session = this.#sessions.get(sessionId);
    if (session && !session.subscriptions.has(id)) {
      session.subscriptions.set(id, { id, session, destination });
    }
  }

  removeSubscription(sessionId: string, id: string): void {
    this.#sessions.get(sessionId)?.subscriptions.delete(id);
  }

  isAnonymous(sessionId: string): boolean {
    return this.#anonymous.has(sessionId);
  }

  /**
   * Gives the ids of a user's sessions. A stranger is known by the id of the
   * session; it goes before a user of that name, since anybody may be able to
   * choose a name and nobody can choose an id.
   *
   * @param only the one session that is meant; nobody, when it is not this user's
   */
  idsOf(name: string, only?: string): string[] {
    const ids = this.#anonymous.has(name) ? [name] : [...(this.#users.get(name)?.sessions.keys() ?? [])];
    return only === undefined ? ids : ids.filter((id) => id === only);
  }
}
