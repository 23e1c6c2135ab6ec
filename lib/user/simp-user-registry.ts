import type { Principal } from "../message/message.js";

/** A person who is connected, with at least one session. */
export interface SimpUser {
  readonly name: string;
  /** As the first of the sessions on this server brought it, or the last new token; only the name, if all are on others. */
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
  /** The JSON of what `presence.info` has said of it. */
  readonly info: string | undefined;
  /** The destinations at which `presence.visible` keeps it from being shown, if there are such. */
  readonly hiddenAt: ReadonlySet<string> | undefined;
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

/** The books as far as the registry reads them. */
interface Books {
  readonly users: ReadonlyMap<string, SimpUser>;
  subscriptionsTo(destination: string): Iterable<SimpSubscription>;
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
  readonly #books: Books;

  constructor(books: Books) {
    this.#books = books;
  }

  getUser(name: string): SimpUser | undefined {
    return this.#books.users.get(name);
  }

  getUsers(): SimpUser[] {
    return [...this.#books.users.values()];
  }

  /** Gives how many users are connected; one with several sessions counts once. */
  getUserCount(): number {
    return this.#books.users.size;
  }

  /**
   * Gives the subscriptions of all users to one destination, written as it is: `/topic/room/*` is that pattern, and no
   * rooms. It looks at no other subscriptions.
   *
   * @example
   * ```ts
   * const names = new Set(userRegistry.findSubscriptionsTo("/topic/room/7").map(({ session }) => session.user.name));
   * ```
   */
  findSubscriptionsTo(destination: string): SimpSubscription[] {
    return [...this.#books.subscriptionsTo(destination)];
  }

  /**
   * Gives the subscriptions of all users for which the predicate holds. It looks at all there are.
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
