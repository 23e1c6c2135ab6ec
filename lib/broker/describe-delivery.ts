import type { DeliveryDescription } from "../destination/delivery-description.js";
import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import { overlaps } from "../destination/reach.js";
import type { BrokerDestinations } from "./broker-destinations.js";
import type { ResolvedSimpleBrokerOptions } from "./simple-broker-options.js";
import { readPattern } from "./topic-patterns.js";

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
