import { ConfigurationError } from "../errors.js";
import { flag, isTime } from "../options/checks.js";
import type { Backplane } from "./backplane.js";
import { EXPIRATION, SHORTEST_SECRET } from "./settings.js";

/** A backplane, and how the servers on it trust each other. */
export interface BackplaneOptions {
  backplane?: Backplane;
  secret?: string | undefined;
  trusted?: boolean;
  registryExpirationPeriod?: number;
}

/** Their names. */
export const BACKPLANE_OPTIONS: readonly (keyof BackplaneOptions)[] = [
  "backplane",
  "secret",
  "trusted",
  "registryExpirationPeriod",
];

/** The options with nothing left open. */
export interface BackplaneSettings {
  readonly backplane: Backplane;
  /** `undefined` where everybody is trusted who can write there. */
  readonly secret: string | undefined;
  readonly registryExpirationPeriod: number;
}

/**
 * @param owner the function that has the options; errors begin with it
 * @throws ConfigurationError that names the option which makes no sense, and no secret
 */
export function backplaneSettings(
  owner: string,
  options: BackplaneOptions,
  queuePrefixes: readonly string[] = [],
): BackplaneSettings | undefined {
  const { backplane, secret, registryExpirationPeriod = EXPIRATION } = options;
  const wrong = (text: string) => new ConfigurationError(`${owner}: ${text}`);
  if (backplane === undefined) {
    const alone = BACKPLANE_OPTIONS.find((name) => options[name] !== undefined);
    if (alone === undefined) return undefined;
    throw wrong(`${alone} is for servers on a backplane: name that too`);
  }

  const isBackplane = ["publish", "subscribe", "close"].every(
    (name) => typeof (backplane as unknown as Record<string, unknown> | null)?.[name] === "function",
  );
  if (!isBackplane) throw wrong("backplane takes what a driver makes: this is no backplane");
  if (queuePrefixes.length > 0) {
    throw wrong(
      `queuePrefixes ${queuePrefixes.join(", ")} cannot be served with a backplane. A queue gives each message to one ` +
        "consumer, and no server knows those of the others: queues need one server without a backplane, or a STOMP broker (stompBrokerRelay)",
    );
  }
  const isTrusted = flag(`${owner}: trusted`, options.trusted, false);
  if (isTrusted && secret !== undefined) {
    throw wrong("secret and trusted exclude each other: with trusted nothing is sealed");
  }
  if (!isTrusted && (typeof secret !== "string" || secret.length < SHORTEST_SECRET)) {
    throw wrong(
      `secret must be a text of ${SHORTEST_SECRET} characters or more, the same on all servers of the backplane; ` +
        "or say trusted: true, if nobody else can write there",
    );
  }
  if (!isTime(registryExpirationPeriod, 100)) {
    throw wrong("registryExpirationPeriod must be a whole number of ms from 100 to 2,147,483,647");
  }
  return { backplane, secret: isTrusted ? undefined : secret, registryExpirationPeriod };
}

const taken = new WeakSet<Backplane>();

/** Takes a backplane for one broker. @throws ConfigurationError when it has one */
export function takeBackplane(owner: string, backplane: Backplane): void {
  if (taken.has(backplane)) {
    throw new ConfigurationError(
      `${owner}: the backplane ${backplane.name} serves another broker of this process: make one for each`,
    );
  }
  taken.add(backplane);
}
