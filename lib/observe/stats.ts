/**
 * Counts since the start of messaging, and how many there are now. Names in them, such as commands, reasons and
 * codes, are of fixed sets: whatever clients send, there are no more.
 */
export interface MessagingStats {
  /** Open connections, and those of them that are CONNECTED. */
  readonly connections: number;
  readonly sessions: number;
  /** Open connections by what carries them: `websocket`, a transport of SockJS, `tcp`, `tls`. */
  readonly connectionsByTransport: Readonly<Record<string, number>>;
  /** Connections since the start. */
  readonly connectionsOpened: number;
  /** Connections that are over, by their close code; `other` are codes that clients made up. */
  readonly sessionsEnded: Readonly<Record<string, number>>;
  /** Client frames that were decoded, well-formed ones only. */
  readonly framesReceived: number;
  /** The same by command. */
  readonly framesReceivedByCommand: Readonly<Record<string, number>>;
  /** Frames that were written, those included that wait: CONNECTED, MESSAGE, RECEIPT and ERROR. */
  readonly framesSentByCommand: Readonly<Record<string, number>>;
  /** Frames that were read, and wait until the one before them was handled. */
  readonly framesWaiting: number;
  /** Bytes of STOMP that came, and that sockets were given; those of WebSocket, SockJS and TLS around them are not counted. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** MESSAGE frames that were written, those included that wait. */
  readonly messagesSent: number;
  /** Of those, the ones that `overflowStrategy` took back for newer ones. */
  readonly messagesDropped: number;
  /** Those that the broker lost, as `messageDropped` tells one by one. */
  readonly messagesDroppedByBroker: number;
  readonly errorsSent: number;
  /** SENDs that were not handled, since one with their `dedup-id` was: `clientInboundChannel.deduplicate`. */
  readonly repeatedSends: number;
  /** Ids of SENDs that were forgotten before their five minutes were over, for newer ones. */
  readonly forgottenSends: number;
  /** Subscriptions at the broker that are open. */
  readonly subscriptions: number;
  /** Messages that the broker was given, by clients and by the application; one for a user counts for each session that gets it. */
  readonly publications: number;
  /** Of those, the ones that never went out, since newer ones replaced them: `conflate` of the simple broker. */
  readonly conflated: number;
  /** Messages that the broker has handed to subscriptions; `clientOutboundChannel` may still stop one. */
  readonly deliveries: number;
  /** Deliveries that ACK and NACK have settled; with the relay, the ACK and NACK frames that it passed on. */
  readonly acknowledgements: { readonly acknowledged: number; readonly refused: number };
  /** Deliveries that came back to their queue, to be delivered again; with the relay, those that the broker calls `redelivered`. */
  readonly redeliveries: number;
  /** How often publications of other servers may be missing on this one, as `messagesLost` tells one by one; 0 without a backplane. */
  readonly gaps: number;
  /** The queues of the simple broker; `undefined` with one that runs elsewhere. */
  readonly queues: QueueStats | undefined;
  /** The calls of controllers' methods. */
  readonly controllers: ControllerStats;
  /** Streams with `@Detached`: those that run now, and since the start those that have ended whole, or otherwise. */
  readonly detached: { readonly running: number; readonly ended: number; readonly failed: number };
  /** The messages on each channel. */
  readonly channels: {
    readonly clientInboundChannel: ChannelStats;
    readonly clientOutboundChannel: ChannelStats;
    readonly brokerChannel: ChannelStats;
  };
  /** How often clients that came back were given all that they had missed, or had to load anew: `recovered` tells one by one. */
  readonly recoveries: { readonly recovered: number; readonly refused: number };
  /** How often handshakes were refused, by reason: `handshakeRefused` tells more of each. */
  readonly handshakesRefused: Readonly<Record<string, number>>;
  /** How often each limit was passed, by the option's name. */
  readonly limitsExceeded: Readonly<Record<string, number>>;
  /** The connections to a broker that runs elsewhere; `undefined` with the simple broker. */
  readonly relay: RelayStats | undefined;
  /** The other servers of the application; `undefined` when nothing joins them. */
  readonly servers: ServersStats | undefined;
}

/** The queues of the simple broker. */
export interface QueueStats {
  /** Queues in which messages wait. */
  readonly queues: number;
  /** Messages that wait in them. */
  readonly backlog: number;
  /** Bytes of messages that wait or are unacknowledged, and of the queues: of what `backlogSizeLimit` bounds. */
  readonly bytes: number;
  /** Messages of queues that are delivered, and not acknowledged. */
  readonly unacknowledged: number;
}

/** The calls of controllers' methods. */
export interface ControllerStats {
  readonly calls: number;
  /** Calls that threw or rejected, and streams of replies that failed; those included that `@MessageExceptionHandler` took. */
  readonly failures: number;
  /** Of the failures, the ones with a `HandlerTimeoutError`. */
  readonly timeouts: number;
  /** Calls whose promise has not settled. */
  readonly working: number;
}

/** The messages on their way through a channel. */
export interface ChannelStats {
  /** Messages that wait: for an interceptor, for those before them, or for `concurrency`. */
  readonly waiting: number;
  /** Messages whose handlers are not done. */
  readonly working: number;
}

/** The connections to a broker that runs elsewhere. */
export interface RelayStats {
  /** Those that are open: the application's, shared ones, and clients' own. */
  readonly connections: number;
  /** Those that were open and were lost; nobody here had ended them. */
  readonly lost: number;
  /** Receipts that the broker has not sent yet. */
  readonly pendingReceipts: number;
  /** Bytes that wait because the broker does not read. */
  readonly waitingBytes: number;
}

/** The other servers of the application. */
export interface ServersStats {
  /** Those that are heard. */
  readonly known: number;
  /** Messages of theirs that were lost on the way. */
  readonly missed: number;
}

/** The part of a broker in `messaging.stats()`. */
export interface BrokerStats
  extends Pick<
    MessagingStats,
    | "subscriptions"
    | "publications"
    | "conflated"
    | "deliveries"
    | "acknowledgements"
    | "redeliveries"
    | "gaps"
    | "queues"
    | "relay"
  > {}
