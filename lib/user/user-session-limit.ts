import { AccessDeniedError, soon } from "../errors.js";

/**
 * How many sessions a user may have at a time.
 *
 * @example
 * ```ts
 * stompMessaging({ endpoints, userSessions: { limit: 3, beyond: "end-oldest" } });
 * ```
 */
export interface UserSessionLimitOptions {
  limit: number;
  /** The session that has to go when there is one more: the one that connects (`refuse`), or the one that is there longest. Default `refuse`. */
  beyond?: "refuse" | "end-oldest";
}

export type EndSession = (sessionId: string, reason: string) => void;

/**
 * Holds every user to so many sessions. One counts from its CONNECT, accepted
 * or not yet, so that many at once do not slip through.
 */
export class UserSessionLimit {
  readonly #options: Required<UserSessionLimitOptions>;
  readonly #end: EndSession;
  readonly #sessions = new Map<string, Set<string>>();
  readonly #names = new Map<string, string>();

  constructor(options: Required<UserSessionLimitOptions>, end: EndSession) {
    this.#options = options;
    this.#end = end;
  }

  /** @throws AccessDeniedError when the user has as many as allowed, and the newest is to be refused */
  enter(name: string, sessionId: string): void {
    const { limit, beyond } = this.#options;
    const text = `A user has at most ${limit} ${limit === 1 ? "session" : "sessions"}`;
    const sessions = this.#sessions.get(name) ?? new Set();
    if (sessions.size >= limit) {
      if (beyond === "refuse") throw new AccessDeniedError(text, { retry: soon() });

      const oldest = sessions.values().next().value as string;
      this.leave(oldest);
      this.#end(oldest, `${text}: this one is the oldest`);
    }
    // The last one that left may have taken the set out of the map.
    this.#sessions.set(name, sessions.add(sessionId));
    this.#names.set(sessionId, name);
  }

  leave(sessionId: string): void {
    const name = this.#names.get(sessionId);
    if (name === undefined) return;

    this.#names.delete(sessionId);
    const sessions = this.#sessions.get(name);
    sessions?.delete(sessionId);
    if (sessions?.size === 0) this.#sessions.delete(name);
  }
}
