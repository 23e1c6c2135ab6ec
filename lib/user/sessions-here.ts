import type { SimpSession, SimpSubscription } from "./simp-user-registry.js";
import type { UserSessions } from "./user-sessions.js";

/** All sessions of a user, or one. */
export type WhoseSessions = { readonly user: string } | { readonly sessionId: string };

export interface SessionsHereOptions {
  /** The books; what they show of sessions on other servers is left alone. */
  readonly sessions: UserSessions;
  /** Ends a session with an ERROR that gives the reason; `false` if it is not here, or over. */
  end(sessionId: string, reason: string): boolean;
  /** Judges subscriptions anew; gives how many were ended. */
  recheck(subscriptions: readonly SimpSubscription[], reason: string | undefined): Promise<number>;
  /** Ends a subscription that is here; `false` when it was over already. */
  unsubscribe(subscription: SimpSubscription, reason: string | undefined): Promise<boolean>;
}

/** Ends, judges and unsubscribes sessions of this server, for the application or for another server. */
export class SessionsHere {
  readonly #options: SessionsHereOptions;

  constructor(options: SessionsHereOptions) {
    this.#options = options;
  }

  /** Ends a session, or all of a user; gives how many were ended. */
  end(target: WhoseSessions, reason: string): number {
    const { end } = this.#options;
    // Sessions of strangers are not in the books.
    if ("sessionId" in target) return Number(end(target.sessionId, reason));
    return this.#find(target).filter(({ id }) => end(id, reason)).length;
  }

  /** Judges subscriptions by the rights of now: those of a session, of a user, or all. */
  recheck(target: WhoseSessions | undefined, reason: string | undefined): Promise<number> {
    const subscriptions = this.#find(target).flatMap((session) => [...session.subscriptions.values()]);
    return this.#options.recheck(subscriptions, reason);
  }

  unsubscribe(subscription: SimpSubscription, reason: string | undefined): Promise<boolean> {
    return this.#options.unsubscribe(subscription, reason);
  }

  /** The same for another server, which knows the ids; `false` when there is no such subscription here. */
  async unsubscribeById(sessionId: string, id: string, reason: string | undefined): Promise<boolean> {
    const [session] = this.#find({ sessionId });
    const subscription = session?.subscriptions.get(id);
    return subscription !== undefined && this.#options.unsubscribe(subscription, reason);
  }

  /** Gives the sessions of users that are connected to this server, and meant. */
  #find(target: WhoseSessions | undefined): SimpSession[] {
    const { sessions } = this.#options;
    if (!target) return [...sessions.ofServer()];

    const known =
      "user" in target
        ? [...(sessions.users.get(target.user)?.sessions.values() ?? [])]
        : [sessions.get(target.sessionId)];
    return known.filter((session) => session !== undefined).filter(({ server }) => server === undefined);
  }
}
