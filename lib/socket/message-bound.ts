import type { Duplex } from "node:stream";

/** Bytes of a WebSocket frame's head, at most. */
const FRAME_HEAD = 14;

export interface MessageBoundOptions {
  /** Bytes of a message. */
  readonly bytes: number;
  /** The stream below the WebSocket. */
  readonly line: Duplex;
  /** Whether messages may be compressed. */
  readonly isCompressed: boolean;
  /** Called once, when a message is longer. */
  exceeded(): void;
}

/** Bounds how long a client's WebSocket message may be, also of one that is not whole yet. */
export class MessageBound {
  readonly #options: MessageBoundOptions;
  /** How much has come that is of no message yet. */
  #unfinished = 0;
  #isLifted = false;

  constructor(options: MessageBoundOptions) {
    this.#options = options;
    // One before ws takes what has come, and one when it has handed on all messages that are whole.
    options.line.prependListener("data", this.#count);
    options.line.on("data", this.#check);
  }

  /** Whether a message may be so long. How long a packed one was on the line is not known: all that has come counts as its own. */
  fits({ length }: Uint8Array): boolean {
    if (this.#isLifted) return true;

    const taken = this.#options.isCompressed ? this.#unfinished : length + FRAME_HEAD;
    this.#unfinished = Math.max(0, this.#unfinished - taken);
    if (length <= this.#options.bytes) return true;
    this.#pass();
    return false;
  }

  lift(): void {
    this.#isLifted = true;
    this.#options.line.off("data", this.#count);
    this.#options.line.off("data", this.#check);
  }

  readonly #count = (chunk: Uint8Array): void => {
    this.#unfinished += chunk.length;
  };

  readonly #check = (): void => {
    if (!this.#isLifted && this.#unfinished > this.#options.bytes) this.#pass();
  };

  #pass(): void {
    const { exceeded, line } = this.#options;
    this.lift();
    exceeded();
    // In the middle of a message no client can answer a close frame: it is held no longer than to be told.
    line.end(() => line.destroy());
  }
}
