import type { Logger } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";

/** Whether a message is a DISCONNECT: handled in any case, since what handlers hold of its session would outlive it. */
export function isFarewell(message: Message): boolean {
  // A delivery is none, and would make headers of its own for the question.
  return !(message instanceof Delivery) && message.headers.messageType === "DISCONNECT";
}

/** Logs an error of an interceptor that keeps no DISCONNECT from the handlers. @throws the error for any other message */
export function expectFarewell(
  { message, error }: { readonly message: Message; readonly error: unknown },
  { logger, channel }: { readonly logger: Logger; readonly channel: { readonly name: string } },
): void {
  if (!isFarewell(message)) throw error;
  const { sessionId } = message.headers;
  logger.error(`An interceptor of ${channel.name} failed at the DISCONNECT of ${sessionId}`, error);
}
