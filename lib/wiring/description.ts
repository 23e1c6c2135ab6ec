import type { Broker } from "../broker/broker.js";
import type { OwnDestination } from "../channel/interceptor-description.js";
import type { ControllerHandler } from "../controller/controller-handler.js";
import type { MessagingDescription } from "../description.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { DENIALS } from "../security/access-control.js";
import { allOf, foresee } from "../security/foresight.js";
import { reachOf } from "../security/reading.js";
import { hasOrigins } from "../socket/origin.js";
import { type SockJSTransport, sockJSSettings } from "../socket/sockjs/sock-js-options.js";
import { SUPPORTED_VERSIONS } from "../stomp/version.js";

/** The destinations at which clients are told who is there. */
function presenceMessages({ presence, destinationSeparator }: ResolvedOptions): OwnDestination[] {
  return (presence?.destinations ?? []).map((destination) => ({
    destination: `${destination}${destinationSeparator}${presence?.suffix}`,
    text: "Tells who subscribes to a destination: all at first, then what changes",
  }));
}

export interface DescriptionContext {
  readonly controllers: ControllerHandler | undefined;
  readonly broker: Broker;
  /** The destination that a subscription tells of, if it is not the one that it names. */
  roomOf(destination: string | undefined): string | undefined;
}

/** Tells what clients may send and hear. */
export function describe(
  options: ResolvedOptions,
  { controllers, broker, roomOf }: DescriptionContext,
): MessagingDescription {
  const { security, destinationSeparator, contract, applicationDestinationPrefixes, clientsMaySendToUsers } =
    options;
  const methods = controllers?.describe() ?? [];
  const interceptors = options.clientInboundChannel.interceptors.flatMap(
    ({ description }) => description ?? [],
  );
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
    stompVersions: SUPPORTED_VERSIONS,
    heartbeat: broker.heartbeat,
    connectHeaders: interceptors.flatMap(({ connectHeaders = [] }) => connectHeaders),
    ownSends: interceptors.flatMap(({ sends = [] }) => sends),
    ownMessages: [
      ...interceptors.flatMap(({ messages = [] }) => messages),
      ...(security?.onDenied === "message" ? [DENIALS] : []),
      ...presenceMessages(options),
    ].map((each) => (each.toUser ? { ...each, destination: `${userPrefix}${each.destination}` } : each)),
    applicationDestinationPrefixes,
    brokerDestinationPrefixes: broker.destinationPrefixes ?? [],
    userDestinationPrefix: userPrefix,
    destinationSeparator,
    clientsMaySendToUsers,
    methods,
    contract,
    security,
    async foresee(user, message) {
      const { type, destination } = message;
      const reach = reachOf(destination, destinationSeparator);
      const foreseen = { user: user ?? undefined, type, reach, authoritiesOf: security?.authoritiesOf };
      const guards = methods.flatMap(({ authorize, type: mapped, mappings }) =>
        authorize && mapped === type && mappings.some((each) => each.destination === destination)
          ? authorize
          : [],
      );
      const room = type === "SUBSCRIBE" ? roomOf(destination) : undefined;
      return allOf([
        (await security?.foresee(user, message)) ?? "yes",
        ...(room !== undefined && security
          ? [await security.foresee(user, { type, destination: room })]
          : []),
        ...(await Promise.all(guards.map((guard) => foresee(guard, reach, foreseen)))),
      ]);
    },
  };
}
