import type { BrokerFactory } from "./broker/broker.js";
import { simpleBroker } from "./broker/simple-broker.js";
import { INTERCEPTOR_HOOKS } from "./channel/interceptor.js";
import type { ControllerContainer } from "./controller/container.js";
import type { PayloadValidator } from "./controller/payload-validator.js";
import type { DestinationSeparator } from "./destination/pattern.js";
import { ConfigurationError, onlyKnown } from "./errors.js";
import { consoleLogger, steadyLogger } from "./logger.js";
import type { BrokerChannelSettings, ChannelSettings, StompMessagingOptions } from "./options.js";
import { MessageSecurity } from "./security/message-security.js";
import type { StompSubProtocolErrorHandler } from "./session/error-reply.js";
import type { EndpointOptions } from "./socket/endpoint.js";
import {
  TRANSPORT,
  type TransportOptions,
  type TransportSettings,
  transportSettings,
} from "./transport-options.js";
import type { UserSessionLimitOptions } from "./user/user-session-limit.js";

/** The options with nothing left open. */
export interface ResolvedOptions
  extends Required<
    Omit<
      StompMessagingOptions,
      "container" | "transport" | "validator" | "errorHandler" | "userSessions" | "security" | "brokerChannel"
    >
  > {
  readonly container: ControllerContainer | undefined;
  readonly validator: PayloadValidator | undefined;
  readonly errorHandler: StompSubProtocolErrorHandler | undefined;
  readonly transport: TransportSettings;
  readonly userSessions: Required<UserSessionLimitOptions> | undefined;
  readonly security: MessageSecurity | undefined;
  readonly brokerChannel: Required<BrokerChannelSettings>;
}

const KNOWN = {
  options: [
    "endpoints",
    "applicationDestinationPrefixes",
    "destinationSeparator",
    "broker",
    "userDestinationPrefix",
    "clientsMaySendToUsers",
    "userSessions",
    "security",
    "controllers",
    "validator",
    "argumentResolvers",
    "returnValueHandlers",
    "handlerTimeout",
    "container",
    "clientInboundChannel",
    "clientOutboundChannel",
    "brokerChannel",
    "messageConverters",
    "transport",
    "preserveReceiveOrder",
    "errorHandler",
    "logger",
  ],
  endpoint: ["path", "allowedOrigins", "allowedOriginPatterns", "user", "handshakeInterceptors", "sockJS"],
  channel: ["interceptors", "concurrency"],
  brokerChannel: ["interceptors", "concurrency", "waitingSizeLimit"],
  transport: Object.keys(TRANSPORT),
  userSessions: ["limit", "beyond"],
} as const;

const WAITING_SIZE_LIMIT = 16 * 1024 * 1024;

/** @throws ConfigurationError that names the option at fault */
export function resolveOptions(options: StompMessagingOptions): ResolvedOptions {
  onlyKnown("stompMessaging", options, KNOWN.options);

  const channels = {
    clientInboundChannel: channel("clientInboundChannel", options.clientInboundChannel),
    clientOutboundChannel: channel("clientOutboundChannel", options.clientOutboundChannel),
    brokerChannel: brokerChannel(options.brokerChannel),
  };
  const applicationDestinationPrefixes = prefixes(options.applicationDestinationPrefixes);
  return {
    ...channels,
    endpoints: endpoints(options.endpoints),
    applicationDestinationPrefixes,
    destinationSeparator: destinationSeparator(options.destinationSeparator),
    broker: brokerFactory(options.broker),
    userDestinationPrefix: userPrefix(
      options.userDestinationPrefix ?? "/user",
      applicationDestinationPrefixes,
    ),
    clientsMaySendToUsers: flag("clientsMaySendToUsers", options.clientsMaySendToUsers, false),
    userSessions: userSessions(options.userSessions),
    security: security(options.security, options.destinationSeparator),
    controllers: list("controllers", options.controllers),
    validator: withMethods("validator", options.validator, ["validate"]),
    argumentResolvers: list("argumentResolvers", options.argumentResolvers).map((resolver, i) =>
      withMethods(`argumentResolvers[${i}]`, resolver, ["supportsParameter", "resolveArgument"]),
    ),
    returnValueHandlers: list("returnValueHandlers", options.returnValueHandlers).map((handler, i) =>
      withMethods(`returnValueHandlers[${i}]`, handler, ["supportsReturnType", "handleReturnValue"]),
    ),
    handlerTimeout: handlerTimeout(options.handlerTimeout),
    container: withMethods("container", options.container, ["get", "isBound", "bind"]),
    messageConverters: list("messageConverters", options.messageConverters).map((converter, i) =>
      withMethods(`messageConverters[${i}]`, converter, ["fromMessage", "toPayload"]),
    ),
    transport: transport(options.transport),
    preserveReceiveOrder: flag("preserveReceiveOrder", options.preserveReceiveOrder, true),
    errorHandler: withMethods("errorHandler", options.errorHandler, ["handleClientMessageProcessingError"]),
    logger: steadyLogger(
      withMethods("logger", options.logger, ["debug", "info", "warn", "error"]) ?? consoleLogger,
    ),
  };
}

function endpoints(given: StompMessagingOptions["endpoints"]): readonly EndpointOptions[] {
  const all = list("endpoints", given);
  if (all.length === 0)
    throw new ConfigurationError("endpoints is empty: name the path where clients connect");

  for (const [i, endpoint] of all.entries()) onlyKnown(`endpoints[${i}]`, endpoint, KNOWN.endpoint);
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

function handlerTimeout(given = 30_000): number {
  // Timers take no longer interval.
  if (Number.isSafeInteger(given) && given >= 0 && given <= 0x7fff_ffff) return given;
  throw new ConfigurationError(
    `handlerTimeout is ${String(given)}: it must be a whole number of milliseconds, or 0`,
  );
}

/** Gives the prefix with its closing slash. */
function userPrefix(given: string, applicationPrefixes: readonly string[]): string {
  if (typeof given !== "string" || !/^\/[^/]/.test(given)) {
    throw new ConfigurationError(
      `userDestinationPrefix is ${JSON.stringify(given)}: a prefix is a string such as "/user"`,
    );
  }
  const prefix = given.endsWith("/") ? given : `${given}/`;
  const within = applicationPrefixes.find((application) => `${application}/`.startsWith(prefix));
  if (within !== undefined) {
    throw new ConfigurationError(
      `userDestinationPrefix ${given} and applicationDestinationPrefixes ${within} overlap`,
    );
  }
  return prefix;
}

function userSessions(given: UserSessionLimitOptions | undefined): ResolvedOptions["userSessions"] {
  if (given === undefined) return undefined;
  onlyKnown("userSessions", given, KNOWN.userSessions);
  const { limit, beyond = "refuse" } = given;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new ConfigurationError(`userSessions.limit is ${String(limit)}: it must be a whole number above 0`);
  }
  if (beyond !== "refuse" && beyond !== "end-oldest") {
    throw new ConfigurationError(
      `userSessions.beyond is ${JSON.stringify(beyond)}: it must be "refuse" or "end-oldest"`,
    );
  }
  return { limit, beyond };
}

function security(
  given: MessageSecurity | undefined,
  separator: DestinationSeparator = "/",
): MessageSecurity | undefined {
  if (given === undefined) return undefined;
  if (!(given instanceof MessageSecurity)) {
    throw new ConfigurationError("security takes what messageSecurity(…) returns");
  }
  if (given.destinationSeparator !== separator) {
    throw new ConfigurationError(
      `security was made for the destinationSeparator ${JSON.stringify(given.destinationSeparator)}: ` +
        `tell messageSecurity that it is ${JSON.stringify(separator)}`,
    );
  }
  return given;
}

function flag(name: string, given: boolean | undefined, otherwise: boolean): boolean {
  if (given === undefined) return otherwise;
  if (typeof given !== "boolean") throw new ConfigurationError(`${name} must be true or false`);
  return given;
}

function brokerChannel(given: BrokerChannelSettings = {}): Required<BrokerChannelSettings> {
  const settings = channel("brokerChannel", given, KNOWN.brokerChannel);
  const { waitingSizeLimit = WAITING_SIZE_LIMIT } = given;
  if (!(Number.isSafeInteger(waitingSizeLimit) && waitingSizeLimit > 0)) {
    throw new ConfigurationError(
      `brokerChannel.waitingSizeLimit is ${String(waitingSizeLimit)}: it must be a whole number above 0`,
    );
  }
  return { ...settings, waitingSizeLimit };
}

function channel(
  name: string,
  given: ChannelSettings = {},
  known: readonly string[] = KNOWN.channel,
): Required<ChannelSettings> {
  onlyKnown(name, given, known);
  const interceptors = list(`${name}.interceptors`, given.interceptors);
  for (const [i, interceptor] of interceptors.entries()) {
    if (!INTERCEPTOR_HOOKS.some((hook) => typeof interceptor?.[hook] === "function")) {
      throw new ConfigurationError(`${name}.interceptors[${i}] has none of ${INTERCEPTOR_HOOKS.join(", ")}`);
    }
  }
  const { concurrency } = given;
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency > 0)) {
    throw new ConfigurationError(
      `${name}.concurrency is ${String(concurrency)}: it must be a whole number above 0`,
    );
  }
  return { interceptors, concurrency };
}

function transport(given: TransportOptions = {}): TransportSettings {
  onlyKnown("transport", given, KNOWN.transport);
  return transportSettings(given);
}

function list<T>(name: string, given: readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw new ConfigurationError(`${name} must be an array`);
  return given;
}

function brokerFactory(given: BrokerFactory = simpleBroker()): BrokerFactory {
  if (typeof given !== "function")
    throw new ConfigurationError("broker takes what simpleBroker(…) or stompBrokerRelay(…) returns");
  return given;
}

function withMethods<T extends object | undefined>(name: string, given: T, methods: readonly string[]): T {
  if (given === undefined) return given;

  const missing = methods.find(
    (method) => typeof (given as Record<string, unknown> | null)?.[method] !== "function",
  );
  if (missing !== undefined) throw new ConfigurationError(`${name} has no method ${missing}`);
  return given;
}
