import type { PayloadTarget } from "../message/converter.js";

/**
 * Makes an instance of a payload's class, with the fields that the JSON has, so
 * that its methods can be called; nested objects stay plain.
 *
 * A class can be made if its constructor, and those of the classes it extends,
 * ask for nothing. Of another the value is given as it is. A field takes the
 * place of no method and of no accessor without a setter: a client would answer
 * for the class. Nor is there one named `constructor`, `prototype` or
 * `__proto__`.
 *
 * @param value what a converter read: an object of no class, else it is given as it is
 */
export function instanceOf(type: PayloadTarget, value: object): object {
  if (type === undefined || !isPlain(value) || !needsNothing(type)) return value;

  const instance = new (type as unknown as new () => Record<string, unknown>)();
  for (const [key, field] of Object.entries(value)) {
    if (!NEVER.has(key) && (!(key in instance) || isSettable(instance, key))) instance[key] = field;
  }
  return instance;
}

/** Gives a Map of what JSON has as an object, and a Set of a list; `undefined` when it is another. */
export function collectionOf(type: PayloadTarget, value: object): object | undefined {
  if (type === Map && isPlain(value)) return new Map(Object.entries(value));
  if (type === Set && Array.isArray(value)) return new Set(value);
  return undefined;
}

const NEVER: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function needsNothing(type: NonNullable<PayloadTarget>): boolean {
  for (let link: unknown = type; typeof link === "function"; link = Object.getPrototypeOf(link)) {
    if (link.length > 0) return false;
  }
  return true;
}

function isSettable(instance: object, key: string): boolean {
  for (let link: object | null = instance; link; link = Reflect.getPrototypeOf(link)) {
    const property = Reflect.getOwnPropertyDescriptor(link, key);
    if (property)
      return property.set !== undefined || ("value" in property && typeof property.value !== "function");
  }
  return true;
}
