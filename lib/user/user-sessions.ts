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

/**
 * Hears of every change to the books, after it was made: of sessions of users,
 * here and on other servers (`session.server`), and of their subscriptions.
 */
export interface SessionsListener {
  came?(session: SimpSession): void;
  /** It still has the subscriptions that it had; that they are over is not told one by one. */
  left?(session: SimpSession): void;
  subscribed?(subscription: SimpSubscription): void;
  unsubscribed?(subscription: SimpSubscription): void;
}

/** The ids of so many strangers who have left are remembered: what was on its way to them may come later. */
const LEFT_LIMIT = 1_000;

/**
 * Keeps the books of who is connected: what `SimpUserRegistry` shows, and the
 * sessions of strangers. Sessions on other servers are there to be seen only.
 */
export class UserSessions {
  readonly #users = new Map<string, User>();
  readonly #sessions = new Map<string, Session>();
  readonly #anonymous = new Set<string>();
  readonly #left = new Set<string>();
  readonly #listeners = new Set<SessionsListener>();

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
  }

  /** Adds a listener; the returned function removes it. */
  watch(listener: SessionsListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Notes a session of another server, unless one of that id is known. */
  addRemote(server: string, sessionId: string, name: string): void {
    if (this.#anonymous.has(sessionId) || this.#sessions.has(sessionId)) return;
    this.#add(sessionId, { name }, server);
  }

  get(sessionId: string): SimpSession | undefined {
    return this.#sessions.get(sessionId);
  }

  /** The sessions of users on this server, or on another: live, also while some come and go. */
  *ofServer(server?: string): Generator<SimpSession> {
    for (const session of this.#sessions.values()) if (session.server === server) yield session;
  }

  /** Removes a session of this server, or of another: of no other than that. */
  remove(sessionId: string, server?: string): void {
    if (server === undefined && this.#anonymous.delete(sessionId)) {
      this.#left.add(sessionId);
      if (this.#left.size > LEFT_LIMIT) this.#left.delete(this.#left.values().next().value as string);
    }
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== server) return;

    const { user } = session;
    this.#sessions.delete(sessionId);
    user.sessions.delete(sessionId);
    if (user.sessions.size === 0) this.#users.delete(user.name);
    for (const listener of this.#listeners) listener.left?.(session);
    session.subscriptions.clear();
  }

  /** Notes a subscription, unless its session is a stranger's, on another server than that, or has one of that id. */
  addSubscription(sessionId: string, id: string, destination: string, server?: string): void {
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== server || session.subscriptions.has(id)) return;

    const subscription: SimpSubscription = { id, session, destination };
    session.subscriptions.set(id, subscription);
    for (const listener of this.#listeners) listener.subscribed?.(subscription);
  }

  removeSubscription(sessionId: string, id: string, server?: string): void {
    const session = this.#sessions.get(sessionId);
    const subscription = session?.subscriptions.get(id);
    if (!session || session.server !== server || !subscription) return;

    session.subscriptions.delete(id);
    for (const listener of this.#listeners) listener.unsubscribed?.(subscription);
  }

  isAnonymous(sessionId: string): boolean {
    return this.#anonymous.has(sessionId);
  }

  /** The same, also of a stranger who has left not long ago. */
  wasAnonymous(sessionId: string): boolean {
    return this.#anonymous.has(sessionId) || this.#left.has(sessionId);
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

  #add(id: string, principal: Principal, server?: string): void {
    const { name } = principal;
    let user = this.#users.get(name);
    if (!user) {
      user = { name, principal, sessions: new Map() };
      this.#users.set(name, user);
    }
    const session: Session = { id, user, server, subscriptions: new Map() };
    // This server knows more of a person than others tell.
    if (server === undefined && ![...user.sessions.values()].some((other) => other.server === undefined)) {
      user.principal = principal;
    }
    user.sessions.set(id, session);
    this.#sessions.set(id, session);
    for (const listener of this.#listeners) listener.came?.(session);
  }
}
