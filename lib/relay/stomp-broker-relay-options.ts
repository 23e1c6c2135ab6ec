import type { ConnectionOptions } from "node:tls";
import { inspect } from "node:util";
import type { ServersSettings } from "../broker/broker.js";
import { ConfigurationError, onlyKnown } from "../errors.js";
import { type ServersOptions, serversSettings } from "./servers-settings.js";

/** What an application may set on `stompBrokerRelay`; Spring's nouns, and what Spring leaves to a `TcpClient`. */
export interface StompBrokerRelayOptions extends ServersOptions {
  /** Destinations that start with one of these are the broker's. Default: all are. */
  destinationPrefixes?: readonly string[];
  /** Where the broker is. Default 127.0.0.1. */
  relayHost?: string;
  /** Default 61613. */
  relayPort?: number;
  /** Several brokers, tried in turn; in place of `relayHost` and `relayPort`. A port is 61613 if not named. */
  addresses?: readonly BrokerAddressOptions[];
  /** Speaks TLS: `true`, or what `tls.connect` of Node takes (`ca`, `cert`, `key`, `servername` …). Default: no TLS. */
  tls?: boolean | ConnectionOptions;
  /** With what clients are logged in; what they say themselves is not passed on. Default guest. */
  clientLogin?: string;
  /** Default guest. */
  clientPasscode?: string;
  /** Logs clients in with the `login` and `passcode` of their own CONNECT instead. Default false. */
  passClientLogin?: boolean;
  /**
   * Passes on headers by which clients of RabbitMQ name queues beside the
   * destination (`x-queue-name`, `x-dead-letter-…`, `reply-to` where it is not
   * temporary), of which no rule about destinations knows. Default false: they are refused.
   */
  passQueueHeaders?: boolean;
  /** With what the application is logged in. Default guest. */
  systemLogin?: string;
  /** Default guest. */
  systemPasscode?: string;
  /** The `host` of every CONNECT. Default: none is sent, and the broker takes its own. */
  virtualHost?: string;
  /** What clients are offered: sends a heart-beat every [0], wants to hear one every [1], in ms; 0 is never. Default 10,000 both. */
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
  /** Milliseconds until the broker must have confirmed what the application sends, and a client's SUBSCRIBE. Default 30,000. */
  receiptTimeout?: number;
  /** Milliseconds in which the broker has to take what waits for it; beyond, the connection ends. Default 30,000. */
  sendTimeLimit?: number;
  /** The longest pause between two attempts to connect, in ms; the first ones are shorter. Default 5,000. */
  reconnectInterval?: number;
  /** Bytes of one frame of the broker; beyond, the connection ends. Default 1 MiB. */
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

export interface BrokerAddressOptions {
  readonly host: string;
  readonly port?: number | undefined;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** The options with nothing left open. */
export interface RelaySettings
  extends Required<
    Omit<
      StompBrokerRelayOptions,
      "relayHost" | "relayPort" | "addresses" | "tls" | "virtualHost" | keyof ServersOptions
    >
  > {
  readonly addresses: readonly [BrokerAddress, ...BrokerAddress[]];
  readonly tls: ConnectionOptions | undefined;
  readonly virtualHost: string | undefined;
  readonly servers: ServersSettings | undefined;
}

const PORT = 61613;

const TEXTS = {
  clientLogin: "guest",
  clientPasscode: "guest",
  systemLogin: "guest",
  systemPasscode: "guest",
};

const FLAGS = { passClientLogin: false, passQueueHeaders: false, autoStartup: true };

const INTERVALS = { systemHeartbeatSendInterval: 10_000, systemHeartbeatReceiveInterval: 10_000 };

const NUMBERS = {
  connectTimeout: 10_000,
  connectedTimeout: 10_000,
  receiptTimeout: 30_000,
  sendTimeLimit: 30_000,
  reconnectInterval: 5_000,
  messageSizeLimit: 1024 * 1024,
  headerBytesLimit: 64 * 1024,
  sendBufferSizeLimit: 16 * 1024 * 1024,
  subscriptionLimit: 1000,
  sharedConnections: 2,
};

const KNOWN = [
  "destinationPrefixes",
  "relayHost",
  "relayPort",
  "addresses",
  "tls",
  ...Object.keys(TEXTS),
  "virtualHost",
  "heartbeatValue",
  ...Object.keys(FLAGS),
  ...Object.keys(INTERVALS),
  ...Object.keys(NUMBERS),
  "connections",
  "userDestinationBroadcast",
  "userRegistryBroadcast",
  "registryExpirationPeriod",
  "secret",
];

/** Fills in the defaults. @throws ConfigurationError that names the option which makes no sense, and no passcode */
export function relaySettings(options: StompBrokerRelayOptions): RelaySettings {
  onlyKnown("stompBrokerRelay", options, KNOWN);
  const { destinationPrefixes = [], virtualHost, heartbeatValue = [10_000, 10_000] } = options;
  if (
    !Array.isArray(destinationPrefixes) ||
    !destinationPrefixes.every((each) => isText(each) && each !== "")
  ) {
    throw wrong("destinationPrefixes", "an array of texts that are not empty", destinationPrefixes);
  }
  if (virtualHost !== undefined && !(isText(virtualHost) && virtualHost !== "")) {
    throw wrong("virtualHost", "a text on one line", virtualHost);
  }
  if (!Array.isArray(heartbeatValue) || heartbeatValue.length !== 2 || !heartbeatValue.every(isInterval)) {
    throw wrong(
      "heartbeatValue",
      "two whole numbers of ms, each 0 or from 100 to 2,147,483,647",
      heartbeatValue,
    );
  }
  const { connections = "own", passClientLogin } = options;
  if (connections !== "own" && connections !== "shared") {
    throw wrong("connections", '"own" or "shared"', connections);
  }
  if (connections === "shared" && passClientLogin) {
    throw wrong("connections", '"own" with passClientLogin: a shared one has one login', connections);
  }
  if (connections === "own" && options.sharedConnections !== undefined) {
    throw new ConfigurationError('stompBrokerRelay: sharedConnections is for connections: "shared"');
  }
  const texts = each(options, TEXTS, { wanted: "a text on one line", fits: isText });
  return {
    destinationPrefixes: [...destinationPrefixes],
    addresses: addresses(options),
    tls: tls(options.tls),
    ...texts,
    connections,
    servers: serversSettings(options, { ...texts, destinationPrefixes }),
    virtualHost,
    heartbeatValue: [heartbeatValue[0], heartbeatValue[1]],
    ...each(options, FLAGS, { wanted: "true or false", fits: (value) => typeof value === "boolean" }),
    ...each(options, INTERVALS, {
      wanted: "a whole number of ms, 0 or from 100 to 2,147,483,647",
      fits: isInterval,
    }),
    ...each(options, NUMBERS, { wanted: "a whole number from 1 to 2,147,483,647", fits: isCount }),
  };
}

function each<T extends object>(
  options: Partial<T>,
  defaults: T,
  { wanted, fits }: { readonly wanted: string; fits(value: unknown): boolean },
): T {
  const resolved = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    const value = options[name] ?? defaults[name];
    if (!fits(value)) {
      // It may be a secret, though of the wrong kind.
      throw name.endsWith("Passcode")
        ? new ConfigurationError(`stompBrokerRelay: ${name} must be ${wanted}`)
        : wrong(name, wanted, value);
    }
    resolved[name] = value;
  }
  return resolved;
}

function addresses(options: StompBrokerRelayOptions): RelaySettings["addresses"] {
  const { addresses: given, relayHost = "127.0.0.1", relayPort = PORT } = options;
  if (given === undefined) {
    if (!isHost(relayHost)) throw wrong("relayHost", "the name of a host", relayHost);
    if (!isPort(relayPort)) throw wrong("relayPort", "a number from 1 to 65,535", relayPort);
    return [{ host: relayHost, port: relayPort }];
  }

  if (options.relayHost !== undefined || options.relayPort !== undefined) {
    throw new ConfigurationError("stompBrokerRelay: addresses stands in place of relayHost and relayPort");
  }
  const wanted = 'an array such as [{ host: "broker", port: 61613 }]';
  if (!Array.isArray(given)) throw wrong("addresses", wanted, given);
  const [first, ...others] = given.map((address: BrokerAddressOptions) => {
    const { host, port = PORT } = address ?? {};
    if (!isHost(host) || !isPort(port)) throw wrong("addresses", wanted, given);
    return { host, port };
  });
  if (!first) throw wrong("addresses", wanted, given);
  return [first, ...others];
}

function tls(given: StompBrokerRelayOptions["tls"] = false): ConnectionOptions | undefined {
  if (typeof given === "boolean") return given ? {} : undefined;
  if (typeof given === "object" && given !== null) return given;
  throw wrong("tls", "true, false, or options for tls.connect", given);
}

/** CONNECT has no escapes: what would break its lines is refused before anything is sent. */
function isText(value: unknown): boolean {
  return typeof value === "string" && !/[\r\n\0]/.test(value);
}

function isHost(value: unknown): boolean {
  return isText(value) && value !== "";
}

function isPort(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}

/** Timers take no longer interval. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 0x7fff_ffff;
}

function isInterval(value: unknown): boolean {
  return value === 0 || (isCount(value) && (value as number) >= 100);
}

function wrong(option: string, wanted: string, value: unknown): ConfigurationError {
  return new ConfigurationError(`stompBrokerRelay: ${option} must be ${wanted}, not ${inspect(value)}`);
}
