import { faultError, faultText, lookable, MessageDeliveryError, MessagingError } from "../errors.js";
import type { EventPublisher, MessagingEvents } from "../events.js";
import { type Logger, printable } from "../logger.js";

interface Telling {
  readonly events: EventPublisher;
  readonly logger: Logger;
}

/** The error that the sender of a message gets for a fault of an interceptor or a handler: a `MessagingError` as it is. */
export function deliveryError({ name }: { readonly name: string }, thrown: unknown): Error {
  const fault = lookable(thrown);
  if (fault instanceof MessagingError) return fault;

  const reason = faultText(fault);
  return new MessageDeliveryError(`${name} could not send a message: ${reason}`, { cause: fault });
}

/** Logs and announces a message that failed on its channel since it was not passed on in time, or too much waits. */
export function announceChannelFault(
  fault: MessagingEvents["channelError"],
  { events, logger }: Telling,
): void {
  const { messageType, destination, sessionId } = fault.message.headers;
  const what = destination === undefined ? messageType : `A message to ${destination}`;
  const whose = sessionId === undefined ? "" : ` of session ${sessionId}`;
  logger.error(`${what}${whose} failed on ${fault.channel}`, fault.error);
  events.publish("channelError", fault);
}

/** Logs and announces something that the application sent, if it took neither the promise nor its rejection. */
export function announceSendFault(
  {
    channel,
    destination,
    error,
  }: { readonly channel: string; readonly destination: string | undefined; readonly error: unknown },
  { events, logger }: Telling,
): void {
  const where = destination === undefined ? "" : ` to ${printable(destination)}`;
  logger.error(`A message${where} was not sent on ${channel}, and nobody took the rejection`, error);
  events.publish("sendFailed", { channel, destination, error: faultError(error) });
}
