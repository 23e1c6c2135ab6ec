import { ConfigurationError } from "../errors.js";
import type { Message as MessageData, Principal as PrincipalData } from "../message/message.js";
import { type ArgumentNote, noteOf } from "./metadata.js";

/** Stands before a parameter of a method that is not static. */
export type ArgumentDecorator = (prototype: object, method: string | symbol, index: number) => void;

/**
 * A decorator whose name is also that of an interface. The construct signature,
 * which nobody can call, makes the compiler write the function itself where a
 * decorated method's signature names the interface: so the argument is known
 * without its decorator.
 */
type ArgumentToken<T> = (() => ArgumentDecorator) & (abstract new (never: never) => T);

export interface PayloadOptions {
  /** Whether an empty payload is an error; by default it is. Otherwise the argument is `undefined`. */
  required?: boolean;
}

export interface HeaderOptions {
  /** Whether it is an error that the header is missing; by default it is. Otherwise the argument is `undefined`. */
  required?: boolean;
  /** Stands in when the header is missing or empty. */
  defaultValue?: unknown;
}

/** Gives the payload, converted to the parameter's class. The first parameter nothing else is known of needs no decorator. */
export function Payload(options: PayloadOptions = {}): ArgumentDecorator {
  return argument("@Payload", { kind: "payload", required: options.required ?? true });
}

/**
 * Gives one header, as number or boolean where the parameter is one; all values
 * of a repeated header where it is an array.
 *
 * Our own headers (`destination`, `sessionId`, … or `simpDestination`,
 * `simpSessionId`, …) are never taken from what the client sent; a client's
 * header of such a name is `nativeHeaders.` and the name.
 */
export function Header(name: string, options: HeaderOptions = {}): ArgumentDecorator {
  checkName("@Header", name);
  const { required = true, defaultValue } = options;
  return argument("@Header", { kind: "header", name, required, defaultValue });
}

/** Gives all headers: `MessageHeaders`, with the client's in `native`; those alone where the parameter is `NativeHeaders`. */
export function Headers(): ArgumentDecorator {
  return argument("@Headers", { kind: "headers" });
}

/** Gives what a `{name}` of the mapping's pattern stands for, as number or boolean where the parameter is one. */
export function DestinationVariable(name: string): ArgumentDecorator {
  checkName("@DestinationVariable", name);
  return argument("@DestinationVariable", { kind: "destinationVariable", name });
}

/** The person behind a session, as Java's `Principal`. */
export interface Principal extends PrincipalData {}

/** Gives the user, `undefined` when there is none. A parameter of this type needs no decorator. */
export const Principal = token<Principal>("@Principal", { kind: "principal" });

/** What rides on the channels: read-only data. */
export interface Message<P = Uint8Array> extends MessageData<P> {}

/** Gives the message as it came. A parameter of this type needs no decorator. */
export const Message = token<Message>("@Message", { kind: "message" });

function token<T>(decorator: string, note: ArgumentNote): ArgumentToken<T> {
  return (() => argument(decorator, note)) as ArgumentToken<T>;
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
  if (typeof name !== "string" || name === "") {
    throw new ConfigurationError(`${decorator} needs a name: parameters have none at run time`);
  }
}
