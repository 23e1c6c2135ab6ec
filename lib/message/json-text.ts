import { types } from "node:util";
import { classNameOf, MessageConversionError } from "../errors.js";

/**
 * Writes a value as JSON. A Map is written as an object, a Set and a typed
 * array as a list, wherever they stand, as Jackson does; `toJSON` comes before
 * that. All else is as `JSON.stringify` has it: an `undefined` field is left out, NaN is null.
 *
 * @throws MessageConversionError that names the place of what JSON has no words for: a function, a symbol, a BigInt,
 *   an object that refers to itself, and objects that would be `{}` though they hold something, such as a promise
 */
export function jsonText(value: unknown): string {
  try {
    const text = JSON.stringify(value, isPlain(value, undefined) ? undefined : replacer());
    if (text !== undefined) return text;
  } catch (cause) {
    if (cause instanceof MessageConversionError) throw cause;
    throw unwritable(cause instanceof Error ? cause.message : String(cause), cause);
  }
  throw unwritable("it is undefined: send null");
}

interface Above {
  readonly value: object;
  readonly depth: number;
  readonly up: Above | undefined;
}

/** A value that is deeper is left to `JSON.stringify`, which knows for itself how deep it can go. */
const PLAIN_DEPTH = 32;

/**
 * Whether `JSON.stringify` alone is right: it is for nearly all that is sent, and a replacer costs as much again.
 * Measured: without closures, spreads and iterators this is a tenth of `JSON.stringify`.
 */
function isPlain(value: unknown, up: Above | undefined): boolean {
  if (typeof value !== "object") {
    return typeof value === "boolean" || isTextOrNumber(value) || (value === undefined && up !== undefined);
  }
  if (value === null) return true;
  return Array.isArray(value) ? isPlainList(value, up) : isPlainObject(value, up);
}

function isPlainList(list: readonly unknown[], up: Above | undefined): boolean {
  if (isAbove(list, up)) return false;
  const above = { value: list, depth: up ? up.depth + 1 : 0, up };
  for (let i = 0; i < list.length; i++) {
    if (!isTextOrNumber(list[i]) && !isPlain(list[i], above)) return false;
  }
  return true;
}

function isPlainObject(value: object, up: Above | undefined): boolean {
  if (isAbove(value, up)) return false;
  const isOfNoClass = hasNoClass(value);
  if (!isOfNoClass) {
    if (types.isDate(value)) return true;
    if (isCollection(value) || "toJSON" in value) return false;
  }
  const above = { value, depth: up ? up.depth + 1 : 0, up };
  let isEmpty = true;
  for (const key in value) {
    isEmpty = false;
    const field = (value as Record<string, unknown>)[key];
    if (!isTextOrNumber(field) && !isPlain(field, above)) return false;
  }
  return isOfNoClass || !isEmpty;
}

function isTextOrNumber(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}

/** Whether an object stands in itself, or may. */
function isAbove(value: object, up: Above | undefined): boolean {
  for (let above = up; above; above = above.up) {
    if (above.value === value || above.depth > PLAIN_DEPTH) return true;
  }
  return false;
}

interface Level {
  /** As JSON.stringify has it. */
  readonly holder: unknown;
  /** As the application gave it. */
  readonly original: unknown;
  readonly path: string;
}

/** JSON.stringify goes into the depth first: the levels above a value are those of its holder. */
function replacer(): (this: unknown, key: string, value: unknown) => unknown {
  const above: Level[] = [];
  return function (key, value) {
    if (above.length === 0) above.push({ holder: this, original: undefined, path: "" });
    while (above.at(-1)?.holder !== this) above.pop();

    const path = pathOf(above, key);
    if (typeof value !== "object" || value === null) return scalar(value, { path, holder: above.at(-1) });
    if (above.some(({ original }) => original === value)) throw unwritable(`${path} refers to itself`);

    const holder = written(value, path);
    above.push({ holder, original: value, path });
    return holder;
  };
}

function pathOf(above: readonly Level[], key: string): string {
  const parent = above.at(-1);
  if (above.length < 2 || !parent) return "it";

  const step = Array.isArray(parent.holder)
    ? `[${key}]`
    : /^[\w$]+$/.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`;
  return parent.path === "it" ? `its ${step.replace(/^\./, "")}` : `${parent.path}${step}`;
}

function scalar(value: unknown, { path, holder }: { path: string; holder: Level | undefined }): unknown {
  if (typeof value === "bigint") throw unwritable(`${path} is a BigInt: make it text, or a number`);
  if (typeof value === "symbol") throw unwritable(`${path} is a symbol`);
  // An object of a class may have its methods as fields.
  if (typeof value === "function" && !isOfAClass(holder?.original)) {
    throw unwritable(`${path} is a function: call it, or leave it out`);
  }
  return value;
}

function written(value: object, path: string): object {
  if (types.isSet(value)) return [...value];
  if (types.isTypedArray(value)) return Array.from<unknown>(value as Uint8Array);
  if (types.isMap(value)) {
    for (const key of value.keys()) {
      if (typeof key === "object" || typeof key === "function" || typeof key === "symbol") {
        throw unwritable(`${path} is a Map with a key that is no text: ${typeof key}`);
      }
    }
    return Object.fromEntries(value);
  }
  if (Object.keys(value).length === 0 && holdsMore(value)) {
    const hint = types.isPromise(value)
      ? "await it"
      : "JSON writes fields alone, so give it toJSON(), or send what is in it";
    throw unwritable(`${path} is of ${classNameOf(value)}, and would be {}: ${hint}`);
  }
  return value;
}

/** Whether an object without fields has something in it: what is built in has, and what has methods or accessors. */
function holdsMore(value: object): boolean {
  if (Array.isArray(value) || types.isBoxedPrimitive(value)) return false;

  for (let link = Reflect.getPrototypeOf(value); link; link = Reflect.getPrototypeOf(link)) {
    if (isRoot(link)) return false;
    if (Reflect.ownKeys(link).some((key) => key !== "constructor")) return true;
  }
  return false;
}

function isCollection(value: object): boolean {
  return types.isMap(value) || types.isSet(value) || types.isTypedArray(value);
}

function isOfAClass(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !isCollection(value) &&
    !hasNoClass(value)
  );
}

function hasNoClass(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isRoot(prototype as object);
}

/** Whether it is the prototype of all objects, that of another realm too, such as a vm's or Jest's. */
function isRoot(prototype: object): boolean {
  return Reflect.getPrototypeOf(prototype) === null;
}

function unwritable(why: string, cause?: unknown): MessageConversionError {
  return new MessageConversionError(`A payload cannot be written as JSON: ${why}`, { cause });
}
