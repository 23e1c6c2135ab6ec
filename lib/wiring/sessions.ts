import type { ResolvedOptions } from "../options/resolve-options.js";
import { MessageEncoder } from "../session/message-encoder.js";
import { SessionRegistry, type SessionRegistryContext } from "../session/session-registry.js";

/** Makes the station of the clients' sessions, which takes the messages of `clientOutboundChannel`. */
export function makeSessions(
  options: ResolvedOptions,
  context: Omit<SessionRegistryContext, "encoder" | keyof SessionSettings>,
): SessionRegistry {
  const sessions = new SessionRegistry({
    ...context,
    ...settingsOf(options),
    encoder: new MessageEncoder(),
  });
  context.clientOutboundChannel.subscribe(sessions);
  return sessions;
}

type SessionSettings = ReturnType<typeof settingsOf>;

/** Gives what options say to sessions: each stands here only. */
function settingsOf(options: ResolvedOptions) {
  return {
    logger: options.logger,
    limits: options.transport,
    preserveReceiveOrder: options.preserveReceiveOrder,
    handlerTimeout: options.handlerTimeout,
    errorHandler: options.errorHandler,
    deduplicate: options.clientInboundChannel.deduplicate,
  } satisfies Partial<SessionRegistryContext>;
}
