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
  /** Its name, for interceptors that look at one handler only: `controllers`, `broker`, `sessions` … */
  readonly name?: string;
  handle(message: Message): void | Promise<void>;
  /**
   * Whether it takes SENDs and SUBSCRIBEs to the message's destination. A
   * message that no handler takes is refused, or told as `unhandled`; a handler
   * without this method may take any.
   */
  serves?(headers: DestinationHeaders): boolean;
}

/** The headers that tell which handler takes a message. */
export type DestinationHeaders = Pick<
  MessageHeaders,
  "messageType" | "destination" | "privateTo" | "forSubscriptions"
>;
