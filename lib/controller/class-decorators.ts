import { ConfigurationError } from "../errors.js";
import { type Class, checkCalled, checkClass } from "./decorator-target.js";
import { injectable, injectFromBase, type Newable } from "./inversify.js";

type Concrete = Newable<object>;

/** Stands above a class. */
export type ControllerDecorator = (target: Class) => void;

const controllers = new WeakSet<Class>();
const advices = new WeakSet<Class>();
const scoped = new Set<Concrete>();

/**
 * Makes a class a controller, and injectable. Where inversify's `@injectable()`
 * is wanted too, for its scope, it stands below.
 *
 * @example
 * ```ts
 * @Controller()
 * class GreetingController {
 *   @MessageMapping("/hello") // SEND to /app/hello; subscribers of /topic/hello hear the answer
 *   greet(@Payload() name: string) {
 *     return `Hello, ${name}!`;
 *   }
 * }
 * ```
 */
export function Controller(): ControllerDecorator;
export function Controller(...none: unknown[]): ControllerDecorator {
  checkCalled("@Controller", none);
  return marksIn(controllers, "@Controller");
}

/**
 * Makes a class an advice, and injectable: its `@MessageExceptionHandler`
 * methods take what those of the controllers do not, in the order of the
 * `controllers` option.
 *
 * @example
 * ```ts
 * @ControllerAdvice()
 * class Advice {
 *   @MessageExceptionHandler(RangeError)
 *   @SendToUser("/queue/errors", { broadcast: false })
 *   outOfRange(error: RangeError) {
 *     return error.message;
 *   }
 * }
 * ```
 */
export function ControllerAdvice(): ControllerDecorator;
export function ControllerAdvice(...none: unknown[]): ControllerDecorator {
  checkCalled("@ControllerAdvice", none);
  return marksIn(advices, "@ControllerAdvice");
}

/**
 * Gives each session a controller, or a service of its own, of this class: made
 * when the session first needs it, disposed when it ends. Only what has this
 * decorator too can have such a service injected.
 *
 * @example
 * ```ts
 * @Scope("websocket")
 * class Basket {
 *   readonly items: string[] = [];
 * }
 * ```
 */
export function Scope(scope: "websocket"): ControllerDecorator {
  if (scope !== "websocket") throw new ConfigurationError(`@Scope knows "websocket" only`);
  return marksIn(scoped as Set<Class>, "@Scope");
}

/** Whether the class itself has `@Scope("websocket")`. */
export function isSessionScoped(target: unknown): boolean {
  return scoped.has(target as Concrete);
}

/** All classes with `@Scope("websocket")` that there are. */
export function sessionScopedClasses(): Iterable<Concrete> {
  return scoped;
}

/** Whether the class itself, not one it extends, has `@Controller()` or `@ControllerAdvice()`. */
export function isController(target: object): boolean {
  return controllers.has(target as Class) || isAdvice(target);
}

/** Whether the class itself, not one it extends, has `@ControllerAdvice()`. */
export function isAdvice(target: unknown): boolean {
  return advices.has(target as Class);
}

function marksIn(classes: { add(target: Class): unknown }, decorator: string): ControllerDecorator {
  return (target: Class, ...method: unknown[]) => {
    checkClass(decorator, target, method);
    classes.add(target);
    makeInjectable(target);
  };
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
