import { type BrokerFactory, simpleBroker, stompBrokerRelay } from "express-stomp";

const DESTINATION_PREFIXES = ["/topic"];

/** The outcome of trades reaches a page whose line broke meanwhile; prices it loads anew. */
const NEWS = {
  destinations: ["/user/queue/position-updates", "/user/queue/errors"],
  size: 100,
  ttl: 600_000,
};

/**
 * Gives the simple broker, for one server; or the relay to the broker at `stomp://login:passcode@host:port`,
 * for as many servers as one likes.
 *
 * @param secret what the servers know, and nobody else
 */
export function brokerAt(url: string | undefined, secret: string): BrokerFactory {
  if (url === undefined) return simpleBroker({ destinationPrefixes: DESTINATION_PREFIXES, history: NEWS });

  const { protocol, hostname, port, username, password } = new URL(url);
  if (protocol !== "stomp:") {
    throw new Error(`BROKER_URL is stomp://login:passcode@host:61613: it cannot be ${protocol}//…`);
  }
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
