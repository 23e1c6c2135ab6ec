import { LimitExceededError } from "../errors.js";
import type { Message, Principal, SimpMessageType } from "../message/message.js";
import type { SessionGrant } from "../message/session-grant.js";
import type { SessionContext } from "./session-context.js";

/** The session that an event is about. */
export interface AnnouncedSession {
  readonly id: string;
  readonly user: Principal | undefined;
  readonly address: string;
}

type Announcing = Pick<SessionContext, "events" | "stats">;

const HANDED_ON: { readonly [type in SimpMessageType]?: "connect" | "subscribe" | "unsubscribe" } = {
  CONNECT: "connect",
  SUBSCRIBE: "subscribe",
  UNSUBSCRIBE: "unsubscribe",
};

/** Announces a client's message that every handler has got. */
export function announceHandedOn({ id }: AnnouncedSession, message: Message, { events }: Announcing): void {
  const { messageType, user } = message.headers;
  const name = HANDED_ON[messageType];
  if (name) events.publish(name, { sessionId: id, user, message });
}

/** Announces a client's message that was handled. */
export function announceProcessed(
  { id, user }: AnnouncedSession,
  message: Message,
  { events }: Announcing,
): void {
  const { messageType } = message.headers;
  if (messageType === "CONNECT") events.publish("connected", { sessionId: id, user });
  else if (messageType === "SUBSCRIBE") events.publish("subscribed", { sessionId: id, user, message });
}

/** Announces a fault that has ended a session, and the limit if it was one. */
export function announceFault(session: AnnouncedSession, error: Error, announcing: Announcing): void {
  if (error instanceof LimitExceededError) announceLimit(session, error.limit, announcing);
  announcing.events.publish("sessionError", { sessionId: session.id, user: session.user, error });
}

/** Limits that a client passes by not reading. */
const SLOW: ReadonlySet<string> = new Set(["sendBufferSizeLimit", "sendTimeLimit", "httpMessageCacheSize"]);

/** Counts and announces a limit that a client has passed; that of a client that does not read by a name of its own too. */
export function announceLimit(
  { id, user, address }: Omit<AnnouncedSession, "id"> & { readonly id: string | undefined },
  limit: string,
  { events, stats }: Announcing,
): void {
  stats.limitExceeded(limit);
  const event = { limit, address, sessionId: id, user };
  events.publish("limitExceeded", event);
  if (SLOW.has(limit)) events.publish("slowConsumer", event);
}

/** Announces that a session's grant will soon be over. */
export function announceExpiring(
  { id, user }: AnnouncedSession,
  grant: SessionGrant,
  { events }: Announcing,
): void {
  events.publish("expiring", { sessionId: id, user, grant, remaining: grant.remaining });
}
