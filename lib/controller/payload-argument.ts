import { MessageConversionError, MethodArgumentNotValidError } from "../errors.js";
import { isOpen, type PayloadTarget } from "../message/converter.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import { type StandardSchema, validate } from "../message/standard-schema.js";
import type { Argument } from "./invocation.js";
import type { ArgumentNote } from "./metadata.js";
import { collectionOf, instanceOf } from "./payload-instance.js";
import type { PayloadClass, PayloadValidator } from "./payload-validator.js";

export interface PayloadTools {
  readonly converter: CompositeMessageConverter;
  readonly validator?: PayloadValidator | undefined;
  /** The contract's schema of what clients send to the method. */
  readonly payloadSchema?: StandardSchema | undefined;
}

/** Reads the payload as what the parameter is, past its schema or the application's validator. */
export function payloadArgument(
  { required, schema: own }: Extract<ArgumentNote, { kind: "payload" }>,
  type: PayloadTarget,
  { converter, validator, payloadSchema }: PayloadTools,
): Argument {
  const schema = own ?? payloadSchema;
  return ({ message }) => {
    if (message.payload.byteLength === 0) {
      if (!required) return undefined;
      const issue = { path: [], message: "Payload value must not be empty" };
      throw new MethodArgumentNotValidError([issue], issue.message);
    }
    const value = converter.fromMessage(message, type);
    if (value === null && !required) return undefined;
    if (schema) return validate(value, schema);
    if (!fits(value, type)) {
      const collection = typeof value === "object" && value !== null && collectionOf(type, value);
      if (collection) return collection;
      const text = `Cannot convert ${value === null ? "null" : typeof value} to ${type?.name ?? "a payload"}`;
      throw new MessageConversionError(text, { publicMessage: text });
    }
    if (!isPayloadClass(type)) return value;
    return validator ? validator.validate(value as object, type) : instanceOf(type, value as object);
  };
}

/** Classes that the compiler notes for functions, promises and their like: no payload can be one. */
const NEVER = new Set<unknown>([Function, Promise, Symbol, BigInt]);

/** Whether a parameter's class says that it can be a payload: what is noted of interfaces and unions does not. */
export function canBePayload(type: PayloadTarget): boolean {
  return !isOpen(type) && !NEVER.has(type);
}

const BUILT_IN = new Set<unknown>([
  Object,
  String,
  Number,
  Boolean,
  Array,
  Uint8Array,
  Buffer,
  Map,
  Set,
  Date,
  RegExp,
]);

/** Whether it is a class of the application's own. */
export function isPayloadClass(type: PayloadTarget): type is PayloadClass {
  return type !== undefined && !BUILT_IN.has(type);
}

/** JSON says itself what it is: a number must not pass for the object that a handler asks for. */
function fits(value: unknown, type: PayloadTarget): boolean {
  if (value === null || value === undefined) return false;
  if (isOpen(type) || value instanceof (type as NonNullable<PayloadTarget>)) return true;
  if (type === String || type === Number || type === Boolean) return typeof value === type.name.toLowerCase();
  return typeof value === "object" && !Array.isArray(value) && isPayloadClass(type);
}
