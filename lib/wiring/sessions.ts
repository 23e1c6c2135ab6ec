import type { ResolvedOptions } from "../options/resolve-options.js";
import { MessageEncoder } from "../session/message-encoder.js";
import { SessionRegistry, type SessionRegistryContext } from "../session/session-registry.js";

/** Makes the station of the clients' sessions, which takes the messages of `clientOutboundChannel`. */
export function makeSessions(
  options: ResolvedOptions,
  context: Omit<
    SessionRegistryContext,
    | "logger"
    | "encoder"
    | "limits"
    | "preserveReceiveOrder"
    | "handlerTimeout"
    | "errorHandler"
    | "deduplicate"
  >,
): SessionRegistry {
  const { logger, transport, preserveReceiveOrder, handlerTimeout, errorHandler } = options;
  const sessions = new SessionRegistry({
    ...context,
    logger,
    encoder: new MessageEncoder(),
    limits: transport,
    preserveReceiveOrder,
    handlerTimeout,
    errorHandler,
    deduplicate: options.clientInboundChannel.deduplicate,
  });
  context.clientOutboundChannel.subscribe(sessions);
  return sessions;
}
