import { inspect } from "node:util";
import { ConfigurationError } from "../errors.js";

/** The longest time that timers count, in ms: 24 days. */
export const LONGEST_TIME = 2 ** 31 - 1;

/** @throws ConfigurationError unless `given` is an object that has only options we know */
export function onlyKnown(name: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== "object" || given === null) {
    throw new ConfigurationError(`${name} takes an object: it has ${known.join(", ")}`);
  }

  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new ConfigurationError(`${name} has no option "${unknown}"; it has ${known.join(", ")}`);
  }
}

/** Whether it is a text that is not empty. */
export function isText(given: unknown): given is string {
  return typeof given === "string" && given !== "";
}

/** Whether it is an array of texts, empty ones included. */
export function isTexts(given: unknown): given is readonly string[] {
  return Array.isArray(given) && given.every((each) => typeof each === "string");
}

/** Whether it is a text on one line, perhaps empty: CONNECT has no escapes for what would break its lines. */
export function isLine(given: unknown): given is string {
  return typeof given === "string" && !/[\r\n\0]/.test(given);
}

/** Whether it is a whole number from 1, up to `most`. */
export function isCount(given: unknown, most = Number.MAX_SAFE_INTEGER): given is number {
  return isWhole(given, 1, most);
}

/** Whether it is a whole number of ms that a timer can count, `least` or more. */
export function isTime(given: unknown, least = 0): given is number {
  return isWhole(given, least, LONGEST_TIME);
}

/** Whether it is how often to beat, in ms: 0 is never, and one below 100 would be offered but not kept. */
export function isHeartBeat(given: unknown): given is number {
  return given === 0 || isTime(given, 100);
}

/** Whether it is a heart-beat offered and one wanted. */
export function areHeartBeats(given: unknown): given is readonly [number, number] {
  return Array.isArray(given) && given.length === 2 && given.every(isHeartBeat);
}

/** The words for a value that `areHeartBeats` lets pass. */
export const HEART_BEATS = "two whole numbers of ms, each 0 or from 100 to 2,147,483,647";

/** @throws ConfigurationError that names the option, unless it is true, false or left out: then `otherwise` */
export function flag(name: string, given: boolean | undefined, otherwise: boolean): boolean {
  if (given === undefined) return otherwise;
  if (typeof given !== "boolean") throw new ConfigurationError(`${name} must be true or false`);
  return given;
}

/** @throws ConfigurationError that names the option, unless it is an array or left out */
export function list<T>(name: string, given: readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw new ConfigurationError(`${name} must be an array`);
  return given;
}

/** @throws ConfigurationError that names the method, unless what is given has all of them or is left out */
export function withMethods<T extends object | undefined>(
  name: string,
  given: T,
  methods: readonly string[],
): T {
  if (given === undefined) return given;

  const missing = methods.find(
    (method) => typeof (given as Record<string, unknown> | null)?.[method] !== "function",
  );
  if (missing !== undefined) {
    throw new ConfigurationError(`${name} has no method ${missing}: it must have ${methods.join(", ")}`);
  }
  return given;
}

/** The error of an option of a function such as `simpleBroker`: what it must be, and what it is. */
export function wrongOption(
  owner: string,
  option: string,
  wanted: string,
  given: unknown,
): ConfigurationError {
  return new ConfigurationError(`${owner}: ${option} must be ${wanted}, not ${inspect(given)}`);
}

function isWhole(given: unknown, least: number, most: number): given is number {
  return Number.isSafeInteger(given) && (given as number) >= least && (given as number) <= most;
}
