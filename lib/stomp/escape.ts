import { StompConversionError } from "../errors.js";
import { printable } from "../logger.js";
import type { StompVersion } from "./version.js";

const MEANINGS: Readonly<Record<StompVersion, ReadonlyMap<string, string>>> = {
  "1.0": new Map(),
  "1.1": new Map([
    ["n", "\n"],
    ["c", ":"],
    ["\\", "\\"],
  ]),
  "1.2": new Map([
    ["n", "\n"],
    ["c", ":"],
    ["\\", "\\"],
    ["r", "\r"],
  ]),
};

const ESCAPES = new Map([
  ["\n", "\\n"],
  [":", "\\c"],
  ["\\", "\\\\"],
  ["\r", "\\r"],
]);

/** Characters that cannot stand as they are in a header of this version. */
const SPECIAL: Readonly<Record<StompVersion, { readonly name: RegExp; readonly value: RegExp }>> = {
  "1.0": { name: /[\n\r\0:]/g, value: /[\n\r\0]/g },
  "1.1": { name: /[\n\r\0:\\]/g, value: /[\n\r\0:\\]/g },
  "1.2": { name: /[\n\r\0:\\]/g, value: /[\n\r\0:\\]/g },
};

const [BLANK, TILDE, COLON, BACKSLASH] = [32, 126, 58, 92];

/** Whether text is printable ASCII that every version writes as it is. Most header text is. */
export function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < BLANK || code > TILDE || code === COLON || code === BACKSLASH) return false;
  }
  return true;
}

/**
 * Writes header text for the wire (STOMP 1.2, Value Encoding). A version that
 * has no escape for a character says a blank in its place, so that no header
 * breaks its frame: NUL always, CR before 1.2, LF and a name's colon in 1.0.
 */
export function escapeHeader(text: string, part: "name" | "value", version: StompVersion): string {
  if (isPlain(text)) return text;

  return text.replace(SPECIAL[version][part], (character) => {
    const escaped = ESCAPES.get(character);
    return escaped !== undefined && MEANINGS[version].has(escaped.charAt(1)) ? escaped : " ";
  });
}

/**
 * Reads header text from the wire.
 *
 * @param header the header it belongs to, as it stands on the wire: named in the error
 * @throws {StompConversionError} at an escape that this version does not define
 */
export function unescapeHeader(text: string, header: string, version: StompVersion): string {
  let backslash = version === "1.0" ? -1 : text.indexOf("\\");
  let plain = "";
  let from = 0;
  while (backslash >= 0) {
    const meaning = MEANINGS[version].get(text.charAt(backslash + 1));
    if (meaning === undefined) {
      const undefinedEscape = printable(text.slice(backslash, backslash + 2));
      throw new StompConversionError(
        `Header ${printable(header)} has an escape that STOMP ${version} does not define: ${undefinedEscape}`,
      );
    }
    plain += text.slice(from, backslash) + meaning;
    from = backslash + 2;
    backslash = text.indexOf("\\", from);
  }
  return from === 0 ? text : plain + text.slice(from);
}
