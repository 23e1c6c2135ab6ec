import { type MessagingDescription, permitAll } from "../index.js";
import type { AsyncApiOperation, JsonSchema, Reference } from "./document.js";
import { askedFor, type ReceiveModel, type SendModel } from "./model.js";
import type { AsyncApiInfo } from "./options.js";
import type { Selection } from "./selection.js";

/** Tells who may, how often, and how they log in. */
export class Access {
  /** Security Scheme Objects, by name. */
  readonly schemes: Readonly<Record<string, JsonSchema>>;
  /** Rules that operations name, by number. */
  readonly rules = new Map<number, string>();
  /** Rate limits, by name: all, or those that a user's operations name. */
  readonly rateLimits = new Map<string, object>();
  readonly #selection: Selection;
  readonly #description: MessagingDescription;

  constructor(selection: Selection, description: MessagingDescription, { securitySchemes }: AsyncApiInfo) {
    this.#selection = selection;
    this.#description = description;
    if (!selection.depending) {
      for (const { name, ...limit } of description.rateLimits) this.rateLimits.set(name, limit);
    }
    const bearer = description.connectHeaders.find(({ kind }) => kind === "bearer");
    this.schemes = {
      ...(bearer && {
        bearer: { type: "http", scheme: "bearer", description: `In the header ${bearer.name} of CONNECT` },
      }),
      ...securitySchemes,
    };
  }

  /** One of these is enough. */
  get security(): Reference[] {
    return Object.keys(this.schemes).map((name) => ({ $ref: `#/components/securitySchemes/${name}` }));
  }

  /** The part of an operation about access. A user who may do it is told no more than that it depends. */
  of(operation: ReceiveModel | SendModel): Partial<AsyncApiOperation> {
    const { depending } = this.#selection;
    const authorize = "authorize" in operation ? operation.authorize : undefined;
    const ruled = this.#description.rulesFor(askedFor(operation));
    const rules = ruled.flatMap((each) => each.rules);
    const needed = [...rules.map(({ authorization }) => authorization), ...(authorize ? [authorize] : [])];
    const needsUser = needed.some(({ kind }) => USERS.has(kind));
    const security = needsUser && this.security.length > 0 && { security: this.security };
    const limits = this.#limitsOf(operation);
    if (depending) return { ...security, ...limits, ...(depending.has(operation) && { "x-may": "depends" }) };

    for (const { number, matcher, authorization } of rules) {
      this.rules.set(number, `${matcher} ${authorization.text}`);
    }
    const [own, room] = ruled.toReversed();
    const numbers = new Set(own?.rules.map(({ number }) => number));
    const texts = [
      ...(own?.rules ?? []).map(({ number, authorization }) => `rule ${number}: ${authorization.text}`),
      // Of presence those of its room as well, if they are others: both have to grant it.
      ...(room?.rules ?? [])
        .filter(({ number }) => !numbers.has(number))
        .map(
          ({ number, authorization }) => `rule ${number}, for ${room?.destination}: ${authorization.text}`,
        ),
      ...(authorize ? [`@Authorize(${authorize.text})`] : []),
    ];
    const isOpen = needed.every(({ text }) => text === permitAll().text);
    return { ...security, ...limits, ...(!isOpen && { "x-authorization": texts }) };
  }

  #limitsOf(operation: ReceiveModel | SendModel): Partial<AsyncApiOperation> {
    const limits = this.#description.rateLimitsFor(askedFor(operation));
    if (this.#selection.depending) {
      // Their destinations may be some that the user is not to know of.
      for (const { name, destinations, ...limit } of limits) this.rateLimits.set(name, limit);
    }
    return limits.length > 0 ? { "x-rate-limits": limits.map(({ name }) => name) } : {};
  }
}

/** Kinds of authorization that look at a user. */
const USERS = new Set(["authenticated", "authority", "access"]);
