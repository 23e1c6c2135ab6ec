import type { Message } from "../message/message.js";
import type { SubscribableChannel } from "./channel.js";

/**
 * Sees every message of a channel before and after it is sent, as Spring's
 * `ChannelInterceptor`. Each hook may be left out and may be async; the next
 * hook, and the next message of the same sender, wait for it.
 */
export interface ChannelInterceptor {
  /**
   * Gives the message to go on with, changed or not, or `null` to stop it: then
   * nobody handles it, and later interceptors do not hear of it. A throw
   * refuses it; the client reads the text of an `AccessDeniedError`, and of no
   * other error.
   */
  preSend?(message: Message, channel: SubscribableChannel): Message | null | Promise<Message | null>;

  /** Runs after the message was handled. Not called when it was stopped or failed. */
  postSend?(message: Message, channel: SubscribableChannel, sent: boolean): void | Promise<void>;

  /**
   * Runs last, in reverse order, whatever happened; only for interceptors whose
   * `preSend` returned a message. What it throws is logged.
   */
  afterSendCompletion?(
    message: Message,
    channel: SubscribableChannel,
    sent: boolean,
    error: Error | undefined,
  ): void | Promise<void>;
}
