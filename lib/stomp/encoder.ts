import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";
import { join, type Octets, octetsOf, utf8 } from "../message/octets.js";
import { COMMANDS, type StompCommand } from "./command.js";
import { escapeHeader, isPlain } from "./escape.js";
import type { Frame } from "./frame.js";
import type { StompVersion } from "./version.js";

/** One EOL, which an idle side sends to show that it lives. */
export const HEART_BEAT: Uint8Array = new Uint8Array([10]);

export interface WrittenFrame {
  readonly command: StompCommand;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body: Uint8Array;
}

/** Characters that cannot stand in a frame whose command has no escapes. */
const UNSAYABLE = /[\n\r\0]/;

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
export function encode({ command, headers, body }: Frame, version: StompVersion): Buffer {
  const head = join(headOf(command, headers, version), lastHeaderOf(command, body));
  const bytes = Buffer.allocUnsafe(head.length + body.length + 1);
  bytes.write(head, "latin1");
  bytes.set(body, head.length);
  bytes[bytes.length - 1] = 0;
  return bytes;
}

/** The same as octets, which many sockets can share, of a frame whose headers may be given as pairs. */
export function encodeOctets({ command, headers, body }: WrittenFrame, version: StompVersion): Octets {
  return join(headOf(command, headers, version), endOf(command, body));
}

/** The first part of a frame: its command, and headers behind which more may follow. */
export function headOf(
  command: StompCommand,
  headers: WrittenFrame["headers"],
  version: StompVersion,
): Octets {
  const isEscaped = COMMANDS.get(command)!.escaped;
  let head = `${command}\n` as Octets;
  for (const [name, value] of headers) {
    if (name === "" || name === "content-length") continue;
    if (!isEscaped && (!isSayable(name) || name.includes(":") || !isSayable(value))) {
      throw new StompConversionError(
        `${command} has no escapes, but its header ${printable(name)} needs one`,
      );
    }
    head = join(head, isEscaped ? headerLine(name, value, version) : utf8(`${name}:${value}\n`));
  }
  return head;
}

/** A header as its line in a frame whose command has escapes. */
export function headerLine(name: string, value: string, version: StompVersion): Octets {
  if (isPlain(name)) return plainNameLine(name, value, version);
  return lineOf(name, value, version);
}

/** The same for a name that needs no escape, such as all of STOMP's own. */
export function plainNameLine(name: string, value: string, version: StompVersion): Octets {
  if (isPlain(value)) return `${name}:${value}\n` as Octets;
  return lineOf(name, value, version);
}

function lineOf(name: string, value: string, version: StompVersion): Octets {
  return utf8(`${escapeHeader(name, "name", version)}:${escapeHeader(value, "value", version)}\n`);
}

/** The last part of a frame: what follows its other headers. */
export function endOf(command: StompCommand, body: Uint8Array): Octets {
  return `${lastHeaderOf(command, body)}${octetsOf(body)}\0` as Octets;
}

/** Whether a header's value can be said where there are no escapes: in CONNECTED. */
export function isSayable(value: string): boolean {
  return !UNSAYABLE.test(value);
}

function lastHeaderOf(command: StompCommand, body: Uint8Array): Octets {
  if (COMMANDS.get(command)!.body) return `content-length:${body.length}\n\n` as Octets;
  if (body.length > 0) throw new StompConversionError(`${command} carries no body`);
  return "\n" as Octets;
}
