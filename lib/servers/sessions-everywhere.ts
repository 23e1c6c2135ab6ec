import { ConfigurationError, MessageDeliveryError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { SessionsHere, WhoseSessions } from "../user/sessions-here.js";
import type { SimpSubscription } from "../user/simp-user-registry.js";
import type { SessionsBroadcast } from "./sessions-broadcast.js";

export interface SessionsEverywhereOptions {
  readonly here: SessionsHere;
  /** `undefined` without `userDestinationBroadcast`: then only this server is reached. */
  readonly others: Pick<SessionsBroadcast, "end" | "recheck" | "unsubscribe"> | undefined;
  readonly logger: Logger;
}

/** Ends, judges and unsubscribes sessions for the application, whichever server they are connected to. */
export class SessionsEverywhere {
  readonly #options: SessionsEverywhereOptions;

  constructor(options: SessionsEverywhereOptions) {
    this.#options = options;
  }

  /** Gives how many sessions were ended here; a session that is here is nowhere else. */
  end(target: WhoseSessions, reason: string): number {
    checkTarget("disconnect", target);
    const { here, others, logger } = this.#options;
    const ended = here.end(target, reason);
    if (ended === 0 || "user" in target) {
      others
        ?.end(target, reason)
        .catch((error: unknown) => logger.error("No other server was told to end a session", error));
    }
    return ended;
  }

  /** Gives how many subscriptions were ended here. Rejects when other servers could not be told. */
  recheck(target: WhoseSessions | undefined, reason: string | undefined): Promise<number> {
    if (target !== undefined) checkTarget("recheck", target);
    return this.#recheck(target, reason);
  }

  async #recheck(target: WhoseSessions | undefined, reason: string | undefined): Promise<number> {
    const { here, others } = this.#options;
    const told = others?.recheck(target, reason);
    const [ended] = await Promise.all([here.recheck(target, reason), told]);
    return ended;
  }

  /** @throws MessageDeliveryError when it is on a server that cannot be told */
  async unsubscribe(subscription: SimpSubscription, reason: string | undefined): Promise<boolean> {
    const { here, others } = this.#options;
    const { id, session } = subscription;
    if (session.server === undefined) return here.unsubscribe(subscription, reason);
    if (session.subscriptions.get(id) !== subscription) return false;
    if (!others) {
      throw new MessageDeliveryError(
        `Session ${session.id} is on another server: only userDestinationBroadcast reaches it`,
      );
    }
    await others.unsubscribe(session.id, id, reason);
    return true;
  }
}

/** @throws ConfigurationError when it names no sessions: those of everybody, or of nobody, would be taken for them */
function checkTarget(method: string, target: WhoseSessions): void {
  const { user, sessionId } = (target ?? {}) as { user?: unknown; sessionId?: unknown };
  if ((typeof user === "string") !== (typeof sessionId === "string")) return;
  throw new ConfigurationError(`${method} takes { user: "…" } or { sessionId: "…" }`);
}
