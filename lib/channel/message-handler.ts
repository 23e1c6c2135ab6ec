import type { Message, MessageHeaders } from "../message/message.js";

/**
 * Takes messages from a channel. A promise means: handled when it settles.
 *
 * @example
 * ```ts
 * messaging.clientInboundChannel.subscribe({
 *   name: "audit",
 *   handle: ({ headers }) => console.log(headers.messageType, headers.destination),
 *   serves: () => false,
 * });
 * ```
 */
export interface MessageHandler {
  /** What it is, for interceptors that look at one handler only: `controllers`, `broker`, `sessions` … */
  readonly name?: string;
  handle(message: Message): void | Promise<void>;
  /**
   * Whether it takes what is sent, or subscribed to, at the message's
   * destination. What no handler takes is refused, or told as `unhandled`; one
   * without this method may take anything.
   */
  serves?(headers: DestinationHeaders): boolean;
}

/** What tells whose a message is. */
export type DestinationHeaders = Pick<MessageHeaders, "messageType" | "destination" | "privateTo">;
