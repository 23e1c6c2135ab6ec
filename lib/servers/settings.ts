import { ConfigurationError } from "../errors.js";
import { isTime } from "../options/checks.js";

/** How the servers on one broker speak to each other. */
export interface ServersSettings {
  /** The secret that only the servers know. */
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

/** How the servers on one broker reach each other's users. */
export interface ServersOptions {
  /** Where messages go for users who are on other servers, or there too; all servers name the same. Default: nowhere. */
  userDestinationBroadcast?: string;
  /** Where servers tell each other who is connected; another destination. Default: each knows only its own users. */
  userRegistryBroadcast?: string;
  /** How long a server may be silent until it counts as gone, in ms. Default 20,000. */
  registryExpirationPeriod?: number;
  /** The secret that only the servers know, 16 characters or more, the same for all. Default: made of the system's login, unless its passcode is `guest`. */
  secret?: string;
}

/** Their names: a broker's function refuses options that it does not know. */
export const SERVERS_OPTIONS: readonly (keyof ServersOptions)[] = [
  "userDestinationBroadcast",
  "userRegistryBroadcast",
  "registryExpirationPeriod",
  "secret",
];

/** The settings of the broker that the options stand among. */
export interface ServersContext {
  /** As the broker's function is called; errors begin with it. */
  readonly owner: string;
  readonly destinationPrefixes: readonly string[];
  readonly systemLogin: string;
  readonly systemPasscode: string;
  /** Bytes of a frame that is taken from the broker. */
  readonly messageSizeLimit: number;
}

export const EXPIRATION = 20_000;
export const SHORTEST_SECRET = 16;
/** All that servers tell each other of their own accord fits into it. */
const SMALLEST_MESSAGE_SIZE_LIMIT = 64 * 1024;

/** @throws ConfigurationError that names the option which makes no sense, and no secret */
export function serversSettings(
  options: ServersOptions,
  context: ServersContext,
): ServersSettings | undefined {
  const { userDestinationBroadcast, userRegistryBroadcast, secret } = options;
  const { registryExpirationPeriod = EXPIRATION } = options;
  const wrong = (option: keyof ServersOptions, text: string) =>
    new ConfigurationError(`${context.owner}: ${option} ${text}`);
  if (userDestinationBroadcast === undefined && userRegistryBroadcast === undefined) {
    const alone = SERVERS_OPTIONS.find((name) => options[name] !== undefined);
    if (alone === undefined) return undefined;
    throw wrong(alone, "is for userDestinationBroadcast and userRegistryBroadcast: name one");
  }

  for (const name of ["userDestinationBroadcast", "userRegistryBroadcast"] as const) {
    const fault = faultOfDestination(options[name], context.destinationPrefixes);
    if (fault !== undefined) throw wrong(name, fault);
  }
  if (userDestinationBroadcast === userRegistryBroadcast) {
    throw wrong("userRegistryBroadcast", "must be another destination than userDestinationBroadcast");
  }
  if (!isTime(registryExpirationPeriod, 100)) {
    throw wrong("registryExpirationPeriod", "must be a whole number of ms from 100 to 2,147,483,647");
  }
  const { owner, messageSizeLimit } = context;
  if (messageSizeLimit < SMALLEST_MESSAGE_SIZE_LIMIT) {
    throw new ConfigurationError(
      `${owner}: messageSizeLimit must be ${SMALLEST_MESSAGE_SIZE_LIMIT} or more where servers speak to each other, not ${messageSizeLimit}`,
    );
  }
  const known = secretOf(secret, context);
  if (typeof known === "object") throw wrong("secret", known.fault);
  return {
    secret: known,
    userDestinationBroadcast,
    userRegistryBroadcast,
    registryExpirationPeriod,
    messageSizeLimit,
  };
}

function faultOfDestination(given: unknown, prefixes: readonly string[]): string | undefined {
  if (given === undefined) return undefined;
  const last = typeof given === "string" ? given.split("/").at(-1) : undefined;
  if (typeof given !== "string" || !given.startsWith("/") || !last || /[\r\n\0*#>]/.test(given)) {
    return 'must be a destination such as "/topic/servers.users"';
  }
  if (prefixes.length === 0 || prefixes.some((prefix) => given.startsWith(prefix))) return undefined;
  return `must begin with one of the destinationPrefixes, ${prefixes.join(", ")}`;
}

/** A passcode that everybody knows is no secret: a client that has it could speak as one of the servers. */
function secretOf(
  given: string | undefined,
  { systemLogin, systemPasscode }: ServersContext,
): string | { readonly fault: string } {
  if (given !== undefined) {
    if (typeof given === "string" && given.length >= SHORTEST_SECRET) return given;
    return { fault: `must be a text of ${SHORTEST_SECRET} characters or more` };
  }
  if (systemPasscode !== "guest" && systemPasscode !== "") return `${systemLogin}\n${systemPasscode}`;
  return {
    fault: "is needed beside the systemPasscode that everybody knows: any long text, on all servers",
  };
}
