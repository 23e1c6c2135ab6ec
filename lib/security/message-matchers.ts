import { applicationPattern } from "../destination/application-pattern.js";
import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import { ConfigurationError } from "../errors.js";
import { isText } from "../options/checks.js";
import {
  type AccessFunction,
  type Authorization,
  access,
  anonymous,
  authenticated,
  denyAll,
  hasAnyAuthority,
  hasAnyRole,
  hasAuthority,
  hasRole,
  permitAll,
} from "./authorization.js";
import { type ClientMessageType, hides, type Rule } from "./rule.js";

/** Says who may send the messages that the matcher before it takes; as Spring Security's. */
export interface Constraint {
  permitAll(): MessageMatchers;
  denyAll(): MessageMatchers;
  /** Lets sessions with a user pass. */
  authenticated(): MessageMatchers;
  /** Strangers only. */
  anonymous(): MessageMatchers;
  /** Lets users with the authority `ROLE_` and this name pass. */
  hasRole(role: string): MessageMatchers;
  hasAnyRole(...roles: string[]): MessageMatchers;
  hasAuthority(authority: string): MessageMatchers;
  hasAnyAuthority(...authorities: string[]): MessageMatchers;
  /** Lets the function decide. */
  access(allows: AccessFunction): MessageMatchers;
}

/** Says which messages a rule is for; as Spring Security's `MessageMatcherDelegatingAuthorizationManager.Builder`. */
export interface MessageMatchers {
  /** Takes messages without a destination: CONNECT, ACK, NACK, BEGIN, COMMIT, ABORT; UNSUBSCRIBE and DISCONNECT pass in any case. */
  nullDestMatcher(): Constraint;
  simpTypeMatchers(...types: ClientMessageType[]): Constraint;
  /** SEND and SUBSCRIBE to destinations that fit one of the patterns. */
  simpDestMatchers(...patterns: string[]): Constraint;
  /** SEND to such destinations. */
  simpMessageDestMatchers(...patterns: string[]): Constraint;
  /** SUBSCRIBE to such destinations, and to whatever may reach one of them. */
  simpSubscribeDestMatchers(...patterns: string[]): Constraint;
  /** All that no rule before took. Has to be there, at the end. */
  anyMessage(): Constraint;
}

const WITH_DESTINATION = ["MESSAGE", "SUBSCRIBE"] as const;
export const CLIENT_MESSAGE_TYPES: readonly ClientMessageType[] = [
  ...WITH_DESTINATION,
  "CONNECT",
  "DISCONNECT",
  "UNSUBSCRIBE",
  "OTHER",
];

/** Commands that take effect in any case: nobody can be kept in. */
export const UNSTOPPABLE: readonly ClientMessageType[] = ["DISCONNECT", "UNSUBSCRIBE"];

type Matcher = Pick<Rule, "matcher" | "types" | "patterns" | "nullDest">;

/** @throws ConfigurationError when the rules make no sense */
export function rulesOf(
  build: (messages: MessageMatchers) => unknown,
  separator: DestinationSeparator,
): readonly Rule[] {
  const rules: Rule[] = [];
  let pending: string | undefined;
  let last: string | undefined;

  const match = (name: string, args: readonly unknown[], matched: Omit<Matcher, "matcher">): Constraint => {
    const matcher = `${name}(${args.map((arg) => JSON.stringify(arg)).join(", ")})`;
    if (last !== undefined)
      throw new ConfigurationError(`${matcher} stands behind anyMessage(): nothing gets there`);
    checkComplete();
    pending = matcher;
    const then = (authorization: Authorization): MessageMatchers => {
      if (pending !== matcher) throw new ConfigurationError(`${matcher} has two authorizations`);
      pending = undefined;
      if (name === "anyMessage") last = matcher;
      rules.push(checkedRule({ matcher, ...matched }, authorization, rules));
      return messages;
    };
    return {
      permitAll: () => then(permitAll()),
      denyAll: () => then(denyAll()),
      authenticated: () => then(authenticated()),
      anonymous: () => then(anonymous()),
      hasRole: (role) => then(hasRole(role)),
      hasAnyRole: (...roles) => then(hasAnyRole(...roles)),
      hasAuthority: (authority) => then(hasAuthority(authority)),
      hasAnyAuthority: (...authorities) => then(hasAnyAuthority(...authorities)),
      access: (allows) => then(access(allows)),
    };
  };
  const destinations = (name: string, patterns: readonly unknown[], types: readonly ClientMessageType[]) => {
    const parsed = patternsOf(name, patterns, separator);
    return match(name, patterns, { types: new Set(types), patterns: parsed, nullDest: false });
  };
  const all = { types: new Set(CLIENT_MESSAGE_TYPES), patterns: undefined, nullDest: false };
  const messages: MessageMatchers = {
    nullDestMatcher: () => match("nullDestMatcher", [], { ...all, nullDest: true }),
    simpTypeMatchers: (...types) => match("simpTypeMatchers", types, { ...all, types: checkedTypes(types) }),
    simpDestMatchers: (...patterns) => destinations("simpDestMatchers", patterns, WITH_DESTINATION),
    simpMessageDestMatchers: (...patterns) => destinations("simpMessageDestMatchers", patterns, ["MESSAGE"]),
    simpSubscribeDestMatchers: (...patterns) =>
      destinations("simpSubscribeDestMatchers", patterns, ["SUBSCRIBE"]),
    anyMessage: () => match("anyMessage", [], all),
  };

  function checkComplete(): void {
    if (pending !== undefined) {
      throw new ConfigurationError(`${pending} does not say who may: add .permitAll(), .hasRole(…) or such`);
    }
  }

  build(messages);
  checkComplete();
  if (last === undefined) {
    throw new ConfigurationError("The rules do not end with anyMessage(): add .anyMessage().denyAll()");
  }
  return rules;
}

function checkedRule(
  { matcher, types, patterns, nullDest }: Matcher,
  authorization: Authorization,
  before: readonly Rule[],
): Rule {
  if ([...types].every((type) => UNSTOPPABLE.includes(type as ClientMessageType))) {
    if (authorization.kind !== "permitAll") {
      throw new ConfigurationError(
        `${matcher} cannot have ${authorization.text}: DISCONNECT and UNSUBSCRIBE take effect in any case`,
      );
    }
  }
  const own: (DestinationPattern | undefined)[] = [];
  for (const pattern of patterns ?? [undefined]) {
    const hidden = [...types].every((type) => before.some((rule) => hides(rule, type, pattern)));
    const twice = pattern !== undefined && own.some((other) => other?.text === pattern.text);
    if (twice) throw new ConfigurationError(`${matcher} has ${pattern.text} twice`);
    if (hidden && !matcher.startsWith("anyMessage")) {
      const by = before.filter((rule) => [...types].some((type) => hides(rule, type, pattern)));
      throw new ConfigurationError(
        `${matcher} is never asked${pattern ? ` about ${pattern.text}` : ""}: ` +
          `${by.map((rule) => rule.matcher).join(", ")} stands before it`,
      );
    }
    own.push(pattern);
  }
  const number = before.length + 1;
  const rule = `${number} ${matcher} ${authorization.text}`;
  return {
    number,
    matcher,
    types,
    patterns,
    nullDest,
    authorization,
    granted: { granted: true, rule },
    denied: { granted: false, rule },
  };
}

function checkedTypes(types: readonly unknown[]): ReadonlySet<ClientMessageType> {
  if (types.length === 0) throw new ConfigurationError("simpTypeMatchers() names no type");
  for (const type of types) {
    if (!CLIENT_MESSAGE_TYPES.includes(type as ClientMessageType)) {
      throw new ConfigurationError(
        `simpTypeMatchers has ${JSON.stringify(type)}: clients' messages are ${CLIENT_MESSAGE_TYPES.join(", ")}`,
      );
    }
  }
  if (new Set(types).size < types.length) throw new ConfigurationError("simpTypeMatchers has a type twice");
  return new Set(types as readonly ClientMessageType[]);
}

function patternsOf(
  name: string,
  patterns: readonly unknown[],
  separator: DestinationSeparator,
): readonly DestinationPattern[] {
  if (patterns.length === 0) throw new ConfigurationError(`${name}() names no destination`);
  return patterns.map((text) => {
    if (!isText(text)) {
      throw new ConfigurationError(
        `${name} has ${JSON.stringify(text)}: a pattern is a text such as "/app/**"`,
      );
    }
    return applicationPattern(name, text, separator);
  });
}
