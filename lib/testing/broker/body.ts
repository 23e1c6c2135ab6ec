/** The bytes of a body and their content type, as a client of the library writes them. */
export interface WrittenBody {
  readonly bytes: Uint8Array;
  /** `undefined` for text, which says nothing of itself, and for nothing. */
  readonly contentType: string | undefined;
}

/** Text and bytes stay as they are, nothing is an empty body, all else is JSON. */
export function writtenBody(value: unknown): WrittenBody {
  if (value === undefined) return { bytes: new Uint8Array(0), contentType: undefined };
  if (typeof value === "string") return { bytes: new TextEncoder().encode(value), contentType: undefined };
  if (value instanceof Uint8Array) return { bytes: value, contentType: "application/octet-stream" };
  return { bytes: new TextEncoder().encode(JSON.stringify(value)), contentType: "application/json" };
}

/** Reads a body by its content type: JSON, bytes, else text; `undefined` if it is empty. */
export function readBody(bytes: Uint8Array, contentType = ""): unknown {
  if (bytes.length === 0) return undefined;
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (type === "application/octet-stream") return bytes;
  const text = new TextDecoder().decode(bytes);
  return type === "application/json" || type.endsWith("+json") ? (JSON.parse(text) as unknown) : text;
}
