import { MessageConversionError } from "../errors.js";
import type { PayloadTarget } from "../message/converter.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import type { Argument } from "./arguments.js";
import { clientsFault, isOpen } from "./header-argument.js";
import type { ArgumentNote } from "./metadata.js";

/** Reads the payload as what the parameter is. */
export function payloadArgument(
  { required }: Extract<ArgumentNote, { kind: "payload" }>,
  type: PayloadTarget,
  converter: CompositeMessageConverter,
): Argument {
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
