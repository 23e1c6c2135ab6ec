import { randomUUID } from "node:crypto";
import type { MessageHeaders } from "./message.js";

/** The beginning of the ids of end notices, and of no broker's ids. */
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
