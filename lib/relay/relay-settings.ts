import { type ConnectionOptions, createSecureContext } from "node:tls";
import { ConfigurationError } from "../errors.js";
import {
  areHeartBeats,
  HEART_BEATS,
  isCount,
  isHeartBeat,
  isLine,
  isTime,
  onlyKnown,
  wrongOption,
} from "../options/checks.js";
import {
  SERVERS_OPTIONS,
  type ServersOptions,
  type ServersSettings,
  serversSettings,
} from "../servers/settings.js";
import type { BrokerAddressOptions, StompBrokerRelayOptions } from "./stomp-broker-relay-options.js";

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
  ...SERVERS_OPTIONS,
];

/** Fills in the defaults. @throws ConfigurationError that names the option which makes no sense, and no passcode */
export function relaySettings(options: StompBrokerRelayOptions): RelaySettings {
  onlyKnown("stompBrokerRelay", options, KNOWN);
  const { destinationPrefixes = [], virtualHost, heartbeatValue = [10_000, 10_000] } = options;
  if (!Array.isArray(destinationPrefixes) || !destinationPrefixes.every(isName)) {
    throw wrong("destinationPrefixes", "an array of texts that are not empty", destinationPrefixes);
  }
  if (virtualHost !== undefined && !isName(virtualHost)) {
    throw wrong("virtualHost", "a text on one line", virtualHost);
  }
  if (!areHeartBeats(heartbeatValue)) throw wrong("heartbeatValue", HEART_BEATS, heartbeatValue);
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
  const texts = each(options, TEXTS, { wanted: "a text on one line", fits: isLine });
  const numbers = each(options, NUMBERS, {
    wanted: "a whole number from 1 to 2,147,483,647",
    fits: (given) => isTime(given, 1),
  });
  return {
    destinationPrefixes: [...destinationPrefixes],
    addresses: addresses(options),
    tls: tls(options.tls),
    ...texts,
    connections,
    servers: serversSettings(options, {
      owner: "stompBrokerRelay",
      destinationPrefixes,
      ...texts,
      messageSizeLimit: numbers.messageSizeLimit,
    }),
    virtualHost,
    heartbeatValue: [heartbeatValue[0], heartbeatValue[1]],
    ...each(options, FLAGS, { wanted: "true or false", fits: (value) => typeof value === "boolean" }),
    ...each(options, INTERVALS, {
      wanted: "a whole number of ms, 0 or from 100 to 2,147,483,647",
      fits: isHeartBeat,
    }),
    ...numbers,
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
    if (!isName(relayHost)) throw wrong("relayHost", "the name of a host", relayHost);
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
    if (!isName(host) || !isPort(port)) throw wrong("addresses", wanted, given);
    return { host, port };
  });
  if (!first) throw wrong("addresses", wanted, given);
  return [first, ...others];
}

function tls(given: StompBrokerRelayOptions["tls"] = false): ConnectionOptions | undefined {
  if (typeof given === "boolean") return given ? {} : undefined;
  if (typeof given !== "object" || given === null) {
    throw wrong("tls", "true, false, or options for tls.connect", given);
  }
  try {
    createSecureContext(given);
  } catch (cause) {
    // Without what was given: it has the key.
    const text = `stompBrokerRelay: tls cannot be used: ${(cause as Error).message}`;
    throw new ConfigurationError(text, { cause });
  }
  return given;
}

function isName(given: unknown): boolean {
  return isLine(given) && given !== "";
}

function isPort(given: unknown): boolean {
  return isCount(given, 65_535);
}

function wrong(option: string, wanted: string, given: unknown): ConfigurationError {
  return wrongOption("stompBrokerRelay", option, wanted, given);
}
