import type { Broker } from "../broker/broker.js";
import type { ControllerHandler } from "../controller/controller-handler.js";
import type { BrokerStats, MessagingStats } from "../observe/stats.js";
import type { Servers } from "../servers/servers.js";
import type { SessionRegistry } from "../session/session-registry.js";
import type { Channels } from "./channels.js";

export interface StatsContext extends Channels {
  readonly sessions: SessionRegistry;
  readonly broker: Broker;
  readonly controllers: ControllerHandler | undefined;
  readonly servers: Servers;
}

/** Of a broker that tells nothing of itself. */
const NOTHING: BrokerStats = {
  subscriptions: 0,
  publications: 0,
  conflated: 0,
  deliveries: 0,
  acknowledgements: { acknowledged: 0, refused: 0 },
  redeliveries: 0,
  gaps: 0,
  queues: undefined,
  relay: undefined,
};

/** Gathers what each station has counted. */
export function statsOf({
  sessions,
  broker,
  controllers,
  servers,
  clientInboundChannel,
  clientOutboundChannel,
  brokerChannel,
}: StatsContext): MessagingStats {
  return {
    ...sessions.stats,
    ...(broker.stats ?? NOTHING),
    controllers: controllers?.stats ?? { calls: 0, failures: 0, timeouts: 0, working: 0 },
    channels: {
      clientInboundChannel: clientInboundChannel.stats,
      clientOutboundChannel: clientOutboundChannel.stats,
      brokerChannel: brokerChannel.stats,
    },
    servers: servers.stats,
  };
}
