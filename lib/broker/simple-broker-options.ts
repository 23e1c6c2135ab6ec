import { inspect } from "node:util";
import { ConfigurationError, onlyKnown } from "../errors.js";

/** What an application may set on `simpleBroker`. */
export interface SimpleBrokerOptions {
  /** Destinations that start with one of these are the broker's. Default: all are. */
  destinationPrefixes?: readonly string[];
  /** How often the broker offers to send a heart-beat [0] and wants to hear one [1], in ms from 100; 0 is never. Default 10,000 both. */
  heartbeatValue?: readonly [number, number];
  /** How many subscriptions a session may have. Default 1,000. */
  subscriptionLimit?: number;
}

/** Fills in the defaults. @throws ConfigurationError that names the option which makes no sense */
export function checkSimpleBrokerOptions(options: SimpleBrokerOptions): Required<SimpleBrokerOptions> {
  onlyKnown("simpleBroker", options, ["destinationPrefixes", "heartbeatValue", "subscriptionLimit"]);
  const { destinationPrefixes = [], heartbeatValue = [10_000, 10_000], subscriptionLimit = 1000 } = options;

  if (!Array.isArray(destinationPrefixes) || !destinationPrefixes.every(isText)) {
    throw wrong("destinationPrefixes", "an array of texts that are not empty", destinationPrefixes);
  }
  if (!Array.isArray(heartbeatValue) || heartbeatValue.length !== 2 || !heartbeatValue.every(isInterval)) {
    throw wrong(
      "heartbeatValue",
      "two whole numbers of ms, each 0 or from 100 to 2,147,483,647",
      heartbeatValue,
    );
  }
  if (!Number.isSafeInteger(subscriptionLimit) || subscriptionLimit < 1) {
    throw wrong("subscriptionLimit", "a whole number from 1", subscriptionLimit);
  }
  return {
    destinationPrefixes: [...destinationPrefixes],
    heartbeatValue: [heartbeatValue[0], heartbeatValue[1]],
    subscriptionLimit,
  };
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** Timers take no longer interval, and a shorter one would be offered but not kept. */
function isInterval(value: unknown): boolean {
  if (!Number.isSafeInteger(value)) return false;
  return value === 0 || ((value as number) >= 100 && (value as number) <= 0x7fff_ffff);
}

function wrong(option: string, wanted: string, value: unknown): ConfigurationError {
  return new ConfigurationError(`simpleBroker: ${option} must be ${wanted}, not ${inspect(value)}`);
}
