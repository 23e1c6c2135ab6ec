import { type MessagingDescription, permitAll } from "../index.js";
import type { AsyncApiOperation, JsonSchema, Reference } from "./document.js";
import { askedFor, type ReceiveModel, type SendModel } from "./model.js";
import type { AsyncApiInfo } from "./options.js";
import type { Selection } from "./selection.js";

/** Tells who may, and how they log in. */
export class Access {
  /** Security Scheme Objects, by name. */
  readonly schemes: Readonly<Record<string, JsonSchema>>;
  /** Rules that operations name, by number. */
  readonly rules = new Map<number, string>();
  readonly #selection: Selection;
  readonly #description: MessagingDescription;

  constructor(selection: Selection, description: MessagingDescription, { securitySchemes }: AsyncApiInfo) {
    this.#selection = selection;
    this.#description = description;
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
    const rules = this.#description.security?.rulesFor(askedFor(operation)) ?? [];
    const needed = [...rules.map(({ authorization }) => authorization), ...(authorize ? [authorize] : [])];
    const needsUser = needed.some(({ kind }) => USERS.has(kind));
    const security = needsUser && this.security.length > 0 && { security: this.security };
    if (depending) return { ...security, ...(depending.has(operation) && { "x-may": "depends" }) };

    for (const { number, matcher, authorization } of rules) {
      this.rules.set(number, `${matcher} ${authorization.text}`);
    }
    const texts = [
      ...rules.map(({ number, authorization }) => `rule ${number}: ${authorization.text}`),
      ...(authorize ? [`@Authorize(${authorize.text})`] : []),
    ];
    const isOpen = needed.every(({ text }) => text === permitAll().text);
    return { ...security, ...(!isOpen && { "x-authorization": texts }) };
  }
}

/** Kinds of authorization that look at a user. */
const USERS = new Set(["authenticated", "authority", "access"]);
