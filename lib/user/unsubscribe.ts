import type { SubscribableChannel } from "../channel/channel.js";
import type { EventPublisher } from "../events.js";
import type { Logger } from "../logger.js";
import { endNoticeId } from "../message/end-notice.js";
import { createMessage, NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { saying } from "../message/reserved-headers.js";
import { isPromise } from "../promise.js";
import type { SimpSubscription } from "./simp-user-registry.js";

export interface UnsubscribeContext {
  readonly clientInboundChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly events: EventPublisher;
  readonly logger: Logger;
}

/**
 * Ends one subscription, as if its client had sent UNSUBSCRIBE; the client's
 * interceptors are not asked. From the call on nothing more of it is delivered;
 * the promise resolves when the deliveries of before are past the interceptors
 * of `clientOutboundChannel`. A broker elsewhere, and a client that is slow, may
 * take their time. With a reason the client is told by a last,
 * empty MESSAGE on it whose header `unsubscribed` says why: STOMP has no other
 * way that leaves the session alive.
 *
 * @returns `false` when it was over already
 */
export async function unsubscribe(
  subscription: SimpSubscription,
  reason: string | undefined,
  { clientInboundChannel, clientOutboundChannel, events, logger }: UnsubscribeContext,
): Promise<boolean> {
  const { id: subscriptionId, session, destination } = subscription;
  if (session.subscriptions.get(subscriptionId) !== subscription) return false;

  const sessionId = session.id;
  const user = session.user.principal;
  const messageId = endNoticeId();
  const whose = { sessionId, subscriptionId, user, messageId };
  const message = createMessage(NO_PAYLOAD, { ...whose, messageType: "UNSUBSCRIBE" });
  const failed = (error: unknown) => logger.error(`UNSUBSCRIBE for session ${sessionId} failed`, error);
  try {
    const handled = clientInboundChannel.dispatch(message);
    if (isPromise(handled)) handled.catch(failed);
  } catch (error) {
    failed(error);
  }
  events.publish("unsubscribe", { sessionId, user, message });

  if (reason !== undefined) {
    const native = saying(NativeHeaders.EMPTY, { unsubscribed: reason });
    await clientOutboundChannel.carry(createMessage(NO_PAYLOAD, { ...whose, destination, native }));
  }
  // Deliveries of before may still wait for interceptors.
  await clientOutboundChannel.passed(sessionId);
  return true;
}
