import type { MessageHandler } from "../channel/message-handler.js";
import type { Clock } from "../clock/clock.js";
import type { Logger } from "../logger.js";
import type { ServersStats } from "../observe/stats.js";
import type { OtherServers } from "../user/user-message-handler.js";
import type { UserSessions } from "../user/user-sessions.js";
import type { ApplicationLine } from "./broker-backplane.js";
import { brokerRoads, type ServerRoad, type ServerRoads } from "./roads.js";
import { SessionsBroadcast } from "./sessions-broadcast.js";
import type { ServersSettings } from "./settings.js";
import { UserBroadcast, type UserBroadcastHandler } from "./user-broadcast.js";
import { UserRegistryBroadcast } from "./user-registry-broadcast.js";
import type { UsersOfAllServers } from "./users-of-all-servers.js";

/** This server's part in what it has to do with the others on its broker. */
export interface Servers {
  /** Reaches users of other servers, if there is a road. */
  readonly users: OtherServers | undefined;
  /** Has other servers do to sessions what is done here, on the same road. */
  readonly sessions: SessionsBroadcast | undefined;
  /** `undefined` when nothing joins them. */
  readonly stats: ServersStats | undefined;
  /** Says goodbye to the others. */
  close(): Promise<void>;
}

/** The means of a broker for the servers on it: roads of its own, or a connection and settings to make some of. */
interface ServersBroker extends MessageHandler {
  readonly users?: UsersOfAllServers | undefined;
  readonly roads?: ServerRoads | undefined;
  readonly application?: MessageHandler | undefined;
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
  const roads = broker.roads ?? roadsOver(broker);
  const all = broker.users;
  all?.serve(handler);
  const on = (road: ServerRoad | undefined) => roads && road && { logger, ...roads, ...road, clock };
  const [onUsers, onRegistry] = [on(roads?.users), on(roads?.registry)];
  const users = onUsers && new UserBroadcast(onUsers, handler);
  const registry = onRegistry && new UserRegistryBroadcast(onRegistry, sessions);
  return {
    users: all ? { bringsBack: true, send: (message, sender) => all.send(message, sender) } : users,
    sessions: all ? new SessionsBroadcast((told) => all.tell(told)) : users?.sessions,
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

function roadsOver(broker: ServersBroker): ServerRoads | undefined {
  const { system, servers: settings } = broker;
  return system && settings && brokerRoads(settings, { system, application: broker.application ?? broker });
}
