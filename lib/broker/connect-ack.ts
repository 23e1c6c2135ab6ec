import type { SubscribableChannel } from "../channel/channel.js";
import { MessageDeliveryError } from "../errors.js";
import { createMessage, type MessageHeaders, NO_PAYLOAD } from "../message/message.js";

/**
 * Accepts a session: its user is the one of this answer.
 *
 * @throws MessageDeliveryError (or rejects with it) when an interceptor stopped it
 */
export function sendConnectAck(
  clientOutboundChannel: SubscribableChannel,
  { sessionId, user, heartbeat }: Pick<MessageHeaders, "sessionId" | "user" | "heartbeat">,
): void | Promise<void> {
  const sent = clientOutboundChannel.carry(
    createMessage(NO_PAYLOAD, { messageType: "CONNECT_ACK", sessionId, user, heartbeat }),
  );
  return typeof sent === "boolean" ? passed(sent) : sent.then(passed);
}

function passed(sent: boolean): void {
  if (!sent) {
    throw new MessageDeliveryError("An interceptor stopped CONNECT_ACK", {
      publicMessage: "The connection was refused",
    });
  }
}
