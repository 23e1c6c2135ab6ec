import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import type { MessagingEvents } from "../events.js";

/** Tells a client that its grant soon expires, where its grant says so. */
export function tellOfExpiry(
  { sessionId, user, grant: { noticeDestination }, remaining }: MessagingEvents["expiring"],
  template: SimpMessagingTemplate,
): Promise<void> | undefined {
  if (noticeDestination === undefined) return undefined;
  const notice = { expiresIn: Math.floor(remaining / 1000) };
  return template.convertAndSendToUser(user?.name ?? sessionId, noticeDestination, notice, { sessionId });
}
