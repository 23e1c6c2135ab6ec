import type { DestinationPattern } from "../destination/pattern.js";
import { LimitExceededError, refusal } from "../errors.js";
import { printable } from "../logger.js";
import type { MessageHeaders } from "../message/message.js";
import type { NativeHeaders } from "../message/native-headers.js";
import type { AckMode } from "./ack-window.js";
import type { BrokerDestinations } from "./broker-destinations.js";
import type { BrokerSession } from "./broker-session.js";
import { Consumer, type ConsumerContext } from "./consumer.js";
import { Selector } from "./selector/selector.js";

/** How many patterns of a session may have to be looked for in all of a destination. */
const PATTERN_SEARCH_LIMIT = 100;
/** How many subscriptions of a session may choose: each is asked for every message. */
const SELECTOR_LIMIT = 100;
/** How many LIKEs in them may have to read all of a header. */
const SEARCH_LIMIT = 100;

export interface SubscribeContext {
  readonly destinations: BrokerDestinations;
  readonly consumers: ConsumerContext;
  readonly options: {
    readonly subscriptionLimit: number;
    readonly selectorHeaderName: string | undefined;
  };
}

/**
 * Makes the consumer that a SUBSCRIBE asks for, and gives it to its session.
 *
 * @throws MessageDeliveryError when it cannot be
 * @throws LimitExceededError when the session has too many
 */
export function subscribe(
  headers: MessageHeaders,
  session: BrokerSession<Consumer> | undefined,
  { destinations, consumers, options }: SubscribeContext,
): Consumer {
  const { subscriptionId: id, destination = "", privateTo, native } = headers;
  if (id === undefined) throw refusal("A subscription needs an id");

  const limit = options.subscriptionLimit;
  if (!session || session.hasEnded) throw refusal("Only a connected session can subscribe");
  const others = session.consumers;
  if (others.size >= limit) throw new LimitExceededError("Session", "subscriptionLimit", limit);

  const consumer = {
    id,
    pattern: patternOf(destination, destinations, others),
    isPrivate: privateTo !== undefined,
    selector: selectorOf(headers, options.selectorHeaderName, others),
    ack: ackModeOf(native),
  };
  if (others.has(id)) throw refusal(`The subscription id ${printable(id)} is in use`);
  const made = new Consumer(session, consumer, consumers);
  others.set(id, made);
  return made;
}

function patternOf(
  destination: string,
  destinations: BrokerDestinations,
  others: ReadonlyMap<string, Consumer>,
): DestinationPattern {
  const pattern = destinations.pattern(destination);
  if (!pattern.searches) return pattern;

  let searches = 1;
  for (const other of others.values()) if (other.pattern.searches) searches++;
  if (searches > PATTERN_SEARCH_LIMIT) {
    throw new LimitExceededError("Session", "patternSearchLimit", PATTERN_SEARCH_LIMIT);
  }
  return pattern;
}

function ackModeOf(native: NativeHeaders): AckMode | undefined {
  const mode = native.get("ack") ?? "auto";
  if (mode === "auto") return undefined;
  if (mode !== "client" && mode !== "client-individual") {
    throw refusal(`The ack mode ${printable(mode)} is unknown`);
  }
  const prefetch = native.get("prefetch-count");
  if (prefetch !== undefined && !/^[0-9]{1,9}$/.test(prefetch)) {
    throw refusal(`prefetch-count must be a whole number, not ${printable(prefetch)}`);
  }
  return {
    cumulative: mode === "client",
    // 0 is no limit, as for RabbitMQ.
    prefetch: prefetch === undefined ? undefined : Number(prefetch) || Number.POSITIVE_INFINITY,
  };
}

function selectorOf(
  { native }: MessageHeaders,
  headerName: string | undefined,
  others: ReadonlyMap<string, Consumer>,
): Selector | undefined {
  const condition = headerName === undefined ? undefined : native.get(headerName);
  if (condition === undefined) return undefined;

  let count = 1;
  let searches = 0;
  for (const { selector } of others.values()) {
    if (!selector) continue;
    count++;
    searches += selector.searches;
  }
  if (count > SELECTOR_LIMIT) throw new LimitExceededError("Session", "selectorLimit", SELECTOR_LIMIT);
  const selector = Selector.parse(condition);
  if (searches + selector.searches > SEARCH_LIMIT) {
    throw new LimitExceededError("Session", "selectorSearchLimit", SEARCH_LIMIT);
  }
  return selector;
}
