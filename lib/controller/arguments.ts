import { ConfigurationError, MessageConversionError, MessageHandlingError } from "../errors.js";
import type { PayloadTarget } from "../message/converter.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import type { Message, MessageHeaders } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import type { ArgumentNote, MappedMethod } from "./metadata.js";
import { Message as MessageToken, Principal as PrincipalToken } from "./parameter-decorators.js";

/** A message and what its mapping's `{variables}` stand for. */
export interface Invocation {
  readonly message: Message;
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Gives a method's argument out of a message.
 *
 * @throws MessageHandlingError when the message does not have it
 */
export type Argument = (invocation: Invocation) => unknown;

/** What needs no decorator, by the class the compiler notes. */
const BY_TYPE = new Map<unknown, ArgumentNote>([
  [MessageToken, { kind: "message" }],
  [PrincipalToken, { kind: "principal" }],
  [NativeHeaders, { kind: "headers" }],
]);

/** Headers that are ours alone: where one is missing, a client's of the same name must not stand in. */
const OWN_HEADERS = new Set<string>([
  "messageType",
  "destination",
  "sessionId",
  "subscriptionId",
  "messageId",
  "user",
  "sessionAttributes",
  "contentType",
  "stompCommand",
  "heartbeat",
  "native",
] satisfies (keyof MessageHeaders)[]);

/**
 * Finds out, once, where a method's arguments come from.
 *
 * @throws ConfigurationError when nothing is known of a parameter, or what is known cannot be
 */
export function argumentsOf(method: MappedMethod, converter: CompositeMessageConverter): Argument[] {
  const notes = method.parameters.map(({ note, type }) => note ?? BY_TYPE.get(type));
  if (!notes.some((note) => note?.kind === "payload")) {
    const first = notes.indexOf(undefined);
    if (first >= 0) notes[first] = { kind: "payload", required: true };
  }

  return notes.map((note, index) => {
    const place = `parameter ${index} of ${method.name}`;
    if (note?.kind === "payload" && note.required && method.type === "SUBSCRIBE") {
      throw new ConfigurationError(`SUBSCRIBE has no payload for ${place}: decorate it with what it is`);
    }
    return argument(note, { type: method.parameters[index]?.type, place, converter });
  });
}

interface Place {
  readonly type: PayloadTarget;
  /** For errors. */
  readonly place: string;
  readonly converter: CompositeMessageConverter;
}

function argument(note: ArgumentNote | undefined, { type, place, converter }: Place): Argument {
  switch (note?.kind) {
    case undefined:
      throw new ConfigurationError(
        `Nothing is known of ${place}, and the payload is taken: decorate it with @Header, @Headers, ` +
          "@DestinationVariable, @Principal or @Message (a type that says so must not be imported as a type only)",
      );
    case "payload":
      return payload(type, note.required, converter);
    case "header":
      return header(note, type, place);
    case "headers":
      if ((type as unknown) === NativeHeaders) return ({ message }) => message.headers.native;
      if (isOpen(type)) return ({ message }) => message.headers;
      throw new ConfigurationError(
        `@Headers gives MessageHeaders or NativeHeaders: ${place} cannot be ${type?.name}`,
      );
    case "destinationVariable":
      return destinationVariable(note.name, type);
    case "principal":
      return ({ message }) => message.headers.user;
    case "message":
      return ({ message }) => message;
  }
}

function payload(type: PayloadTarget, required: boolean, converter: CompositeMessageConverter): Argument {
  return ({ message }) => {
    if (message.payload.byteLength === 0) {
      if (required) throw clientsFault("Payload value must not be empty");
      return undefined;
    }
    const value = converter.fromMessage(message, type);
    if (value === null && !required) return undefined;
    if (!fits(value, type)) {
      const text = `Cannot convert ${value === null ? "null" : typeof value} to ${type?.name ?? "a payload"}`;
      throw new MessageConversionError(text, { publicMessage: text });
    }
    return value;
  };
}

/** JSON says itself what it is: a number must not pass for the object that a handler asks for. */
function fits(value: unknown, type: PayloadTarget): boolean {
  if (value === null || value === undefined) return false;
  if (isOpen(type) || value instanceof (type as NonNullable<PayloadTarget>)) return true;
  if (type === String || type === Number || type === Boolean) return typeof value === type.name.toLowerCase();
  return typeof value === "object" && !Array.isArray(value) && type !== Array;
}

function header(
  { name, required, defaultValue }: Extract<ArgumentNote, { kind: "header" }>,
  type: PayloadTarget,
  place: string,
): Argument {
  const read = headerReader(name, type === Array);
  const what = `Header '${name}'`;

  return ({ message: { headers } }) => {
    const value = read(headers) ?? defaultValue;
    if (value === undefined && required) {
      throw clientsFault(`Missing header '${name}'`, ` for ${place}`);
    }
    return converted(value === "" ? (defaultValue ?? value) : value, type, what);
  };
}

/** `simpSessionId` is Spring's name for our `sessionId`; `nativeHeaders.x` the client's `x`, as in Spring. */
function headerReader(name: string, all: boolean): (headers: MessageHeaders) => unknown {
  const own = name.startsWith("simp") ? name.charAt(4).toLowerCase() + name.slice(5) : name;
  if (OWN_HEADERS.has(own)) return (headers) => headers[own as keyof MessageHeaders];

  const isNative = name.startsWith("nativeHeaders.");
  const nativeName = isNative ? name.slice("nativeHeaders.".length) : name;
  const readNative = ({ native }: MessageHeaders) => {
    if (!all) return native.get(nativeName);
    const values = native.getAll(nativeName);
    return values.length > 0 ? values : undefined;
  };
  if (isNative) return readNative;

  // An interceptor may have set a header that the application declared itself.
  return (headers) =>
    Object.hasOwn(headers, name) ? headers[name as keyof MessageHeaders] : readNative(headers);
}

/** Every pattern of the mapping has the variable: that was checked at start. */
function destinationVariable(name: string, type: PayloadTarget): Argument {
  const what = `Destination variable '${name}'`;
  return ({ variables }) => converted(variables.get(name), type, what);
}

const TRUE = new Set(["true", "on", "yes", "1"]);
const FALSE = new Set(["false", "off", "no", "0"]);

/** Text as what the parameter is; as Spring, `on`, `yes` and `1` are true. What is no text stays. */
function converted(value: unknown, type: PayloadTarget, what: string): unknown {
  if (typeof value !== "string" || isOpen(type) || type === String) return value;

  if (type === Number) {
    const number = value.trim() === "" ? Number.NaN : Number(value);
    if (Number.isFinite(number)) return number;
    throw clientsFault(`${what} is no number`);
  }
  if (type === Boolean) {
    const text = value.trim().toLowerCase();
    if (TRUE.has(text)) return true;
    if (FALSE.has(text)) return false;
    throw clientsFault(`${what} is neither true nor false`);
  }
  if (type === Array) return [value];
  throw new MessageHandlingError(`${what} is text and cannot be ${type?.name}`);
}

/** The compiler writes `Object` where a type is an interface, a union or unknown. */
function isOpen(type: PayloadTarget): boolean {
  return type === undefined || type === Object;
}

/** What the client may read, and what only the log does. */
function clientsFault(publicMessage: string, details = ""): MessageHandlingError {
  return new MessageHandlingError(publicMessage + details, { publicMessage });
}
