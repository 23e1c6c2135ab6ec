import type { Clock } from "../clock/clock.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../errors.js";

interface Waiting {
  /** Says it. */
  readonly say: () => Promise<void>;
  readonly said: (saying: Promise<void>) => void;
  readonly refuse: (error: Error) => void;
}

/** Bytes that wait at most. */
const SIZE_LIMIT = 16 * 1024 * 1024;
/** How long something waits at most, in ms: longer than servers are waited for. */
const TIME_LIMIT = 10_000;

/** Messages that wait until the other servers hear them, in order. */
export class Held {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #stop: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles as `say` does, when its time has come. @throws MessageDeliveryError when too much waits, or nobody can hear it */
  async add(bytes: number, say: () => Promise<void>): Promise<void> {
    if (this.#bytes + bytes > SIZE_LIMIT) {
      throw new MessageDeliveryError(
        `Too much waits for the other servers: ${this.#bytes} bytes, and ${SIZE_LIMIT} are the most`,
      );
    }
    this.#bytes += bytes;
    this.#stop ??= this.#clock.after(TIME_LIMIT, () => this.refuse("The other servers do not answer"));
    await new Promise<void>((said, refuse) => this.#waiting.push({ say, said, refuse }));
  }

  /** Says all of it, before anything that comes later. */
  release(): void {
    for (const { say, said } of this.#empty()) said(say());
  }

  refuse(text: string): void {
    for (const { refuse } of this.#empty()) refuse(new BrokerNotAvailableError(text));
  }

  #empty(): Waiting[] {
    this.#stop?.();
    this.#stop = undefined;
    this.#bytes = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
