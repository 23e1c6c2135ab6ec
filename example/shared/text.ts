/**
 * Takes text that a client sent: composed (NFC, as Korean from some keyboards is not), trimmed.
 * Gives nothing for other types, or when there are control characters besides tab and line breaks.
 */
export function readText(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;

  const text = value.normalize("NFC").replaceAll("\r\n", "\n").trim();
  return CONTROL.test(text) ? undefined : text;
}

/** The same for a name: one line. */
export function readName(value: unknown): string | undefined {
  const text = readText(value);
  return text === undefined || /[\t\n\r\u2028\u2029]/.test(text) ? undefined : text.replace(/\s+/g, " ");
}

/** Controls, lone surrogates, and the characters that reorder or hide what stands beside them. */
const CONTROL = /[\p{Cs}\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/u;
