import type { Broker } from "../broker/broker.js";
import type { OwnDestination } from "../channel/interceptor-description.js";
import type { ControllerHandler } from "../controller/controller-handler.js";
import type { ListenerDescription, MessagingDescription, RateLimitDescription } from "../description.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { overlaps } from "../destination/reach.js";
import type { RateLimit } from "../limits/rate-limit-options.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { DENIALS } from "../security/access-control.js";
import { allOf, foresee } from "../security/foresight.js";
import type { ImaginedMessage } from "../security/message-security.js";
import { reachOf } from "../security/reading.js";
import { hasOrigins } from "../socket/origin.js";
import { type SockJSTransport, sockJSSettings } from "../socket/sockjs/sock-js-options.js";
import { SUPPORTED_VERSIONS } from "../stomp/version.js";
import { PRESENCE } from "../user/presence/presence-message.js";
import { EXCESSES } from "./rates.js";

/** The destinations at which clients are told who is there. */
function presenceMessages({ presence, destinationSeparator }: ResolvedOptions): OwnDestination[] {
  return (presence?.destinations ?? []).map((destination) => ({
    destination: `${destination}${destinationSeparator}${presence?.suffix}`,
    ...PRESENCE,
  }));
}

/** Whether a rate limit counts messages to one destination, or to some that fit a pattern. */
function counts(
  { command, patterns }: RateLimit,
  type: ImaginedMessage["type"],
  reach: DestinationPattern | undefined,
): boolean {
  if ((command === "SEND" ? "MESSAGE" : command) !== type) return false;
  return !patterns || (reach !== undefined && patterns.some((pattern) => overlaps(pattern, reach)));
}

function describeLimit({ patterns, ...limit }: RateLimit): RateLimitDescription {
  return { ...limit, ...(patterns && { destinations: patterns.map(({ text }) => text) }) };
}

export interface DescriptionContext {
  readonly controllers: ControllerHandler | undefined;
  readonly broker: Broker;
  readonly tcpServers: { readonly listening: readonly ListenerDescription[] };
  /** The destination that a subscription tells of, if it is not the one that it names. */
  roomOf(destination: string | undefined): string | undefined;
}

/** Tells what clients may send and hear. */
export function describe(
  options: ResolvedOptions,
  { controllers, broker, tcpServers, roomOf }: DescriptionContext,
): MessagingDescription {
  const { security, destinationSeparator, contract, applicationDestinationPrefixes, clientsMaySendToUsers } =
    options;
  const { rateLimits } = options;
  const methods = controllers?.describe() ?? [];
  const interceptors = options.clientInboundChannel.interceptors.flatMap(
    ({ description }) => description ?? [],
  );
  /** The messages that the rules judge of one: of presence its room's, too, before it. */
  const judgedOf = (message: ImaginedMessage): ImaginedMessage[] => {
    const room = message.type === "SUBSCRIBE" ? roomOf(message.destination) : undefined;
    return [...(room === undefined ? [] : [{ ...message, destination: room }]), message];
  };
  const userPrefix = options.userDestinationPrefix.slice(0, -1);
  return {
    endpoints: options.endpoints.map((endpoint) => {
      const sockJS = sockJSSettings(endpoint.sockJS, hasOrigins(endpoint));
      const transports = sockJS && ([...sockJS.transportHandlers] as SockJSTransport[]);
      return {
        path: endpoint.path,
        sockJS: transports?.filter((name) => name !== "websocket" || sockJS?.webSocketEnabled),
      };
    }),
    listeners: tcpServers.listening,
    stompVersions: SUPPORTED_VERSIONS,
    heartbeat: broker.heartbeat,
    connectHeaders: interceptors.flatMap(({ connectHeaders = [] }) => connectHeaders),
    ownSends: interceptors.flatMap(({ sends = [] }) => sends),
    ownMessages: [
      ...interceptors.flatMap(({ messages = [] }) => messages),
      ...(security?.onDenied === "message" ? [DENIALS] : []),
      ...(rateLimits.some(({ beyond }) => beyond === "refuse") ? [EXCESSES] : []),
      ...presenceMessages(options),
    ].map((each) => (each.toUser ? { ...each, destination: `${userPrefix}${each.destination}` } : each)),
    applicationDestinationPrefixes,
    brokerDestinationPrefixes: broker.destinationPrefixes ?? [],
    userDestinationPrefix: userPrefix,
    destinationSeparator,
    clientsMaySendToUsers,
    deduplicates: options.clientInboundChannel.deduplicate,
    methods,
    contract,
    security,
    rateLimits: rateLimits.map(describeLimit),
    rulesFor: (message) =>
      judgedOf(message).map((each) => ({
        destination: each.destination,
        rules: security?.rulesFor(each) ?? [],
      })),
    deliveryOf(destination) {
      const reach = reachOf(destination, destinationSeparator);
      return reach && broker.deliveryOf?.(reach);
    },
    rateLimitsFor({ type, destination }) {
      const reach = reachOf(destination, destinationSeparator);
      return rateLimits.filter((limit) => counts(limit, type, reach)).map(describeLimit);
    },
    async foresee(user, message) {
      const { type, destination } = message;
      const reach = reachOf(destination, destinationSeparator);
      const foreseen = { user: user ?? undefined, type, reach, authoritiesOf: security?.authoritiesOf };
      const guards = methods.flatMap(({ authorize, type: mapped, mappings }) =>
        authorize && mapped === type && mappings.some((each) => each.destination === destination)
          ? authorize
          : [],
      );
      const rules = judgedOf(message).map((each) => security?.foresee(user, each) ?? "yes");
      return allOf([
        ...(await Promise.all(rules)),
        ...(await Promise.all(guards.map((guard) => foresee(guard, reach, foreseen)))),
      ]);
    },
  };
}
