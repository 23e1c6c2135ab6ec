import type { StandardSchema } from "../index.js";
import type { JsonSchema } from "./document.js";

/** A payload, as far as it is known. */
export interface PayloadSource {
  /** A schema in whatever library; those with Standard JSON Schema can be described. */
  readonly schema?: StandardSchema | undefined;
  /** The class that a method's parameter has. */
  readonly type?: (abstract new (...args: never) => unknown) | undefined;
  readonly json?: JsonSchema | undefined;
  /** For a schema that has no name, where its first place is not what it is called by. */
  readonly name?: string;
}

/** A payload as JSON Schema, with what it lacks. */
export interface DescribedPayload {
  readonly schema: JsonSchema;
  readonly name?: string | undefined;
  readonly contentType?: string;
  readonly lack?: string;
}

/** Gives a schema that has Standard JSON Schema for one that has not. */
export type SchemaAdapter = (schema: never) => { readonly "~standard": unknown };

/** The part of Standard JSON Schema, version 1, that is used: zod 4.2, arktype 2.1.28 and newer have it, valibot by an adapter. */
interface JsonSchemaSource {
  readonly jsonSchema?: {
    input(options: { readonly target: string; readonly libraryOptions?: object }): JsonSchema;
  };
}

/** JSON writes a date as text. */
const DATE = { type: "string", format: "date-time" };

/** Packages that add Standard JSON Schema to a library's schemas. */
const ADAPTERS: Readonly<Record<string, string>> = {
  valibot: "toStandardJsonSchema of @valibot/to-json-schema",
};

/** Options by which a library describes as much of a schema as it can, and dates as what JSON makes of them. */
const LENIENT: Readonly<Record<string, object>> = {
  zod: {
    unrepresentable: "any",
    override: ({
      zodSchema,
      jsonSchema,
    }: {
      zodSchema: { _zod: { def: { type: string } } };
      jsonSchema: object;
    }) => {
      if (zodSchema._zod.def.type === "date") Object.assign(jsonSchema, DATE);
    },
  },
  arktype: {
    fallback: {
      default: ({ base }: { base: object }) => base,
      date: ({ base }: { base: object }) => ({ ...base, ...DATE }),
    },
  },
  valibot: {
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema }: { valibotSchema: { type: string } }) =>
      valibotSchema.type === "date" ? DATE : undefined,
  },
};

/** Describes what travels: what a schema takes, before it makes something else of it. */
export function describePayload(
  { schema, type, json }: PayloadSource,
  adapter?: SchemaAdapter,
): DescribedPayload {
  if (json) return { schema: json };
  if (schema) return ofSchema(schema, adapter);
  return ofClass(type);
}

function ofSchema(schema: StandardSchema, adapter: SchemaAdapter | undefined): DescribedPayload {
  const { vendor } = schema["~standard"];
  const jsonSchema = sourceOf(schema) ?? sourceOf(adapter?.(schema as never));
  if (!jsonSchema) {
    const known = ADAPTERS[vendor];
    const advice = known ? `: give asyncApi ${known}` : "";
    return { schema: {}, lack: `Schemas of ${vendor} have no Standard JSON Schema${advice}` };
  }
  try {
    return { schema: jsonSchema.input({ target: "draft-07" }) };
  } catch (error) {
    const lack = `Not all of the schema can be described: ${error instanceof Error ? error.message : String(error)}`;
    try {
      const libraryOptions = LENIENT[vendor];
      if (libraryOptions) return { schema: jsonSchema.input({ target: "draft-07", libraryOptions }), lack };
    } catch {
      // Of this one nothing can be said.
    }
    return { schema: {}, lack };
  }
}

function sourceOf(schema: { readonly "~standard": unknown } | undefined): JsonSchemaSource["jsonSchema"] {
  return (schema?.["~standard"] as JsonSchemaSource | undefined)?.jsonSchema;
}

const SIMPLE = new Map<unknown, DescribedPayload>([
  [String, { schema: { type: "string" } }],
  [Number, { schema: { type: "number" } }],
  [Boolean, { schema: { type: "boolean" } }],
  [Array, { schema: { type: "array" } }],
  [Date, { schema: DATE }],
  [Uint8Array, { schema: { type: "string", format: "binary" }, contentType: "application/octet-stream" }],
  [Buffer, { schema: { type: "string", format: "binary" }, contentType: "application/octet-stream" }],
]);

function ofClass(type: PayloadSource["type"]): DescribedPayload {
  const simple = SIMPLE.get(type);
  if (simple) return simple;
  if (type === undefined || type === Object) return { schema: {}, lack: "Nothing says what the payload is" };
  const { name } = type;
  return {
    name,
    schema: { type: "object", title: name },
    lack: `Of the class ${name} no more than its name is known: a schema says what is in it`,
  };
}

/** A header or a variable as the class of its parameter wants it: text, unless that says otherwise. */
export function textSchema(type: unknown): JsonSchema {
  if (type === Number || type === Boolean) return { type: type === Number ? "number" : "boolean" };
  return type === Array ? { type: "array", items: { type: "string" } } : { type: "string" };
}
