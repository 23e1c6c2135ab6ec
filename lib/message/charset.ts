import { isUtf8 } from "node:buffer";
import { MessageConversionError } from "../errors.js";
import { printable } from "../logger.js";
import { charset } from "./content-type.js";

const BYTE_ORDER_MARK = 0xef;

/** Content types that name UTF-8, or no parameter at all: nearly all there are, and they need no decoder made. */
const UTF_8 = /^[^;]*(?:;\s*charset="?utf-?8"?\s*)?$/i;

/**
 * Reads text in the charset that the content type names, by default UTF-8.
 *
 * @throws MessageConversionError, which the client may read, when the bytes are no such text
 */
export function decodeText(payload: Uint8Array, contentType = ""): string {
  // A decoder leaves a byte order mark out.
  if (UTF_8.test(contentType) && payload[0] !== BYTE_ORDER_MARK && isUtf8(payload)) {
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
  }
  try {
    return new TextDecoder(charset(contentType), { fatal: true }).decode(payload);
  } catch (cause) {
    const publicMessage = `The payload is no ${printable(charset(contentType))} text`;
    throw new MessageConversionError(publicMessage, { cause, publicMessage });
  }
}

/**
 * Writes text in the charset that the content type names, by default UTF-8: in
 * UTF-16, and in what a charset says by one byte a character, which is all of
 * ISO-8859 and Windows-125x, and the ASCII of any other.
 *
 * @throws MessageConversionError when there is no such charset, or a character cannot be written in it
 */
export function encodeText(text: string, contentType = ""): Uint8Array {
  if (UTF_8.test(contentType)) return Buffer.from(text);

  switch (canonicalCharset(contentType)) {
    case "utf-8":
      return Buffer.from(text);
    case "utf-16le":
      return Buffer.from(text, "utf16le");
    case "utf-16be":
      return Buffer.from(text, "utf16le").swap16();
    default:
      return encodeBytewise(text, contentType);
  }
}

/** The one name of a charset: `latin1`, `ISO-8859-1` and `ascii` are `windows-1252`, as browsers read them. */
function canonicalCharset(contentType: string): string {
  const label = charset(contentType);
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    const named = printable(label);
    throw new MessageConversionError(`A payload cannot be written in ${named}, a charset that is not known`, {
      cause,
    });
  }
}

function encodeBytewise(text: string, contentType: string): Uint8Array {
  const bytes = bytesOf(canonicalCharset(contentType));
  return Uint8Array.from(text, (character) => {
    const byte = bytes.get(character);
    if (byte !== undefined) return byte;
    throw new MessageConversionError(
      `A payload with ${JSON.stringify(character)} cannot be written in ${printable(charset(contentType))}: use charset=utf-8`,
    );
  });
}

const tables = new Map<string, ReadonlyMap<string, number>>();

/** The characters that one byte alone stands for. There are as many tables as charsets that a TextDecoder knows. */
function bytesOf(encoding: string): ReadonlyMap<string, number> {
  const known = tables.get(encoding);
  if (known) return known;

  const table = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const character = new TextDecoder(encoding).decode(Uint8Array.of(byte));
    if (character.length === 1 && character !== "\ufffd") table.set(character, byte);
  }
  tables.set(encoding, table);
  return table;
}
