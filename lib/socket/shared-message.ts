import { bytesOf, type Octets } from "../message/octets.js";
import { FrameRun } from "./frame-run.js";

/** A message that many sockets send: what a transport needs of it is made once, when the first asks. */
export class SharedMessage {
  /** Whether it travels as a binary WebSocket message. */
  readonly binary: boolean;
  readonly #octets: Octets;
  #bytes: Uint8Array | undefined;
  #frame: FrameRun | undefined;

  constructor(octets: Octets, binary: boolean) {
    this.#octets = octets;
    this.binary = binary;
  }

  /** How many bytes it has. */
  get length(): number {
    return this.#octets.length;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= bytesOf(this.#octets);
    return this.#bytes;
  }

  /** The message as a WebSocket frame. */
  get frame(): FrameRun {
    this.#frame ??= FrameRun.of(this.#octets, this.binary);
    return this.#frame;
  }
}
