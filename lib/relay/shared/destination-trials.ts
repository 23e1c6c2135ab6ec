import type { MessageDeliveryError } from "../../errors.js";
import { type Message, NO_PAYLOAD } from "../../message/message.js";
import { NativeHeaders } from "../../message/native-headers.js";
import type { Frame } from "../../stomp/frame.js";
import { clientFrame } from "../line/relay-frame.js";

/** So many destinations are remembered that the broker has taken. */
const PROVEN_LIMIT = 10_000;

const SEND = "SEND ";
const SHORT = 16 * 1024;

/**
 * Tries out destinations before many share them.
 *
 * A broker ends a connection over what it refuses, and everybody's would end
 * with it. So the first frame to each goes over a connection that is used for
 * nothing else.
 */
export class DestinationTrials {
  readonly #tryOut: (frame: Frame) => Promise<void>;
  readonly #proven = new Set<string>();
  /** The longest body that the broker has taken, in bytes; a longer one may be refused, which says nothing of shorter ones. */
  #longest = SHORT;
  readonly #running = new Map<string, Promise<void>>();

  /** @param tryOut sends a frame over a connection of its own, and resolves when the broker has confirmed it */
  constructor(tryOut: (frame: Frame) => Promise<void>) {
    this.#tryOut = tryOut;
  }

  /** Finds out whether the broker takes a SUBSCRIBE; `undefined` if it is known to. */
  subscribe(destination: string): Promise<void> | undefined {
    const key = subscribing(destination);
    if (this.#proven.has(key)) return undefined;

    const headers = NativeHeaders.of({ id: "trial", destination });
    return this.#running.get(key) ?? this.#try(key, { command: "SUBSCRIBE", headers, body: NO_PAYLOAD });
  }

  /** Sends the first message to a destination itself, and those that come next by what `share` does. */
  send(message: Message, share: () => void | Promise<void>): void | Promise<void> {
    const key = `${SEND}${message.headers.destination}`;
    const { length } = message.payload;
    if (this.#proven.has(key) && length <= this.#longest) return share();

    const running = this.#running.get(key);
    if (!running) {
      return this.#try(key, clientFrame(message)).then(() => {
        this.#longest = Math.max(this.#longest, length);
      });
    }
    return running.then(
      () => this.send(message, share),
      (error: MessageDeliveryError) => {
        // The fault of the first message need not be this one's; a broker that is away is away for all.
        if (error.code === "BROKER_ERROR") return this.send(message, share);
        throw error;
      },
    );
  }

  /** Tries out all destinations of SENDs anew: the broker may not take any more what it took. */
  forgetSends(): void {
    for (const key of this.#proven) if (key.startsWith(SEND)) this.#proven.delete(key);
  }

  /** Tries out SUBSCRIBE to a destination anew: the broker does not deliver there any more. */
  forget(destination: string): void {
    this.#proven.delete(subscribing(destination));
  }

  /** Many may come at once: one of them is enough to ask. */
  #try(key: string, frame: Frame): Promise<void> {
    const trial = this.#tryOut(frame)
      .then(() => this.#isProven(key))
      .finally(() => this.#running.delete(key));
    this.#running.set(key, trial);
    return trial;
  }

  #isProven(key: string): void {
    if (this.#proven.size >= PROVEN_LIMIT) this.#proven.delete(this.#proven.values().next().value as string);
    this.#proven.add(key);
  }
}

function subscribing(destination: string): string {
  return `SUBSCRIBE ${destination}`;
}
