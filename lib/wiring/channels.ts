import { SubscribableChannel } from "../channel/channel.js";
import { announceChannelFault, announceSendFault } from "../channel/channel-fault.js";
import { senderOrder, sessionOrder } from "../channel/orders.js";
import type { Pace } from "../channel/pace.js";
import type { EventPublisher } from "../events.js";
import type { Message } from "../message/message.js";
import type { Observer } from "../observe/observer.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRegistry } from "../session/session-registry.js";

export interface Channels {
  readonly clientInboundChannel: SubscribableChannel;
  readonly clientOutboundChannel: SubscribableChannel;
  readonly brokerChannel: SubscribableChannel;
}

/**
 * Makes the three channels. A session hands on its frames one by one; the other
 * two channels keep order themselves.
 *
 * @param sessions gives the sessions, which are made after the channels
 */
export function makeChannels(
  options: ResolvedOptions,
  {
    events,
    pace,
    observer,
    sessions,
  }: { events: EventPublisher; pace: Pace; observer: Observer; sessions(): SessionRegistry },
): Channels {
  const { logger, clock, handlerTimeout } = options;
  const failed = (channel: string) => (message: Message, error: Error) =>
    announceChannelFault({ channel, message, error }, { events, logger });
  const told = (channel: keyof Channels) => ({
    logger,
    clock,
    handlerTimeout,
    timedOut: failed(channel),
    sendFailed: (destination: string | undefined, error: unknown) =>
      announceSendFault({ channel, destination, error }, { events, logger }),
  });

  return {
    clientInboundChannel: new SubscribableChannel("clientInboundChannel", {
      ...options.clientInboundChannel,
      ...told("clientInboundChannel"),
      mayStart: ({ headers }) => !sessions().isOver(headers.sessionId),
      pace,
    }),
    clientOutboundChannel: new SubscribableChannel("clientOutboundChannel", {
      ...options.clientOutboundChannel,
      ...told("clientOutboundChannel"),
      order: sessionOrder({
        limit: options.transport.sendBufferSizeLimit,
        waits: (message) => sessions().waits(message),
        left: (sessionId) => sessions().left(sessionId),
        mayDrop: (message) => sessions().mayDrop(message),
        subject: (message) => sessions().subject(message),
        dropped: (message, first) => sessions().dropped(message, first),
        refused: (message) => sessions().overflowed(message),
      }),
    }),
    brokerChannel: new SubscribableChannel("brokerChannel", {
      ...options.brokerChannel,
      ...told("brokerChannel"),
      pace,
      around: (message, send) => observer.send(message, send),
      order: senderOrder({
        limit: options.brokerChannel.waitingSizeLimit,
        patience: handlerTimeout,
        refused: failed("brokerChannel"),
      }),
    }),
  };
}
