import type { OwnDestination, TokenHeader } from "./channel/interceptor-description.js";
import type { StompContract } from "./controller/contract.js";
import type { MethodDescription } from "./controller/description.js";
import type { DestinationSeparator } from "./destination/pattern.js";
import type { Principal } from "./message/message.js";
import type { Foresight } from "./security/foresight.js";
import type { ImaginedMessage, MessageSecurity } from "./security/message-security.js";
import type { SockJSTransport } from "./socket/sockjs/sock-js-options.js";

/** An endpoint, as clients reach it. */
export interface EndpointDescription {
  /** As the options have it: below where the middleware is mounted. */
  readonly path: string;
  /** The transports of SockJS; `undefined` where only WebSocket is served. */
  readonly sockJS: readonly SockJSTransport[] | undefined;
}

/** The messages that clients may send and hear, as the application's options and decorators say it. Made when it is asked for. */
export interface MessagingDescription {
  readonly endpoints: readonly EndpointDescription[];
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
  readonly methods: readonly MethodDescription[];
  readonly contract: StompContract | undefined;
  /** The rules, if there are any: `rules`, `rulesFor(…)` and `decide(…)`. */
  readonly security: MessageSecurity | undefined;
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
