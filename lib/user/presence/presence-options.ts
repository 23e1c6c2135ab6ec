import {
  type DestinationPattern,
  type DestinationSeparator,
  parsePattern,
} from "../../destination/pattern.js";
import { ConfigurationError, DestinationPatternError } from "../../errors.js";
import type { Principal } from "../../message/message.js";
import { isCount, isTexts, isTime, onlyKnown, wrongOption } from "../../options/checks.js";

/** A session, as `presence.info` is told of it. */
export interface PresentSession {
  readonly sessionId: string;
  readonly sessionAttributes: ReadonlyMap<string, unknown>;
}

/**
 * The destinations at which users are told to be, and how.
 *
 * @example
 * ```ts
 * stompMessaging({
 *   endpoints,
 *   presence: {
 *     destinations: ["/topic/room/*"],
 *     info: (user, { sessionAttributes }) => ({ device: sessionAttributes.get("device") }),
 *     visible: ({ name }) => name !== "admin",
 *   },
 * });
 * ```
 */
export interface PresenceOptions {
  /**
   * Destinations, or patterns of them, whose subscribers are told at `<destination>/presence`. Topics of the broker; of
   * queues and of users' own destinations there is no presence. @default [] only the events `userOnline` and `userOffline`
   */
  destinations?: readonly string[];
  /**
   * Gives what is told of a user beside the name, of each session: a value that JSON can say, in 1 KiB at most; `undefined` is
   * nothing. Everybody who may subscribe to the destination reads it. Asked when a session has connected, has brought a
   * new token, and at `recheck`. @default nothing
   */
  info?(user: Principal, session: PresentSession): unknown;
  /** Milliseconds that somebody whose line was lost may be away before being told as gone. 0 tells it at once. @default 10000 */
  goneAfter?: number;
  /** Milliseconds in which changes are gathered: a destination is told at most so often. @default 250 */
  gather?: number;
  /** Users in one destination who are told by name. Beyond that numbers only, at most each second. @default 1000 */
  namesLimit?: number;
  /**
   * Whether a user is shown to those who watch a destination. Asked when one of the user's sessions subscribes to it, and
   * at `recheck`. @default everybody is
   */
  visible?(user: Principal, destination: string): boolean;
  /** The last segment of the destinations at which presence is told. @default "presence" */
  suffix?: string;
}

/** The same with nothing left open. */
export interface PresenceSettings extends Readonly<Required<Omit<PresenceOptions, "info" | "visible">>> {
  readonly info: PresenceOptions["info"];
  readonly visible: PresenceOptions["visible"];
}

const KNOWN = {
  destinations: true,
  info: true,
  goneAfter: true,
  gather: true,
  namesLimit: true,
  visible: true,
  suffix: true,
} satisfies Record<keyof PresenceOptions, true>;

/** @throws ConfigurationError that names the option at fault */
export function presenceSettings(given: PresenceOptions): PresenceSettings {
  onlyKnown("presence", given, Object.keys(KNOWN));
  const { destinations = [], info, visible, suffix = "presence" } = given;
  const { goneAfter = 10_000, gather = 250, namesLimit = 1_000 } = given;
  if (!isTexts(destinations))
    throw wrong("destinations", 'an array of texts such as "/topic/room/*"', destinations);
  for (const [name, value] of Object.entries({ info, visible })) {
    if (value !== undefined && typeof value !== "function")
      throw wrong(name, "a function of the user", value);
  }
  if (!isTime(goneAfter)) throw wrong("goneAfter", "a whole number of ms from 0 to 2,147,483,647", goneAfter);
  if (!isTime(gather, 1)) throw wrong("gather", "a whole number of ms from 1 to 2,147,483,647", gather);
  if (!isCount(namesLimit)) throw wrong("namesLimit", "a whole number above 0", namesLimit);
  if (typeof suffix !== "string" || !/^[^\s/.?*{}#>,:\\]+$/.test(suffix)) {
    throw wrong("suffix", 'one segment without wildcards, such as "presence"', suffix);
  }
  return { destinations, info, goneAfter, gather, namesLimit, visible, suffix };
}

/** Reads `presence.destinations`. @throws ConfigurationError that names the text at fault */
export function presencePatterns(
  { destinations, suffix }: Pick<PresenceSettings, "destinations" | "suffix">,
  separator: DestinationSeparator,
): DestinationPattern[] {
  return destinations.map((text) => {
    if (text === "" || text.endsWith(`${separator}${suffix}`)) {
      throw wrong(
        "destinations",
        `destinations whose subscribers are told, without ${separator}${suffix}`,
        text,
      );
    }
    try {
      return parsePattern(text, { separator });
    } catch (error) {
      if (!(error instanceof DestinationPatternError)) throw error;
      throw new ConfigurationError(`presence: ${text} is no destination: ${error.message}`, { cause: error });
    }
  });
}

function wrong(option: string, wanted: string, given: unknown): ConfigurationError {
  return wrongOption("presence", option, wanted, given);
}
