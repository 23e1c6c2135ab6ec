import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";
import type { NativeHeaders } from "../message/native-headers.js";
import { unescapeHeader } from "./escape.js";
import type { StompVersion } from "./version.js";

const CR = 13;

/**
 * Reads header lines up to the blank line that must end them, as a flat array
 * of names and values. LF and CRLF end a line, blanks stay, colons after the
 * first belong to the value.
 *
 * @param version decides about escapes; "1.0" for frames that have none
 * @throws {StompConversionError} at a line without colon or name, or an undefined escape
 */
export function parseHeaders(block: string, version: StompVersion): string[] {
  const escaped = version !== "1.0" && block.includes("\\");
  const flat: string[] = [];
  let at = 0;
  for (;;) {
    const lf = block.indexOf("\n", at);
    const end = block.charCodeAt(lf - 1) === CR ? lf - 1 : lf;
    if (end <= at) return flat;

    const colon = block.indexOf(":", at);
    if (colon < 0 || colon >= end) {
      throw new StompConversionError(`Header line without colon: ${printable(block.slice(at, end))}`);
    }
    if (colon === at) {
      throw new StompConversionError(`Header line without name: ${printable(block.slice(at, end))}`);
    }

    const name = block.slice(at, colon);
    const value = block.slice(colon + 1, end);
    if (escaped) flat.push(unescapeHeader(name, name, version), unescapeHeader(value, name, version));
    else flat.push(name, value);
    at = lf + 1;
  }
}

/**
 * Finds `content-length` among headers. Repeated ones must agree, or two
 * readers of the same bytes could see two different frames.
 *
 * @throws {StompConversionError} unless it is digits and nothing else
 */
export function contentLength(headers: NativeHeaders): number | undefined {
  const values = headers.getAll("content-length");
  for (const value of values) {
    if (!isDigits(value)) {
      throw new StompConversionError(`content-length is no number of octets: "${printable(value)}"`);
    }
    if (value !== values[0]) {
      throw new StompConversionError(
        `content-length is repeated and differs: ${printable(values[0] as string)}, ${printable(value)}`,
      );
    }
  }
  return values.length === 0 ? undefined : Number(values[0]);
}

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return false;
  }
  return text.length > 0;
}
