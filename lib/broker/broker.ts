import type { SubscribableChannel } from "../channel/channel.js";
import type { MessageHandler } from "../channel/message-handler.js";
import type { DestinationSeparator } from "../destination/pattern.js";
import type { EventPublisher } from "../events.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import type { SessionEnd } from "../message/session-end.js";

/**
 * What a broker promises. It is subscribed to `clientInboundChannel` and to
 * `brokerChannel`, ignores what is not for its destinations, and reaches
 * clients only through `clientOutboundChannel`.
 *
 * - CONNECT is answered with CONNECT_ACK (`sessionId`, `user` and `heartbeat`
 *   in its headers); the user of that answer becomes the session's.
 * - `handle` is done, or its promise settled, when the message has been taken:
 *   a SUBSCRIBE when deliveries will arrive, a SEND when the broker has it.
 *   What it refuses it throws.
 *   Where only a receipt is to come later, `receipt` in its headers is told so.
 * - `sessionEnded` tells of a session's end in the turn in which it ends, and DISCONNECT
 *   comes once for every session that sent CONNECT, when what was received has been handled.
 * - A message with `privateTo` has a user's destination, `/user/queue/x`, and is
 *   taken whatever the broker's prefixes are. It reaches subscriptions of that
 *   session which have `privateTo` too, and no other; nor do these hear
 *   anything else.
 */
export interface Broker extends MessageHandler {
  /**
   * Whether it reads destinations as `DestinationPattern` does and in no other
   * way; else the option `security` has to know that.
   */
  readonly plainDestinations?: boolean;
  /** The prefixes of its destinations; empty when it has whatever nobody else has. For what is said of them only. */
  readonly destinationPrefixes?: readonly string[];
  /** Whether it delivers to this subscription. */
  hasSubscription(sessionId: string, subscriptionId: string): boolean;
  /**
   * A session has ended: from now on it is given nothing, and no share of anything. What it had sent may still come,
   * such as ACK, until its DISCONNECT; CONNECT and SUBSCRIBE do not. Told once, and to whoever does not know the session too.
   */
  sessionEnded?(end: SessionEnd): void;
  /** Whether it takes messages at present. Changes are announced as `brokerAvailability`. */
  readonly isAvailable: boolean;
  /** Takes what the application sends. Default: the broker itself, as if a client had sent it. */
  readonly application?: MessageHandler;
  /** Lets the application itself hear what is sent; only where the broker is somebody else's. */
  readonly system?: BrokerSystem;
  /** Starts what did not start by itself. */
  start?(): void;
  /** What servers say to each other there, if they shall. */
  readonly servers?: ServersSettings | undefined;
  /** Ends its timers and connections. */
  close(): void | Promise<void>;
}

/** The application as a subscriber of the broker. */
export interface BrokerSystem {
  /** Whether the application's connection is there, whatever those of clients are. */
  readonly isAvailable: boolean;
  /**
   * Subscribes, and again whenever the connection was lost; what was sent meanwhile is missed.
   *
   * @param take gets each message, and is not waited for; what it throws or rejects with is logged
   * @param gaps hears of the times in which messages are missed
   * @returns once messages arrive, a function that ends the subscription
   * @throws MessageDeliveryError when the broker refuses, or is closed
   * @example
   * const unsubscribe = await messaging.system?.subscribe("/topic/prices", ({ payload }) => keep(payload), {
   *   resumed: () => readAllPricesAgain(),
   * });
   */
  subscribe(
    destination: string,
    take: (message: Message) => void | Promise<void>,
    gaps?: SubscriptionGaps,
  ): Promise<() => Promise<void>>;
}

/** Hears when a subscription of the application misses messages; what it throws is logged. */
export interface SubscriptionGaps {
  /** The connection was lost: from now on messages are missed. */
  lost?(): void;
  /** The broker has confirmed the subscription again: from now on messages arrive. */
  resumed?(): void;
}

/** How the servers on one broker speak to each other. */
export interface ServersSettings {
  /** Only servers know it. */
  readonly secret: string;
  /** Where messages for users of other servers go. */
  readonly userDestinationBroadcast: string | undefined;
  /** Where servers tell who is connected to them. */
  readonly userRegistryBroadcast: string | undefined;
  /** How long a server may be silent until it counts as gone, in ms. */
  readonly registryExpirationPeriod: number;
  /** Bytes of a message, with its headers, that this server takes there: what others say to it is no longer. */
  readonly messageSizeLimit: number;
}

/** What `simpleBroker(…)` and `stompBrokerRelay(…)` return for the `broker` option: makes the broker once the channels are there. */
export type BrokerFactory = (context: BrokerContext) => Broker;

export interface BrokerContext {
  readonly clientOutboundChannel: SubscribableChannel;
  readonly sessions: ClientSessions;
  readonly events: EventPublisher;
  readonly logger: Logger;
  /** What stands between the segments of destinations, for a broker that matches patterns. @default "/" */
  readonly destinationSeparator?: DestinationSeparator;
  /** What is no broker's, whatever its prefixes are. Default: nothing. */
  readonly controllers?: ControllersDestinations;
}

/** Which destinations are the controllers'. */
export interface ControllersDestinations {
  /** Whether it is under one of the application's prefixes. */
  isPrefixed(destination: string): boolean;
  /** Whether a method is mapped to it; `false` where the application has prefixes, and those decide alone. */
  isMapped(destination: string): boolean;
}

/** What a broker may ask of the clients' sessions; all else goes by `clientOutboundChannel`. */
export interface ClientSessions {
  /** Ends a session with ERROR, which says what is public of the error. Nothing happens if it has ended. */
  end(sessionId: string, error: Error): void;
  /**
   * Gives what to wait for before a session is sent more of what can wait: a backlog, what is retained, a stream.
   * `undefined` if it has room, or has ended. Never rejects.
   */
  room(sessionId: string): Promise<void> | undefined;
  /** The same for what is better lost than late: where `overflowStrategy` drops the oldest, nobody is waited for. */
  roomForLive(sessionId: string): Promise<void> | undefined;
  /**
   * Hands on, synchronously, what comes for clients from elsewhere than a channel. Gives what to wait for before more
   * is: those of them who are behind, as senders wait for them; `undefined` if nobody is. Never rejects.
   */
  feed(deliver: () => void): Promise<void> | undefined;
}
