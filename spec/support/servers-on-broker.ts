import { type StompBrokerRelayOptions, type StompMessagingOptions, stompBrokerRelay } from "express-stomp";
import type { RealBroker } from "../../example/shared/broker-process.js";
import { relayTo } from "./brokers.js";

/** Options of one of several servers on a real broker. */
export function on(
  broker: RealBroker,
  options: StompBrokerRelayOptions = broadcasts({ users: "servers.users", registry: "servers.registry" }),
): Partial<StompMessagingOptions> {
  return {
    broker: stompBrokerRelay({
      ...relayTo(broker),
      destinationPrefixes: ["/topic", "/exchange"],
      ...options,
    }),
  };
}

/** The destinations under `/topic/` over which the servers speak to each other. */
export function broadcasts({
  users,
  registry,
}: {
  users: string;
  registry: string;
}): StompBrokerRelayOptions {
  return {
    userDestinationBroadcast: `/topic/${users}`,
    userRegistryBroadcast: `/topic/${registry}`,
    secret: "a secret of the servers",
  };
}
