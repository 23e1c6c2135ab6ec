import type { MessageHeaders } from "../message/message.js";
import type { QueuedMessage } from "./queued-message.js";
import { Shares } from "./shares.js";

/** The payer of what the application sends by itself. */
export const APPLICATION = "application";

/** The payer of a message that waits in a queue: all sessions of a user together, or the application. */
export function payerOf({ user, sessionId }: MessageHeaders): string {
  if (user) return `user ${user.name}`;
  return sessionId === undefined ? APPLICATION : `session ${sessionId}`;
}

/** How many bytes of each payer wait, and in which queues. */
export class Payers {
  readonly #all = new Shares();
  readonly #queues = new Map<string, Shares>();

  weightOf(payer: string): number {
    return this.#all.weightOf(payer);
  }

  /** A message waits from now on. */
  add({ payer, size, publication }: QueuedMessage): void {
    this.#add(payer, publication.headers.destination, size);
  }

  /** A message waits no longer. */
  remove({ payer, size, publication }: QueuedMessage): void {
    this.#add(payer, publication.headers.destination, -size);
  }

  /**
   * Finds the payer whose oldest message goes for a new one, and the queue: the payer
   * who has most then, and where that one has most.
   */
  loserFor({ payer, size, publication }: QueuedMessage): {
    readonly payer: string;
    readonly destination: string;
  } {
    const { destination: own = "" } = publication.headers;
    const heaviest = this.#all.heaviest ?? payer;
    if (this.#all.weightOf(heaviest) > this.#all.weightOf(payer) + size) {
      return { payer: heaviest, destination: this.#queues.get(heaviest)?.heaviest ?? own };
    }
    const queues = this.#queues.get(payer);
    const fullest = queues?.heaviest ?? own;
    const before = queues?.weightOf(own) ?? 0;
    const isOwn = before > 0 && before + size > (queues?.weightOf(fullest) ?? 0);
    return { payer, destination: isOwn ? own : fullest };
  }

  clear(): void {
    this.#all.clear();
    this.#queues.clear();
  }

  #add(payer: string, destination = "", weight: number): void {
    this.#all.add(payer, weight);
    const queues = this.#queues.get(payer) ?? new Shares();
    queues.add(destination, weight);
    if (queues.isEmpty) this.#queues.delete(payer);
    else this.#queues.set(payer, queues);
  }
}
