import type { ResolvedOptions } from "../options/resolve-options.js";
import { type JoinOptions, joinServers, type Servers } from "../servers/servers.js";
import type { ObeyingSessions } from "../servers/sessions-broadcast.js";
import { SessionsEverywhere } from "../servers/sessions-everywhere.js";
import { SessionsHere, type SessionsHereOptions } from "../user/sessions-here.js";
import type { EndSession } from "../user/user-session-limit.js";

export interface ServersContext
  extends Pick<JoinOptions, "broker" | "deliver" | "feed">,
    Pick<SessionsHereOptions, "sessions" | "recheck"> {
  endSession(...args: Parameters<EndSession>): boolean;
  readonly endSubscription: SessionsHereOptions["unsubscribe"];
  /** Takes what other servers tell of questions to clients. */
  readonly questionTold: ObeyingSessions["questionTold"];
}

/** Joins the other servers, and makes the object that reaches sessions wherever they are. */
export function makeServers(
  { logger, clock }: ResolvedOptions,
  { sessions, recheck, endSession, endSubscription, questionTold, ...context }: ServersContext,
): { readonly servers: Servers; readonly everywhere: SessionsEverywhere } {
  const here = new SessionsHere({
    sessions,
    recheck,
    end: endSession,
    unsubscribe: endSubscription,
  });
  const obeying: ObeyingSessions = {
    end: (...args) => here.end(...args),
    recheck: (...args) => here.recheck(...args),
    unsubscribeById: (...args) => here.unsubscribeById(...args),
    questionTold,
  };
  const servers = joinServers({ ...context, sessions, here: obeying, logger, clock });
  return { servers, everywhere: new SessionsEverywhere({ here, others: servers.sessions, logger }) };
}
