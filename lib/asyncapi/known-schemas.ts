import { ConfigurationError, type MessagingDescription, type StandardSchema } from "../index.js";
import { shapeOf } from "./address.js";
import type { AsyncApiInfo } from "./options.js";

/** Schemas by destination, whatever the variables are called. */
export class SchemasByDestination {
  readonly #schemas = new Map<string, { readonly destination: string; readonly schema: StandardSchema }>();
  readonly #used = new Set<string>();

  add(destination: string, schema: { readonly "~standard": unknown }): void {
    this.#schemas.set(shapeOf(destination), { destination, schema: schema as StandardSchema });
  }

  get(destination: string): StandardSchema | undefined {
    const shape = shapeOf(destination);
    this.#used.add(shape);
    return this.#schemas.get(shape)?.schema;
  }

  has(destination: string): boolean {
    return this.#schemas.has(shapeOf(destination));
  }

  /** Destinations that nobody has asked for. */
  get unused(): string[] {
    return [...this.#schemas].flatMap(([shape, { destination }]) =>
      this.#used.has(shape) ? [] : destination,
    );
  }
}

/** Schemas of what clients hear. */
export interface KnownSchemas {
  readonly heard: SchemasByDestination;
  /** Of the one answer to a SUBSCRIBE. */
  readonly answers: SchemasByDestination;
}

/** Reads the contract, and the info's `messages`. @throws ConfigurationError when both say something of one destination */
export function schemasOf(description: MessagingDescription, { messages = {} }: AsyncApiInfo): KnownSchemas {
  const known = { heard: new SchemasByDestination(), answers: new SchemasByDestination() };
  const { contract, methods } = description;
  for (const [destination, { message, subscribe }] of Object.entries(contract?.destinations ?? {})) {
    if (message) known.heard.add(destination, message);
    if (subscribe) known.answers.add(destination, subscribe);
  }
  const replies = methods.flatMap(({ mappings }) => mappings.flatMap((mapping) => mapping.replies));
  const answered = new Set(
    replies.flatMap(({ to, destination }) =>
      to === "subscription" && destination !== undefined ? shapeOf(destination) : [],
    ),
  );
  for (const [destination, schema] of Object.entries(messages)) {
    const schemas = answered.has(shapeOf(destination)) ? known.answers : known.heard;
    if (schemas.has(destination)) {
      throw new ConfigurationError(
        `asyncApi: messages has ${destination}, which is said already: leave one of them out`,
      );
    }
    schemas.add(destination, schema);
  }
  return known;
}
