import { type DestinationSeparator, parsePattern } from "../destination/pattern.js";
import { DestinationPatternError } from "../errors.js";
import type { SimpSession } from "../user/simp-user-registry.js";
import type { UserSessions } from "../user/user-sessions.js";

export interface AskableSessionsOptions {
  readonly sessions: UserSessions;
  readonly separator: DestinationSeparator;
  /** With its closing slash: `/user/`. */
  readonly userPrefix: string;
  /** Whether sessions of other servers can be asked. */
  readonly hasOthers: boolean;
}

/** Gives the ids of a user's sessions that would hear a question, since they have subscribed to its destination: on this server, and on others. */
export function askableSessions(
  { sessions, separator, userPrefix, hasOthers }: AskableSessionsOptions,
  name: string,
  destination: string,
  only: string | undefined,
): { readonly here: string[]; readonly elsewhere: string[] } {
  const seen = `${userPrefix.slice(0, -1)}${destination.startsWith("/") ? "" : "/"}${destination}`;
  const hears = ({ subscriptions }: SimpSession) =>
    [...subscriptions.values()].some((each) => fits(each.destination, seen, separator));
  const here = sessions.idsOf(name, only).filter((id) => {
    // The registry has no subscriptions of strangers.
    const session = sessions.get(id);
    return !session || hears(session);
  });
  if (!hasOthers || sessions.isAnonymous(name)) return { here, elsewhere: [] };

  const elsewhere = [...(sessions.users.get(name)?.sessions.values() ?? [])].filter(
    (session) => !isHere(session) && (only === undefined || only === session.id) && hears(session),
  );
  return { here, elsewhere: elsewhere.map(({ id }) => id) };
}

/** Whether a session is there, and of this server. */
export function isHere(session: SimpSession | undefined): boolean {
  return session !== undefined && session.server === undefined;
}

function fits(subscribed: string, destination: string, separator: DestinationSeparator): boolean {
  try {
    return parsePattern(subscribed, { separator }).fits(destination);
  } catch (error) {
    // A broker elsewhere may take what is no pattern here.
    if (error instanceof DestinationPatternError) return subscribed === destination;
    throw error;
  }
}
