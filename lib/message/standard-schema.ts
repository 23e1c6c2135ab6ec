import { type FieldIssue, MethodArgumentNotValidError } from "../errors.js";
import { isPromise } from "../promise.js";

/** The part of a Standard Schema, version 1, that is used: zod, valibot, arktype and others are such. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Whether it is a schema; some are functions. */
export function isSchema(value: unknown): value is StandardSchema {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") && "~standard" in value
  );
}

/**
 * Gives a value as the schema makes it; a promise where the schema is asynchronous.
 *
 * @throws MethodArgumentNotValidError (or rejects with it) when the value does not fit
 */
export function validate(value: unknown, schema: StandardSchema): unknown {
  const result = schema["~standard"].validate(value);
  return isPromise(result) ? result.then(outputOf) : outputOf(result);
}

function outputOf(result: SchemaResult<unknown>): unknown {
  if (!result.issues) return result.value;
  throw new MethodArgumentNotValidError(result.issues.map(fieldIssue));
}

function fieldIssue({ message, path = [] }: SchemaIssue): FieldIssue {
  const keys = path.map((step) => (typeof step === "object" ? step.key : step));
  return { path: keys.map((key) => (typeof key === "symbol" ? String(key) : key)), message };
}
