// STOMP 1.2 as one would write it by hand: one string for each message, split where it ends, a RegExp for escapes.

export interface PlainFrame {
  readonly command: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const MEANINGS: Readonly<Record<string, string>> = { "\\n": "\n", "\\r": "\r", "\\c": ":", "\\\\": "\\" };
const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", ":": "\\c", "\\": "\\\\" };

/** Reads one whole frame. It believes what it is sent: no limits, no check of command, UTF-8 or length. */
export function decodeBySplitting(bytes: Buffer): PlainFrame {
  const text = bytes.toString();
  const headEnd = text.indexOf("\n\n");
  const [command = "", ...lines] = text.slice(0, headEnd).split("\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [name = "", value = ""] = line.split(":");
    const plainName = unescaped(name);
    if (!headers.has(plainName)) headers.set(plainName, unescaped(value));
  }
  return { command, headers, body: text.slice(headEnd + 2, text.lastIndexOf("\0")) };
}

/** Writes one whole frame. */
export function encodeByJoining({ command, headers, body }: PlainFrame): Buffer {
  const lines = [command];
  for (const [name, value] of headers) lines.push(`${escaped(name)}:${escaped(value)}`);
  lines.push(`content-length:${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join("\n")}\n\n${body}\0`);
}

function unescaped(text: string): string {
  return text.replace(/\\[nrc\\]/g, (sequence) => MEANINGS[sequence] as string);
}

function escaped(text: string): string {
  return text.replace(/[\n\r:\\]/g, (character) => ESCAPES[character] as string);
}
