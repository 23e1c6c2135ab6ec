import { ConfigurationError } from "../errors.js";
import { type Note, noteOf } from "./metadata.js";

/** The object that a decorated method stands on, if the method is not static: static ones stand on a class, which has a `prototype`. */
export type Prototype = object & { readonly prototype?: never };

export type Class = abstract new (...args: never) => unknown;

/** The note of the class or method under a decorator, which may stand on either. @throws ConfigurationError otherwise */
export function noteOfTarget(decorator: string, target: object, method: readonly unknown[]): Note {
  if (method.length === 0) {
    checkClass(decorator, target, method);
    return noteOf((target as Class).prototype as object, "constructor");
  }
  const [key, descriptor] = method as [string | symbol | object, PropertyDescriptor | undefined];
  checkLegacy(decorator, key);
  if (typeof target === "function" || typeof descriptor?.value !== "function") {
    throw new ConfigurationError(
      `${decorator} stands on ${classNameOfTarget(target)}.${String(key)}: it belongs above a method that is not static`,
    );
  }
  return noteOf(target, key as string | symbol);
}

/** @throws ConfigurationError when a decorator of classes stands on something else */
export function checkClass(decorator: string, target: unknown, method: readonly unknown[]): void {
  checkLegacy(decorator, method[0]);
  if (typeof target !== "function" || method.length > 0) {
    throw new ConfigurationError(`${decorator} belongs above a class`);
  }
}

/** @throws ConfigurationError when a decorator was not called: it was given what it stands on, and marked nothing */
export function checkCalled(decorator: string, args: readonly unknown[]): void {
  if (args.length > 0) throw new ConfigurationError(`${decorator} is to be called: write ${decorator}()`);
}

/** The name of the class that a decorator's target is, or is the prototype of. */
export function classNameOfTarget(target: object): string {
  return typeof target === "function" ? target.name : target.constructor.name;
}

/** The decorators of the standard get an object here, and know no parameters and no types. */
function checkLegacy(decorator: string, second: unknown): void {
  if (typeof second === "object" && second !== null) {
    throw new ConfigurationError(
      `${decorator} needs "experimentalDecorators" and "emitDecoratorMetadata" in tsconfig.json`,
    );
  }
}
