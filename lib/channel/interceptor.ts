import type { Message } from "../message/message.js";
import type { InterceptorDescription } from "./interceptor-description.js";
import type { MessageChannel } from "./message-channel.js";
import type { MessageHandler } from "./message-handler.js";

/**
 * Sees every message of a channel on its way, as Spring's `ChannelInterceptor`
 * and `ExecutorChannelInterceptor`. Each hook may be left out and may be async;
 * the next hook waits for it. So does the next message of the same sender, for
 * those that run before the handlers; on `clientInboundChannel` for all.
 *
 * @example
 * ```ts
 * class Audit implements ChannelInterceptor {
 *   preSend(message: Message) {
 *     if (message.headers.native.has("forbidden")) throw new AccessDeniedError("That header is forbidden");
 *     return withHeaders(message, { native: message.headers.native.with("seen", "yes") });
 *   }
 * }
 * ```
 */
export interface ChannelInterceptor {
  /** The part of it that clients have to know: `messaging.description` has it. */
  readonly description?: InterceptorDescription;

  /**
   * Gives the message to go on with, changed or not, or `null` to stop it: then
   * nobody handles it, and later interceptors do not hear of it. A throw
   * refuses it; the client reads the text of an `AccessDeniedError`, and of no
   * other error.
   */
  preSend?(message: Message, channel: MessageChannel): Message | null | Promise<Message | null>;

  /**
   * Gives the message that this one handler gets, or `null` to pass the handler
   * over (but at a DISCONNECT, which everybody hears of). A throw counts as the
   * handler's own; the other handlers still get the message.
   */
  beforeHandle?(
    message: Message,
    channel: MessageChannel,
    handler: MessageHandler,
  ): Message | null | Promise<Message | null>;

  /**
   * Runs when the handler is done, failed or was passed over by a later
   * interceptor, in reverse order; only for interceptors whose `beforeHandle`
   * returned a message, or that have none. An error that it throws is logged.
   */
  afterMessageHandled?(
    message: Message,
    channel: MessageChannel,
    handler: MessageHandler,
    error: Error | undefined,
  ): void | Promise<void>;

  /**
   * Runs after the message was handled. Not called when it was stopped or
   * failed. A throw makes the sending fail, though the message was handled.
   */
  postSend?(message: Message, channel: MessageChannel, sent: boolean): void | Promise<void>;

  /**
   * Runs last, in reverse order, whatever happened; only for interceptors whose
   * `preSend` returned a message, or that have none. An error that it throws is logged.
   */
  afterSendCompletion?(
    message: Message,
    channel: MessageChannel,
    sent: boolean,
    error: Error | undefined,
  ): void | Promise<void>;
}

/** The hooks of an interceptor; it must have one of them. */
export const INTERCEPTOR_HOOKS = [
  "preSend",
  "beforeHandle",
  "afterMessageHandled",
  "postSend",
  "afterSendCompletion",
] as const satisfies readonly (keyof ChannelInterceptor)[];
