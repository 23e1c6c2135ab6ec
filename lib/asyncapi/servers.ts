import type { MessagingDescription } from "../index.js";
import { channelId, freeName } from "./address.js";
import type { AsyncApiServer, Reference } from "./document.js";

interface Place {
  readonly host: string;
  readonly mountPath: string | undefined;
  readonly security: readonly Reference[];
}

/** One for each endpoint, and for each port of `messaging.listen`. */
export function serversOf(
  description: MessagingDescription,
  { host, mountPath = "", security }: Place,
): Readonly<Record<string, AsyncApiServer>> {
  const { endpoints, listeners, stompVersions, heartbeat, connectHeaders } = description;
  const servers = new Map<string, AsyncApiServer>();
  const add = (
    name: string,
    where: Pick<AsyncApiServer, "host" | "pathname" | "description">,
    transports: readonly string[],
  ) => {
    servers.set(
      freeName(name, (each) => servers.has(each)),
      {
        ...where,
        protocol: "stomp",
        protocolVersion: stompVersions.at(-1) ?? "1.2",
        ...(security.length > 0 && { security }),
        bindings: { stomp: {} },
        "x-transports": transports,
        "x-stomp-versions": stompVersions,
        ...(heartbeat && { "x-heart-beat": heartbeat }),
        ...(connectHeaders.length > 0 && { "x-connect-headers": connectHeaders }),
        "x-application-destination-prefixes": description.applicationDestinationPrefixes,
        "x-broker-destination-prefixes": description.brokerDestinationPrefixes,
        "x-user-destination-prefix": description.userDestinationPrefix,
        ...(description.clientsMaySendToUsers && { "x-clients-may-send-to-users": true }),
      },
    );
  };
  for (const { path, sockJS } of endpoints) {
    const where = {
      host,
      pathname: `${mountPath.replace(/\/$/, "")}${path}`,
      description: sockJS
        ? "STOMP over WebSocket, and over SockJS below the same path."
        : "STOMP over WebSocket.",
    };
    add(channelId(path), where, ["websocket", ...(sockJS ?? []).map((name) => `sockjs-${name}`)]);
  }
  for (const { address, port, tls } of listeners) {
    const description = `STOMP straight over ${tls ? "TLS" : "TCP"}.`;
    add(tls ? "tls" : "tcp", { host: `${nameOf(address, host)}:${port}`, description }, [
      tls ? "tls" : "tcp",
    ]);
  }
  return Object.fromEntries(servers);
}

/** The host's own name where a port listens at every address; an address of IPv6 in brackets. */
function nameOf(address: string, host: string): string {
  if (address === "0.0.0.0" || address === "::") return host.replace(/:\d+$/, "");
  return address.includes(":") ? `[${address}]` : address;
}
