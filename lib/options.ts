import type { BrokerFactory } from "./broker/broker.js";
import { simpleBroker } from "./broker/simple-broker.js";
import { type ChannelInterceptor, INTERCEPTOR_HOOKS } from "./channel/interceptor.js";
import type { ControllerContainer } from "./controller/container.js";
import type {
  HandlerMethodArgumentResolver,
  HandlerMethodReturnValueHandler,
} from "./controller/extensions.js";
import type { PayloadValidator } from "./controller/payload-validator.js";
import type { DestinationSeparator } from "./destination/pattern.js";
import { ConfigurationError, onlyKnown } from "./errors.js";
import { consoleLogger, type Logger } from "./logger.js";
import type { MessageConverter } from "./message/converter.js";
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

/** What an application may set; Spring's nouns. Checked once, when `stompMessaging` is called. */
export interface StompMessagingOptions {
  /** Where clients connect. At least one. */
  endpoints: readonly EndpointOptions[];
  /**
   * Destinations under these go to controllers, which are mapped to the rest.
   *
   * @default [] controllers are asked for every destination, as Spring does
   */
  applicationDestinationPrefixes?: readonly string[];
  /**
   * What stands between the segments of destinations, for the patterns of
   * controllers and subscriptions. With `.`, `@MessageMapping("price.{id}")`
   * gets `/app/price.7`: prefixes keep their slash, nothing else needs one.
   *
   * @default "/"
   */
  destinationSeparator?: DestinationSeparator;
  /** @default simpleBroker() for every destination */
  broker?: BrokerFactory;
  /**
   * Destinations under this are private: who subscribes to `/user/queue/x`
   * hears what the application sends to this user at `/queue/x`.
   *
   * @default "/user"
   */
  userDestinationPrefix?: string;
  /**
   * Whether clients may SEND to `/user/<name>/queue/x`, to any user. Otherwise
   * that is refused with ERROR, and only the application sends to users.
   *
   * @default false
   */
  clientsMaySendToUsers?: boolean;
  /** How many sessions a user may have at a time. @default as many as they like */
  userSessions?: UserSessionLimitOptions;
  /**
   * Who may send and subscribe where, by what `messageSecurity(…)` returns: asked
   * behind all interceptors of `clientInboundChannel`. @default everybody
   */
  security?: MessageSecurity;
  /** Classes with `@Controller()` or `@ControllerAdvice()`, or instances of such. */
  controllers?: readonly (ControllerClass | object)[];
  /** Checks payloads of methods that name a class: `classValidator(…)` for instance. */
  validator?: PayloadValidator;
  /** Give arguments of the application's own, before the payload is taken. */
  argumentResolvers?: readonly HandlerMethodArgumentResolver[];
  /** Take what methods return that have neither `@SendTo` nor `@SendToUser`. */
  returnValueHandlers?: readonly HandlerMethodReturnValueHandler[];
  /**
   * Milliseconds until a method's promise must have settled; then its message
   * fails with a `HandlerTimeoutError`, and the next one has its turn. At a
   * DISCONNECT this is so for all handlers and each interceptor's hook. 0 is
   * without end.
   *
   * @default 30000
   */
  handlerTimeout?: number;
  /** The application's own inversify container. @default a new one */
  container?: ControllerContainer;
  /** What clients send, before controllers and broker see it. */
  clientInboundChannel?: ChannelSettings;
  /** What clients are about to be sent. */
  clientOutboundChannel?: ChannelSettings;
  /** What the application sends. */
  brokerChannel?: ChannelSettings;
  /** Asked before the ones for text, binary and JSON. */
  messageConverters?: readonly MessageConverter[];
  transport?: TransportOptions;
  /**
   * Whether a client's frame waits until the one before it has been handled.
   * `false` lets one session's controllers work at the same time, 64 at most:
   * interceptors still see its frames in order up to `beforeHandle`, brokers
   * get them in order, DISCONNECT waits for all, and no fault or receipt is lost.
   *
   * @default true
   */
  preserveReceiveOrder?: boolean;
  /** Decides what ERROR tells a client. @default an error's `publicMessage` and `publicHeaders` */
  errorHandler?: StompSubProtocolErrorHandler;
  /** @default warnings and errors go to the console */
  logger?: Logger;
}

export type ControllerClass = new (...args: never[]) => object;

export interface ChannelSettings {
  /** In this order before a message is sent; completions in reverse. */
  interceptors?: readonly ChannelInterceptor[];
  /**
   * How many messages are with the handlers at once, over all sessions. Those
   * beyond wait their turn, and what their sessions send behind them too.
   *
   * @default no bound
   */
  concurrency?: number | undefined;
}

/** The options with nothing left open. */
export interface ResolvedOptions
  extends Required<
    Omit<
      StompMessagingOptions,
      "container" | "transport" | "validator" | "errorHandler" | "userSessions" | "security"
    >
  > {
  readonly container: ControllerContainer | undefined;
  readonly validator: PayloadValidator | undefined;
  readonly errorHandler: StompSubProtocolErrorHandler | undefined;
  readonly transport: TransportSettings;
  readonly userSessions: Required<UserSessionLimitOptions> | undefined;
  readonly security: MessageSecurity | undefined;
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
  transport: Object.keys(TRANSPORT),
  userSessions: ["limit", "beyond"],
} as const;

/** @throws ConfigurationError that names the option at fault */
export function resolveOptions(options: StompMessagingOptions): ResolvedOptions {
  onlyKnown("stompMessaging", options, KNOWN.options);

  const channels = {
    clientInboundChannel: channel("clientInboundChannel", options.clientInboundChannel),
    clientOutboundChannel: channel("clientOutboundChannel", options.clientOutboundChannel),
    brokerChannel: channel("brokerChannel", options.brokerChannel),
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
    clientsMaySendToUsers: flag("clientsMaySendToUsers", options.clientsMaySendToUsers),
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
    preserveReceiveOrder: preserveReceiveOrder(options.preserveReceiveOrder),
    errorHandler: withMethods("errorHandler", options.errorHandler, ["handleClientMessageProcessingError"]),
    logger: withMethods("logger", options.logger, ["debug", "info", "warn", "error"]) ?? consoleLogger,
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

function flag(name: string, given: boolean = false): boolean {
  if (typeof given !== "boolean") throw new ConfigurationError(`${name} must be true or false`);
  return given;
}

function channel(name: string, given: ChannelSettings = {}): Required<ChannelSettings> {
  onlyKnown(name, given, KNOWN.channel);
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

function preserveReceiveOrder(given = true): boolean {
  if (typeof given !== "boolean") throw new ConfigurationError("preserveReceiveOrder must be true or false");
  return given;
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
