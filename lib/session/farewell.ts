import type { SubscribableChannel } from "../channel/channel.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";

/** Sends a DISCONNECT that no client sent: every handler hears of it, whatever interceptors say. Never rejects. */
export async function sayFarewell(
  message: Message,
  channel: SubscribableChannel,
  logger: Logger,
): Promise<void> {
  try {
    if (!(await channel.send(message))) await channel.dispatch(message);
  } catch (error) {
    logger.error(`DISCONNECT of session ${message.headers.sessionId} failed`, error);
    try {
      await channel.dispatch(message);
    } catch (again) {
      logger.error(`DISCONNECT of session ${message.headers.sessionId} failed`, again);
    }
  }
}
