import type { Broker } from "../broker/broker.js";
import type { EventPublisher } from "../events.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRegistry } from "../session/session-registry.js";
import type { PresenceStation } from "../user/presence/presence.js";
import { Unserved } from "../user/unserved.js";
import { UserClientHandler } from "../user/user-client-handler.js";
import { type OtherServers, UserMessageHandler } from "../user/user-message-handler.js";
import { type EndSession, UserSessionLimit } from "../user/user-session-limit.js";
import type { UserSessions } from "../user/user-sessions.js";
import type { Channels } from "./channels.js";

export interface UsersContext extends Pick<Channels, "clientInboundChannel" | "brokerChannel"> {
  readonly events: EventPublisher;
  readonly sessions: SessionRegistry;
  readonly broker: Broker;
  readonly userSessions: UserSessions;
  /** Users of other servers, if they can be reached. */
  readonly others: OtherServers | undefined;
  readonly endSession: EndSession;
  readonly presence: PresenceStation | undefined;
}

/** Makes the user station, which stands before the broker on both channels. */
export function makeUsers(
  options: ResolvedOptions,
  { clientInboundChannel, brokerChannel, events, sessions, broker, ...context }: UsersContext,
): { readonly userMessages: UserMessageHandler; readonly userClients: UserClientHandler } {
  const { userDestinationPrefix: prefix, logger, clock } = options;
  const unserved = new Unserved({
    applicationPrefixes: options.applicationDestinationPrefixes,
    brokerPrefixes: broker.destinationPrefixes ?? [],
    userPrefix: prefix,
    events,
    logger,
    clock,
  });
  const shared = { prefix, sessions: context.userSessions, unserved };
  const userMessages: UserMessageHandler = new UserMessageHandler({
    ...shared,
    broker: broker.application ?? broker,
    isServed: ({ headers }) => broker.serves?.(headers) !== false,
    isServedElsewhere: (message) => brokerChannel.isServedBeside(userMessages, message),
    isPresence: (destination) => context.presence?.roomOf(destination) !== undefined,
    others: context.others,
  });
  brokerChannel.subscribe(userMessages);
  const userClients: UserClientHandler = new UserClientHandler({
    ...shared,
    broker,
    messages: userMessages,
    isServedElsewhere: (message) => clientInboundChannel.isServedBeside(userClients, message),
    clientsMaySend: options.clientsMaySendToUsers,
    isOpen: (sessionId) => sessions.isOpen(sessionId),
    presence: context.presence,
    limit: options.userSessions && new UserSessionLimit(options.userSessions, context.endSession),
  });
  clientInboundChannel.subscribe(userClients);
  events.on("connected", ({ sessionId, user }) => userClients.connected(sessionId, user));
  return { userMessages, userClients };
}
