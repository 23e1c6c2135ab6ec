import type { OwnDestination, TokenHeader } from "./channel/interceptor-description.js";
import type { StompContract } from "./controller/contract.js";
import type { MethodDescription } from "./controller/description.js";
import type { DeliveryDescription } from "./destination/delivery-description.js";
import type { DestinationSeparator } from "./destination/pattern.js";
import type { RateLimitOptions } from "./limits/rate-limit-options.js";
import type { Principal } from "./message/message.js";
import type { Foresight } from "./security/foresight.js";
import type { ImaginedMessage, MessageSecurity } from "./security/message-security.js";
import type { RuleDescription } from "./security/rule.js";
import type { SockJSTransport } from "./socket/sockjs/sock-js-options.js";

/** An endpoint, as clients reach it. */
export interface EndpointDescription {
  /** As the options have it: below where the middleware is mounted. */
  readonly path: string;
  /** The transports of SockJS; `undefined` where only WebSocket is served. */
  readonly sockJS: readonly SockJSTransport[] | undefined;
}

/** A port of `messaging.listen`. */
export interface ListenerDescription {
  /** As it listens there: `0.0.0.0` and `::` are every address of the machine. */
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
}

/** One of `rateLimits`, with its defaults. */
export interface RateLimitDescription extends Required<Omit<RateLimitOptions, "destinations">> {
  /** As events and counts name it: `rateLimits[0]`. */
  readonly name: string;
  /** Without: all. */
  readonly destinations?: readonly string[];
}

/** The rules that decide about a destination. */
export interface RuledDestination {
  /** `undefined` for a message without one, such as CONNECT. */
  readonly destination: string | undefined;
  /** In the order they are asked. */
  readonly rules: readonly RuleDescription[];
}

/** The messages that clients may send and hear, as the application's options and decorators say it. Made when it is asked for. */
export interface MessagingDescription {
  readonly endpoints: readonly EndpointDescription[];
  /** Ports of `messaging.listen`, where STOMP comes straight over TCP: those that listen at this moment. */
  readonly listeners: readonly ListenerDescription[];
  readonly stompVersions: readonly string[];
  /** How often the broker offers to send a heart-beat [0] and wants one [1], in ms; `undefined` where it is not known. */
  readonly heartbeat: readonly [number, number] | undefined;
  /** Headers of CONNECT that interceptors ask for. */
  readonly connectHeaders: readonly TokenHeader[];
  /** Destinations of interceptors that clients send to. */
  readonly ownSends: readonly OwnDestination[];
  /** Destinations, as clients subscribe to them, at which interceptors and the library itself tell something. */
  readonly ownMessages: readonly OwnDestination[];
  readonly applicationDestinationPrefixes: readonly string[];
  /** Empty when the broker has whatever nobody else has. */
  readonly brokerDestinationPrefixes: readonly string[];
  /** Without its closing slash. */
  readonly userDestinationPrefix: string;
  readonly destinationSeparator: DestinationSeparator;
  readonly clientsMaySendToUsers: boolean;
  /** Whether a SEND whose `dedup-id` its user has sent before is not handled again. */
  readonly deduplicates: boolean;
  readonly methods: readonly MethodDescription[];
  readonly contract: StompContract | undefined;
  /** The rules, if there are any: `rules`, `rulesFor(…)` and `decide(…)`. */
  readonly security: MessageSecurity | undefined;
  readonly rateLimits: readonly RateLimitDescription[];
  /**
   * Gives the rules that may decide about a message, of one destination or of a pattern: those of the destination, and
   * of presence those of its room before, where each of the two has to grant it.
   *
   * @example
   * ```ts
   * const ruled = messaging.description.rulesFor({ type: "SUBSCRIBE", destination: "/topic/room/7/presence" });
   * console.log(ruled.map(({ destination }) => destination)); // ["/topic/room/7", "/topic/room/7/presence"]
   * ```
   */
  rulesFor(message: ImaginedMessage): readonly RuledDestination[];
  /** Tells how the simple broker delivers at a destination, or at those that fit a pattern; `undefined` of a broker that runs elsewhere. */
  deliveryOf(destination: string): DeliveryDescription | undefined;
  /** Gives those of `rateLimits` that count a message, of one destination or of a pattern. */
  rateLimitsFor(message: ImaginedMessage): readonly RateLimitDescription[];
  /**
   * Tells what a user, or a stranger, may do before it is done: what the rules say (of presence: of its room, too), and
   * `@Authorize` of the method that is mapped to just this destination. It may be a pattern: `yes` and `no` then hold for all destinations that fit it.
   *
   * @throws whatever `authoritiesOf` of the rules throws (rejects with it)
   * @example
   * ```ts
   * const may = await messaging.description.foresee({ name: "rod" }, { type: "MESSAGE", destination: "/app/rooms/{id}" });
   * ```
   */
  foresee(user: Principal | undefined | null, message: ImaginedMessage): Promise<Foresight>;
}
