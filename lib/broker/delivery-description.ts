import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import { overlaps } from "../destination/reach.js";
import type { BrokerDestinations } from "./broker-destinations.js";
import type { ResolvedSimpleBrokerOptions } from "./simple-broker-options.js";
import { readPattern } from "./topic-patterns.js";

/** How the simple broker delivers what is sent to a destination; of a pattern, to some destination that fits it. */
export interface DeliveryDescription {
  /** Whether each message goes to one of the subscribers. */
  readonly isQueue: boolean;
  /** Whether a new subscriber is given the newest message at once. */
  readonly isRetained: boolean;
  /** Set if messages are kept for those who come back with `since`: how many, and for how many ms. */
  readonly history: { readonly size: number; readonly ttl: number } | undefined;
  /** Set if only the newest message goes out, every so many ms. */
  readonly conflatedEvery: number | undefined;
  /** The header of SUBSCRIBE that chooses among messages, if one does. */
  readonly selectorHeaderName: string | undefined;
}

/** Tells what the options say of a destination, or of a pattern. */
export function describeDelivery(
  reach: DestinationPattern,
  options: ResolvedSimpleBrokerOptions,
  destinations: BrokerDestinations,
): DeliveryDescription {
  const fitsOne = (patterns: readonly string[]) => fits(patterns, reach, destinations.separator);
  const kept = options.history.find((each) => fitsOne(each.destinations));
  return {
    isQueue: reach.isPattern
      ? destinations.mayBeQueues(reach)
      : destinations.isQueue({ destination: reach.text }),
    isRetained: fitsOne(options.retainLast),
    history: kept && { size: kept.size, ttl: kept.ttl },
    conflatedEvery: options.conflate.find((each) => fitsOne(each.destinations))?.every,
    selectorHeaderName: options.selectorHeaderName,
  };
}

function fits(
  patterns: readonly string[],
  reach: DestinationPattern,
  separator: DestinationSeparator,
): boolean {
  return patterns.some((text) => overlaps(readPattern("", text, separator), reach));
}
