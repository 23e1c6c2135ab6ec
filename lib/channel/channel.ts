import { inspect } from "node:util";
import { MessageDeliveryError, MessagingError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import type { ChannelInterceptor } from "./interceptor.js";
import { Lanes } from "./lanes.js";

/** Takes messages from a channel. A promise means: handled when it settles. */
export interface MessageHandler {
  handle(message: Message): void | Promise<void>;
}

export interface ChannelOptions {
  interceptors?: readonly ChannelInterceptor[];
  logger: Logger;
  /**
   * Names the order a message belongs to: interceptors see the messages of one
   * order one after the other. Left out where the sender itself keeps order.
   */
  orderOf?(message: Message): string;
  /**
   * Hears of a message that was refused because 1,024 of its order were
   * waiting for slow interceptors. Without it there is no such bound.
   */
  overflowed?(message: Message): void;
}

const LANE_LIMIT = 1024;

/**
 * A pipe in the process, as Spring's `SubscribableChannel`: hands each message
 * to every handler, past the interceptors.
 *
 * A message is sent when all handlers are done with it, so that a receipt says
 * something and order holds. Without interceptors and with handlers that answer
 * synchronously nothing here is asynchronous.
 */
export class SubscribableChannel {
  readonly name: string;
  readonly #interceptors: ChannelInterceptor[];
  readonly #handlers: MessageHandler[] = [];
  readonly #options: ChannelOptions;
  readonly #lanes = new Lanes();

  constructor(name: string, options: ChannelOptions) {
    this.name = name;
    this.#options = options;
    this.#interceptors = [...(options.interceptors ?? [])];
  }

  /** Whether anybody looks at what passes. */
  get intercepted(): boolean {
    return this.#interceptors.length > 0;
  }

  /** Adds an interceptor behind those that are there. */
  addInterceptor(interceptor: ChannelInterceptor): void {
    this.#interceptors.push(interceptor);
  }

  /** Adds a handler; the returned function removes it. */
  subscribe(handler: MessageHandler): () => void {
    this.#handlers.push(handler);
    return () => {
      const at = this.#handlers.indexOf(handler);
      if (at >= 0) this.#handlers.splice(at, 1);
    };
  }

  /**
   * Sends a message: `true` when it was handled, `false` when an interceptor
   * stopped it.
   *
   * @throws MessageDeliveryError (or rejects with it) when an interceptor or a
   *   handler failed; a `MessagingError` passes as it is
   */
  send(message: Message): boolean | Promise<boolean> {
    if (this.#interceptors.length > 0) return this.#sendIntercepted(message);

    const handled = this.dispatch(message);
    return handled ? handled.then(() => true) : true;
  }

  /**
   * Hands a message to the handlers past the interceptors. Every handler gets
   * it, also when one before it failed; the first error is thrown at the end.
   */
  dispatch(message: Message): void | Promise<void> {
    let pending: Promise<void>[] | undefined;
    let failed = false;
    let failure: unknown;

    for (const handler of this.#handlers) {
      try {
        const result = handler.handle(message);
        if (result) {
          pending ??= [];
          pending.push(result);
        }
      } catch (error) {
        if (!failed) failure = error;
        failed = true;
      }
    }

    if (pending) return this.#settle(failed ? [Promise.reject(failure), ...pending] : pending);
    if (failed) throw this.#deliveryError(failure);
  }

  async #settle(pending: Promise<void>[]): Promise<void> {
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "rejected") throw this.#deliveryError(result.reason);
    }
  }

  async #sendIntercepted(message: Message): Promise<boolean> {
    const interceptors = [...this.#interceptors];
    const passed: ChannelInterceptor[] = [];
    let current = message;
    let sent = false;
    let failure: Error | undefined;

    const passAndDispatch = async () => {
      for (const interceptor of interceptors) {
        const result = interceptor.preSend?.(current, this);
        const next = interceptor.preSend ? (isPromise(result) ? await result : result) : current;
        if (next === null) return;
        if (next === undefined) throw new TypeError(forgotten(interceptor));
        current = next;
        passed.push(interceptor);
      }
      const handled = this.dispatch(current);
      if (handled) await handled;
      sent = true;
    };

    try {
      await this.#inOrder(message, passAndDispatch);
      if (sent) {
        for (const interceptor of interceptors) await interceptor.postSend?.(current, this, sent);
      }
    } catch (error) {
      failure = this.#deliveryError(error);
      throw failure;
    } finally {
      for (const interceptor of passed.reverse()) {
        try {
          await interceptor.afterSendCompletion?.(current, this, sent, failure);
        } catch (error) {
          this.#options.logger.error(`afterSendCompletion failed on ${this.name}`, error);
        }
      }
    }
    return sent;
  }

  #inOrder(message: Message, task: () => Promise<void>): Promise<void> {
    const { orderOf, overflowed } = this.#options;
    if (!orderOf) return task();

    const order = orderOf(message);
    if (overflowed && this.#lanes.length(order) >= LANE_LIMIT) {
      overflowed(message);
      throw new MessageDeliveryError(`${LANE_LIMIT} messages wait for the interceptors of ${this.name}`);
    }
    return this.#lanes.run(order, task);
  }

  #deliveryError(error: unknown): Error {
    if (error instanceof MessagingError) return error;

    const reason = error instanceof Error ? error.message : inspect(error);
    return new MessageDeliveryError(`${this.name} could not send a message: ${reason}`, { cause: error });
  }
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}

function forgotten(interceptor: ChannelInterceptor): string {
  return `preSend of ${interceptor.constructor.name} returned undefined: return the message, or null to stop it`;
}
