import { freeName, typeName } from "./address.js";
import type { JsonSchema, Reference } from "./document.js";
import { moved, partsOf } from "./json-schema.js";
import {
  type DescribedPayload,
  describePayload,
  type PayloadSource,
  type SchemaAdapter,
} from "./payload-schema.js";

/** A payload's place in the document. */
export interface PlacedPayload extends Omit<DescribedPayload, "schema"> {
  readonly payload: JsonSchema | Reference;
}

const PLACE = "#/components/schemas/";

/** Types that need no name, and no place of their own. */
const PLAIN = new Set<unknown>(["string", "number", "integer", "boolean", "null"]);

/** The schemas of a document, each said once. */
export class Schemas {
  readonly #components = new Map<string, JsonSchema>();
  readonly #placed = new Map<unknown, PlacedPayload>();
  readonly #adapter: SchemaAdapter | undefined;

  /** @param adapter adds Standard JSON Schema where a library has none */
  constructor(adapter?: SchemaAdapter) {
    this.#adapter = adapter;
  }

  get components(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries(this.#components);
  }

  /** @param name for a schema that has none */
  place(source: PayloadSource, name: string): PlacedPayload {
    const key = source.json ?? source.schema ?? source.type;
    const known = key && this.#placed.get(key);
    if (known) return known;

    const { schema, ...described } = describePayload(source, this.#adapter);
    const isEmpty = Object.keys(schema).length === 0;
    const payload = isEmpty
      ? schema
      : this.#add(schema, described.name ?? name, described.name !== undefined);
    const placed = { ...described, payload };
    if (key) this.#placed.set(key, placed);
    return placed;
  }

  #add(whole: JsonSchema, name: string, isDistinct: boolean): JsonSchema | Reference {
    const { schema, definitions } = partsOf(whole);
    // A schema that has a name of its own is nothing but a reference to its definition.
    const isNamed =
      Object.keys(schema).length === 1 && typeof schema.$ref === "string" && definitions.size > 0;
    const isPlain = PLAIN.has(schema.type) && !("enum" in schema) && !("title" in schema);
    const title = typeof schema.title === "string" && schema.title !== "" ? schema.title : name;
    const own = isNamed || isPlain ? [] : ([["", schema]] as const);
    const all = new Map<string, JsonSchema>([...own, ...definitions]);
    const names = this.#names(all, typeName(title), isDistinct);
    const places = new Map([...names].map(([definition, place]) => [definition, `${PLACE}${place}`]));
    for (const [definition, each] of all) {
      this.#components.set(names.get(definition) as string, moved(each, places));
    }
    return own.length > 0 ? { $ref: places.get("") as string } : moved(schema, places);
  }

  /** Names that are free, or, unless it is distinct from all others, taken by the very same. */
  #names(
    all: ReadonlyMap<string, JsonSchema>,
    title: string,
    isDistinct: boolean,
  ): ReadonlyMap<string, string> {
    const names = new Map(
      [...all.keys()].map((definition) => {
        // Names that nobody has given begin with an underscore.
        const isGiven = definition !== "" && !definition.startsWith("_");
        return [definition, isGiven ? typeName(definition) : title + typeName(definition)];
      }),
    );
    const isFree = (definition: string, name: string) => {
      names.set(definition, name);
      if ([...names].some(([other, taken]) => other !== definition && taken === name)) return false;
      const other = this.#components.get(name);
      if (!other || isDistinct) return !other;
      const places = new Map([...names].map(([each, place]) => [each, `${PLACE}${place}`]));
      return JSON.stringify(other) === JSON.stringify(moved(all.get(definition) as JsonSchema, places));
    };
    for (const [definition, name] of names) freeName(name, (each) => !isFree(definition, each), "");
    return names;
  }
}
