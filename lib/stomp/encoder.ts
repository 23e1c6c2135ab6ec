import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";
import { COMMANDS } from "./command.js";
import { escapeHeader, isPlain } from "./escape.js";
import type { Frame } from "./frame.js";
import type { StompVersion } from "./version.js";

/** What an idle side sends to show that it lives: one EOL. */
export const HEART_BEAT: Uint8Array = new Uint8Array([10]);

/**
 * Turns a frame into bytes. `content-length` is our own count on SEND, MESSAGE
 * and ERROR, and absent elsewhere, whatever the headers say; a header without a
 * name is left out. Text that a version cannot express is written as
 * `escapeHeader` tells.
 *
 * @throws {StompConversionError} when a CONNECT, STOMP or CONNECTED header,
 *   which has no escapes in any version, would break its frame, and when a frame
 *   has a body that may not have one
 */
export function encode(frame: Frame, version: StompVersion): Buffer {
  const { command, headers, body } = frame;
  const rule = COMMANDS.get(command)!;
  if (body.length > 0 && !rule.body) throw new StompConversionError(`${command} carries no body`);

  let head = `${command}\n`;
  for (const [name, value] of headers) {
    if (name === "" || name === "content-length") continue;

    if (rule.escaped) {
      head += headerLine(name, value, version);
    } else {
      if (/[\n\r\0:]/.test(name) || /[\n\r\0]/.test(value)) {
        throw new StompConversionError(
          `${command} has no escapes, but its header ${printable(name)} needs one`,
        );
      }
      head += `${name}:${value}\n`;
    }
  }
  head += rule.body ? `content-length:${body.length}\n\n` : "\n";

  const headLength = Buffer.byteLength(head);
  const bytes = Buffer.allocUnsafe(headLength + body.length + 1);
  bytes.write(head);
  bytes.set(body, headLength);
  bytes[bytes.length - 1] = 0;
  return bytes;
}

/** A header as its line in a frame whose command has escapes. */
export function headerLine(name: string, value: string, version: StompVersion): string {
  return `${escapeHeader(name, "name", version)}:${escapeHeader(value, "value", version)}\n`;
}

/** A header that has a name of ours, as its line in UTF-8, one character for each byte. */
export function headerOctets(name: string, value: string, version: StompVersion): string {
  return isPlain(value) ? `${name}:${value}\n` : octetsOf(headerLine(name, value, version));
}

/** Text as its UTF-8, one character for each byte. */
export function octetsOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString("latin1");
}
