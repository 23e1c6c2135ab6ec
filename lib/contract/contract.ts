/** The part of a Standard Schema, version 1, that is used: zod, valibot, arktype and others are such. */
export interface ContractSchema {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    readonly types?: { readonly input: unknown; readonly output: unknown } | undefined;
  };
}

/** The judgement of a schema about a value. */
export type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** A fault of a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A Standard Schema, as far as the compiler looks at each of a contract: to compare the whole costs it five times as much. */
export interface AnySchema {
  readonly "~standard": unknown;
}

/** The messages under a destination. */
export interface ContractEntry {
  /** The payload that clients SEND there. */
  readonly send?: AnySchema;
  /** The payload that subscribers hear. */
  readonly message?: AnySchema;
  /** The one answer to a SUBSCRIBE. */
  readonly subscribe?: AnySchema;
}

/** The entries of a contract, by destination: a pattern such as `/app/room/{id}` where it has variables. */
export type ContractEntries = Readonly<Record<`/${string}`, ContractEntry>>;

/** The messages of clients and servers to each other, and their destinations. Both sides import it. */
export interface Contract<E = ContractEntries> {
  readonly destinations: E;
}

/** The values that a schema takes. */
export type InputOf<S> = S extends { readonly "~standard": { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly input: infer Input }
    ? Input
    : never
  : never;
/** The value that a schema makes of one. */
export type OutputOf<S> = S extends { readonly "~standard": { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer Output }
    ? Output
    : never
  : never;

/** The destinations of a contract that say something of one kind: `send`, `message` or `subscribe`. */
export type DestinationsWith<E, K extends keyof ContractEntry> = {
  [D in keyof E]: E[D] extends { readonly [Kind in K]: object } ? D : never;
}[keyof E] &
  string;

/** The schema of a destination. */
export type SchemaOf<E, D, K extends keyof ContractEntry> = D extends keyof E
  ? E[D] extends { readonly [Kind in K]: infer S }
    ? S
    : never
  : never;

type VariableNames<D extends string> = D extends `${string}{${infer Variable}}${infer Rest}`
  ? (Variable extends `${infer Name}:${string}` ? Name : Variable) | VariableNames<Rest>
  : never;

/** The variables of a pattern, by name. */
export type Variables<D extends string> = { readonly [Name in VariableNames<D>]: string | number };

/** The argument for the variables, which is not there if there are none. */
export type VariableArguments<D extends string> = [VariableNames<D>] extends [never]
  ? []
  : [variables: Variables<D>];

/**
 * Makes a contract: what clients send and hear, by destination, in any Standard Schema.
 *
 * @throws TypeError when a destination has no slash first, or an entry says nothing or what is no schema
 * @example
 * ```ts
 * const chat = destinations({
 *   "/app/room/{id}": { send: z.object({ text: z.string() }) },
 *   "/topic/room/{id}": { message: z.object({ text: z.string(), from: z.string() }) },
 *   "/app/rooms": { subscribe: z.array(z.string()) },
 * });
 * ```
 */
export function destinations<const E extends ContractEntries>(
  entries: E & { readonly [D in keyof E]: D extends `/${string}` ? unknown : never },
): Contract<E> {
  for (const [destination, entry] of Object.entries(entries)) check(destination, entry);
  return { destinations: entries };
}

const KINDS: readonly string[] = ["send", "message", "subscribe"] satisfies (keyof ContractEntry)[];

function check(destination: string, entry: unknown): void {
  if (!destination.startsWith("/")) {
    throw new TypeError(
      `The contract has the destination ${JSON.stringify(destination)}: it begins with a slash`,
    );
  }
  const kinds = Object.entries(entry ?? {});
  if (kinds.length === 0) {
    throw new TypeError(`The contract says nothing of ${destination}: give it send, message or subscribe`);
  }
  for (const [kind, schema] of kinds) {
    if (!KINDS.includes(kind)) {
      throw new TypeError(
        `The contract has ${kind} for ${destination}: there are send, message and subscribe`,
      );
    }
    const isObject = (typeof schema === "object" && schema !== null) || typeof schema === "function";
    if (!isObject || !("~standard" in schema)) {
      throw new TypeError(
        `${kind} of ${destination} is no Standard Schema: zod, valibot and arktype make such`,
      );
    }
  }
}

const VARIABLE = /\{([^{}:]+)(?::(?:[^{}]|\{[^{}]*\})*)?\}/g;

/**
 * Gives the destination that a pattern and its variables stand for.
 *
 * @throws TypeError when a variable is missing, is empty, or has the separator in it
 * @example
 * ```ts
 * destinationOf("/topic/room/{id}", { id: 7 }); // "/topic/room/7"
 * ```
 */
export function destinationOf(pattern: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return pattern.replace(VARIABLE, (_, name: string) => {
    const value = variables[name];
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text !== "string" || text === "" || text.includes("/")) {
      throw new TypeError(
        `{${name}} of ${pattern} is ${JSON.stringify(value)}: it is a text without a slash`,
      );
    }
    return text;
  });
}
