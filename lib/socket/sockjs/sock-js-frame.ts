import { type Octets, textOfOctets, utf8 } from "../../message/octets.js";

/** Characters that some browser, proxy or script engine has mangled: they travel escaped, as SockJS wants it. */
const FRAGILE = /[\ud800-\udfff\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/g;
const NOT_ASCII = /[\x80-\xff]/;

/** How many times as long as a message its JSON may be on a line, for any transport: `\\u0000` in a script's text. */
export const LONGEST = 7;

/** Octets around messages in the frame that carries them. */
export const MESSAGE_START = utf8('a["');
export const MESSAGE_END = utf8('"]');

export const OPEN_FRAME = utf8("o");
export const HEARTBEAT_FRAME = utf8("h");

/** A message, or a part of one that ends with a character, as it stands in a JSON string: between its quotes. */
export function jsonTextOf(message: Octets): Octets {
  if (!NOT_ASCII.test(message)) return JSON.stringify(message).slice(1, -1) as Octets;
  return utf8(quoted(textOfOctets(message)).slice(1, -1));
}

/** The frame that carries messages: `a["…"]`. Each is given by `jsonTextOf`. */
export function messageFrame(messages: readonly Octets[]): Octets {
  return `${MESSAGE_START}${messages.join('","')}${MESSAGE_END}` as Octets;
}

/** The frame that says why nothing follows: `c[3000,"Go away!"]`. */
export function closeFrame(code: number, reason: string): Octets {
  return utf8(`c[${code},${quoted(reason)}]`);
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(FRAGILE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}
