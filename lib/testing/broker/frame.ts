/** A frame of STOMP. */
export interface StompFrame {
  readonly command: string;
  /** The first of each name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A version of STOMP. */
export type StompVersion = "1.0" | "1.1" | "1.2";

const ESCAPES: readonly (readonly [written: string, character: string])[] = [
  ["\\\\", "\\"],
  ["\\r", "\r"],
  ["\\n", "\n"],
  ["\\c", ":"],
];

const LF = 10;
const CR = 13;
const NUL = 0;

/** Frames that are never escaped, so that every version can read them. */
const UNESCAPED = new Set(["CONNECT", "CONNECTED"]);

/** Writes a frame as a client or server of that version does; a body gets its `content-length`. */
export function frameBytes(
  command: string,
  headers: Readonly<Record<string, string | number>>,
  body: Uint8Array,
  version: StompVersion,
): Uint8Array<ArrayBuffer> {
  const escaped = escaper(version, command);
  const all = { ...headers, ...(body.length > 0 && { "content-length": body.length }) };
  const lines = Object.entries(all).map(([name, value]) => `${escaped(name)}:${escaped(String(value))}\n`);
  const head = new TextEncoder().encode(`${command}\n${lines.join("")}\n`);
  const bytes = new Uint8Array(head.length + body.length + 1);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function escaper(version: StompVersion, command: string): (text: string) => string {
  if (version === "1.0" || UNESCAPED.has(command)) return (text) => text;
  const table = ESCAPES.filter(([, character]) => version === "1.2" || character !== "\r");
  return (text) => table.reduce((done, [written, character]) => done.replaceAll(character, written), text);
}

/** Reads frames out of bytes that come in any slices. */
export class FrameReader {
  version: StompVersion = "1.2";
  #waiting = new Uint8Array(0);

  /** Gives each frame that is whole, and `undefined` for each heart-beat. */
  *read(bytes: Uint8Array): Generator<StompFrame | undefined> {
    const all = new Uint8Array(this.#waiting.length + bytes.length);
    all.set(this.#waiting);
    all.set(bytes, this.#waiting.length);
    this.#waiting = all;
    for (;;) {
      const next = this.#next();
      if (next === null) return;
      yield next;
    }
  }

  #next(): StompFrame | undefined | null {
    const bytes = this.#waiting;
    const isBeat = bytes[0] === LF || (bytes[0] === CR && bytes[1] === LF);
    if (isBeat) {
      this.#waiting = bytes.slice(bytes[0] === LF ? 1 : 2);
      return undefined;
    }
    const head = headOf(bytes);
    if (!head) return null;
    const [command = "", ...lines] = head.text.split(/\r?\n/);
    const headers = this.#headers(command, lines);
    const length = headers["content-length"];
    const end = length === undefined ? bytes.indexOf(NUL, head.end) : head.end + Number(length);
    if (end < 0 || end >= bytes.length) return null;

    this.#waiting = bytes.slice(end + 1);
    return { command, headers, body: bytes.slice(head.end, end) };
  }

  #headers(command: string, lines: readonly string[]): Record<string, string> {
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = this.#unescaped(line.slice(0, colon), command);
      if (!headers.has(name)) headers.set(name, this.#unescaped(line.slice(colon + 1), command));
    }
    return Object.fromEntries(headers);
  }

  #unescaped(text: string, command: string): string {
    if (this.version === "1.0" || UNESCAPED.has(command) || !text.includes("\\")) return text;
    return text.replace(/\\[\\rnc]/g, (found) => ESCAPES.find(([each]) => each === found)?.[1] ?? found);
  }
}

/** The command and the header lines, and where the body begins. */
function headOf(bytes: Uint8Array): { readonly text: string; readonly end: number } | undefined {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const after = bytes[at + 1] === CR ? at + 2 : at + 1;
    if (bytes[after] === LF) {
      const text = new TextDecoder().decode(bytes.subarray(0, at)).replace(/\r$/, "");
      return { text, end: after + 1 };
    }
  }
  return undefined;
}
