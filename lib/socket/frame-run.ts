const TEXT = 0x81;
const BINARY = 0x82;

/** From here on a write of bytes, which are not copied, costs less than one of text. */
const LONG = 16 * 1024;

/**
 * Whole WebSocket frames of a server (RFC 6455, 5.2), one behind the other, to
 * be written at once. Who continues a run with the same frame gets the same
 * run: sockets that are sent the same in one turn share what is written.
 *
 * Bytes are kept as text of one character each. To join such texts copies
 * nothing, and a socket takes short ones faster than buffers.
 */
export class FrameRun {
  readonly #text: string;
  #bytes: Buffer | undefined;
  #continuation: { readonly frame: FrameRun; readonly run: FrameRun } | undefined;

  private constructor(text: string) {
    this.#text = text;
  }

  /** A run of one frame, with a message that is given as text of one character for each byte. */
  static of(message: string, binary: boolean): FrameRun {
    return new FrameRun(frameHead(message.length, binary) + message);
  }

  get length(): number {
    return this.#text.length;
  }

  /** To be written as `latin1`. */
  get chunk(): string | Buffer {
    if (this.#text.length < LONG) return this.#text;

    this.#bytes ??= Buffer.from(this.#text, "latin1");
    return this.#bytes;
  }

  /** These frames, and then that. */
  plus(frame: FrameRun): FrameRun {
    if (this.#continuation?.frame !== frame) {
      this.#continuation = { frame, run: new FrameRun(this.#text + frame.#text) };
    }
    return this.#continuation.run;
  }
}

function frameHead(length: number, binary: boolean): string {
  const opcode = binary ? BINARY : TEXT;
  if (length < 126) return String.fromCharCode(opcode, length);
  if (length < 65_536) return String.fromCharCode(opcode, 126, length >> 8, length & 255);

  const long = Buffer.alloc(10);
  long[0] = opcode;
  long[1] = 127;
  long.writeBigUInt64BE(BigInt(length), 2);
  return long.toString("latin1");
}
