import { ConfigurationError } from "../errors.js";
import type { Message as MessageData, Principal as PrincipalData } from "../message/message.js";
import { isSchema, type StandardSchema } from "../message/standard-schema.js";
import { isText } from "../options/checks.js";
import { checkCalled, type Prototype } from "./decorator-target.js";
import { type ArgumentNote, noteOf } from "./metadata.js";

/** Stands before a parameter of a method that is not static. */
export type ArgumentDecorator = (prototype: Prototype, method: string | symbol, index: number) => void;

/** The same, before a parameter that takes a `T`: another does not compile, where the method is public. */
export type TypedArgumentDecorator<T> = <P extends Prototype, K extends string | symbol, I extends number>(
  prototype: P,
  method: K,
  index: I & Taking<T, ParameterAt<P, K, I>>,
) => void;

/** Before a parameter that takes text, or a number or boolean which is written as such. */
export type TextArgumentDecorator = <P extends Prototype, K extends string | symbol, I extends number>(
  prototype: P,
  method: K,
  index: I & TextTaking<ParameterAt<P, K, I>>,
) => void;

type TextTaking<Parameter> = unknown extends Parameter
  ? unknown
  : [Parameter] extends [string | number | boolean | undefined]
    ? unknown
    : { "text cannot be": Parameter };

/** Before a parameter that takes a user; the application's own have more than a name. */
export type PrincipalArgumentDecorator = <P extends Prototype, K extends string | symbol, I extends number>(
  prototype: P,
  method: K,
  index: I & PrincipalTaking<ParameterAt<P, K, I>>,
) => void;

type PrincipalTaking<Parameter> = unknown extends Parameter
  ? unknown
  : [NonNullable<Parameter>] extends [PrincipalData]
    ? unknown
    : [PrincipalData] extends [Parameter]
      ? unknown
      : { "the user has a name, and cannot be": Parameter };

type ParameterAt<P, K, I extends number> = K extends keyof P
  ? P[K] extends (...args: infer A) => unknown
    ? A[I]
    : unknown
  : unknown;

type Taking<T, Parameter> = [T] extends [Parameter]
  ? unknown
  : { "the parameter does not take": T; "but only": Parameter };

/**
 * A decorator whose name is also that of an interface. The construct signature,
 * which nobody can call, makes the compiler write the function itself where a
 * decorated method's signature names the interface: so the argument is known
 * without its decorator.
 */
type ArgumentToken<T, D> = (() => D) & (abstract new (never: never) => T);

/** Options of `@Payload`. */
export interface PayloadOptions {
  /** Whether an empty payload is an error; by default it is. Otherwise the argument is `undefined`. */
  required?: boolean;
}

/** Options of `@Header`. */
export interface HeaderOptions {
  /** Whether it is an error that the header is missing; by default it is. Otherwise the argument is `undefined`. */
  required?: boolean;
  /** Stands in when the header is missing or empty. */
  defaultValue?: unknown;
}

/**
 * Gives the payload, converted to the parameter's class.
 *
 * The first undecorated parameter is the payload too if the compiler noted a
 * class for it that can be one. Of interfaces, unions and type-only imports, and
 * of everything with tsx or esbuild, it notes none, and the start fails: a
 * client's payload could stand in for the user.
 *
 * With a schema it gives what the schema makes of the payload, and the compiler
 * checks that the parameter takes that. A payload that does not fit is a
 * `MethodArgumentNotValidError`.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageMapping("/say")
 *   say(@Payload() text: string, @Principal() user: Principal) {}
 *
 *   @MessageMapping("/order")
 *   order(@Payload(Order) order: { item: string; count: number }) {} // Order: a schema of zod, say
 * }
 * ```
 */
export function Payload(options?: PayloadOptions): ArgumentDecorator;
export function Payload<T>(
  schema: StandardSchema<T>,
  options: PayloadOptions & { required: false },
): TypedArgumentDecorator<T | undefined>;
export function Payload<T>(schema: StandardSchema<T>, options?: PayloadOptions): TypedArgumentDecorator<T>;
export function Payload(first: PayloadOptions | StandardSchema = {}, second: PayloadOptions = {}): unknown {
  if (typeof second !== "object") checkCalled("@Payload", [first]);
  const schema = isSchema(first) ? first : undefined;
  const options = isSchema(first) ? second : first;
  const { required = true, ...unknown } = options;
  if (typeof required !== "boolean" || Object.keys(unknown).length > 0) {
    throw new ConfigurationError("@Payload takes a Standard Schema, and the one option required");
  }
  return argument("@Payload", { kind: "payload", required, schema });
}

/**
 * Gives one header, as number or boolean where the parameter is one; all values
 * of a repeated header where it is an array.
 *
 * Our own headers (`destination`, `sessionId`, … or `simpDestination`,
 * `simpSessionId`, …) are never taken from what the client sent; a client's
 * header of such a name is `nativeHeaders.` and the name.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageMapping("/say")
 *   say(@Payload() text: string, @Header("urgency", { defaultValue: 0 }) urgency: number) {}
 * }
 * ```
 */
export function Header(name: string, options: HeaderOptions = {}): ArgumentDecorator {
  checkName("@Header", name);
  const { required = true, defaultValue } = options;
  return argument("@Header", { kind: "header", name, required, defaultValue });
}

/**
 * Gives all headers: `MessageHeaders`, with the client's in `native`; those alone where the parameter is `NativeHeaders`.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageMapping("/say")
 *   say(@Headers() { sessionId, native }: MessageHeaders) {
 *     return `${sessionId} wrote ${native.get("text")}`;
 *   }
 * }
 * ```
 */
export function Headers(): ArgumentDecorator;
export function Headers(...none: unknown[]): ArgumentDecorator {
  checkCalled("@Headers", none);
  return argument("@Headers", { kind: "headers" });
}

/**
 * Gives what a `{name}` of the mapping's pattern stands for, as number or boolean where the parameter is one.
 *
 * @example
 * ```ts
 * class Prices {
 *   @MessageMapping("/prices/{year}/{symbol}")
 *   price(@DestinationVariable("year") year: number, @DestinationVariable("symbol") symbol: string) {}
 * }
 * ```
 */
export function DestinationVariable(name: string): TextArgumentDecorator {
  checkName("@DestinationVariable", name);
  return argument("@DestinationVariable", { kind: "destinationVariable", name });
}

/** The person behind a session, as Java's `Principal`. */
export interface Principal extends PrincipalData {}

/**
 * Gives the user, `undefined` when there is none. An undecorated parameter of
 * this very type is the user as well, where the compiler notes types and the
 * name is not imported as a type only.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageMapping("/say")
 *   say(@Payload() text: string, @Principal() user: Principal | undefined) {
 *     return { from: user?.name ?? "a stranger", text };
 *   }
 * }
 * ```
 */
export const Principal = token<Principal, PrincipalArgumentDecorator>("@Principal", { kind: "principal" });

/** A message on the channels: read-only data. */
export interface Message<P = Uint8Array> extends MessageData<P> {}

/**
 * Gives the message as it came. An undecorated parameter of this type is it as well, as with `Principal`.
 *
 * @example
 * ```ts
 * class Audit {
 *   @MessageMapping("/audit/**")
 *   note(@Message() { payload, headers }: Message) {
 *     console.log(headers.destination, payload.byteLength);
 *   }
 * }
 * ```
 */
export const Message = token<Message, TypedArgumentDecorator<Message>>("@Message", { kind: "message" });

/**
 * Gives the error in a method with `@MessageExceptionHandler`. Its first
 * parameter nothing else is known of, or whose class is an error's, needs no
 * decorator.
 *
 * @example
 * ```ts
 * class Rooms {
 *   @MessageExceptionHandler(RangeError)
 *   failed(@Exception() error: RangeError, @Header("destination") destination: string) {
 *     return `${destination}: ${error.message}`;
 *   }
 * }
 * ```
 */
export function Exception(): ArgumentDecorator;
export function Exception(...none: unknown[]): ArgumentDecorator {
  checkCalled("@Exception", none);
  return argument("@Exception", { kind: "exception" });
}

function token<T, D>(decorator: string, note: ArgumentNote): ArgumentToken<T, D> {
  const make = (...none: unknown[]) => {
    checkCalled(decorator, none);
    return argument(decorator, note);
  };
  return make as unknown as ArgumentToken<T, D>;
}

function argument(decorator: string, note: ArgumentNote): ArgumentDecorator {
  return (prototype, method, index) => {
    if (typeof prototype === "function" || typeof index !== "number") {
      throw new ConfigurationError(`${decorator} belongs before a parameter of a method that is not static`);
    }
    const { arguments: args } = noteOf(prototype, method);
    if (args.has(index)) {
      const where = `${prototype.constructor.name}.${String(method)}`;
      throw new ConfigurationError(`Parameter ${index} of ${where} has two decorators: ${decorator} is one`);
    }
    args.set(index, note);
  };
}

function checkName(decorator: string, name: unknown): void {
  if (!isText(name)) {
    throw new ConfigurationError(`${decorator} needs a name: parameters have none at run time`);
  }
}
