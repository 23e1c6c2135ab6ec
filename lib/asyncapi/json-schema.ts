import type { JsonSchema } from "./document.js";

/** Keywords whose values are data, and those whose values are schemas by names of the application's. */
const DATA = new Set(["const", "default", "enum", "examples"]);
const BY_NAME = new Set(["properties", "patternProperties", "definitions", "$defs", "dependencies"]);
const DEFINITIONS = /^#\/(?:definitions|\$defs)\/([^/]+)(.*)$/;

/** A schema, and the definitions that it has brought along. */
export interface SchemaParts {
  readonly schema: JsonSchema;
  readonly definitions: ReadonlyMap<string, JsonSchema>;
}

/** Takes a schema's definitions, and what says which JSON Schema it is, away from it. */
export function partsOf({ $schema, $id, definitions, $defs, ...schema }: JsonSchema): SchemaParts {
  const all = { ...(definitions as object), ...($defs as object) };
  return { schema, definitions: new Map(Object.entries(all) as [string, JsonSchema][]) };
}

/**
 * Gives the schema with each reference where its target stands in the document.
 *
 * @param places of the definitions, and of the schema itself under `""`
 */
export function moved(schema: JsonSchema, places: ReadonlyMap<string, string>): JsonSchema {
  return movedValue(schema, places) as JsonSchema;
}

function movedValue(value: unknown, places: ReadonlyMap<string, string>, isByName = false): unknown {
  if (Array.isArray(value)) return value.map((each) => movedValue(each, places));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (isByName) return [key, movedValue(each, places)];
      if (key === "$ref" && typeof each === "string") return [key, movedReference(each, places)];
      return [key, DATA.has(key) ? each : movedValue(each, places, BY_NAME.has(key))];
    }),
  );
}

function movedReference(reference: string, places: ReadonlyMap<string, string>): string {
  const [, name, rest = ""] = DEFINITIONS.exec(reference) ?? [];
  const place = name === undefined ? undefined : places.get(decoded(name));
  if (place !== undefined) return `${place}${rest}`;
  return reference.startsWith("#") ? `${places.get("")}${reference.slice(1)}` : reference;
}

/** A name as it stands in a JSON pointer of a URL. */
function decoded(name: string): string {
  return decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
}
