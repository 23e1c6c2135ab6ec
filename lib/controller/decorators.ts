import { injectable, injectFromBase } from "inversify";
import { ConfigurationError } from "../errors.js";
import { noteOf } from "./metadata.js";

type Class = abstract new (...args: never) => unknown;

/** Stands above a class. */
export type ControllerDecorator = (target: Class) => void;

/** Stands above a method that is not static. */
export type HandlerDecorator = <M extends (...args: never) => unknown>(
  prototype: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

const controllers = new WeakSet<Class>();

/**
 * Makes a class a controller, and injectable. Where inversify's `@injectable()`
 * is wanted too, for its scope, it stands below.
 */
export function Controller(): ControllerDecorator {
  return (target: Class, ...method: unknown[]) => {
    checkClass("@Controller", target, method);
    controllers.add(target);
    makeInjectable(target);
  };
}

/** Whether the class itself, not one it extends, has `@Controller()`. */
export function isController(target: object): boolean {
  return controllers.has(target as Class);
}

/**
 * Maps SEND to a method. Patterns may have `{variables}`, `?`, `*` and `**`;
 * those above the class, if any, stand before those of each method.
 */
export function MessageMapping(...patterns: string[]): ControllerDecorator & HandlerDecorator {
  return notes("@MessageMapping", "messageMapping", patterns);
}

/**
 * Maps SUBSCRIBE to a method. What it returns is sent to the one who
 * subscribed, once, unless `@SendTo` says otherwise.
 */
export function SubscribeMapping(...patterns: string[]): HandlerDecorator {
  const note = notes("@SubscribeMapping", "subscribeMapping", patterns);
  return (target: object, ...method: unknown[]) => {
    if (method.length === 0) throw new ConfigurationError("@SubscribeMapping stands above methods only");
    note(target, ...method);
  };
}

/**
 * Names where a return value is sent, in place of `/topic` and the destination
 * without its prefix. `{name}` stands for a variable of the mapping's pattern.
 */
export function SendTo(...destinations: string[]): ControllerDecorator & HandlerDecorator {
  return notes("@SendTo", "sendTo", destinations);
}

/** A decorator that notes destinations, once. */
function notes(
  decorator: string,
  field: "messageMapping" | "subscribeMapping" | "sendTo",
  destinations: readonly string[],
) {
  checkDestinations(decorator, destinations);
  return (target: object, ...method: unknown[]): void => {
    const note = decorated(decorator, target, method);
    if (note[field]) {
      const where = typeof target === "function" ? target.name : `a method of ${target.constructor.name}`;
      throw new ConfigurationError(`${decorator} stands twice on ${where}: one takes several destinations`);
    }
    note[field] = destinations;
  };
}

/** The note of the class or method under a decorator, which may stand on either. */
function decorated(decorator: string, target: object, method: readonly unknown[]) {
  if (method.length === 0) {
    checkClass(decorator, target, method);
    return noteOf((target as Class).prototype as object, "constructor");
  }
  const [key, descriptor] = method as [string | symbol | object, PropertyDescriptor | undefined];
  checkLegacy(decorator, key);
  if (typeof target === "function" || typeof descriptor?.value !== "function") {
    const where = typeof target === "function" ? target.name : target.constructor.name;
    throw new ConfigurationError(
      `${decorator} stands on ${where}.${String(key)}: it belongs above a method that is not static`,
    );
  }
  return noteOf(target, key as string | symbol);
}

function checkClass(decorator: string, target: unknown, method: readonly unknown[]): void {
  checkLegacy(decorator, method[0]);
  if (typeof target !== "function" || method.length > 0) {
    throw new ConfigurationError(`${decorator} belongs above a class`);
  }
}

/** The decorators of the standard get an object here, and know no parameters and no types. */
function checkLegacy(decorator: string, second: unknown): void {
  if (typeof second === "object" && second !== null) {
    throw new ConfigurationError(
      `${decorator} needs "experimentalDecorators" and "emitDecoratorMetadata" in tsconfig.json`,
    );
  }
}

function checkDestinations(decorator: string, destinations: readonly unknown[]): void {
  for (const destination of destinations) {
    if (typeof destination !== "string") {
      throw new ConfigurationError(
        `${decorator} takes destinations as text, not ${typeof destination}: write ${decorator}("/…")`,
      );
    }
  }
}

function makeInjectable(target: Class): void {
  try {
    injectable()(target);
  } catch {
    return; // It is already: inversify refuses a second time, and would have told any other fault the first time.
  }
  // An inherited constructor has no metadata of its own: without this its arguments would be undefined.
  const base = Reflect.getPrototypeOf(target) as Class;
  if (base !== Function.prototype && !Reflect.hasOwnMetadata("design:paramtypes", target)) {
    injectFromBase({ extendConstructorArguments: true, extendProperties: true })(target);
  }
}
