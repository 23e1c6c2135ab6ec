import type { Sequenced } from "./in-order.js";
import type { Publication } from "./publication.js";

/** Where a message goes that its consumer is done with. */
export interface TakesBack {
  /** It was acknowledged, or went to one who does not. */
  settled(message: QueuedMessage): void;
  /**
   * Somebody else shall have it, if there is somebody.
   *
   * @param from whose it was, and who shall have it only if nobody else can
   * @param hasFailed whether it may be the message's own fault that it came back
   */
  returned(message: QueuedMessage, from: object, hasFailed: boolean): void;
}

/** A message in a queue, or on its way to the one consumer who shall have it. */
export interface QueuedMessage extends Sequenced {
  /** About what it takes in memory; 0 while nothing of it is kept. */
  readonly size: number;
  readonly publication: Publication;
  /** How often it has failed. */
  readonly failures: number;
  /** It was delivered before. */
  readonly isBack: boolean;
  /** The payer: its sender, who pays for the space that it takes while it waits. */
  readonly payer: string;
  readonly queues: TakesBack;
}
