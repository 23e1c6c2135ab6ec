import { AsyncResource } from "node:async_hooks";
import { inspect } from "node:util";
import { MessageDeliveryError, MessagingError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import { DisconnectDeadline } from "./disconnect-deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";
import { Lanes } from "./lanes.js";
import { isPromise, Passage } from "./passage.js";
import { Permits } from "./permits.js";

/** Takes messages from a channel. A promise means: handled when it settles. */
export interface MessageHandler {
  /** What it is, for interceptors that look at one handler only: `controllers`, `broker`, `sessions` … */
  readonly name?: string;
  handle(message: Message): void | Promise<void>;
}

export interface ChannelOptions {
  interceptors?: readonly ChannelInterceptor[];
  logger: Logger;
  /**
   * How many messages are with the handlers at once; those beyond it wait, in
   * order, past `preSend`. What a handler sends into its own channel does not
   * wait. Default: no bound.
   */
  concurrency?: number | undefined;
  /**
   * Milliseconds that each interceptor's hook and each handler has at a
   * DISCONNECT; then it has failed. 0, the default, is without end.
   */
  handlerTimeout?: number;
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

type HandedOn = (message: Message) => void;

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
  #interceptors: readonly ChannelInterceptor[];
  /** Those of them who look at every handler. */
  #around: readonly ChannelInterceptor[];
  readonly #handlers: MessageHandler[] = [];
  readonly #options: ChannelOptions;
  readonly #lanes = new Lanes();
  readonly #permits: Permits | undefined;
  readonly #deadline: DisconnectDeadline;

  constructor(name: string, options: ChannelOptions) {
    this.name = name;
    this.#options = options;
    this.#interceptors = [...(options.interceptors ?? [])];
    this.#around = this.#interceptors.filter(looksAtHandlers);
    if (options.concurrency !== undefined) this.#permits = new Permits(options.concurrency);
    this.#deadline = new DisconnectDeadline(options.handlerTimeout ?? 0, options.logger);
  }

  /** Whether anybody looks at what passes. */
  get intercepted(): boolean {
    return this.#interceptors.length > 0;
  }

  /** Adds an interceptor behind those that are there. */
  addInterceptor(interceptor: ChannelInterceptor): void {
    this.#interceptors = [...this.#interceptors, interceptor];
    this.#around = this.#interceptors.filter(looksAtHandlers);
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
   * @param handedOn called once with the message as interceptors made it, when
   *   every handler has got it and none refused it at once; they may not be done yet
   * @throws MessageDeliveryError (or rejects with it) when an interceptor or a
   *   handler failed; a `MessagingError` passes as it is
   */
  send(message: Message, handedOn?: HandedOn): boolean | Promise<boolean> {
    // Who is told sends on, from outside of our lanes and permits.
    const nests = this.#permits !== undefined || this.#options.orderOf !== undefined;
    const told = handedOn && nests ? AsyncResource.bind(handedOn) : handedOn;
    if (this.#interceptors.length > 0) return this.#sendIntercepted(message, told);

    const handled = this.#handle(message, told);
    return handled ? handled.then(() => true) : true;
  }

  /**
   * Hands a message to the handlers past the interceptors, and past
   * `concurrency`. Every handler gets it, also when one before it failed; the
   * first error is thrown at the end.
   */
  dispatch(message: Message, handedOn?: HandedOn): void | Promise<void> {
    let pending: PromiseLike<void>[] | undefined;
    let failed = false;
    let failure: unknown;

    for (const handler of this.#handlers) {
      try {
        const result = handler.handle(message);
        if (result) {
          pending ??= [];
          pending.push(this.#deadline.bound(result, message, { method: "handle", of: handler }));
        }
      } catch (error) {
        if (!failed) failure = error;
        failed = true;
      }
    }

    if (!failed) handedOn?.(message);
    if (pending) return this.#settle(failed ? [Promise.reject(failure), ...pending] : pending);
    if (failed) throw this.#deliveryError(failure);
  }

  #handle(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    if (!this.#permits) return this.#handOver(message, handedOn);

    const done = this.#permits.run(() => this.#handOver(message, handedOn));
    return done && Promise.resolve(this.#deadline.bound(done, message, { method: "concurrency", of: this }));
  }

  #handOver(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    if (this.#around.length === 0) return this.dispatch(message, handedOn);

    const handlers = [...this.#handlers];
    let left = handlers.length;
    const taken = () => {
      if (--left === 0) handedOn?.(message);
    };
    return this.#settle(handlers.map((handler) => this.#handleAround(handler, message, taken)));
  }

  /** Gives a message to one handler, between the interceptors' `beforeHandle` and `afterMessageHandled`. */
  async #handleAround(handler: MessageHandler, message: Message, taken: () => void): Promise<void> {
    const passage = new Passage(message, this.#deadline);
    let failure: Error | undefined;
    try {
      const passed = await passage.past(this.#around, {
        hook: "beforeHandle",
        ask: (interceptor, current) => interceptor.beforeHandle?.(current, this, handler),
      });
      // Nobody is passed over at a DISCONNECT: what they hold of the session would outlive it.
      const handled =
        passed || message.headers.messageType === "DISCONNECT" ? handler.handle(passage.message) : undefined;
      taken();
      if (handled) await this.#deadline.bound(handled, message, { method: "handle", of: handler });
    } catch (error) {
      failure = this.#deliveryError(error);
      throw failure;
    } finally {
      await passage.complete(
        "afterMessageHandled",
        (interceptor) => interceptor.afterMessageHandled?.(passage.message, this, handler, failure),
        { logger: this.#options.logger, channel: this.name },
      );
    }
  }

  async #settle(pending: PromiseLike<void>[]): Promise<void> {
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "rejected") throw this.#deliveryError(result.reason);
    }
  }

  async #sendIntercepted(message: Message, handedOn: HandedOn | undefined): Promise<boolean> {
    const interceptors = this.#interceptors;
    const passage = new Passage(message, this.#deadline);
    let sent = false;
    let failure: Error | undefined;

    const passAndHandle = async (leave: () => void) => {
      const passed = await passage.past(interceptors, {
        hook: "preSend",
        ask: (interceptor, current) => interceptor.preSend?.(current, this),
      });
      if (!passed) return;
      // Who comes next need not wait until the handlers are done, only until they have this one.
      const handled = this.#handle(passage.message, (current) => {
        leave();
        handedOn?.(current);
      });
      if (handled) await handled;
      sent = true;
    };

    try {
      await this.#inOrder(message, passAndHandle);
      if (sent) {
        for (const interceptor of interceptors) {
          const done = interceptor.postSend?.(passage.message, this, sent);
          if (isPromise(done)) {
            await this.#deadline.bound(done, message, { method: "postSend", of: interceptor });
          }
        }
      }
    } catch (error) {
      failure = this.#deliveryError(error);
      throw failure;
    } finally {
      await passage.complete(
        "afterSendCompletion",
        (interceptor) => interceptor.afterSendCompletion?.(passage.message, this, sent, failure),
        { logger: this.#options.logger, channel: this.name },
      );
    }
    return sent;
  }

  #inOrder(message: Message, task: (leave: () => void) => Promise<void>): Promise<void> {
    const { orderOf, overflowed } = this.#options;
    if (!orderOf) return task(() => {});

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

function looksAtHandlers(interceptor: ChannelInterceptor): boolean {
  return interceptor.beforeHandle !== undefined || interceptor.afterMessageHandled !== undefined;
}
