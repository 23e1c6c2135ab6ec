import type { SubscribableChannel } from "../channel/channel.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";

/** Sends a DISCONNECT that no client sent. Never rejects. */
export async function sayFarewell(
  message: Message,
  channel: SubscribableChannel,
  logger: Logger,
): Promise<void> {
  try {
    await channel.carry(message);
  } catch (error) {
    logger.error(`DISCONNECT of session ${message.headers.sessionId} failed`, error);
  }
}
