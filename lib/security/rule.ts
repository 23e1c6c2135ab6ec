import type { DestinationPattern } from "../destination/pattern.js";
import { covers } from "../destination/reach.js";
import type { AccessDeniedError } from "../errors.js";
import type { SimpMessageType } from "../message/message.js";
import type { Authorization } from "./authorization.js";

/** The types of what clients send: `MESSAGE` is a SEND, `OTHER` an ACK, NACK, BEGIN, COMMIT or ABORT. */
export type ClientMessageType = Exclude<SimpMessageType, "CONNECT_ACK">;

/** The answer of the rules about a message, and the rule that gave it. */
export interface AuthorizationDecision {
  readonly granted: boolean;
  /** As it stands in the table of the rules. */
  readonly rule: string;
  /** The error that an `access(…)` threw to say why not. */
  readonly reason?: AccessDeniedError;
}

/** Which messages, and who may send them. */
export interface Rule {
  /** From 1. */
  readonly number: number;
  /** The matcher as it is written: `simpDestMatchers("/app/**")`. */
  readonly matcher: string;
  readonly types: ReadonlySet<SimpMessageType>;
  /** Whether it takes messages without destination only. */
  readonly nullDest: boolean;
  /** `undefined` where destinations do not matter. */
  readonly patterns: readonly DestinationPattern[] | undefined;
  readonly authorization: Authorization;
  /** Made once, for a rule is asked often. */
  readonly granted: AuthorizationDecision;
  readonly denied: AuthorizationDecision;
}

/** A rule, as applications may read it. */
export interface RuleDescription {
  /** Its place among the rules, from 1. */
  readonly number: number;
  /** The matcher as it is written: `simpDestMatchers("/app/**")`. */
  readonly matcher: string;
  readonly types: readonly ClientMessageType[];
  /** `undefined` where destinations do not matter. */
  readonly patterns: readonly string[] | undefined;
  /** The condition on the user of what the matcher takes. */
  readonly authorization: Authorization;
}

export function descriptionOf({ number, matcher, types, patterns, authorization }: Rule): RuleDescription {
  return {
    number,
    matcher,
    types: [...types] as ClientMessageType[],
    patterns: patterns?.map(({ text }) => text),
    authorization,
  };
}

/** Messages that clients send with a destination; an interceptor may take that off to let nobody handle the message. */
const HAS_DESTINATION: ReadonlySet<SimpMessageType> = new Set(["MESSAGE", "SUBSCRIBE"] as const);

/** Whether a rule takes all that another one's pattern could, so that this is never reached behind it. */
export function hides(rule: Rule, type: SimpMessageType, pattern: DestinationPattern | undefined): boolean {
  if (!rule.types.has(type) || (rule.nullDest && HAS_DESTINATION.has(type))) return false;
  if (!rule.patterns) return true;
  return pattern !== undefined && rule.patterns.some((own) => covers(own, pattern));
}

/** The rules as lines, one behind the other in the order they are asked. */
export function tableOf(rules: readonly Rule[]): string {
  const width = Math.max(...rules.map(({ matcher }) => matcher.length));
  const digits = String(rules.length).length;
  return rules
    .map(({ number, matcher, authorization }) => {
      return `${String(number).padStart(digits)}  ${matcher.padEnd(width)}  ${authorization.text}`;
    })
    .join("\n");
}
