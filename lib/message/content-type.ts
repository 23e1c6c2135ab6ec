import { isUtf8 } from "node:buffer";

/** The type of bytes that are no text. */
export const BINARY = "application/octet-stream";

/** A content type without its parameters, in lower case. */
export function mediaType(contentType = ""): string {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** The charset that a content type names, by default UTF-8. */
export function charset(contentType: string): string {
  for (const parameter of contentType.split(";").slice(1)) {
    const [name = "", value = ""] = parameter.split("=", 2);
    if (name.trim().toLowerCase() === "charset") return value.trim().replaceAll('"', "");
  }
  return "utf-8";
}

/**
 * Whether a payload is no text: it is said to be bytes, or is not UTF-8. A text
 * WebSocket message must be that, or the browser ends the connection.
 */
export function isBinary(payload: Uint8Array, contentType = ""): boolean {
  if (payload.length === 0) return false;
  // Most content types are shorter.
  return (contentType.length >= BINARY.length && mediaType(contentType) === BINARY) || !isUtf8(payload);
}
