import { randomUUID } from "node:crypto";
import type { MessageHeaders } from "./message.js";

/** What the ids of end notices begin with, and no broker's ids. */
const PREFIX = "unsubscribed-";

/**
 * Makes the id of an end notice: the last, empty MESSAGE of a subscription that
 * the server has ended, whose header `unsubscribed` says why.
 */
export function endNoticeId(): string {
  return PREFIX + randomUUID();
}

/**
 * Whether an ACK or NACK names an end notice. Before STOMP 1.2 a client cannot
 * see that there is nothing to acknowledge: every MESSAGE has an id, and that
 * is what it acknowledges by.
 */
export function namesEndNotice({ messageId }: Pick<MessageHeaders, "messageId">): boolean {
  return messageId?.startsWith(PREFIX) === true;
}
