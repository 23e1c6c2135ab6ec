import { readBody } from "./broker/body.js";
import type { StompFrame } from "./broker/frame.js";

/** A MESSAGE as a client gets it. */
export interface TestMessage<T = unknown> {
  readonly destination: string;
  /** Decoded by its content type: JSON, bytes, else text; `undefined` if it is empty. */
  readonly body: T;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

/** A frame of the server's, with its body as text. */
export interface TestFrame {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function testMessage<T>({ headers, body }: StompFrame): TestMessage<T> {
  return {
    destination: headers.destination ?? "",
    body: readBody(body, headers["content-type"]) as T,
    headers,
    bytes: body,
  };
}

export function testFrame({ command, headers, body }: StompFrame): TestFrame {
  return { command, headers, body: new TextDecoder().decode(body) };
}

/** So many frames of a client are kept; then the oldest go. */
const KEPT = 10_000;
/** A failure shows so many of the newest, and so many characters of each. */
const SHOWN = 10;
const SHOWN_LENGTH = 200;

/** The frames that a client has received, for looking back and for the texts of failures. */
export class Received {
  readonly #frames: TestFrame[] = [];
  #count = 0;

  get frames(): readonly TestFrame[] {
    return this.#frames;
  }

  add(frame: StompFrame): void {
    this.#count++;
    this.#frames.push(testFrame(frame));
    if (this.#frames.length > KEPT) this.#frames.shift();
  }

  /** A sentence for the text of a failure. */
  tell(): string {
    if (this.#count === 0) return "It has received nothing.";
    const shown = this.#frames.slice(-SHOWN).map((frame) => `\n  ${oneLine(frame)}`);
    const which = this.#count > shown.length ? `${this.#count} frames, the last of them` : "these frames";
    return `It has received ${which}:${shown.join("")}`;
  }
}

function oneLine({ command, headers, body }: TestFrame): string {
  const head = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const text = [command, ...head, body].join(" ");
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
