import { MessageHandlingError } from "../errors.js";
import { isOpen, type PayloadTarget } from "../message/converter.js";
import { isOwnHeader, type MessageHeaders } from "../message/message.js";
import type { Argument } from "./invocation.js";
import type { ArgumentNote } from "./metadata.js";

/** Means what the client wrote: ours of that name is how its RECEIPT is put off. */
const CLIENTS_OWN = "receipt" satisfies keyof MessageHeaders;

/** Reads one header, ours or the client's, as what the parameter is. */
export function headerArgument(
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

/** Ours of this name, which no client writes. `simpSessionId` is Spring's name for our `sessionId`. */
function ownHeader(name: string): keyof MessageHeaders | undefined {
  const own = name.startsWith("simp") ? name.charAt(4).toLowerCase() + name.slice(5) : name;
  return own !== CLIENTS_OWN && isOwnHeader(own) ? own : undefined;
}

/** The header that a client writes for an argument of this name; `undefined` where it is ours. `nativeHeaders.x` is the client's `x`, as in Spring. */
export function clientHeader(name: string): string | undefined {
  if (ownHeader(name) !== undefined) return undefined;
  return name.startsWith(NATIVE) ? name.slice(NATIVE.length) : name;
}

const NATIVE = "nativeHeaders.";

function headerReader(name: string, all: boolean): (headers: MessageHeaders) => unknown {
  const own = ownHeader(name);
  if (own !== undefined) return (headers) => headers[own];

  const isNative = name.startsWith(NATIVE);
  const nativeName = isNative ? name.slice(NATIVE.length) : name;
  const readNative = ({ native }: MessageHeaders) => {
    if (!all) return native.get(nativeName);
    const values = native.getAll(nativeName);
    return values.length > 0 ? values : undefined;
  };
  if (isNative || name === CLIENTS_OWN) return readNative;

  // An interceptor may have set a header that the application declared itself.
  return (headers) =>
    Object.hasOwn(headers, name) ? headers[name as keyof MessageHeaders] : readNative(headers);
}

/** Reads what a variable of the mapping's pattern stands for, as what the parameter is. */
export function destinationVariableArgument(name: string, type: PayloadTarget, place: string): Argument {
  const what = `Destination variable '${name}'`;
  return ({ variables }) => {
    const value = variables.get(name);
    // Mappings were checked at start: only an exception handler serves many, and cannot know them all.
    if (value === undefined) throw new MessageHandlingError(`${what} of ${place} is not in the mapping`);
    return converted(value, type, what);
  };
}

const TRUE = new Set(["true", "on", "yes", "1"]);
const FALSE = new Set(["false", "off", "no", "0"]);

/** Text as what the parameter is; as Spring, `on`, `yes` and `1` are true. A value that is no text stays. */
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

/** An error whose first sentence the client may read, and the rest only the log. */
export function clientsFault(publicMessage: string, details = ""): MessageHandlingError {
  return new MessageHandlingError(publicMessage + details, { publicMessage });
}
