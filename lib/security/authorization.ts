import { AccessDeniedError, ConfigurationError, lookable } from "../errors.js";
import type { Message, Principal } from "../message/message.js";
import { isPromise } from "../promise.js";

/**
 * Decides about one message. Any answer but `true` denies; so does a throw, and
 * the client reads the text of an `AccessDeniedError`.
 *
 * @param user `undefined` for a stranger
 * @param variables what the `{name}`s of the pattern matched
 */
export type AccessFunction = (
  user: Principal | undefined,
  message: Message,
  variables: ReadonlyMap<string, string>,
) => boolean | Promise<boolean>;

/** A condition on the user, for a message to pass. Made by `hasRole` and its like, or told to the matchers of `messageSecurity`. */
export type Authorization =
  | {
      readonly kind: "permitAll" | "denyAll" | "authenticated" | "anonymous";
      /** As it is written. */
      readonly text: string;
    }
  | { readonly kind: "authority"; readonly text: string; readonly authorities: readonly string[] }
  | { readonly kind: "access"; readonly text: string; readonly allows: AccessFunction };

/** Gives what a user may do: `ROLE_ADMIN`, `news:write`, … */
export type AuthoritiesOf = (user: Principal) => Iterable<string> | Promise<Iterable<string>>;

/** Lets everybody pass, strangers too. */
export function permitAll(): Authorization {
  return { kind: "permitAll", text: "permitAll()" };
}

/** Lets nobody pass. */
export function denyAll(): Authorization {
  return { kind: "denyAll", text: "denyAll()" };
}

/** Lets everybody pass who has a user. */
export function authenticated(): Authorization {
  return { kind: "authenticated", text: "authenticated()" };
}

/** Lets strangers pass, and nobody else. */
export function anonymous(): Authorization {
  return { kind: "anonymous", text: "anonymous()" };
}

/**
 * Lets users of this role pass: those with the authority `ROLE_` and its name.
 *
 * @example
 * ```ts
 * messageSecurity((messages) => messages.simpDestMatchers("/app/admin/**").hasRole("ADMIN").anyMessage().authenticated());
 * class Admin {
 *   @MessageMapping("/restart")
 *   @Authorize(hasRole("ADMIN"))
 *   restart() {}
 * }
 * ```
 */
export function hasRole(role: string): Authorization {
  return ofAuthorities("hasRole", [role], "ROLE_");
}

/** Lets users of one of these roles pass. */
export function hasAnyRole(...roles: string[]): Authorization {
  return ofAuthorities("hasAnyRole", roles, "ROLE_");
}

/** Lets users with this authority pass. */
export function hasAuthority(authority: string): Authorization {
  return ofAuthorities("hasAuthority", [authority], "");
}

/** Lets users with one of these authorities pass. */
export function hasAnyAuthority(...authorities: string[]): Authorization {
  return ofAuthorities("hasAnyAuthority", authorities, "");
}

/**
 * Lets a function of the application's own decide.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageMapping("/rooms/{room}")
 *   @Authorize(access((user, _message, variables) => user?.name === variables.get("room")))
 *   say(@Payload() text: string) {}
 * }
 * ```
 */
export function access(allows: AccessFunction): Authorization {
  if (typeof allows !== "function") {
    throw new ConfigurationError("access(…) takes a function of the user, the message and the variables");
  }
  return { kind: "access", text: `access(${allows.name || "…"})`, allows };
}

const KINDS = new Set(["permitAll", "denyAll", "authenticated", "anonymous", "authority", "access"]);

/** Whether something was made by one of the functions above. */
export function isAuthorization(given: unknown): given is Authorization {
  return typeof given === "object" && given !== null && KINDS.has((given as Authorization).kind);
}

/** The message that an authorization is asked about. */
export interface Asked {
  readonly message: Message;
  /** `undefined` when the message stands for several destinations, in which they differ. */
  readonly variables: ReadonlyMap<string, string> | undefined;
  readonly authoritiesOf: AuthoritiesOf | undefined;
}

/** Whether a message may pass; or what an `access(…)` threw to say why not. */
export type Verdict = boolean | AccessDeniedError;

/**
 * Whether an authorization lets a message pass, for the user in its headers.
 * Throws, or rejects with, what the application's functions do, but for an
 * `AccessDeniedError`.
 */
export function isAllowed(authorization: Authorization, asked: Asked): Verdict | Promise<Verdict> {
  const { message, variables, authoritiesOf } = asked;
  const { user } = message.headers;
  switch (authorization.kind) {
    case "permitAll":
      return true;
    case "denyAll":
      return false;
    case "authenticated":
      return user !== undefined;
    case "anonymous":
      return user === undefined;
    case "authority":
      return user !== undefined && hasAny(user, authorization.authorities, authoritiesOf);
    case "access":
      // Its answer about one destination says nothing of all.
      return variables !== undefined && answerOf(() => authorization.allows(user, message, variables));
  }
}

function answerOf(ask: () => unknown): Verdict | Promise<Verdict> {
  try {
    const answer = ask();
    if (!isPromise(answer)) return answer === true;
    return Promise.resolve(answer).then((value) => value === true, denialOf);
  } catch (error) {
    return denialOf(error);
  }
}

function denialOf(error: unknown): AccessDeniedError {
  const fault = lookable(error);
  if (fault instanceof AccessDeniedError) return fault;
  throw fault;
}

function hasAny(
  user: Principal,
  wanted: readonly string[],
  authoritiesOf: AuthoritiesOf | undefined,
): boolean | Promise<boolean> {
  if (!authoritiesOf) return wanted.some((authority) => hasByItself(user, authority));

  const given = authoritiesOf(user);
  const has = (authorities: Iterable<string>) => {
    const all = new Set(authorities);
    return wanted.some((authority) => all.has(authority));
  };
  return isPromise(given) ? Promise.resolve(given).then(has) : has(given);
}

/** Looks into the arrays or sets `authorities` and `roles` that a user may have. */
function hasByItself(user: Principal, authority: string): boolean {
  const { authorities, roles } = user as { authorities?: unknown; roles?: unknown };
  if (contains(authorities, authority)) return true;
  return authority.startsWith("ROLE_") && contains(roles, authority.slice("ROLE_".length));
}

function contains(list: unknown, value: string): boolean {
  return Array.isArray(list) ? list.includes(value) : list instanceof Set && list.has(value);
}

function ofAuthorities(name: string, given: readonly unknown[], prefix: string): Authorization {
  const text = `${name}(${given.map((one) => JSON.stringify(one)).join(", ")})`;
  if (given.length === 0) throw new ConfigurationError(`${text} names nothing`);
  for (const one of given) {
    if (typeof one !== "string" || one.trim() === "") {
      throw new ConfigurationError(
        `${text} takes names, such as ${name}("${prefix ? "ADMIN" : "news:write"}")`,
      );
    }
    if (prefix !== "" && one.startsWith(prefix)) {
      throw new ConfigurationError(
        `${text} names a role with ${prefix}, which is put in front of it: leave it out`,
      );
    }
  }
  return { kind: "authority", text, authorities: given.map((one) => prefix + String(one)) };
}
