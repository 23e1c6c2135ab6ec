import { type Backplane, type BrokerFactory, simpleBroker, stompBrokerRelay } from "express-stomp";
import { redisStreams } from "express-stomp/redis";
import { createClient } from "redis";

const DESTINATION_PREFIXES = ["/topic"];

/** The outcome of trades reaches a page whose line broke meanwhile; prices it loads anew. */
const NEWS = {
  destinations: ["/user/queue/position-updates", "/user/queue/errors"],
  size: 100,
  ttl: 600_000,
};

export interface PortfolioBroker {
  readonly broker: BrokerFactory;
  /** Decides how rules read destinations. */
  readonly kind: "simple" | "relay";
  /** Tells the other servers of logins that are over, where they have a backplane; a relay's have their broker for that. */
  readonly logouts?: Backplane;
}

/**
 * Gives the simple broker, for one server; for as many servers as one likes the same over the Redis at
 * `redis://host:6379`, or the relay to the broker at `stomp://login:passcode@host:port`.
 *
 * @param secret what the servers know, and nobody else
 */
export function brokerAt(url: string | undefined, secret: string): PortfolioBroker {
  if (url === undefined)
    return {
      broker: simpleBroker({ destinationPrefixes: DESTINATION_PREFIXES, history: NEWS }),
      kind: "simple",
    };
  if (/^rediss?:/.test(url)) return onRedis(url, secret);
  if (/^stomp:/.test(url)) return { broker: relayTo(url, secret), kind: "relay" };
  throw new Error(
    `BROKER_URL is stomp://login:passcode@host:61613 or redis://host:6379: it cannot be ${new URL(url).protocol}//…`,
  );
}

function onRedis(url: string, secret: string): PortfolioBroker {
  // Never connected: the backplanes open connections of their own by it.
  const client = createClient({ url });
  return {
    broker: simpleBroker({
      destinationPrefixes: DESTINATION_PREFIXES,
      history: NEWS,
      backplane: redisStreams({ client, stream: "portfolio" }),
      secret,
    }),
    kind: "simple",
    logouts: redisStreams({ client, stream: "portfolio.logouts", maxLength: 100 }),
  };
}

function relayTo(url: string, secret: string): BrokerFactory {
  const { hostname, port, username, password } = new URL(url);
  const [login, passcode] = [username, password].map(decodeURIComponent) as [string, string];
  return stompBrokerRelay({
    destinationPrefixes: DESTINATION_PREFIXES,
    relayHost: hostname,
    relayPort: Number(port || 61613),
    clientLogin: login,
    clientPasscode: passcode,
    systemLogin: login,
    systemPasscode: passcode,
    userDestinationBroadcast: "/topic/portfolio.users",
    userRegistryBroadcast: "/topic/portfolio.registry",
    secret,
  });
}
