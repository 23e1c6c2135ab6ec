import type { ResolvedOptions } from "../options/resolve-options.js";
import { type JoinOptions, joinServers, type Servers } from "../servers/servers.js";
import { SessionsEverywhere } from "../servers/sessions-everywhere.js";
import { SessionsHere, type SessionsHereOptions } from "../user/sessions-here.js";
import type { EndSession } from "../user/user-session-limit.js";

export interface ServersContext
  extends Pick<JoinOptions, "broker" | "deliver" | "feed">,
    Pick<SessionsHereOptions, "sessions" | "recheck"> {
  endSession(...args: Parameters<EndSession>): boolean;
  readonly endSubscription: SessionsHereOptions["unsubscribe"];
}

/** Joins the other servers, and makes the object that reaches sessions wherever they are. */
export function makeServers(
  { logger, clock }: ResolvedOptions,
  { sessions, recheck, endSession, endSubscription, ...context }: ServersContext,
): { readonly servers: Servers; readonly everywhere: SessionsEverywhere } {
  const here = new SessionsHere({
    sessions,
    recheck,
    end: endSession,
    unsubscribe: endSubscription,
  });
  const servers = joinServers({ ...context, sessions, here, logger, clock });
  return { servers, everywhere: new SessionsEverywhere({ here, others: servers.sessions, logger }) };
}
