import { FrameRun } from "./frame-run.js";

/** A message that many sockets send: what a transport needs of it is made once, when the first asks. */
export class SharedMessage {
  /** Whether it travels as a binary WebSocket message. */
  readonly binary: boolean;
  readonly #text: string;
  #bytes: Uint8Array | undefined;
  #frame: FrameRun | undefined;

  /** @param text one character for each byte */
  constructor(text: string, binary: boolean) {
    this.#text = text;
    this.binary = binary;
  }

  /** How many bytes it has. */
  get length(): number {
    return this.#text.length;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= Buffer.from(this.#text, "latin1");
    return this.#bytes;
  }

  /** The message as a WebSocket frame. */
  get frame(): FrameRun {
    this.#frame ??= FrameRun.of(this.#text, this.binary);
    return this.#frame;
  }
}
