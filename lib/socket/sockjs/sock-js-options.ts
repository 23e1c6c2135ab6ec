import { ConfigurationError } from "../../errors.js";
import { isTime } from "../../options/checks.js";

/** A way to carry frames to clients, by the last part of its URL. The way that carries theirs to us comes with it. */
export type SockJSTransport = "websocket" | "xhr" | "xhr_streaming" | "eventsource" | "htmlfile" | "jsonp";

/** Spring's SockJS options, with Spring's defaults but for the old transports, which are off; and two limits. */
export interface SockJSOptions {
  /**
   * How often an open connection is sent a sign of life, in ms; not once heart-beats of STOMP go to its client.
   * Default 25,000.
   */
  readonly heartbeatTime?: number | undefined;
  /** How long a session lives without a connection to send on, in ms. Default 5,000. */
  readonly disconnectDelay?: number | undefined;
  /** Bytes after which a streaming response ends, so that the client frees its memory. Default 131,072. */
  readonly streamBytesLimit?: number | undefined;
  /**
   * Messages that wait for the client's next request; beyond, its session is closed with 4500. Default no
   * number: `sendBufferSizeLimit` bounds their bytes, as it does for clients on a WebSocket.
   */
  readonly httpMessageCacheSize?: number | undefined;
  /** Whether `/info` tells clients that a cookie keeps them on one server behind a load balancer. Default true. */
  readonly sessionCookieNeeded?: boolean | undefined;
  /** Serves WebSocket below the endpoint's path, for SockJS clients. Default true. */
  readonly webSocketEnabled?: boolean | undefined;
  /** The transports that are served. Default all but the transports of browsers long gone, `htmlfile` and `jsonp`. */
  readonly transportHandlers?: readonly SockJSTransport[] | undefined;
  /**
   * Where the application serves the script of sockjs-client: a path of its own, or a whole URL. It is loaded
   * by the page for iframe transports, which is served only when this is set. Default none.
   */
  readonly clientLibraryUrl?: string | undefined;
  /** Leaves the headers of CORS to somebody else; Origin is checked all the same. Default false. */
  readonly suppressCors?: boolean | undefined;
  /** Sessions over HTTP at the endpoint; beyond, 503. Default 10,000. */
  readonly sessionLimit?: number | undefined;
  /** Of these, sessions of one user, or of strangers at one address; beyond, 503. Default 1,000. */
  readonly sessionLimitPerOwner?: number | undefined;
}

export interface SockJSSettings {
  readonly heartbeatTime: number;
  readonly disconnectDelay: number;
  readonly streamBytesLimit: number;
  readonly httpMessageCacheSize: number;
  readonly sessionCookieNeeded: boolean;
  readonly webSocketEnabled: boolean;
  readonly transportHandlers: ReadonlySet<string>;
  readonly clientLibraryUrl: string | undefined;
  readonly suppressCors: boolean;
  readonly sessionLimit: number;
  readonly sessionLimitPerOwner: number;
}

const NUMBERS = {
  heartbeatTime: 25_000,
  disconnectDelay: 5_000,
  streamBytesLimit: 131_072,
  httpMessageCacheSize: Number.POSITIVE_INFINITY,
  sessionLimit: 10_000,
  sessionLimitPerOwner: 1_000,
} as const;
const SWITCHES = { sessionCookieNeeded: true, webSocketEnabled: true, suppressCors: false } as const;
const TRANSPORTS: readonly SockJSTransport[] = [
  "websocket",
  "xhr",
  "xhr_streaming",
  "eventsource",
  "htmlfile",
  "jsonp",
];
/** They can be used by pages of any origin without saying which. */
const WITHOUT_ORIGIN: readonly SockJSTransport[] = ["htmlfile", "jsonp"];
const NAMES = [...Object.keys(NUMBERS), ...Object.keys(SWITCHES), "transportHandlers", "clientLibraryUrl"];

/**
 * The options with their defaults, or `undefined` when SockJS is off.
 *
 * @param hasOrigins whether pages of other origins may connect
 * @throws ConfigurationError when an option makes no sense
 */
export function sockJSSettings(
  options: boolean | SockJSOptions | undefined,
  hasOrigins: boolean,
): SockJSSettings | undefined {
  if (options === undefined || options === false) return undefined;
  if (typeof options !== "object" && options !== true) {
    throw new ConfigurationError("sockJS must be true, false or an object of options");
  }

  const given: SockJSOptions = options === true ? {} : (options ?? {});
  const unknown = Object.keys(given).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new ConfigurationError(`sockJS.${unknown} is no option; there are ${NAMES.join(", ")}`);
  }
  const switches = checked(given, SWITCHES, checkSwitch);
  const transports = transportsOf(given.transportHandlers);
  const settings = {
    ...checked(given, NUMBERS, checkNumber),
    ...switches,
    webSocketEnabled: switches.webSocketEnabled && transports.has("websocket"),
    transportHandlers: transports,
    clientLibraryUrl: libraryUrl(given.clientLibraryUrl),
  };
  if (hasOrigins) refuseOrigins(settings);
  return settings;
}

/** Bytes of one framed WebSocket message: a STOMP frame grows up to sixfold as JSON, if control characters fill it. */
export function framedMessageLimit(messageSizeLimit: number): number {
  return 6 * messageSizeLimit + 1024;
}

function checked<T extends object>(
  given: SockJSOptions,
  defaults: T,
  check: (name: string, value: unknown) => void,
): { readonly [Name in keyof T]: T[Name] extends number ? number : boolean } {
  const entries = Object.entries(defaults).map(([name, byDefault]: [string, unknown]) => {
    const value = given[name as keyof SockJSOptions] ?? byDefault;
    check(name, value);
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as ReturnType<typeof checked<T>>;
}

function checkNumber(name: string, value: unknown): void {
  if (name === "httpMessageCacheSize" && value === Number.POSITIVE_INFINITY) return;
  if (!isTime(value, 1)) {
    throw new ConfigurationError(`sockJS.${name} must be a positive integer, not ${String(value)}`);
  }
}

function checkSwitch(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw new ConfigurationError(`sockJS.${name} must be true or false`);
}

function transportsOf(given: readonly SockJSTransport[] | undefined): ReadonlySet<SockJSTransport> {
  if (given === undefined) return new Set(TRANSPORTS.filter((name) => !WITHOUT_ORIGIN.includes(name)));
  if (Array.isArray(given) && given.length > 0 && given.every((name) => TRANSPORTS.includes(name))) {
    return new Set(given);
  }
  throw new ConfigurationError(`sockJS.transportHandlers must be an array of ${TRANSPORTS.join(", ")}`);
}

/** As it may stand in a page: whatever it holds, it ends no attribute. */
function libraryUrl(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;

  if (typeof given === "string" && URL.canParse(given, "http://localhost")) {
    const { pathname, search, href } = new URL(given, "http://localhost");
    if (/^\/(?![/\\])/.test(given)) return pathname + search;
    if (/^https?:\/\//.test(given)) return href;
  }
  throw new ConfigurationError(
    'sockJS.clientLibraryUrl must be a path as "/js/sockjs.min.js", or a URL with its scheme',
  );
}

function refuseOrigins({ transportHandlers, clientLibraryUrl }: SockJSSettings): void {
  const transport = WITHOUT_ORIGIN.find((name) => transportHandlers.has(name));
  if (transport === undefined && clientLibraryUrl === undefined) return;

  const option = transport === undefined ? "clientLibraryUrl" : `transportHandlers: "${transport}"`;
  throw new ConfigurationError(
    `sockJS.${option} cannot be combined with allowedOrigins or allowedOriginPatterns: ` +
      "its requests do not tell which page they come from, so it is for the server's own pages only.",
  );
}
