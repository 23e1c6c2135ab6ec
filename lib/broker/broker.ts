import type { SubscribableChannel } from "../channel/channel.js";
import type { MessageHandler } from "../channel/message-handler.js";
import type { Clock } from "../clock/clock.js";
import type { DeliveryDescription } from "../destination/delivery-description.js";
import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import type { EventPublisher } from "../events.js";
import type { Logger } from "../logger.js";
import type { SessionEnd } from "../message/session-end.js";
import type { BrokerStats } from "../observe/stats.js";
import type { KeptView, QueueView, SubscriptionView } from "../observe/views.js";
import type { ServerRoads } from "../servers/roads.js";
import type { ServersSettings } from "../servers/settings.js";
import type { UsersOfAllServers } from "../servers/users-of-all-servers.js";
import type { BrokerSystem } from "./broker-system.js";
import type { ClientSessions } from "./client-sessions.js";
import type { HistoryPage, HistoryQuery } from "./history/history-page.js";

/**
 * The promises of a broker. It is subscribed to `clientInboundChannel` and to
 * `brokerChannel`, ignores what is not for its destinations, and reaches
 * clients only through `clientOutboundChannel`.
 *
 * - CONNECT is answered with CONNECT_ACK (`sessionId`, `user` and `heartbeat`
 *   in its headers); the user of that answer becomes the session's.
 * - `handle` is done, or its promise settled, when the message has been taken:
 *   a SUBSCRIBE when deliveries will arrive, a SEND when the broker has it.
 *   It refuses by throwing.
 *   Where only a receipt is to come later, `receipt` in its headers is told so.
 * - `sessionEnded` tells of a session's end in the turn in which it ends, and DISCONNECT
 *   comes once for every session that sent CONNECT, when what was received has been handled.
 * - A message with `privateTo` has a user's destination, `/user/queue/x`, or one that is not the broker's, and is
 *   taken whatever the broker's prefixes are. It reaches subscriptions of that
 *   session which have `privateTo` too, and no other; nor do these hear
 *   anything else.
 * - One with `forSubscriptions` reaches such subscriptions as well, those named there alone. Only a broker whose
 *   `takesForSubscriptions` says so gets such.
 * - One with `forUser` has such a destination, too, and is for each of the sessions named there, and for the user by
 *   that name who comes later. Only a broker whose `keepsForUsers` says so gets such.
 */
export interface Broker extends MessageHandler {
  /**
   * Whether it reads destinations as `DestinationPattern` does and in no other
   * way; else the option `security` has to know that.
   */
  readonly plainDestinations?: boolean;
  /** The prefixes of its destinations; empty when it has whatever nobody else has. For what is said of them only. */
  readonly destinationPrefixes?: readonly string[];
  /** How it delivers what is sent to a destination, or to those that fit a pattern; for what is said of it only. Default: nobody knows. */
  deliveryOf?(reach: DestinationPattern): DeliveryDescription;
  /** The heart-beat that its CONNECT_ACK offers, and wants, in ms; for what is said of it only. Default: nobody knows. */
  readonly heartbeat?: readonly [number, number];
  /**
   * The sessions, by their ids, that a message to a destination is delivered to at once. While senders wait for one of
   * these, what others send there waits too. Default: nobody knows, and only what goes where others were found to be
   * behind waits.
   */
  receivers?(destination: string): Iterable<string>;
  /** Whether it keeps what is sent to a user's destination, `/user/queue/x`, for those who come back. Default: it does not. */
  keepsForUsers?(destination: string): boolean;
  /** Whether it takes one message for subscriptions of many sessions, `forSubscriptions`. Default: it is given one for each session. */
  readonly takesForSubscriptions?: boolean;
  /** Whether messages of a pattern's destinations may each go to one subscriber. Default: to all. */
  mayBeQueues?(pattern: { mayBeginWith(text: string): boolean }): boolean;
  /**
   * Gives messages that it keeps for those who come back.
   *
   * @param user whose own destination it is, if it is not everybody's
   * @throws MessageDeliveryError (rejects with it) when no messages of that destination are kept, or a pattern takes
   *   too long to look for
   */
  history?(destination: string, query: HistoryQuery, user?: string): Promise<HistoryPage>;
  /**
   * Tells of the subscriptions that it delivers to, for those who run the server: each when it is asked for, also while
   * others come and go. Default: nothing is told.
   *
   * @param sessionId whose; by default all
   */
  subscriptions?(sessionId?: string): Iterable<SubscriptionView>;
  /** Tells of the queues in which something waits. Default: nothing is told, as of a broker elsewhere. */
  queues?(): Iterable<QueueView>;
  /** Tells how much it keeps of each destination. Default: nothing is told. */
  kept?(): Iterable<KeptView>;
  /** Whether it delivers to this subscription. */
  hasSubscription(sessionId: string, subscriptionId: string): boolean;
  /**
   * A session has ended: from now on it is given nothing, and no share of anything. Frames that it had sent may still come,
   * such as ACK, until its DISCONNECT; CONNECT and SUBSCRIBE do not. Told once, also to a broker that does not know the session.
   */
  sessionEnded?(end: SessionEnd): void;
  /** Whether it takes messages at present. Changes are announced as `brokerAvailability`. */
  readonly isAvailable: boolean;
  /** Takes what the application sends. Default: the broker itself, as if a client had sent it. */
  readonly application?: (MessageHandler & Pick<Broker, "receivers" | "keepsForUsers">) | undefined;
  /** Lets the application itself hear what is sent; only where the broker is somebody else's. */
  readonly system?: BrokerSystem;
  /** Its part in `messaging.stats()`. Default: nothing is known of it. */
  readonly stats?: BrokerStats;
  /** Starts what did not start by itself. */
  start?(): void;
  /** The settings of servers that hear of each other over this broker, if they shall. */
  readonly servers?: ServersSettings | undefined;
  /** Lets go out at once what it holds back: nothing more comes, and clients are about to be closed. */
  flush?(): void;
  /** The roads of its own on which servers speak of users and sessions. Default: `servers` and `system` say how they do. */
  readonly roads?: ServerRoads | undefined;
  /** Reaches users and sessions of all servers, this one among them. Default: each server looks here, and tells the others over `roads`. */
  readonly users?: UsersOfAllServers | undefined;
  /** Ends its timers and connections. */
  close(): void | Promise<void>;
}

/** The result of `simpleBroker(…)` and `stompBrokerRelay(…)`, for the `broker` option: makes the broker once the channels are there. */
export type BrokerFactory = (context: BrokerContext) => Broker;

/** The channel, sessions and settings that `stompMessaging` gives a broker when it makes it. */
export interface BrokerContext {
  readonly clientOutboundChannel: SubscribableChannel;
  readonly sessions: ClientSessions;
  readonly events: EventPublisher;
  readonly logger: Logger;
  /** The clock of all that waits. @default the process's */
  readonly clock?: Clock;
  /** The separator of segments in destinations, for a broker that matches patterns. @default "/" */
  readonly destinationSeparator?: DestinationSeparator;
  /** The beginning of users' destinations, with its closing slash. @default "/user/" */
  readonly userDestinationPrefix?: string;
  /** Destinations that are the controllers' and no broker's, whatever its prefixes are. Default: none. */
  readonly controllers?: ControllersDestinations;
}

/** Which destinations are the controllers'. */
export interface ControllersDestinations {
  /** Whether it is under one of the application's prefixes. */
  isPrefixed(destination: string): boolean;
  /** Whether a method is mapped to it; `false` where the application has prefixes, and those decide alone. */
  isMapped(destination: string): boolean;
}
