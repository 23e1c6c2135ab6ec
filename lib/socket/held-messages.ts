import type { FrameRun } from "./frame-run.js";
import type { SharedMessage } from "./shared-message.js";

/** Messages of one socket that wait in their order, since the first of them is still being compressed. */
export class HeldMessages {
  readonly #messages = new Set<{ readonly message: SharedMessage }>();
  readonly #gather: (frame: FrameRun) => void;
  #length = 0;
  #isOver = false;
  /** Called when all have been gathered. */
  done: () => void;

  constructor(gather: (frame: FrameRun) => void, done: () => void) {
    this.#gather = gather;
    this.done = done;
  }

  /** Bytes that wait, before they are compressed. */
  get length(): number {
    return this.#length;
  }

  add(message: SharedMessage): void {
    this.#length += message.length;
    this.#messages.add({ message });
    if (this.#messages.size === 1) message.whenCompressed(() => this.#release());
  }

  /** Nothing of them is sent any more. */
  drop(): void {
    this.#isOver = true;
    this.#messages.clear();
    this.#length = 0;
  }

  #release(): void {
    if (this.#isOver) return;

    for (const held of this.#messages) {
      const { message } = held;
      const frame = message.compressedFrame;
      if (frame === undefined) {
        message.whenCompressed(() => this.#release());
        return;
      }
      this.#messages.delete(held);
      this.#length -= message.length;
      this.#gather(frame);
    }
    this.done();
  }
}
