import type { MessageHandler } from "../channel/message-handler.js";
import type { Clock } from "../clock/clock.js";
import type { Logger } from "../logger.js";
import type { ServersStats } from "../observe/stats.js";
import type { UserSessions } from "../user/user-sessions.js";
import { type ApplicationLine, brokerBackplane } from "./broker-backplane.js";
import { serversKey } from "./seal.js";
import type { ServersSettings } from "./settings.js";
import { UserBroadcast, type UserBroadcastHandler } from "./user-broadcast.js";
import { UserRegistryBroadcast } from "./user-registry-broadcast.js";

/** This server's part in what it has to do with the others on its broker. */
export interface Servers {
  /** Reaches users of other servers, if `userDestinationBroadcast` is set. */
  readonly users: UserBroadcast | undefined;
  /** `undefined` when nothing joins them. */
  readonly stats: ServersStats | undefined;
  /** Says goodbye to the others. */
  close(): Promise<void>;
}

/** The means of a broker for the servers on it; one that runs in this process has neither connection nor settings. */
interface ServersBroker extends MessageHandler {
  readonly application?: MessageHandler;
  readonly system?: ApplicationLine;
  readonly servers?: ServersSettings | undefined;
}

export interface JoinOptions extends UserBroadcastHandler {
  readonly broker: ServersBroker;
  readonly sessions: UserSessions;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Joins the other servers on the broker, as far as its options say so. */
export function joinServers({ broker, sessions, logger, clock, ...handler }: JoinOptions): Servers {
  const { system, servers: settings } = broker;
  if (!system || !settings) return { users: undefined, stats: undefined, close: async () => {} };

  const { secret, userDestinationBroadcast, userRegistryBroadcast, messageSizeLimit } = settings;
  const key = serversKey(secret);
  const application = broker.application ?? broker;
  const holds = new Set<Promise<void>>();
  const at = (destination: string) => ({
    backplane: brokerBackplane({ system, application, destination, messageSizeLimit, holds }),
    key,
    expiration: settings.registryExpirationPeriod,
    logger,
    isHeld: () => holds.size > 0,
    clock,
  });
  const users =
    userDestinationBroadcast === undefined
      ? undefined
      : new UserBroadcast(at(userDestinationBroadcast), handler);
  const registry =
    userRegistryBroadcast === undefined
      ? undefined
      : new UserRegistryBroadcast(at(userRegistryBroadcast), sessions);
  return {
    users,
    get stats() {
      const links = [users, registry].flatMap((link) => link?.stats ?? []);
      return links.length === 0 ? undefined : joined(links);
    },
    async close() {
      await Promise.all([users?.close(), registry?.close()]);
    },
  };
}

/** The same servers are heard at each destination. */
function joined(links: readonly ServersStats[]): ServersStats {
  return {
    known: Math.max(...links.map(({ known }) => known)),
    missed: links.reduce((sum, { missed }) => sum + missed, 0),
  };
}
