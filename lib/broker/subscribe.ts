import { LimitExceededError } from "../errors.js";
import { printable } from "../logger.js";
import type { MessageHeaders } from "../message/message.js";
import type { Acknowledgements } from "./acknowledgements.js";
import type { BrokerDestinations } from "./broker-destinations.js";
import { refusal } from "./refusal.js";
import { Selector } from "./selector/selector.js";
import { Subscription, type SubscriptionRegistry } from "./subscription-registry.js";

/** How many subscriptions of a session may choose: each is asked for every message. */
const SELECTOR_LIMIT = 100;
/** How many LIKEs in them may have to read all of a header. */
const SEARCH_LIMIT = 100;

export interface SubscribeContext {
  readonly subscriptions: SubscriptionRegistry;
  readonly destinations: BrokerDestinations;
  readonly acknowledgements: Acknowledgements;
  readonly options: {
    readonly subscriptionLimit: number;
    readonly selectorHeaderName: string | undefined;
  };
}

/**
 * Adds the subscription that a SUBSCRIBE asks for.
 *
 * @throws MessageDeliveryError when it cannot be
 * @throws LimitExceededError when the session has too many
 */
export function subscribe(
  headers: MessageHeaders,
  { subscriptions, destinations, acknowledgements, options }: SubscribeContext,
): Subscription {
  const { sessionId = "", subscriptionId, destination = "", privateTo } = headers;
  if (subscriptionId === undefined) throw refusal("A subscription needs an id");

  const others = subscriptions.ofSession(sessionId);
  const limit = options.subscriptionLimit;
  if (!others) throw refusal("Only a connected session can subscribe");
  if (others.size >= limit) throw new LimitExceededError("Session", "subscriptionLimit", limit);

  const subscription = new Subscription({
    sessionId,
    id: subscriptionId,
    pattern: destinations.pattern(destination),
    isPrivate: privateTo !== undefined,
    selector: selectorOf(headers, options.selectorHeaderName, others),
    window: acknowledgements.open(headers),
  });
  if (!subscriptions.add(subscription)) {
    throw refusal(`The subscription id ${printable(subscriptionId)} is in use`);
  }
  return subscription;
}

function selectorOf(
  { native }: MessageHeaders,
  headerName: string | undefined,
  others: ReadonlyMap<string, Subscription>,
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
