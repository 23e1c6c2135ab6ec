import type { Request } from "express";
import { ConfigurationError, type Principal } from "../index.js";
import type { InspectorPermission } from "./page/answers.js";

/** Options of `inspector`. */
export interface InspectorOptions {
  /**
   * Decides what the person who makes a request may do: `true` is to look, `false` is nothing, and a list says it all.
   * `look` shows everything but bodies; `payloads` shows bodies in a tap; `disconnect`, `unsubscribe` and `send` act.
   * There is no default: the application has a login, and knows its staff.
   */
  readonly allow: (
    req: Request,
  ) => boolean | readonly InspectorPermission[] | Promise<boolean | readonly InspectorPermission[]>;
  /** Gives the name of the person who makes a request, for the log of acts. @default `req.user`'s `name`, else its `username` */
  readonly userOf?: (req: Request) => string | undefined;
  /**
   * Finds a user by name who is not connected, for *who may hear this?*: with roles, as rules want to see them.
   *
   * @default a user who is connected as that session brought it; of others nothing but the name
   */
  readonly findUser?: (name: string) => Principal | undefined | null | Promise<Principal | undefined | null>;
  /** Whether people of whom no name is known may come in, if `allow` lets them: where something else than a login stands in front. @default false */
  readonly unprotected?: boolean;
  /** Names of headers whose values a tap masks, beside those of credentials. @default none */
  readonly maskedHeaders?: readonly string[];
  /** Limits of taps. */
  readonly taps?: InspectorTapOptions;
}

/** Limits of the inspector's taps. */
export interface InspectorTapOptions {
  /** How many there may be at a time, of all people together. @default 5 */
  readonly limit?: number;
  /** How long one lasts, in ms. @default 600000 */
  readonly duration?: number;
  /** How many frames one shows in a second; it says how many it left out. @default 200 */
  readonly framesPerSecond?: number;
  /** How many bytes of a body are shown. @default 4096 */
  readonly bodyLimit?: number;
}

/** The options with nothing left open. */
export interface InspectorSettings extends Omit<InspectorOptions, "taps" | "userOf"> {
  readonly userOf: (req: Request) => string | undefined;
  readonly unprotected: boolean;
  /** In lower case. */
  readonly masked: ReadonlySet<string>;
  readonly taps: Required<InspectorTapOptions>;
}

const KNOWN = ["allow", "userOf", "findUser", "unprotected", "maskedHeaders", "taps"];
const TAPS = { limit: 5, duration: 600_000, framesPerSecond: 200, bodyLimit: 4_096 };

/** @throws ConfigurationError when an option is missing, not known, or makes no sense */
export function inspectorSettings(options: InspectorOptions): InspectorSettings {
  onlyKnown("inspector", options, KNOWN);
  const { allow, userOf = userOfLogin, findUser, unprotected = false, maskedHeaders = [] } = options;
  if (typeof allow !== "function") {
    throw new ConfigurationError(
      "inspector needs allow: it shows who is connected and what they send. Mount it behind the application's login, " +
        'and say who of those may look: inspector(messaging, { allow: (req) => req.user?.role === "staff" })',
    );
  }
  for (const [name, given] of Object.entries({ userOf, findUser })) {
    if (given !== undefined && typeof given !== "function")
      throw new ConfigurationError(`inspector: ${name} must be a function`);
  }
  if (typeof unprotected !== "boolean") {
    throw new ConfigurationError("inspector: unprotected must be true or false");
  }
  if (!Array.isArray(maskedHeaders) || !maskedHeaders.every((name) => typeof name === "string")) {
    throw new ConfigurationError("inspector: maskedHeaders must be an array of names of headers");
  }
  const taps = options.taps ?? {};
  onlyKnown("taps of inspector", taps, Object.keys(TAPS));
  for (const [name, given] of Object.entries(taps)) {
    if (given !== undefined && !(Number.isSafeInteger(given) && given > 0 && given < 2 ** 31)) {
      throw new ConfigurationError(`inspector: taps.${name} must be a whole number from 1`);
    }
  }
  return {
    allow,
    userOf,
    ...(findUser && { findUser }),
    unprotected,
    masked: new Set(maskedHeaders.map((name: string) => name.toLowerCase())),
    taps: { ...TAPS, ...Object.fromEntries(Object.entries(taps).filter(([, given]) => given !== undefined)) },
  };
}

function onlyKnown(what: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== "object" || given === null) {
    throw new ConfigurationError(`${what} takes an object: it has ${known.join(", ")}`);
  }
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ConfigurationError(`${what} has no option "${unknown}"; it has ${known.join(", ")}`);
}

function userOfLogin(req: Request): string | undefined {
  const { name, username } = ((req as { user?: unknown }).user ?? {}) as {
    name?: unknown;
    username?: unknown;
  };
  return [name, username].find((each): each is string => typeof each === "string" && each !== "");
}
