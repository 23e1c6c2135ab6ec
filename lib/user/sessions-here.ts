import type { SimpSubscription, SimpUserRegistry } from "./simp-user-registry.js";
import type { UserSessions } from "./user-sessions.js";

/** All sessions of a user, or one. */
export type WhoseSessions = { readonly user: string } | { readonly sessionId: string };

export interface SessionsHereOptions {
  readonly registry: SimpUserRegistry;
  /** Those of this server. */
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
    const { registry, end } = this.#options;
    if ("sessionId" in target) return Number(end(target.sessionId, reason));

    const ids = [...(registry.getUser(target.user)?.sessions.keys() ?? [])];
    return ids.filter((id) => end(id, reason)).length;
  }

  /** Judges subscriptions by the rights of now: those of a session, of a user, or all. */
  recheck(target: WhoseSessions | undefined, reason: string | undefined): Promise<number> {
    const { registry, recheck } = this.#options;
    const subscriptions = registry.findSubscriptions(({ session }) => {
      if (!target) return true;
      return "user" in target ? session.user.name === target.user : session.id === target.sessionId;
    });
    return recheck(subscriptions, reason);
  }

  unsubscribe(subscription: SimpSubscription, reason: string | undefined): Promise<boolean> {
    return this.#options.unsubscribe(subscription, reason);
  }

  /** The same for another server, which knows the ids; `false` when there is no such subscription. */
  async unsubscribeById(sessionId: string, id: string, reason: string | undefined): Promise<boolean> {
    const { sessions, unsubscribe } = this.#options;
    const subscription = sessions.get(sessionId)?.subscriptions.get(id);
    return subscription !== undefined && unsubscribe(subscription, reason);
  }
}
