import type { Broker } from "../broker/broker.js";
import type { TickingClock } from "../clock/ticking-clock.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import type { EventPublisher } from "../events.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRegistry } from "../session/session-registry.js";
import { PresenceStation } from "../user/presence/presence.js";
import { PresenceDestinations } from "../user/presence/presence-destinations.js";
import { presencePatterns } from "../user/presence/presence-options.js";
import type { UserSessions } from "../user/user-sessions.js";

export interface PresenceWiring {
  readonly broker: Broker;
  readonly sessions: SessionRegistry;
  readonly userSessions: UserSessions;
  readonly events: EventPublisher;
  readonly ticks: TickingClock;
}

/** Makes the station that tells who is where, if the option is there. @throws ConfigurationError when it asks for what there is not */
export function makePresence(
  options: ResolvedOptions,
  { broker, sessions, userSessions, events, ticks }: PresenceWiring,
): PresenceStation | undefined {
  const { presence: settings, destinationSeparator, logger, clock, transport } = options;
  if (!settings) return undefined;

  const patterns = presencePatterns(settings, destinationSeparator);
  for (const pattern of patterns) checkPattern(pattern, options, broker);
  if (broker.system && broker.servers?.userRegistryBroadcast === undefined) {
    logger.warn(
      "presence tells of sessions on this server only: with userRegistryBroadcast, of those on all servers",
    );
  }
  return new PresenceStation({
    settings,
    destinations: new PresenceDestinations(patterns, settings.suffix, destinationSeparator),
    broker: broker.takesForSubscriptions
      ? { handle: (message) => (broker.application ?? broker).handle(message), takesForSubscriptions: true }
      : (broker.application ?? broker),
    sessions,
    headersOf: (sessionId) => sessions.headersOf(sessionId),
    userSessions,
    events,
    clock,
    ticks,
    logger,
    sizeLimit: transport.sendBufferSizeLimit / 2,
  });
}

function checkPattern(
  pattern: DestinationPattern,
  { userDestinationPrefix, applicationDestinationPrefixes }: ResolvedOptions,
  broker: Broker,
): void {
  const { text } = pattern;
  const wrong = (why: string) => new ConfigurationError(`presence: nobody can be told of ${text}: ${why}`);
  if (text.startsWith(userDestinationPrefix)) throw wrong("it is a user's own, where nobody else is");
  if (applicationDestinationPrefixes.some((prefix) => text.startsWith(`${prefix}/`))) {
    throw wrong("it is the controllers', and nobody stays subscribed there");
  }
  const prefixes = broker.destinationPrefixes ?? [];
  if (prefixes.length > 0 && !prefixes.some((prefix) => pattern.mayBeginWith(prefix))) {
    throw wrong(`the broker has ${prefixes.join(" and ")}`);
  }
  if (broker.mayBeQueues?.(pattern)) throw wrong("it may be a queue, whose consumers are no company");
}
