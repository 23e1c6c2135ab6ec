import type { BrokerFactory } from "../broker/broker.js";
import { simpleBroker } from "../broker/simple-broker.js";
import { INTERCEPTOR_HOOKS } from "../channel/interceptor.js";
import { type Clock, systemClock } from "../clock/clock.js";
import type { ControllerContainer } from "../controller/container.js";
import type { StompContract } from "../controller/contract.js";
import type { DetachedStreamsOptions } from "../controller/detached-streams.js";
import type { PayloadValidator } from "../controller/payload-validator.js";
import type { DestinationSeparator } from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import { type RateLimit, type RateLimitOptions, rateLimit } from "../limits/rate-limit-options.js";
import { consoleLogger, type Logger, steadyLogger } from "../logger.js";
import { OBSERVATION_PARTS, type Observation } from "../observe/observation.js";
import { MessageSecurity } from "../security/message-security.js";
import type { StompSubProtocolErrorHandler } from "../session/error-reply.js";
import type { EndpointOptions } from "../socket/endpoint.js";
import { type PresenceOptions, presenceSettings } from "../user/presence/presence-options.js";
import type { UserSessionLimitOptions } from "../user/user-session-limit.js";
import { flag, isCount, isTime, list, onlyKnown, withMethods } from "./checks.js";
import type {
  BrokerChannelSettings,
  ChannelSettings,
  ClientInboundChannelSettings,
  StompMessagingOptions,
} from "./stomp-messaging-options.js";
import { transportSettings } from "./transport-options.js";

/** Fills in the default of an option, and checks what was given for it. */
type Resolve<K extends keyof StompMessagingOptions> = (
  given: StompMessagingOptions[K] | undefined,
  options: StompMessagingOptions,
) => unknown;

/** Every option: another one does not compile until it stands here. */
const OPTIONS = {
  endpoints,
  applicationDestinationPrefixes: prefixes,
  destinationSeparator,
  broker: brokerFactory,
  userDestinationPrefix: userPrefix,
  clientsMaySendToUsers: (given?: boolean) => flag("clientsMaySendToUsers", given, false),
  userSessions,
  requestLimit,
  rateLimits,
  presence: (given?: PresenceOptions) => given && presenceSettings(given),
  security,
  controllers: (given?: StompMessagingOptions["controllers"]) => list("controllers", given),
  contract,
  contractIsComplete: (given?: boolean) => flag("contractIsComplete", given, true),
  detachedStreams,
  validator: (given?: PayloadValidator) => withMethods("validator", given, ["validate"]),
  argumentResolvers: (given?: StompMessagingOptions["argumentResolvers"]) =>
    eachWithMethods("argumentResolvers", given, ["supportsParameter", "resolveArgument"]),
  returnValueHandlers: (given?: StompMessagingOptions["returnValueHandlers"]) =>
    eachWithMethods("returnValueHandlers", given, ["supportsReturnType", "handleReturnValue"]),
  handlerTimeout,
  container,
  clientInboundChannel,
  clientOutboundChannel: (given?: ChannelSettings) => channel("clientOutboundChannel", given),
  brokerChannel,
  messageConverters: (given?: StompMessagingOptions["messageConverters"]) =>
    eachWithMethods("messageConverters", given, ["fromMessage", "toPayload"]),
  transport: transportSettings,
  preserveReceiveOrder: (given?: boolean) => flag("preserveReceiveOrder", given, true),
  observation,
  errorHandler: (given?: StompSubProtocolErrorHandler) =>
    withMethods("errorHandler", given, ["handleClientMessageProcessingError"]),
  clock: (given?: Clock) => withMethods("clock", given, ["now", "date", "every", "after"]) ?? systemClock,
  logger: (given?: Logger) =>
    steadyLogger(withMethods("logger", given, ["debug", "info", "warn", "error"]) ?? consoleLogger),
} satisfies { readonly [K in keyof StompMessagingOptions]-?: Resolve<K> };

/** The options with nothing left open. */
export type ResolvedOptions = {
  readonly [K in keyof typeof OPTIONS]: ReturnType<(typeof OPTIONS)[K]>;
};

const ENDPOINT = {
  path: true,
  allowedOrigins: true,
  allowedOriginPatterns: true,
  user: true,
  handshakeInterceptors: true,
  sockJS: true,
} satisfies Record<keyof EndpointOptions, true>;

const CHANNEL = { interceptors: true, concurrency: true } satisfies Record<keyof ChannelSettings, true>;

const CLIENT_INBOUND_CHANNEL = { ...CHANNEL, deduplicate: true } satisfies Record<
  keyof ClientInboundChannelSettings,
  true
>;

const BROKER_CHANNEL = { ...CHANNEL, waitingSizeLimit: true } satisfies Record<
  keyof BrokerChannelSettings,
  true
>;

const USER_SESSIONS = { limit: true, beyond: true } satisfies Record<keyof UserSessionLimitOptions, true>;

const DETACHED_STREAMS: Required<DetachedStreamsOptions> = { limit: 1_000, limitPerUser: 10 };

const WAITING_SIZE_LIMIT = 32 * 1024 * 1024;

/** @throws ConfigurationError that names the option at fault */
export function resolveOptions(options: StompMessagingOptions): ResolvedOptions {
  onlyKnown("stompMessaging", options, Object.keys(OPTIONS));
  const resolved = Object.entries(OPTIONS).map(([name, resolve]) => {
    const given = options[name as keyof StompMessagingOptions];
    return [name, (resolve as Resolve<keyof StompMessagingOptions>)(given, options)] as const;
  });
  return Object.fromEntries(resolved) as ResolvedOptions;
}

function endpoints(given: StompMessagingOptions["endpoints"] | undefined): readonly EndpointOptions[] {
  const all = list("endpoints", given);
  if (all.length === 0)
    throw new ConfigurationError("endpoints is empty: name the path where clients connect");

  for (const [i, endpoint] of all.entries()) onlyKnown(`endpoints[${i}]`, endpoint, Object.keys(ENDPOINT));
  // The endpoint answers with and without a slash at its end.
  const paths = all.map(({ path }) => String(path).replace(/\/$/, ""));
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) throw new ConfigurationError(`endpoints has the path ${twice} twice`);
  return all;
}

function prefixes(given: readonly string[] | undefined): readonly string[] {
  const all = list("applicationDestinationPrefixes", given);
  for (const [i, prefix] of all.entries()) {
    if (typeof prefix !== "string" || !prefix.startsWith("/")) {
      throw new ConfigurationError(
        `applicationDestinationPrefixes[${i}] is ${JSON.stringify(prefix)}: a prefix is a string such as "/app"`,
      );
    }
  }
  return all;
}

function destinationSeparator(given: DestinationSeparator = "/"): DestinationSeparator {
  if (given === "/" || given === ".") return given;
  throw new ConfigurationError(`destinationSeparator is ${JSON.stringify(given)}: it must be "/" or "."`);
}

function container(given: ControllerContainer | undefined): ControllerContainer | undefined {
  const checked = withMethods("container", given, ["get", "isBound", "bind"]);
  // Those of inversify 5 and 6 had it, and cannot make what @Controller() has marked.
  if (checked !== undefined && "createChild" in checked) {
    throw new ConfigurationError(
      "container is of inversify 6 or older: it must be a Container of inversify 7 or 8",
    );
  }
  return checked;
}

function contract(given: StompContract | undefined): StompContract | undefined {
  const entries: unknown = given?.destinations;
  if (given === undefined || (typeof entries === "object" && entries !== null)) return given;
  throw new ConfigurationError("contract takes what destinations(…) of express-stomp/contract returns");
}

function handlerTimeout(given = 30_000): number {
  if (isTime(given)) return given;
  throw new ConfigurationError(
    `handlerTimeout is ${String(given)}: it must be a whole number of milliseconds, or 0`,
  );
}

/** Gives the prefix with its closing slash. */
function userPrefix(given = "/user", { applicationDestinationPrefixes = [] }: StompMessagingOptions): string {
  if (typeof given !== "string" || !/^\/[^/]/.test(given)) {
    throw new ConfigurationError(
      `userDestinationPrefix is ${JSON.stringify(given)}: a prefix is a string such as "/user"`,
    );
  }
  const prefix = given.endsWith("/") ? given : `${given}/`;
  const within = applicationDestinationPrefixes.find((application) => `${application}/`.startsWith(prefix));
  if (within !== undefined) {
    throw new ConfigurationError(
      `userDestinationPrefix ${given} and applicationDestinationPrefixes ${within} overlap`,
    );
  }
  return prefix;
}

function userSessions(
  given: UserSessionLimitOptions | undefined,
): Required<UserSessionLimitOptions> | undefined {
  if (given === undefined) return undefined;
  onlyKnown("userSessions", given, Object.keys(USER_SESSIONS));
  const { limit, beyond = "refuse" } = given;
  if (!isCount(limit)) {
    throw new ConfigurationError(`userSessions.limit is ${String(limit)}: it must be a whole number above 0`);
  }
  if (beyond !== "refuse" && beyond !== "end-oldest") {
    throw new ConfigurationError(
      `userSessions.beyond is ${JSON.stringify(beyond)}: it must be "refuse" or "end-oldest"`,
    );
  }
  return { limit, beyond };
}

function requestLimit(given = 1_000): number {
  if (isCount(given)) return given;
  throw new ConfigurationError(`requestLimit is ${String(given)}: it must be a whole number above 0`);
}

function rateLimits(
  given: readonly RateLimitOptions[] | undefined,
  { destinationSeparator: separator }: StompMessagingOptions,
): readonly RateLimit[] {
  return list("rateLimits", given).map((each, i) => rateLimit(each, `rateLimits[${i}]`, separator));
}

function detachedStreams(given: DetachedStreamsOptions = {}): Required<DetachedStreamsOptions> {
  onlyKnown("detachedStreams", given, Object.keys(DETACHED_STREAMS));
  const settings = { ...DETACHED_STREAMS, ...given };
  for (const [name, value] of Object.entries(settings)) {
    if (isCount(value)) continue;
    throw new ConfigurationError(
      `detachedStreams.${name} is ${String(value)}: it must be a whole number above 0`,
    );
  }
  return settings;
}

function observation(given: StompMessagingOptions["observation"] = []): readonly Observation[] {
  const all = [given].flat() as readonly Observation[];
  for (const each of all) {
    if (OBSERVATION_PARTS.some((part) => typeof (each as Observation | undefined)?.[part] === "function"))
      continue;
    throw new ConfigurationError(
      `observation takes what openTelemetry(…) or prometheus(…) returns, or an object with one of ${OBSERVATION_PARTS.join(", ")}; several as an array`,
    );
  }
  return all;
}

function security(
  given: MessageSecurity | undefined,
  { destinationSeparator: separator = "/" }: StompMessagingOptions,
): MessageSecurity | undefined {
  if (given === undefined) return undefined;
  if (!(given instanceof MessageSecurity)) {
    throw new ConfigurationError(
      "security takes what messageSecurity(…) of the same copy of express-stomp returns",
    );
  }
  if (given.destinationSeparator !== separator) {
    throw new ConfigurationError(
      `security was made for the destinationSeparator ${JSON.stringify(given.destinationSeparator)}: ` +
        `tell messageSecurity that it is ${JSON.stringify(separator)}`,
    );
  }
  return given;
}

function clientInboundChannel(
  given: ClientInboundChannelSettings = {},
): Required<ClientInboundChannelSettings> {
  const settings = channel("clientInboundChannel", given, Object.keys(CLIENT_INBOUND_CHANNEL));
  const deduplicate = flag("clientInboundChannel.deduplicate", given.deduplicate, false);
  return { ...settings, deduplicate };
}

function brokerChannel(given: BrokerChannelSettings = {}): Required<BrokerChannelSettings> {
  const settings = channel("brokerChannel", given, Object.keys(BROKER_CHANNEL));
  const { waitingSizeLimit = WAITING_SIZE_LIMIT } = given;
  if (!isCount(waitingSizeLimit)) {
    throw new ConfigurationError(
      `brokerChannel.waitingSizeLimit is ${String(waitingSizeLimit)}: it must be a whole number above 0`,
    );
  }
  return { ...settings, waitingSizeLimit };
}

function channel(
  name: string,
  given: ChannelSettings = {},
  known: readonly string[] = Object.keys(CHANNEL),
): Required<ChannelSettings> {
  onlyKnown(name, given, known);
  const interceptors = list(`${name}.interceptors`, given.interceptors);
  for (const [i, interceptor] of interceptors.entries()) {
    if (!INTERCEPTOR_HOOKS.some((hook) => typeof interceptor?.[hook] === "function")) {
      throw new ConfigurationError(`${name}.interceptors[${i}] has none of ${INTERCEPTOR_HOOKS.join(", ")}`);
    }
  }
  const { concurrency } = given;
  if (concurrency !== undefined && !isCount(concurrency)) {
    throw new ConfigurationError(
      `${name}.concurrency is ${String(concurrency)}: it must be a whole number above 0`,
    );
  }
  return { interceptors, concurrency };
}

function brokerFactory(given: BrokerFactory = simpleBroker()): BrokerFactory {
  if (typeof given !== "function")
    throw new ConfigurationError("broker takes what simpleBroker(…) or stompBrokerRelay(…) returns");
  return given;
}

function eachWithMethods<T extends object>(
  name: string,
  given: readonly T[] | undefined,
  methods: readonly string[],
): readonly T[] {
  return list(name, given).map((each, i) => withMethods(`${name}[${i}]`, each, methods));
}
