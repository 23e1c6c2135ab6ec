import type { BrokerFactory } from "../broker/broker.js";
import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { Clock } from "../clock/clock.js";
import type { ControllerContainer } from "../controller/container.js";
import type { StompContract } from "../controller/contract.js";
import type { DetachedStreamsOptions } from "../controller/detached-streams.js";
import type {
  HandlerMethodArgumentResolver,
  HandlerMethodReturnValueHandler,
} from "../controller/extensions.js";
import type { PayloadValidator } from "../controller/payload-validator.js";
import type { DestinationSeparator } from "../destination/pattern.js";
import type { RateLimitOptions } from "../limits/rate-limit-options.js";
import type { Logger } from "../logger.js";
import type { MessageConverter } from "../message/converter.js";
import type { Observation } from "../observe/observation.js";
import type { MessageSecurity } from "../security/message-security.js";
import type { StompSubProtocolErrorHandler } from "../session/error-reply.js";
import type { EndpointOptions } from "../socket/endpoint.js";
import type { PresenceOptions } from "../user/presence/presence-options.js";
import type { UserSessionLimitOptions } from "../user/user-session-limit.js";
import type { TransportOptions } from "./transport-options.js";

/**
 * The options of messaging, named by Spring's nouns. Checked once, when `stompMessaging` is called.
 *
 * @example
 * ```ts
 * const options: StompMessagingOptions = {
 *   endpoints: [{ path: "/ws" }],
 *   applicationDestinationPrefixes: ["/app"],
 *   clientInboundChannel: { interceptors: [new TokenInterceptor()] },
 *   userSessions: { limit: 5, beyond: "end-oldest" },
 * };
 * ```
 */
export interface StompMessagingOptions {
  /** Where clients connect. At least one. */
  endpoints: readonly EndpointOptions[];
  /**
   * Destinations under these go to controllers, which are mapped to the rest,
   * and never to a broker, whatever its prefixes are.
   *
   * @default [] controllers are asked for every destination, as Spring does
   */
  applicationDestinationPrefixes?: readonly string[];
  /**
   * The character between the segments of destinations, for the patterns of
   * controllers and subscriptions. With `.`, `@MessageMapping("price.{id}")`
   * gets `/app/price.7`: prefixes keep their slash, nothing else needs one.
   *
   * @default "/"
   */
  destinationSeparator?: DestinationSeparator;
  /** @default simpleBroker() for every destination */
  broker?: BrokerFactory;
  /**
   * Destinations under this are private: a client that subscribes to `/user/queue/x`
   * hears what the application sends to its user at `/queue/x`.
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
  /** How many questions to clients, by `template.request`, may be open. @default 1000 */
  requestLimit?: number;
  /** How often clients may send and subscribe. All that fit a frame count. @default as often as they like */
  rateLimits?: readonly RateLimitOptions[];
  /** The users whose presence is told: those who subscribe to a destination, at `<destination>/presence`. @default nobody's */
  presence?: PresenceOptions;
  /**
   * The rules that `messageSecurity(…)` returns: users that may send and subscribe, and where. Asked
   * behind all interceptors of `clientInboundChannel`. @default everybody
   */
  security?: MessageSecurity;
  /** Classes with `@Controller()` or `@ControllerAdvice()`, or instances of such. */
  controllers?: readonly (ControllerClass | object)[];
  /**
   * The messages that clients send and hear, as `destinations(…)` of `express-stomp/contract` says them. Its schemas validate the
   * payloads of methods that name none, and the start compares it with what the methods are mapped to and send to.
   */
  contract?: StompContract;
  /**
   * Whether methods may be mapped to no other destinations than the contract has, and reply to no others.
   *
   * @default true
   */
  contractIsComplete?: boolean;
  /** How many streams with `@Detached` may run: in all, and of one user. */
  detachedStreams?: DetachedStreamsOptions;
  /** Checks payloads of methods that name a class: `classValidator(…)` for instance. */
  validator?: PayloadValidator;
  /** Give arguments of the application's own, before the payload is taken. */
  argumentResolvers?: readonly HandlerMethodArgumentResolver[];
  /** Take what methods return that have neither `@SendTo` nor `@SendToUser`. */
  returnValueHandlers?: readonly HandlerMethodReturnValueHandler[];
  /**
   * Milliseconds until a method's promise must have settled; then its message
   * fails with a `HandlerTimeoutError`, and the next one has its turn. On
   * `brokerChannel` and `clientOutboundChannel` this is so for each
   * interceptor's hook, at a DISCONNECT for those of `clientInboundChannel` and
   * all handlers too. 0 is without end.
   *
   * @default 30000
   */
  handlerTimeout?: number;
  /** The application's own inversify container. @default a new one */
  container?: ControllerContainer;
  /** The channel of all that clients send, before controllers and broker see it. */
  clientInboundChannel?: ClientInboundChannelSettings;
  /** The channel of all that clients are about to be sent. */
  clientOutboundChannel?: ChannelSettings;
  /** The channel of all that the application sends. */
  brokerChannel?: BrokerChannelSettings;
  /** Converters of the application's own, asked before those for text, binary and JSON. */
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
  /**
   * Metrics and traces: what `openTelemetry(…)` and `prometheus(…)` return, or an observation of your own; several as an
   * array, of which the first is outermost.
   */
  observation?: Observation | readonly Observation[];
  /** Decides what ERROR tells a client. @default an error's `publicMessage` and `publicHeaders` */
  errorHandler?: StompSubProtocolErrorHandler;
  /**
   * The clock of all that waits: limits, deadlines, heart-beats, tokens,
   * SockJS, the relay and what servers say to each other. A test hands in one
   * that stands until it says that time passes.
   *
   * @default the process's clock and timers
   */
  clock?: Clock;
  /** @default warnings and errors go to the console */
  logger?: Logger;
}

/** A class with `@Controller()` or `@ControllerAdvice()`. */
export type ControllerClass = new (...args: never[]) => object;

/** The settings of a channel. */
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

/** The settings of `clientInboundChannel`. */
export interface ClientInboundChannelSettings extends ChannelSettings {
  /**
   * Whether a SEND with a header `dedup-id` is handled once for each user: a
   * repeat within five minutes, over another session perhaps, is answered with
   * the RECEIPT it asks for, and neither interceptors nor handlers see it. So a
   * client may send again, after a reconnect, what was not confirmed. While the
   * first is being handled a repeat waits for it; after one that has failed it
   * is handled.
   *
   * A user's last 1,000 ids are remembered on this server, of 16 MiB in all; those of
   * a session without a user until its end.
   *
   * @default false
   */
  deduplicate?: boolean;
}

/** The settings of `brokerChannel`. */
export interface BrokerChannelSettings extends ChannelSettings {
  /**
   * Bytes of messages that may wait for interceptors of this channel, or since
   * subscribers are behind: those that the application sends together, and those
   * of each session that controllers send for it. Memory that they keep alive counts,
   * some 5 KiB for a small one. Beyond, sending rejects.
   *
   * @default 33554432
   */
  waitingSizeLimit?: number;
}
