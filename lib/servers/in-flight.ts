import type { Clock } from "../clock/clock.js";
import { BrokerNotAvailableError, MessageDeliveryError } from "../errors.js";

interface Waiting {
  readonly since: number;
  readonly refuse: (error: Error) => void;
}

/** Bytes that are on their way at most. */
const SIZE_LIMIT = 16 * 1024 * 1024;
/** Beside its bytes, an entry takes about so many in memory until it is confirmed. */
const ENTRY_BYTES = 1024;
/** From so many bytes on a client's next frame waits for the last. */
const BUSY_SIZE = 1024 * 1024;
/** How long a confirmation is waited for, in ms. */
const PATIENCE = 30_000;
const LOOK_EVERY = 1_000;

/** Publications that are not confirmed yet: bounded in bytes and in time. */
export class InFlight {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  readonly #publishing = new Set<Promise<void>>();
  #bytes = 0;
  #stopClock: (() => void) | undefined;

  /** @param name the backplane's, for errors */
  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
  }

  /** Whether so much is on its way that who sends more better waits. */
  get isBusy(): boolean {
    return this.#bytes > BUSY_SIZE;
  }

  /** Settles when all that is on its way was confirmed, or failed; in the end, since it has its time. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#publishing);
  }

  /** @throws MessageDeliveryError when there is no space for entries of these lengths, all of them: now, or ever */
  check(lengths: readonly number[]): void {
    const size = lengths.reduce((sum, length) => sum + length + ENTRY_BYTES, 0);
    if (this.#bytes + size <= SIZE_LIMIT || (this.#bytes === 0 && lengths.length === 1)) return;
    if (size > SIZE_LIMIT && lengths.length > 1)
      throw new MessageDeliveryError(
        `A transaction of ${lengths.length} messages has ${size} bytes on the backplane ${this.#name}, and ${SIZE_LIMIT} are the most. Send it in parts`,
        { publicMessage: "The transaction is too long for the other servers" },
      );
    throw new MessageDeliveryError(
      `Too much waits for the backplane ${this.#name}: ${this.#bytes} bytes, and ${SIZE_LIMIT} are the most. Await what is sent`,
      { publicMessage: "Too much waits for the other servers", retry: "now" },
    );
  }

  /** Publishes; rejects also when that is not confirmed in time. */
  add(bytes: number, publish: () => Promise<void>): Promise<void> {
    const size = bytes + ENTRY_BYTES;
    this.#bytes += size;
    const publishing = publish();
    const settled = () => {
      this.#bytes -= size;
    };
    publishing.then(settled, settled);
    const confirmed = this.#inTime(publishing);
    this.#publishing.add(confirmed);
    const over = () => void this.#publishing.delete(confirmed);
    confirmed.then(over, over);
    return confirmed;
  }

  close(): void {
    this.#stopClock?.();
    this.#stopClock = undefined;
  }

  #inTime(publishing: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { since: this.#clock.now(), refuse: reject };
      this.#waiting.add(waiting);
      this.#stopClock ??= this.#clock.every(LOOK_EVERY, () => this.#look());
      const over = () => {
        this.#waiting.delete(waiting);
        if (this.#waiting.size === 0) this.close();
      };
      publishing.then(
        () => {
          over();
          resolve();
        },
        (error: unknown) => {
          over();
          const text = `The backplane ${this.#name} did not take a message`;
          reject(
            error instanceof MessageDeliveryError
              ? error
              : new BrokerNotAvailableError(text, { cause: error }),
          );
        },
      );
    });
  }

  #look(): void {
    const before = this.#clock.now() - PATIENCE;
    for (const waiting of this.#waiting) {
      if (waiting.since > before) return;
      this.#waiting.delete(waiting);
      waiting.refuse(
        new BrokerNotAvailableError(
          `The backplane ${this.#name} did not confirm a message within ${PATIENCE} ms`,
        ),
      );
    }
  }
}
