import type { PayloadTarget } from "../message/converter.js";
import type { Message } from "../message/message.js";
import type { MethodKey } from "./metadata.js";

/** A parameter of a controller's method, or what it returned. */
export interface MethodParameter {
  readonly controllerClass: abstract new (...args: never) => unknown;
  readonly method: MethodKey;
  /** From 0; -1 is what it returned. */
  readonly index: number;
  /** The class that the compiler noted; that of the value where one was returned. */
  readonly type: PayloadTarget;
}

/**
 * Gives arguments of the application's own, as Spring's interface of this name.
 * It is asked, once for each parameter, when no decorator of ours and no class
 * of ours says what belongs there; the payload comes after it.
 *
 * @example
 * ```ts
 * const tenants: HandlerMethodArgumentResolver = {
 *   supportsParameter: ({ type }) => type === Tenant,
 *   resolveArgument: (_parameter, { headers }) => new Tenant(headers.native.get("tenant")),
 * };
 * ```
 */
export interface HandlerMethodArgumentResolver {
  supportsParameter(parameter: MethodParameter): boolean;
  /** Gives the argument, or a promise of it. An error that it throws is the method's fault. */
  resolveArgument(parameter: MethodParameter, message: Message): unknown;
}

/**
 * Takes what methods return, as Spring's interface of this name. It is asked
 * for each value that is not `undefined` or `null`, of methods that answer
 * neither with `@SendTo` or `@SendToUser` nor a subscriber.
 *
 * @example
 * ```ts
 * const files: HandlerMethodReturnValueHandler = {
 *   supportsReturnType: ({ type }) => type === File,
 *   handleReturnValue: (file) => upload(file as File),
 * };
 * ```
 */
export interface HandlerMethodReturnValueHandler {
  supportsReturnType(returnType: MethodParameter): boolean;
  /** The message is handled when this is done. An error that it throws is the method's fault. */
  handleReturnValue(value: unknown, returnType: MethodParameter, message: Message): void | Promise<void>;
}
