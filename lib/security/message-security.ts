import { DestinationIndex } from "../destination/destination-index.js";
import type { DestinationPattern, DestinationSeparator } from "../destination/pattern.js";
import { commonVariables, covers, overlaps } from "../destination/reach.js";
import { ConfigurationError } from "../errors.js";
import {
  createMessage,
  type Message,
  NO_PAYLOAD,
  type Principal,
  type SimpMessageType,
  withHeaders,
} from "../message/message.js";
import { onlyKnown } from "../options/checks.js";
import { isPromise } from "../promise.js";
import { type AuthoritiesOf, isAllowed, type Verdict } from "./authorization.js";
import { anyOf, type Foresight, foresee } from "./foresight.js";
import { CLIENT_MESSAGE_TYPES, type MessageMatchers, rulesOf, UNSTOPPABLE } from "./message-matchers.js";
import { type Reading, type RuledBroker, reachOf, readingOf } from "./reading.js";
import {
  type AuthorizationDecision,
  type ClientMessageType,
  descriptionOf,
  type Rule,
  type RuleDescription,
  tableOf,
} from "./rule.js";

/** The price of a refusal: the session (STOMP's way), the message, or the message and one that says so. */
export type DenialPolicy = "error-and-close" | "drop" | "message";

/** Options of `messageSecurity`. */
export interface MessageSecurityOptions {
  /** Gives what a user may do. @default the arrays or sets `authorities` and `roles` (without `ROLE_`) of the user */
  authoritiesOf?: AuthoritiesOf;
  /**
   * The price of a refused SEND or SUBSCRIBE. `drop`: the message; `message`: the
   * message, and the session gets one that says so at `/user/queue/errors`.
   * CONNECT, and a frame that asked for a receipt, gets ERROR in any case.
   *
   * @default "error-and-close"
   */
  onDenied?: DenialPolicy;
  /** As the option of `stompMessaging`. @default "/" */
  destinationSeparator?: DestinationSeparator;
  /**
   * The broker that reads the destinations that pass: `relay` for a broker with wildcards
   * and manners of its own. `stompMessaging` does not start when this is wrong.
   *
   * @default "simple"
   */
  broker?: RuledBroker;
}

/** A message that is only thought of, for `decide`. */
export interface ImaginedMessage {
  readonly type: ClientMessageType;
  readonly destination?: string | undefined;
}

/** A rule under one of its patterns; without a pattern when the rule looks at no destination. */
interface Entry {
  /** Its place among the rules: the first is asked first. */
  readonly order: number;
  readonly rule: Rule;
  readonly pattern: DestinationPattern | undefined;
}

const KNOWN = ["authoritiesOf", "onDenied", "destinationSeparator", "broker"];
const POLICIES: readonly DenialPolicy[] = ["error-and-close", "drop", "message"];
const NO_VARIABLES: ReadonlyMap<string, string> = new Map();
const ALWAYS: AuthorizationDecision = { granted: true, rule: "DISCONNECT and UNSUBSCRIBE always pass" };

/**
 * Makes the rules of who may send and subscribe where, for the option
 * `security`; in Spring Security's words. The first rule that takes a message
 * decides about it. A subscription with wildcards is decided about by all rules
 * whose destinations it could reach, up to the first that has all of them; each
 * must grant it.
 *
 * @throws ConfigurationError when a rule makes no sense, or is never asked
 * @example
 * ```ts
 * const security = messageSecurity((messages) =>
 *   messages
 *     .nullDestMatcher().authenticated()
 *     .simpDestMatchers("/app/admin/**").hasRole("ADMIN")
 *     .simpMessageDestMatchers("/app/**").authenticated()
 *     .simpSubscribeDestMatchers("/topic/**", "/user/queue/*").authenticated()
 *     .anyMessage().denyAll(),
 * );
 * ```
 */
export function messageSecurity(
  build: (messages: MessageMatchers) => unknown,
  options: MessageSecurityOptions = {},
): MessageSecurity {
  return new MessageSecurity(build, options);
}

/** Rules, in their order. Made by `messageSecurity`. */
export class MessageSecurity {
  readonly onDenied: DenialPolicy;
  readonly authoritiesOf: AuthoritiesOf | undefined;
  readonly destinationSeparator: DestinationSeparator;
  readonly broker: RuledBroker;
  readonly #rules: readonly Rule[];
  readonly #index: DestinationIndex<Entry>;
  /** The first of each type that looks at no destination: `anyMessage` at the latest. */
  readonly #general = new Map<SimpMessageType, Entry>();
  /** The same, of those that only take what has none, too. */
  readonly #nullDest = new Map<SimpMessageType, Entry>();
  readonly #reading: Reading;

  constructor(build: (messages: MessageMatchers) => unknown, options: MessageSecurityOptions) {
    onlyKnown("messageSecurity", options, KNOWN);
    if (typeof build !== "function") {
      throw new ConfigurationError(
        "messageSecurity takes a function of the matchers: (messages) => messages.…",
      );
    }
    const {
      onDenied = "error-and-close",
      authoritiesOf,
      destinationSeparator = "/",
      broker = "simple",
    } = options;
    checkOneOf("onDenied", onDenied, POLICIES);
    checkOneOf("destinationSeparator", destinationSeparator, ["/", "."]);
    checkOneOf("broker", broker, ["simple", "relay"]);
    if (authoritiesOf !== undefined && typeof authoritiesOf !== "function") {
      throw new ConfigurationError("messageSecurity: authoritiesOf must be a function of the user");
    }
    this.onDenied = onDenied;
    this.authoritiesOf = authoritiesOf;
    this.destinationSeparator = destinationSeparator;
    this.broker = broker;
    this.#rules = rulesOf(build, destinationSeparator);
    this.#reading = readingOf(broker, destinationSeparator);
    this.#index = new DestinationIndex(destinationSeparator);
    const entries = this.#rules.flatMap((rule) =>
      (rule.patterns ?? [undefined]).map((pattern) => ({ rule, pattern })),
    );
    for (const [order, { rule, pattern }] of entries.entries()) {
      const entry = { order, rule, pattern };
      if (pattern) this.#index.add(pattern, entry);
      else {
        for (const type of rule.types) {
          if (!this.#nullDest.has(type)) this.#nullDest.set(type, entry);
          if (!rule.nullDest && !this.#general.has(type)) this.#general.set(type, entry);
        }
      }
    }
  }

  /** Gives what the rules say about a message of a user, or of a stranger; for an application's own tests. */
  async decide(
    user: Principal | undefined | null,
    message: Message | ImaginedMessage,
  ): Promise<AuthorizationDecision> {
    const known = user ?? undefined;
    const real =
      "headers" in message
        ? message
        : createMessage(NO_PAYLOAD, { messageType: message.type, destination: message.destination });
    checkOneOf("the type to decide about", real.headers.messageType, CLIENT_MESSAGE_TYPES);
    return this.judge(withHeaders(real, { user: known }));
  }

  /** The rules, in the order they are asked. */
  get rules(): readonly RuleDescription[] {
    return this.#rules.map(descriptionOf);
  }

  /**
   * Gives the rules that may decide about a message, in the order they are asked: of one destination, or of a pattern
   * such as `/app/rooms/{id}` those of all destinations that fit it, up to the first that takes them all.
   *
   * @example
   * ```ts
   * const rules = messageSecurity((messages) => messages.simpDestMatchers("/app/admin/**").hasRole("ADMIN").anyMessage().permitAll());
   * rules.rulesFor({ type: "MESSAGE", destination: "/app/admin/{job}" }); // its first rule
   * ```
   */
  rulesFor(message: ImaginedMessage): readonly RuleDescription[] {
    return [...this.#rulesWithin(message)].map(({ rule }) => descriptionOf(rule));
  }

  /**
   * Tells what the rules will say about messages of a user, or of a stranger, before there are any: of one destination, or of
   * a pattern such as `/app/rooms/{id}`, of which `yes` and `no` hold for every destination that fits it. `depends` otherwise,
   * and where an `access(…)` decides by variables that are not known, or fails on a message that is only thought of.
   *
   * @throws whatever `authoritiesOf` throws (rejects with it)
   */
  async foresee(user: Principal | undefined | null, message: ImaginedMessage): Promise<Foresight> {
    const { authoritiesOf } = this;
    if (UNSTOPPABLE.includes(message.type)) return "yes";
    const reach = reachOf(message.destination, this.destinationSeparator);
    const foreseen = { user: user ?? undefined, type: message.type, reach, authoritiesOf };
    const found = await Promise.all(
      [...this.#rulesWithin(message)].map(({ rule, pattern }) =>
        foresee(rule.authorization, pattern, foreseen),
      ),
    );
    return anyOf(found);
  }

  /** The rules, each with a pattern of its that a message's destination may fit, up to the first that takes them all. */
  *#rulesWithin({ type, destination }: ImaginedMessage): Iterable<Pick<Entry, "rule" | "pattern">> {
    checkOneOf("the type to look for", type, CLIENT_MESSAGE_TYPES);
    const reach = reachOf(destination, this.destinationSeparator);
    for (const rule of this.#rules) {
      if (!rule.types.has(type) || (rule.nullDest && reach !== undefined)) continue;
      if (!rule.patterns) {
        yield { rule, pattern: undefined };
        return;
      }
      if (reach === undefined) continue;
      const fitting = rule.patterns.filter((pattern) => overlaps(pattern, reach));
      for (const pattern of fitting) yield { rule, pattern };
      if (fitting.some((pattern) => covers(pattern, reach))) return;
    }
  }

  /**
   * The same as `decide`, for the user in the headers, at once if it can. Throws, or rejects
   * with, what the application's own functions do, but for an
   * `AccessDeniedError`, which is a denial with that reason.
   *
   * @param asked gets the answer of each rule that was asked, in order: the last one has decided
   */
  judge(
    message: Message,
    asked?: AuthorizationDecision[],
  ): AuthorizationDecision | Promise<AuthorizationDecision> {
    const { messageType, destination } = message.headers;
    if (UNSTOPPABLE.includes(messageType as ClientMessageType)) return ALWAYS;
    if (destination === undefined) {
      return this.#ask((this.#nullDest.get(messageType) as Entry).rule, message, NO_VARIABLES, asked);
    }

    const reach = this.#reading(messageType, destination);
    if (reach) return this.#judgeReach(message, reach, asked);

    let first = this.#general.get(messageType) as Entry;
    for (const entries of this.#index.match(destination)) {
      for (const entry of entries) {
        if (entry.order < first.order && entry.rule.types.has(messageType)) first = entry;
      }
    }
    const { rule, pattern } = first;
    const needsVariables = pattern !== undefined && rule.authorization.kind === "access";
    return this.#ask(rule, message, needsVariables ? pattern.match(destination) : NO_VARIABLES, asked);
  }

  /** The rules as a table, in the order they are asked. */
  toString(): string {
    return tableOf(this.#rules);
  }

  async #judgeReach(
    message: Message,
    reach: DestinationPattern,
    asked: AuthorizationDecision[] | undefined,
  ): Promise<AuthorizationDecision> {
    for (const rule of this.#rules) {
      if (rule.nullDest || !rule.types.has(message.headers.messageType)) continue;
      if (!rule.patterns) return this.#ask(rule, message, NO_VARIABLES, asked);

      for (const pattern of rule.patterns) {
        if (!overlaps(pattern, reach)) continue;
        const decision = await this.#ask(rule, message, commonVariables(pattern, reach), asked);
        if (!decision.granted || covers(pattern, reach)) return decision;
      }
    }
    throw new Error("anyMessage is the last of the rules, and takes everything");
  }

  #ask(
    rule: Rule,
    message: Message,
    variables: ReadonlyMap<string, string> | undefined,
    asked: AuthorizationDecision[] | undefined,
  ): AuthorizationDecision | Promise<AuthorizationDecision> {
    const decision = (verdict: Verdict): AuthorizationDecision => {
      const decided =
        verdict === true
          ? rule.granted
          : verdict === false
            ? rule.denied
            : { ...rule.denied, reason: verdict };
      asked?.push(decided);
      return decided;
    };
    const allowed = isAllowed(rule.authorization, { message, variables, authoritiesOf: this.authoritiesOf });
    return isPromise(allowed) ? allowed.then(decision) : decision(allowed);
  }
}

function checkOneOf(option: string, given: unknown, values: readonly string[]): void {
  if (values.includes(given as string)) return;
  throw new ConfigurationError(
    `messageSecurity: ${option} is ${JSON.stringify(given)}: it must be ${values.map((value) => `"${value}"`).join(" or ")}`,
  );
}
