import { ConfigurationError } from "../errors.js";
import { isOpen, type PayloadTarget } from "../message/converter.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { HandlerMethodArgumentResolver, MethodParameter } from "./extensions.js";
import { destinationVariableArgument, headerArgument } from "./header-argument.js";
import type { Argument } from "./invocation.js";
import type { ArgumentNote, ExceptionMethod, MappedMethod } from "./metadata.js";
import { Message as MessageToken, Principal as PrincipalToken } from "./parameter-decorators.js";
import { canBePayload, isPayloadClass, type PayloadTools, payloadArgument } from "./payload-argument.js";
import { placeOf, whyUnknown } from "./unknown-parameter.js";

/** The tools that arguments are made with. */
export interface ArgumentTools extends PayloadTools {
  /** The application's own, asked before the payload is taken. */
  readonly argumentResolvers: readonly HandlerMethodArgumentResolver[];
}

/** Arguments that need no decorator, by the class the compiler notes. */
const BY_TYPE = new Map<unknown, ArgumentNote>([
  [MessageToken, { kind: "message" }],
  [PrincipalToken, { kind: "principal" }],
  [NativeHeaders, { kind: "headers" }],
  [AbortSignal, { kind: "signal" }],
]);

/** The resolver of the application that gives an argument. */
interface ResolverNote {
  readonly kind: "resolver";
  readonly resolver: HandlerMethodArgumentResolver;
}

/**
 * Finds out where a method's arguments come from; of `undefined` nothing is known. An undecorated parameter is the payload only if its class at run time can
 * be one: what nothing is known of may be meant as the user, and is not guessed.
 */
export function argumentNotes(
  method: MappedMethod | ExceptionMethod,
  tools: Pick<ArgumentTools, "argumentResolvers">,
): readonly (ArgumentNote | ResolverNote | undefined)[] {
  const handlesExceptions = method.type === "EXCEPTION";
  const notes = method.parameters.map(
    ({ note, type }, index) =>
      note ?? noteOfType(type, handlesExceptions) ?? resolverNote(parameterOf(method, index), tools),
  );
  const byDefault: ArgumentNote = handlesExceptions
    ? { kind: "exception" }
    : { kind: "payload", required: true };
  if (!notes.some((note) => note?.kind === byDefault.kind)) {
    const first = method.parameters.findIndex(
      ({ type }, index) => !notes[index] && (handlesExceptions || canBePayload(type)),
    );
    if (first >= 0) notes[first] = byDefault;
  }
  return notes;
}

/**
 * Makes, once, what reads a method's arguments.
 *
 * @throws ConfigurationError that names the parameter when nothing is known of it, or what is known cannot be
 */
export function argumentsOf(method: MappedMethod | ExceptionMethod, tools: ArgumentTools): Argument[] {
  const notes = argumentNotes(method, tools);
  return method.parameters.map(({ type }, index) => {
    const note = notes[index];
    if (note?.kind === "resolver") {
      const parameter = parameterOf(method, index);
      return ({ message }) => note.resolver.resolveArgument(parameter, message);
    }
    const place = `parameter ${index} of ${method.name}`;
    if (note?.kind === "payload" && note.required && method.type === "SUBSCRIBE") {
      throw new ConfigurationError(`SUBSCRIBE has no payload for ${place}: decorate it with what it is`);
    }
    if (note?.kind === "exception" && method.type !== "EXCEPTION") {
      throw new ConfigurationError(`There is no error for ${place}: it has no @MessageExceptionHandler`);
    }
    return argument(note ?? unknown(method, index), { type, place, tools });
  });
}

function noteOfType(type: PayloadTarget, handlesExceptions: boolean): ArgumentNote | undefined {
  return BY_TYPE.get(type) ?? (handlesExceptions && isErrorClass(type) ? { kind: "exception" } : undefined);
}

/** @throws ConfigurationError that says what to write */
function unknown(method: MappedMethod | ExceptionMethod, index: number): never {
  const place = placeOf(index, method.name, method.source);
  if (canBePayload(method.parameters[index]?.type)) {
    throw new ConfigurationError(
      `Nothing is known of ${place}, and the first of such was taken: decorate it with @Header, @Headers, ` +
        "@DestinationVariable, @Principal or @Message (a type that says so must not be imported as a type only)",
    );
  }
  const first = { MESSAGE: "@Payload(), ", SUBSCRIBE: "", EXCEPTION: "@Exception(), " }[method.type];
  throw new ConfigurationError(
    `Nothing is known at run time of ${place}: ${whyUnknown(method.controllerClass.prototype as object, method.key)}. ` +
      "A client's payload is never taken for it. Write before it what it is: " +
      `${first}@Principal(), @Message(), @Header("…"), @Headers(), @DestinationVariable("…")`,
  );
}

function parameterOf(
  { controllerClass, key, parameters }: MappedMethod | ExceptionMethod,
  index: number,
): MethodParameter {
  return { controllerClass, method: key, index, type: parameters[index]?.type };
}

function resolverNote(
  parameter: MethodParameter,
  { argumentResolvers }: Pick<ArgumentTools, "argumentResolvers">,
): ResolverNote | undefined {
  const resolver = argumentResolvers.find((candidate) => candidate.supportsParameter(parameter));
  return resolver && { kind: "resolver", resolver };
}

/** Whether a parameter of this type is an error. */
export function isErrorClass(type: unknown): type is abstract new (...args: never) => Error {
  return type === Error || (typeof type === "function" && type.prototype instanceof Error);
}

interface Place {
  readonly type: PayloadTarget;
  /** For errors. */
  readonly place: string;
  readonly tools: PayloadTools;
}

function argument(note: ArgumentNote, { type, place, tools }: Place): Argument {
  switch (note.kind) {
    case "payload":
      if (BY_TYPE.has(type)) {
        throw new ConfigurationError(
          `@Payload gives ${place} what a client wrote, and its type says that it is ours: leave @Payload out`,
        );
      }
      return payloadArgument(note, type, tools);
    case "header":
      return headerArgument(note, type, place);
    case "headers":
      if ((type as unknown) === NativeHeaders) return ({ message }) => message.headers.native;
      if (isOpen(type)) return ({ message }) => message.headers;
      throw new ConfigurationError(
        `@Headers gives MessageHeaders or NativeHeaders: ${place} cannot be ${type?.name}`,
      );
    case "destinationVariable":
      return destinationVariableArgument(note.name, type, place);
    case "principal":
      if (isOpen(type) || (type as unknown) === PrincipalToken || isPayloadClass(type)) {
        return ({ message }) => message.headers.user;
      }
      throw new ConfigurationError(
        `@Principal gives the user: ${place} cannot be ${type?.name}. For the name take user: Principal, and user.name`,
      );
    case "message":
      if (!isOpen(type) && (type as unknown) !== MessageToken) {
        throw new ConfigurationError(
          `@Message gives the message as it came: ${place} cannot be ${type?.name}. For what is in it write @Payload()`,
        );
      }
      return ({ message }) => message;
    case "signal":
      return ({ abort }) => abort.signal;
    case "exception":
      return ({ exception }) => exception;
  }
}
