import type { Principal } from "../message/message.js";
import type { SimpSession, SimpSubscription, SimpUser } from "./simp-user-registry.js";
import { Strangers, type StrangersChange } from "./strangers.js";
import { SubscriptionIndex } from "./subscription-index.js";

interface User extends SimpUser {
  principal: Principal;
  readonly sessions: Map<string, Session>;
}

interface Session extends SimpSession {
  readonly user: User;
  info: string | undefined;
  hiddenAt: Set<string> | undefined;
  readonly subscriptions: Map<string, SimpSubscription>;
}

/**
 * Hears of every change to the books, after it was made: of sessions of users,
 * here and on other servers (`session.server`), and of their subscriptions.
 */
export interface SessionsListener {
  came?(session: SimpSession): void;
  /**
   * It still has the subscriptions that it had; that they are over is not told one by one.
   *
   * @param isMeant whether the client or the application has ended it; else its line was lost, or its server
   */
  left?(session: SimpSession, isMeant: boolean): void;
  subscribed?(subscription: SimpSubscription): void;
  unsubscribed?(subscription: SimpSubscription): void;
  /** A session of this server has brought a new token, of the same user. */
  renewed?(session: SimpSession, principal: Principal): void;
  /** Presence tells something else of a session. */
  described?(session: SimpSession): void;
  /** Presence does not tell any more that a session is at a destination, or does again; whether it subscribes or not. */
  hidden?(session: SimpSession, destination: string): void;
  /** So many strangers more, or fewer, subscribe to a destination: here, or on another server. */
  strangers?(change: StrangersChange): void;
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
  readonly #left = new Set<string>();
  readonly #listeners = new Set<SessionsListener>();
  readonly #index = new SubscriptionIndex();
  /** The sessions without a user, and how many of them subscribe to what is counted. */
  readonly strangers = new Strangers((change) => {
    for (const listener of this.#listeners) listener.strangers?.(change);
  });

  get users(): ReadonlyMap<string, SimpUser> {
    return this.#users;
  }

  add(sessionId: string, principal: Principal | undefined): void {
    if (this.#sessions.has(sessionId) || this.strangers.has(sessionId)) return;
    if (!principal) {
      this.strangers.add(sessionId);
      return;
    }
    this.#add(sessionId, principal);
  }

  /** A session of this server has got a new token, of the same user. */
  renewed(sessionId: string, principal: Principal): void {
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== undefined) return;

    session.user.principal = principal;
    for (const listener of this.#listeners) listener.renewed?.(session, principal);
  }

  /** Notes what presence tells of a session, as JSON; of this server, or of another. */
  describe(sessionId: string, info: string | undefined, server?: string): void {
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== server || session.info === info) return;

    session.info = info;
    for (const listener of this.#listeners) listener.described?.(session);
  }

  /** Notes whether presence is to be silent of a session at a destination; of this server, or of another. */
  hide(sessionId: string, destination: string, isHidden: boolean, server?: string): void {
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== server || isHidden === isHiddenAt(session, destination)) return;

    if (isHidden) session.hiddenAt = (session.hiddenAt ?? new Set()).add(destination);
    else session.hiddenAt?.delete(destination);
    for (const listener of this.#listeners) listener.hidden?.(session, destination);
  }

  /** The subscriptions to a destination, written as it is: live. */
  subscriptionsTo(destination: string): Iterable<SimpSubscription> {
    return this.#index.get(destination);
  }

  /** Adds a listener; the returned function removes it. */
  watch(listener: SessionsListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Notes a session of another server, unless one of that id is known. */
  addRemote(server: string, sessionId: string, name: string, info?: string): void {
    if (this.strangers.has(sessionId) || this.#sessions.has(sessionId)) return;
    this.#add(sessionId, { name }, server, info);
  }

  get(sessionId: string): SimpSession | undefined {
    return this.#sessions.get(sessionId);
  }

  /** The sessions of users on this server, or on another: live, also while some come and go. */
  *ofServer(server?: string): Generator<SimpSession> {
    for (const session of this.#sessions.values()) if (session.server === server) yield session;
  }

  /**
   * Removes a session of this server, or of another: of no other than that.
   *
   * @param isMeant whether the client or the application has ended it
   */
  remove(sessionId: string, server?: string, isMeant = false): void {
    if (server === undefined && this.strangers.remove(sessionId, isMeant)) {
      this.#left.add(sessionId);
      if (this.#left.size > LEFT_LIMIT) this.#left.delete(this.#left.values().next().value as string);
    }
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== server) return;

    const { user } = session;
    this.#sessions.delete(sessionId);
    user.sessions.delete(sessionId);
    if (user.sessions.size === 0) this.#users.delete(user.name);
    for (const subscription of session.subscriptions.values()) this.#index.remove(subscription);
    for (const listener of this.#listeners) listener.left?.(session, isMeant);
    session.subscriptions.clear();
  }

  /** Notes a subscription, unless its session is on another server than that, or has one of that id. Those of strangers are counted at most. */
  addSubscription(sessionId: string, id: string, destination: string, server?: string): void {
    if (server === undefined) this.strangers.subscribed(sessionId, id, destination);
    const session = this.#sessions.get(sessionId);
    if (!session || session.server !== server || session.subscriptions.has(id)) return;

    const subscription: SimpSubscription = { id, session, destination };
    session.subscriptions.set(id, subscription);
    this.#index.add(subscription);
    for (const listener of this.#listeners) listener.subscribed?.(subscription);
  }

  removeSubscription(sessionId: string, id: string, server?: string): void {
    if (server === undefined) this.strangers.unsubscribed(sessionId, id);
    const session = this.#sessions.get(sessionId);
    const subscription = session?.subscriptions.get(id);
    if (!session || session.server !== server || !subscription) return;

    session.subscriptions.delete(id);
    this.#index.remove(subscription);
    for (const listener of this.#listeners) listener.unsubscribed?.(subscription);
    const { destination } = subscription;
    if (session.hiddenAt?.has(destination) && !subscribesTo(session, destination)) {
      session.hiddenAt.delete(destination);
    }
  }

  isAnonymous(sessionId: string): boolean {
    return this.strangers.has(sessionId);
  }

  /** The same, also of a stranger who has left not long ago. */
  wasAnonymous(sessionId: string): boolean {
    return this.strangers.has(sessionId) || this.#left.has(sessionId);
  }

  /**
   * Gives the ids of a user's sessions on this server. A stranger is known by the id of the
   * session; it goes before a user of that name, since anybody may be able to
   * choose a name and nobody can choose an id.
   *
   * @param only the one session that is meant; nobody, when it is not this user's
   */
  idsOf(name: string, only?: string): string[] {
    if (this.strangers.has(name)) return only === undefined || only === name ? [name] : [];

    const ids: string[] = [];
    for (const { id, server } of this.#users.get(name)?.sessions.values() ?? []) {
      if (server === undefined && (only === undefined || only === id)) ids.push(id);
    }
    return ids;
  }

  #add(id: string, principal: Principal, server?: string, info?: string): void {
    const { name } = principal;
    let user = this.#users.get(name);
    if (!user) {
      user = { name, principal, sessions: new Map() };
      this.#users.set(name, user);
    }
    const session: Session = { id, user, server, info, hiddenAt: undefined, subscriptions: new Map() };
    // This server knows more of a person than others tell.
    if (server === undefined && ![...user.sessions.values()].some((other) => other.server === undefined)) {
      user.principal = principal;
    }
    user.sessions.set(id, session);
    this.#sessions.set(id, session);
    for (const listener of this.#listeners) listener.came?.(session);
  }
}

/** Whether presence is silent of a session at a destination. */
export function isHiddenAt({ hiddenAt }: SimpSession, destination: string): boolean {
  return hiddenAt?.has(destination) === true;
}

/** Whether a session has a subscription to a destination, written as it is. */
export function subscribesTo({ subscriptions }: SimpSession, destination: string): boolean {
  for (const each of subscriptions.values()) if (each.destination === destination) return true;
  return false;
}
