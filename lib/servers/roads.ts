import type { MessageHandler } from "../channel/message-handler.js";
import type { Logger } from "../logger.js";
import type { Backplane } from "./backplane.js";
import { type ApplicationLine, brokerBackplane } from "./broker-backplane.js";
import { serversKey } from "./seal.js";
import type { ServersSettings } from "./settings.js";

/** A road for one purpose, which all servers on it call the same. */
export interface ServerRoad {
  readonly backplane: Backplane;
  readonly purpose: string;
}

/** The roads on which servers speak of users and sessions. */
export interface ServerRoads {
  /** Seals what is said; `undefined` where everybody is trusted who can write there. */
  readonly key: Buffer | undefined;
  /** Writes what is wrong there, for all roads of a backplane once. Default: the application's. */
  readonly logger?: Logger;
  /** How long a server may be silent until it counts as gone, in ms. */
  readonly expiration: number;
  /** Where messages for users of other servers go, and what is to be done with their sessions. Default: nowhere. */
  readonly users?: ServerRoad | undefined;
  /** Where servers tell each other who is connected. Default: nowhere. */
  readonly registry?: ServerRoad | undefined;
  /** Whether what others say is held up here, so that nobody counts as silent. */
  isHeld(): boolean;
}

/** A broker elsewhere, as the roads need it. */
export interface RoadsBroker {
  readonly system: ApplicationLine;
  /** Takes what is sent to the broker. */
  readonly application: MessageHandler;
}

/** Makes roads of destinations of a broker that runs elsewhere. */
export function brokerRoads(settings: ServersSettings, broker: RoadsBroker): ServerRoads {
  const { secret, userDestinationBroadcast, userRegistryBroadcast, messageSizeLimit } = settings;
  const holds = new Set<Promise<void>>();
  const at = (destination: string | undefined): ServerRoad | undefined => {
    if (destination === undefined) return undefined;
    const backplane = brokerBackplane({ ...broker, destination, messageSizeLimit, holds });
    return { backplane, purpose: destination };
  };
  return {
    key: serversKey(secret),
    expiration: settings.registryExpirationPeriod,
    users: at(userDestinationBroadcast),
    registry: at(userRegistryBroadcast),
    isHeld: () => holds.size > 0,
  };
}
