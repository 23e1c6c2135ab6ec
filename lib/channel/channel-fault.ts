import type { EventPublisher, MessagingEvents } from "../events.js";
import type { Logger } from "../logger.js";

/** Logs and announces a message that failed on its channel since it was not passed on in time, or too much waits. */
export function announceChannelFault(
  fault: MessagingEvents["channelError"],
  { events, logger }: { readonly events: EventPublisher; readonly logger: Logger },
): void {
  const { messageType, destination, sessionId } = fault.message.headers;
  const what = destination === undefined ? messageType : `A message to ${destination}`;
  const whose = sessionId === undefined ? "" : ` of session ${sessionId}`;
  logger.error(`${what}${whose} failed on ${fault.channel}`, fault.error);
  events.publish("channelError", fault);
}
