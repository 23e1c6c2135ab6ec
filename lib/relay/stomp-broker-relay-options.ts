import type { ConnectionOptions } from "node:tls";
import type { ServersOptions } from "../servers/settings.js";

/** Options of `stompBrokerRelay`, named as Spring's; those that Spring leaves to a `TcpClient` are here, too. */
export interface StompBrokerRelayOptions extends ServersOptions {
  /** Destinations under one of these are the broker's (`/topic` has `/topic/a` and `/topic.a`, not `/topics`), unless a prefix of the application has them. Default: all that are not the controllers'. */
  destinationPrefixes?: readonly string[];
  /** Where the broker is. Default 127.0.0.1. */
  relayHost?: string;
  /** Default 61613. */
  relayPort?: number;
  /** Several brokers, tried in turn; in place of `relayHost` and `relayPort`. A port is 61613 if not named. */
  addresses?: readonly BrokerAddressOptions[];
  /** Speaks TLS: `true`, or what `tls.connect` of Node takes (`ca`, `cert`, `key`, `servername` …). Default: no TLS. */
  tls?: boolean | ConnectionOptions;
  /** The login of clients' connections; a `login` that clients say themselves is not passed on. Default guest. */
  clientLogin?: string;
  /** Default guest. */
  clientPasscode?: string;
  /** Logs clients in with the `login` and `passcode` of their own CONNECT instead. Default false. */
  passClientLogin?: boolean;
  /**
   * Passes on headers by which a client decides about what others use: that
   * name queues beside the destination (`x-queue-name`, `reply-to` where it is
   * not temporary), declare them (`exclusive`, `auto-delete`, `x-max-length` …),
   * or name durable subscriptions, of which no rule about destinations knows.
   * Default false: they are refused.
   */
  passQueueHeaders?: boolean;
  /** The login of the application's own connection. Default guest. */
  systemLogin?: string;
  /** Default guest. */
  systemPasscode?: string;
  /** The `host` of every CONNECT. Default: none is sent, and the broker takes its own. */
  virtualHost?: string;
  /** Heart-beats that clients are offered: one is sent every [0] ms, one is expected every [1] ms; 0 is never. Default 10,000 both. */
  heartbeatValue?: readonly [number, number];
  /** How often each connection sends the broker a heart-beat, in ms from 100; 0 is never. Default 10,000. */
  systemHeartbeatSendInterval?: number;
  /** How often each connection wants to hear one of the broker, likewise. Default 10,000. */
  systemHeartbeatReceiveInterval?: number;
  /** Connects at once. If not, `messaging.start()` does. Default true. */
  autoStartup?: boolean;
  /** Milliseconds until TCP, and TLS, must be connected. Default 10,000. */
  connectTimeout?: number;
  /** Milliseconds from then to CONNECTED. Default 10,000. */
  connectedTimeout?: number;
  /**
   * Milliseconds until the broker must have confirmed what the application sends, a client's SUBSCRIBE, and
   * what is subscribed to again after a connection was lost. So long a new destination waits, with shared
   * connections, until it is tried out. Default 30,000.
   */
  receiptTimeout?: number;
  /** Milliseconds in which the broker has to take what waits for it; beyond, the connection ends. Default 30,000. */
  sendTimeLimit?: number;
  /** The longest pause between two attempts to connect, in ms; the first ones are shorter. Default 5,000. */
  reconnectInterval?: number;
  /**
   * Bytes of one frame of the broker; beyond, the connection ends. What the application or a client sends that would
   * come back as such is refused to its sender. Default 1 MiB.
   */
  messageSizeLimit?: number;
  /** Bytes of one frame of the broker before its body, likewise. Default 64 KiB. */
  headerBytesLimit?: number;
  /** Bytes of the application's that may wait for a broker that does not read; beyond, sending rejects. Default 16 MiB. */
  sendBufferSizeLimit?: number;
  /** How many subscriptions a session may have. Default 1,000. */
  subscriptionLimit?: number;
  /**
   * Whether each client has a connection to the broker of its own, or as many
   * as can share a few: then each destination under `/topic/` or `/exchange/`
   * is subscribed to once for all of them. Default `own`.
   */
  connections?: "own" | "shared";
  /** How many connections are shared. Default 2. */
  sharedConnections?: number;
}

/** Where one of several brokers is. The port is 61613 by default. */
export interface BrokerAddressOptions {
  readonly host: string;
  readonly port?: number | undefined;
}
