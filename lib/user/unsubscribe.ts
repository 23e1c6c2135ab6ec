import { randomUUID } from "node:crypto";
import type { SubscribableChannel } from "../channel/channel.js";
import type { EventPublisher } from "../events.js";
import { createMessage, NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { SimpSubscription } from "./simp-user-registry.js";

export interface UnsubscribeContext {
  readonly clientInboundChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly events: EventPublisher;
}

/**
 * Ends one subscription, as if its client had sent UNSUBSCRIBE; the client's
 * interceptors are not asked. With a reason the client is told by a last,
 * empty MESSAGE on it whose header `unsubscribed` says why: STOMP has no other
 * way that leaves the session alive.
 *
 * @returns `false` when it was over already
 */
export async function unsubscribe(
  subscription: SimpSubscription,
  reason: string | undefined,
  { clientInboundChannel, clientOutboundChannel, events }: UnsubscribeContext,
): Promise<boolean> {
  const { id: subscriptionId, session, destination } = subscription;
  if (session.subscriptions.get(subscriptionId) !== subscription) return false;

  const sessionId = session.id;
  const user = session.user.principal;
  // A broker elsewhere is waited for: until it confirms, what it has sent already may still come.
  const native = NativeHeaders.of({ receipt: randomUUID() });
  const message = createMessage(NO_PAYLOAD, {
    messageType: "UNSUBSCRIBE",
    sessionId,
    subscriptionId,
    user,
    native,
  });
  await clientInboundChannel.dispatch(message);
  events.publish("unsubscribe", { sessionId, user, message });

  if (reason !== undefined) {
    await clientOutboundChannel.send(
      createMessage(NO_PAYLOAD, {
        destination,
        sessionId,
        subscriptionId,
        user,
        messageId: randomUUID(),
        native: NativeHeaders.of({ unsubscribed: reason }),
      }),
    );
  }
  return true;
}
