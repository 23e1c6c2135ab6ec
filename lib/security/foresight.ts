import type { DestinationPattern } from "../destination/pattern.js";
import { commonVariables } from "../destination/reach.js";
import { createMessage, NO_PAYLOAD, type Principal, type SimpMessageType } from "../message/message.js";
import { type AuthoritiesOf, type Authorization, isAllowed } from "./authorization.js";

/** The verdict before a message is there; `depends`: on its variables, on which of several destinations it is for, or on what an application's function finds in it. */
export type Foresight = "yes" | "no" | "depends";

/** A message that may come. */
export interface Foreseen {
  readonly user: Principal | undefined;
  readonly type: SimpMessageType;
  /** Where it may go; `undefined` if it has no destination. */
  readonly reach: DestinationPattern | undefined;
  readonly authoritiesOf: AuthoritiesOf | undefined;
}

/**
 * Tells whether an authorization would let such messages pass. Rejects with what
 * `authoritiesOf` throws; an `access(…)` that fails on a message that is only thought of has not decided.
 *
 * @param pattern of the rule, whose variables an `access(…)` is given
 */
export async function foresee(
  authorization: Authorization,
  pattern: DestinationPattern | undefined,
  { user, type, reach, authoritiesOf }: Foreseen,
): Promise<Foresight> {
  const isOne = reach === undefined || !reach.isPattern;
  const message = createMessage(NO_PAYLOAD, { messageType: type, destination: reach?.text, user });
  if (authorization.kind !== "access") {
    return (await isAllowed(authorization, { message, variables: NO_VARIABLES, authoritiesOf })) === true
      ? "yes"
      : "no";
  }
  if (!isOne) return "depends";
  const variables = pattern && reach ? commonVariables(pattern, reach) : NO_VARIABLES;
  try {
    return (await isAllowed(authorization, { message, variables, authoritiesOf })) === true ? "yes" : "no";
  } catch {
    return "depends";
  }
}

/** Gives what several say, each of a part of the destinations. */
export function anyOf(foresights: readonly Foresight[]): Foresight {
  const [first = "no"] = foresights;
  return foresights.every((each) => each === first) ? first : "depends";
}

/** Gives what several say together, each of which has to let a message pass. */
export function allOf(foresights: readonly Foresight[]): Foresight {
  if (foresights.includes("no")) return "no";
  return foresights.includes("depends") ? "depends" : "yes";
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();
