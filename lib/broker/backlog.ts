import { InOrder, type Sequenced } from "./in-order.js";
import type { QueuedMessage } from "./queued-message.js";
import { Shares } from "./shares.js";

/** A consumer that has not looked at all of a backlog. */
export interface BacklogReader {
  /** A message that had come back waits no longer. */
  removed(backlog: Backlog, message: QueuedMessage): void;
  /** Nothing is left in it. */
  forget(backlog: Backlog): void;
}

/** The messages that wait in one queue, in the order of publishing. */
export class Backlog implements Sequenced {
  readonly destination: string;
  /** Grows with every backlog: the queue in which something has waited longest has the lowest. */
  readonly sequence: number;
  /** Since when something has waited here, in ms since 1970. */
  readonly since: number;
  /** Bytes that the messages take in memory. */
  bytes = 0;
  readonly messages = new InOrder<QueuedMessage>();
  readonly readers = new Set<BacklogReader>();
  /** How many messages each payer has here, once they are not all of one. */
  #byPayer: Map<string, InOrder<QueuedMessage>> | undefined;
  #counts: Shares | undefined;

  constructor(destination: string, sequence: number, since: number) {
    this.since = since;
    this.destination = destination;
    this.sequence = sequence;
  }

  insert(message: QueuedMessage): void {
    const { first } = this.messages;
    if (!this.#byPayer && first && first.payer !== message.payer) this.#tellApart();
    this.messages.insert(message);
    this.bytes += message.size;
    if (this.#byPayer) this.#count(message);
  }

  remove(message: QueuedMessage): void {
    const { payer } = message;
    if (this.messages.remove(message)) this.bytes -= message.size;
    const messages = this.#byPayer?.get(payer);
    if (messages?.remove(message)) this.#counts?.add(payer, -1);
    if (messages?.length === 0) this.#byPayer?.delete(payer);
    // Only what came back stands on a reader's list of its own.
    if (message.isBack) for (const reader of this.readers) reader.removed(this, message);
    if (this.messages.length === 0) for (const reader of this.readers) reader.forget(this);
  }

  /** The oldest of who has most of them. */
  get oldestOfHeaviest(): QueuedMessage | undefined {
    const heaviest = this.#counts?.heaviest;
    return heaviest === undefined ? this.messages.first : this.#byPayer?.get(heaviest)?.first;
  }

  oldestOf(payer: string): QueuedMessage | undefined {
    if (this.#byPayer) return this.#byPayer.get(payer)?.first;
    const { first } = this.messages;
    return first?.payer === payer ? first : undefined;
  }

  #tellApart(): void {
    this.#byPayer = new Map();
    this.#counts = new Shares();
    for (let each = this.messages.first; each; each = this.messages.after(each.sequence)) this.#count(each);
  }

  #count(message: QueuedMessage): void {
    const { payer } = message;
    const messages = this.#byPayer?.get(payer) ?? new InOrder<QueuedMessage>();
    this.#byPayer?.set(payer, messages);
    messages.insert(message);
    this.#counts?.add(payer, 1);
  }
}
