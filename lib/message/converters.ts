import { classNameOf, ignoreRejection, MessageConversionError } from "../errors.js";
import { printable } from "../logger.js";
import { isPromise } from "../promise.js";
import { decodeText, encodeText } from "./charset.js";
import { BINARY, mediaType } from "./content-type.js";
import { type ConvertedPayload, isOpen, type MessageConverter, type PayloadTarget } from "./converter.js";
import { jsonText } from "./json-text.js";
import type { Message } from "./message.js";

/** Strings, whatever their content type; and `text/*` where no class is asked for. */
const textConverter: MessageConverter = {
  fromMessage({ payload, headers }, target) {
    const type = mediaType(headers.contentType);
    if (target !== String && !(isOpen(target) && type.startsWith("text/"))) return undefined;

    return decodeText(payload, headers.contentType);
  },
  toPayload(value, contentType = "text/plain;charset=UTF-8") {
    return typeof value === "string" ? { payload: encodeText(value, contentType), contentType } : undefined;
  },
};

/** Bytes, whatever their content type; and `application/octet-stream` where no class is asked for. */
const binaryConverter: MessageConverter = {
  fromMessage({ payload, headers }, target) {
    if (target === Buffer) return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const open = isOpen(target) && mediaType(headers.contentType) === BINARY;
    return target === Uint8Array || open ? payload : undefined;
  },
  toPayload(value, contentType = BINARY) {
    return value instanceof Uint8Array ? { payload: value, contentType } : undefined;
  },
};

/** So many objects and lists may be inside each other: what walks through a value by recursion is safe. */
const JSON_DEPTH = 100;

/** `application/json`, `application/*+json`, and payloads without a content type. */
const jsonConverter: MessageConverter = {
  fromMessage({ payload, headers }) {
    if (!isJson(mediaType(headers.contentType))) return undefined;

    const text = decodeText(payload, headers.contentType);
    if (isDeeperThan(JSON_DEPTH, text)) {
      throw conversionError(`The payload is JSON of more than ${JSON_DEPTH} levels`);
    }
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw conversionError("The payload is no valid JSON", cause);
    }
  },
  toPayload(value, contentType = "application/json") {
    if (!isJson(mediaType(contentType))) return undefined;
    return { payload: encodeText(jsonText(value), contentType), contentType };
  },
};

/** Asks several converters in turn: the application's own, then text, binary, JSON. */
export class CompositeMessageConverter {
  readonly #converters: readonly MessageConverter[];

  constructor(converters: readonly MessageConverter[] = []) {
    this.#converters = [...converters, textConverter, binaryConverter, jsonConverter];
  }

  /** @throws MessageConversionError when no converter knows the content type, or the payload is malformed */
  fromMessage(message: Message, target: PayloadTarget): unknown {
    for (const converter of this.#converters) {
      const value = converter.fromMessage(message, target);
      if (value !== undefined) return checkedValue(value, converter);
    }
    const wanted = isOpen(target) ? "a value" : `${target?.name}`;
    throw conversionError(
      `Cannot convert ${printable(message.headers.contentType ?? "the payload")} to ${wanted}`,
    );
  }

  /** @throws MessageConversionError when no converter can write the value */
  toPayload(value: unknown, contentType?: string): ConvertedPayload {
    for (const converter of this.#converters) {
      const converted = converter.toPayload(value, contentType);
      if (converted) return checkedPayload(converted, converter);
    }
    const kind = value === null ? "null" : typeof value;
    throw new MessageConversionError(`Cannot convert ${kind} to ${contentType ?? "any content type"}`);
  }
}

function checkedValue(value: unknown, converter: MessageConverter): unknown {
  if (!isPromise(value)) return value;

  ignoreRejection(value);
  throw new MessageConversionError(
    `fromMessage of ${classNameOf(converter)} returned a promise: it must not be async`,
  );
}

/** A converter of the application's may return anything. */
function checkedPayload(converted: ConvertedPayload, converter: MessageConverter): ConvertedPayload {
  if (converted.payload instanceof Uint8Array) return converted;

  // An async one would end the process by a rejection that nobody hears of.
  ignoreRejection(converted);
  throw new MessageConversionError(
    `toPayload of ${classNameOf(converter)} returned no payload: return { payload: bytes, contentType }, and no promise`,
  );
}

function isJson(type: string): boolean {
  return (
    type === "" || type === "application/json" || (type.startsWith("application/") && type.endsWith("+json"))
  );
}

/** A text that is no JSON may get any answer. */
function isDeeperThan(limit: number, json: string): boolean {
  if (json.length <= limit) return false;

  let depth = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i] as string;
    if (inText) {
      if (character === "\\") i++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === "[" || character === "{") {
      if (++depth > limit) return true;
    } else if (character === "]" || character === "}") depth--;
  }
  return false;
}

/** An error that its client may read: the payload was wrong. */
function conversionError(text: string, cause?: unknown): MessageConversionError {
  return new MessageConversionError(text, { cause, publicMessage: text });
}
