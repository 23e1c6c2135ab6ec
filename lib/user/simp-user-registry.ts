import type { Principal } from "../message/message.js";

/** A person who is connected, with at least one session. */
export interface SimpUser {
  readonly name: string;
  /** As the first of the sessions on this server brought it; only the name, if all are on others. */
  readonly principal: Principal;
  /** By their ids. Live: it changes as sessions come and go, and is empty once the user has left. */
  readonly sessions: ReadonlyMap<string, SimpSession>;
}

/** One connected session of a user. */
export interface SimpSession {
  readonly id: string;
  readonly user: SimpUser;
  /** The id of the server where it is connected, if that is another one. */
  readonly server: string | undefined;
  /** By their ids, which are unique within the session only. Live. */
  readonly subscriptions: ReadonlyMap<string, SimpSubscription>;
}

/** One subscription that the broker delivers to. */
export interface SimpSubscription {
  readonly id: string;
  readonly session: SimpSession;
  /** As the client wrote it: a pattern perhaps, and `/user/queue/x` where that was subscribed to. */
  readonly destination: string;
}

/**
 * Tells who is connected, in which sessions, and what they subscribed to at the
 * broker; as Spring's `SimpUserRegistry`, with `userRegistryBroadcast` over all
 * servers. Sessions without a user are not in it. Injectable by its class.
 *
 * @example
 * ```ts
 * const names = messaging.userRegistry.getUsers().map(({ name }) => name);
 * const isThere = messaging.userRegistry.getUser("rod") !== undefined;
 * ```
 */
export class SimpUserRegistry {
  readonly #users: ReadonlyMap<string, SimpUser>;

  constructor(users: ReadonlyMap<string, SimpUser>) {
    this.#users = users;
  }

  getUser(name: string): SimpUser | undefined {
    return this.#users.get(name);
  }

  getUsers(): SimpUser[] {
    return [...this.#users.values()];
  }

  /** Gives how many users are connected; one with several sessions counts once. */
  getUserCount(): number {
    return this.#users.size;
  }

  /**
   * Gives the subscriptions of all users for which the predicate holds.
   *
   * @example
   * ```ts
   * for (const subscription of userRegistry.findSubscriptions(({ destination }) => destination === "/topic/old")) {
   *   await messaging.unsubscribe(subscription, "This topic has ended");
   * }
   * ```
   */
  findSubscriptions(predicate: (subscription: SimpSubscription) => boolean): SimpSubscription[] {
    return this.getUsers()
      .flatMap(({ sessions }) => [...sessions.values()])
      .flatMap(({ subscriptions }) => [...subscriptions.values()])
      .filter(predicate);
  }
}
