import type { MessagingDescription } from "../index.js";
import { channelId, freeName } from "./address.js";
import type { AsyncApiServer, Reference } from "./document.js";

interface Place {
  readonly host: string;
  readonly mountPath: string | undefined;
  readonly security: readonly Reference[];
}

/** One for each endpoint. */
export function serversOf(
  description: MessagingDescription,
  { host, mountPath = "", security }: Place,
): Readonly<Record<string, AsyncApiServer>> {
  const { endpoints, stompVersions, heartbeat, connectHeaders } = description;
  const servers = new Map<string, AsyncApiServer>();
  for (const { path, sockJS } of endpoints) {
    const id = freeName(channelId(path), (each) => servers.has(each));
    servers.set(id, {
      host,
      pathname: `${mountPath.replace(/\/$/, "")}${path}`,
      protocol: "stomp",
      protocolVersion: stompVersions.at(-1) ?? "1.2",
      description: sockJS
        ? "STOMP over WebSocket, and over SockJS below the same path."
        : "STOMP over WebSocket.",
      ...(security.length > 0 && { security }),
      bindings: { stomp: {} },
      "x-transports": ["websocket", ...(sockJS ?? []).map((name) => `sockjs-${name}`)],
      "x-stomp-versions": stompVersions,
      ...(heartbeat && { "x-heart-beat": heartbeat }),
      ...(connectHeaders.length > 0 && { "x-connect-headers": connectHeaders }),
      "x-application-destination-prefixes": description.applicationDestinationPrefixes,
      "x-broker-destination-prefixes": description.brokerDestinationPrefixes,
      "x-user-destination-prefix": description.userDestinationPrefix,
      ...(description.clientsMaySendToUsers && { "x-clients-may-send-to-users": true }),
    });
  }
  return Object.fromEntries(servers);
}
