import { isUnder } from "../destination/prefix.js";
import type { ConfigurationError } from "../errors.js";
import { areHeartBeats, HEART_BEATS, isCount, isText, onlyKnown, wrongOption } from "../options/checks.js";
import type { Backplane } from "../servers/backplane.js";
import {
  BACKPLANE_OPTIONS,
  type BackplaneSettings,
  backplaneSettings,
} from "../servers/backplane-settings.js";
import { type ConflationOptions, checkConflation } from "./conflation-options.js";
import { checkHistory, type HistoryOptions } from "./history/history-options.js";
import type { QueueOverflowStrategy } from "./queues.js";

/** Options of `simpleBroker`. */
export interface SimpleBrokerOptions {
  /** Destinations under one of these are the broker's (`/topic` has `/topic/a` and `/topic.a`, not `/topics`), unless a prefix of the application has them. Default: all that are not the controllers'. */
  destinationPrefixes?: readonly string[];
  /** How often the broker offers to send a heart-beat [0] and wants to hear one [1], in ms from 100; 0 is never. Default 10,000 both. */
  heartbeatValue?: readonly [number, number];
  /** How many subscriptions a session may have. Default 1,000. */
  subscriptionLimit?: number;
  /** How many deliveries a session may have unacknowledged: of queues, and of topics. Default 1,000 each. */
  unacknowledgedLimit?: number;
  /**
   * How many messages of queues a subscription may have unacknowledged whose
   * SUBSCRIBE has no `prefetch-count`; 0 is no limit but the session's. Default 100.
   */
  prefetchCount?: number;
  /**
   * Bytes that may wait in a session's open transactions: messages with their
   * headers, ACKs and NACKs, each with what it takes in memory. Default 1 MiB.
   */
  transactionSizeLimit?: number;
  /** Destinations under one of these are queues: each message goes to one of the subscribers. Default: none. */
  queuePrefixes?: readonly string[];
  /** How many messages may wait in a queue while nobody takes them. Default 1,000. */
  backlogLimit?: number;
  /**
   * Bytes that all queues may hold, in messages that wait or are not
   * acknowledged: payloads and headers, and what each message and each queue
   * takes in memory by itself (about 0.5 KiB). Default 16 MiB. The client with most of
   * what waits loses first; one session has half of it unacknowledged at most.
   */
  backlogSizeLimit?: number;
  /**
   * The way out when a queue is full, or all together are: the oldest message goes of the client that has sent most
   * of what waits, or a new one is refused. Default `drop-oldest`.
   */
  overflowStrategy?: QueueOverflowStrategy;
  /**
   * How often a message may fail: it is NACKed, or it is what a subscription had not acknowledged for longest when its
   * session ended. Default 5.
   */
  deliveryAttempts?: number;
  /** Where a queue's message goes after that. Default: nowhere; it is dropped. */
  deadLetterDestination?: string;
  /** Patterns of destinations, not queues, whose newest message a new subscriber gets at once. Default: none. */
  retainLast?: readonly string[];
  /** How many destinations may have such a message; beyond, the one set longest ago is dropped: `messageDropped`. Default 1,000. */
  retainedLimit?: number;
  /** Bytes that these messages may take, with their headers. Beyond, the same. Default 16 MiB. */
  retainedSizeLimit?: number;
  /** Destinations whose messages are kept for those who come back; of several entries the first that fits counts. Default: none. */
  history?: HistoryOptions | readonly HistoryOptions[];
  /**
   * Bytes that all kept messages may take, with their headers and what each takes in memory. Beyond, the oldest go of
   * the destination that was published to longest ago. Default 16 MiB.
   */
  historySizeLimit?: number;
  /** How many missed messages one SUBSCRIBE may get; who has missed more is told to load anew. Default 300. */
  replayLimit?: number;
  /**
   * Topics of which subscribers hear the newest message only, every so often; of several entries the first that fits
   * counts. Default: none.
   */
  conflate?: readonly ConflationOptions[];
  /**
   * Bytes that messages which wait for that may take, with what each takes in memory. Beyond, messages go out at once.
   * Default 16 MiB.
   */
  conflationSizeLimit?: number;
  /**
   * Joins this server with the others on it, so that a message to a topic or a user reaches the subscribers of all: it is
   * fanned out when it comes back, here too, in one order everywhere. One backplane serves one broker. Default: none;
   * this server is alone.
   */
  backplane?: Backplane;
  /** The secret that only the servers know, 16 characters or more, the same for all: what they say on the backplane is sealed with it. Needed with `backplane`. */
  secret?: string | undefined;
  /** Whether whoever can write on the backplane is believed, in place of a `secret`: nothing is sealed then. Default: false. */
  trusted?: boolean;
  /** How long a server on the backplane may be silent until it counts as gone, in ms. Default 20,000. */
  registryExpirationPeriod?: number;
  /** The header of SUBSCRIBE that chooses among messages, by SQL-92 as in JMS. Default: none does. */
  selectorHeaderName?: string;
}

/** The options with nothing left open. */
export interface ResolvedSimpleBrokerOptions
  extends Required<
    Omit<
      SimpleBrokerOptions,
      | "deadLetterDestination"
      | "selectorHeaderName"
      | "history"
      | "backplane"
      | "secret"
      | "trusted"
      | "registryExpirationPeriod"
    >
  > {
  readonly deadLetterDestination: string | undefined;
  readonly selectorHeaderName: string | undefined;
  readonly history: readonly HistoryOptions[];
  readonly backplane: BackplaneSettings | undefined;
}

const COUNTS = {
  subscriptionLimit: 1000,
  unacknowledgedLimit: 1000,
  transactionSizeLimit: 1024 * 1024,
  backlogLimit: 1000,
  backlogSizeLimit: 16 * 1024 * 1024,
  deliveryAttempts: 5,
  retainedLimit: 1000,
  retainedSizeLimit: 16 * 1024 * 1024,
  historySizeLimit: 16 * 1024 * 1024,
  replayLimit: 300,
  conflationSizeLimit: 16 * 1024 * 1024,
};

const KNOWN = [
  "destinationPrefixes",
  "heartbeatValue",
  ...Object.keys(COUNTS),
  "prefetchCount",
  "queuePrefixes",
  "overflowStrategy",
  "deadLetterDestination",
  "retainLast",
  "history",
  "conflate",
  "selectorHeaderName",
  ...BACKPLANE_OPTIONS,
];

/** Fills in the defaults. @throws ConfigurationError that names the option which makes no sense */
export function checkSimpleBrokerOptions(options: SimpleBrokerOptions): ResolvedSimpleBrokerOptions {
  onlyKnown("simpleBroker", options, KNOWN);
  const { heartbeatValue = [10_000, 10_000], overflowStrategy = "drop-oldest" } = options;
  const { deadLetterDestination, selectorHeaderName, prefetchCount = 100 } = options;

  if (!areHeartBeats(heartbeatValue)) throw wrong("heartbeatValue", HEART_BEATS, heartbeatValue);
  if (prefetchCount !== 0 && !isCount(prefetchCount)) {
    throw wrong("prefetchCount", "a whole number from 0", prefetchCount);
  }
  if (overflowStrategy !== "drop-oldest" && overflowStrategy !== "reject") {
    throw wrong("overflowStrategy", '"drop-oldest" or "reject"', overflowStrategy);
  }
  if (selectorHeaderName !== undefined && !isText(selectorHeaderName)) {
    throw wrong("selectorHeaderName", "the name of a header", selectorHeaderName);
  }

  const destinationPrefixes = texts("destinationPrefixes", "texts", options.destinationPrefixes);
  const queuePrefixes = texts("queuePrefixes", "texts", options.queuePrefixes);
  const ours = [...destinationPrefixes, ...queuePrefixes];
  if (
    deadLetterDestination !== undefined &&
    (!isText(deadLetterDestination) ||
      (destinationPrefixes.length > 0 && !ours.some((prefix) => isUnder(prefix, deadLetterDestination))))
  ) {
    throw wrong("deadLetterDestination", "a destination of this broker", deadLetterDestination);
  }

  return {
    destinationPrefixes,
    heartbeatValue: [heartbeatValue[0], heartbeatValue[1]],
    ...counts(options),
    prefetchCount,
    queuePrefixes,
    overflowStrategy,
    deadLetterDestination,
    retainLast: texts("retainLast", "patterns", options.retainLast),
    history: checkHistory(options.history),
    conflate: checkConflation(options.conflate),
    backplane: backplaneSettings("simpleBroker", options, queuePrefixes),
    selectorHeaderName,
  };
}

function counts(options: SimpleBrokerOptions): typeof COUNTS {
  const resolved = { ...COUNTS };
  for (const name of Object.keys(COUNTS) as (keyof typeof COUNTS)[]) {
    const { [name]: value = COUNTS[name] } = options;
    if (!isCount(value)) throw wrong(name, "a whole number from 1", value);
    resolved[name] = value;
  }
  return resolved;
}

function texts(option: string, what: string, given: readonly string[] = []): readonly string[] {
  if (!Array.isArray(given) || !given.every(isText)) {
    throw wrong(option, `an array of ${what} that are not empty`, given);
  }
  return [...given];
}

function wrong(option: string, wanted: string, given: unknown): ConfigurationError {
  return wrongOption("simpleBroker", option, wanted, given);
}
