import { bytesOf, join, type Octets, octetsOf } from "../message/octets.js";

const TEXT = 0x81;
const BINARY = 0x82;
/** RSV1: the message is compressed (RFC 7692, 6). */
const COMPRESSED = 0x40;

/** From here on a write of bytes, which are not copied, costs less than one of text. */
const LONG = 16 * 1024;

/**
 * Whole frames of a server, WebSocket's (RFC 6455, 5.2) or SockJS's, one behind
 * the other, to be written at once. A run that is continued with the same frame again gives
 * the same run: sockets that are sent the same in one turn share what is written.
 */
export class FrameRun {
  readonly #octets: Octets;
  #bytes: Buffer | undefined;
  #continuation: { readonly frame: FrameRun; readonly run: FrameRun } | undefined;

  private constructor(octets: Octets) {
    this.#octets = octets;
  }

  /** A run of one frame, with this message. */
  static of(message: Octets, binary: boolean, isCompressed = false): FrameRun {
    const first = (binary ? BINARY : TEXT) | (isCompressed ? COMPRESSED : 0);
    return new FrameRun(join(frameHead(message.length, first), message));
  }

  /** A run of frames as they stand on the line. */
  static whole(frames: Octets): FrameRun {
    return new FrameRun(frames);
  }

  get length(): number {
    return this.#octets.length;
  }

  /** To be written as `latin1`. */
  get chunk(): Octets | Buffer {
    return this.#octets.length < LONG ? this.#octets : this.bytes;
  }

  get bytes(): Buffer {
    this.#bytes ??= bytesOf(this.#octets);
    return this.#bytes;
  }

  /** These frames, and then that. */
  plus(frame: FrameRun): FrameRun {
    if (this.#continuation?.frame !== frame) {
      this.#continuation = { frame, run: new FrameRun(join(this.#octets, frame.#octets)) };
    }
    return this.#continuation.run;
  }
}

function frameHead(length: number, first: number): Octets {
  if (length < 126) return String.fromCharCode(first, length) as Octets;
  if (length < 65_536) return String.fromCharCode(first, 126, length >> 8, length & 255) as Octets;

  const long = Buffer.alloc(10);
  long[0] = first;
  long[1] = 127;
  long.writeBigUInt64BE(BigInt(length), 2);
  return octetsOf(long);
}
