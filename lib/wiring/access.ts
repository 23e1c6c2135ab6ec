import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import type { EventPublisher } from "../events.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { AccessControl } from "../security/access-control.js";
import type { SessionRegistry } from "../session/session-registry.js";
import type { SimpSubscription } from "../user/simp-user-registry.js";
import type { UserSessions } from "../user/user-sessions.js";
import type { Channels } from "./channels.js";

export interface AccessContext extends Pick<Channels, "clientInboundChannel"> {
  readonly template: SimpMessagingTemplate;
  readonly events: EventPublisher;
  readonly sessions: SessionRegistry;
  readonly userSessions: UserSessions;
  /** The destination that a subscription tells of, if it is not the one that it names. */
  roomOf(destination: string | undefined): string | undefined;
  /** Ends a subscription that is here. */
  endSubscription(subscription: SimpSubscription, reason?: string): Promise<boolean>;
}

/** Makes the access control, which judges by the rules, and guards `clientInboundChannel` if there are any. */
export function makeAccess(
  { security, logger }: ResolvedOptions,
  { clientInboundChannel, template, events, sessions, userSessions, endSubscription, roomOf }: AccessContext,
): AccessControl {
  const access = new AccessControl({
    security,
    template,
    events,
    logger,
    isOver: (sessionId) => sessions.isOver(sessionId),
    subscriptionsOf: (sessionId) => [...(userSessions.get(sessionId)?.subscriptions.values() ?? [])],
    sessionHeaders: (sessionId) => sessions.headersOf(sessionId),
    unsubscribe: endSubscription,
    roomOf,
  });
  if (security) clientInboundChannel.guardBy(access);
  return access;
}
