import type { Message } from "../message/message.js";

/** The application as a subscriber of the broker. */
export interface BrokerSystem {
  /** Whether the application's connection is there, whatever those of clients are. */
  readonly isAvailable: boolean;
  /**
   * Subscribes, and again whenever the connection was lost; what was sent meanwhile is missed.
   *
   * @param take gets each message, and is not waited for unless `gaps` says so; what it throws or rejects with is logged
   * @param gaps hears of the times in which messages are missed
   * @returns once messages arrive, a function that ends the subscription
   * @throws MessageDeliveryError when the broker refuses, or is closed
   * @example
   * ```ts
   * const unsubscribe = await messaging.system?.subscribe("/topic/prices", ({ payload }) => keep(payload), {
   *   resumed: () => readAllPricesAgain(),
   * });
   * ```
   */
  subscribe(
    destination: string,
    take: (message: Message) => void | Promise<void>,
    gaps?: SubscriptionGaps,
  ): Promise<() => Promise<void>>;
}

/** Hears when a subscription of the application misses messages; what it throws is logged. Says how fast it hears. */
export interface SubscriptionGaps {
  /** The connection was lost: from now on messages are missed. */
  lost?(): void;
  /** The broker has confirmed the subscription again: from now on messages arrive. */
  resumed?(): void;
  /**
   * Whether the broker is read on only when the promise of `take` has settled, so that it cannot send faster than its
   * messages are taken. All that comes over the application's connection waits then, receipts too: what `take` awaits
   * must not be a send to the broker. @default false
   */
  readonly isWaitedFor?: boolean;
}
