import { MessageDeliveryError } from "../errors.js";
import type { Message } from "../message/message.js";
import { isPromise } from "../promise.js";
import { deliveryError } from "./channel-fault.js";
import { isFarewell } from "./farewell.js";
import type { ChannelInterceptor } from "./interceptor.js";
import type { Interceptors } from "./interceptors.js";
import type { MessageHandler } from "./message-handler.js";
import type { Pace } from "./pace.js";
import { Passage, type PassageContext } from "./passage.js";
import { type Steps, take } from "./steps.js";

/** Hears of a message that every handler has got. */
export type HandedOn = (message: Message) => void;

export interface HandlersContext extends PassageContext {
  readonly interceptors: Interceptors;
  readonly pace: Pace | undefined;
  /** Whether a message that has waited may be handled: its session may have ended. */
  mayStart(message: Message): boolean;
}

/** The handlers of a channel: each gets every message, past the interceptors that look at it. */
export class Handlers {
  /** Sees each message before the handlers do; `undefined` while nobody looks. Must not throw. */
  watcher: ((message: Message) => void) | undefined;
  readonly #context: HandlersContext;
  readonly #pace: Pace | undefined;
  /** Never changed, but replaced: a handler that leaves while a message is handed on keeps it from no other. */
  #handlers: readonly MessageHandler[] = [];

  constructor(context: HandlersContext) {
    this.#context = context;
    this.#pace = context.pace;
  }

  /** Adds a handler; the returned function removes it. */
  add(handler: MessageHandler): () => void {
    this.#handlers = [...this.#handlers, handler];
    return () => {
      const at = this.#handlers.indexOf(handler);
      if (at >= 0) this.#handlers = this.#handlers.toSpliced(at, 1);
    };
  }

  /** Whether another handler takes a message, or may take it. */
  isServedBeside(handler: MessageHandler, { headers }: Message): boolean {
    return this.#handlers.some((other) => other !== handler && (other.serves?.(headers) ?? true));
  }

  /** @throws MessageDeliveryError when the session of a message has ended while the message waited */
  expectStart(message: Message): void {
    const { mayStart, channel } = this.#context;
    if (mayStart(message) || isFarewell(message)) return;
    throw new MessageDeliveryError(`A message on ${channel.name} comes too late: its session was ended`);
  }

  /** Hands a message to all; while senders wait for readers that it would reach, behind the messages before it. */
  handOn(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    if (this.watcher !== undefined) this.watcher(message);
    const pace = this.#pace;
    if (!pace?.isCrowded(destinationOf(message))) return this.#handOnNow(message, handedOn);
    return pace.inTurn(destinationOf(message) ?? "", () => {
      this.expectStart(message);
      return this.#handOnNow(message, handedOn);
    });
  }

  /**
   * Every handler gets it, also when one before it failed; the first error is thrown at the end.
   *
   * @param taken if given, each handler's own way past `beforeHandle` is gone, and calls it
   */
  toAll(message: Message, handedOn: HandedOn | undefined, taken?: () => void): void | Promise<void> {
    let pending: PromiseLike<void>[] | undefined;
    let failed = false;
    let failure: unknown;

    for (const handler of this.#handlers) {
      try {
        const result = taken ? take(this.#wayTo(handler, message, taken)) : this.#handOne(message, handler);
        if (result) {
          pending ??= [];
          pending.push(result);
        }
      } catch (error) {
        if (!failed) failure = error;
        failed = true;
      }
    }

    if (!failed) handedOn?.(message);
    if (pending) return this.#settle(failed ? [Promise.reject(failure), ...pending] : pending);
    if (failed) throw deliveryError(this.#context.channel, failure);
  }

  #handOnNow(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    if (this.#context.interceptors.around.length > 0) return this.#handAround(message, handedOn);
    const pace = this.#pace;
    if (!pace) return this.toAll(message, handedOn);

    const mark = pace.begin();
    let handled: Promise<void> | undefined;
    let room: Promise<void> | undefined;
    try {
      handled = this.toAll(message, undefined) || undefined;
    } finally {
      room = pace.end(mark, destinationOf(message));
    }
    if (room) return afterBoth(handled, room, () => handedOn?.(message));
    handedOn?.(message);
    return handled;
  }

  /** Hands a message to the handlers past `beforeHandle`: each goes its own way. */
  #handAround(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    let left = this.#handlers.length;
    const taken = () => {
      if (--left === 0) handedOn?.(message);
    };
    if (left === 0) handedOn?.(message);
    return this.toAll(message, undefined, taken);
  }

  /** A message's way to one handler, between the interceptors' `beforeHandle` and `afterMessageHandled`. */
  *#wayTo(handler: MessageHandler, message: Message, taken: () => void): Steps<void> {
    const { channel, interceptors } = this.#context;
    const passage = new Passage(interceptors.around, message, this.#context);
    let judgedAnew = false;
    let failure: Error | undefined;
    try {
      const ask = (interceptor: ChannelInterceptor, current: Message) =>
        interceptor.beforeHandle?.(current, channel, handler);
      let passed = yield* passage.past({ hook: "beforeHandle", ask });
      if (passed && passage.message !== message && !isFarewell(message)) {
        passed = judgedAnew = yield* this.#judgesAnew(passage);
      }
      if (passed) this.expectStart(passage.message);
      const mark = this.#pace?.begin() ?? 0;
      let handled: PromiseLike<void> | undefined;
      let room: Promise<void> | undefined;
      try {
        if (passed) handled = this.#handOne(passage.message, handler) || undefined;
      } finally {
        room = this.#pace?.end(mark, destinationOf(passage.message));
      }
      if (room) yield afterBoth(handled, room, taken);
      else {
        taken();
        if (handled) yield handled;
      }
    } catch (error) {
      failure = deliveryError(channel, error);
      throw failure;
    } finally {
      if (judgedAnew) yield* this.#completes(passage, failure);
      yield* passage.complete("afterMessageHandled", (interceptor) =>
        interceptor.afterMessageHandled?.(passage.message, channel, handler, failure),
      );
    }
  }

  /** A message is handled as it was judged: one handler is to get another than the guard let pass. */
  *#judgesAnew({ message }: Passage): Steps<boolean> {
    const { channel, interceptors } = this.#context;
    if (!interceptors.guard) return true;
    const judged = interceptors.guard.preSend(message, channel);
    return (isPromise(judged) ? yield judged : judged) !== null;
  }

  *#completes({ message }: Passage, failure: Error | undefined): Steps<void> {
    const { channel, interceptors } = this.#context;
    const sent = failure === undefined;
    const completed = interceptors.guard?.afterSendCompletion(message, channel, sent, failure);
    if (isPromise(completed)) yield completed;
  }

  #handOne(message: Message, handler: MessageHandler): void | PromiseLike<void> {
    const handled = handler.handle(message);
    // A handler in JavaScript may return anything: only a promise is waited for.
    if (handled === undefined || !isPromise(handled)) return;
    if (!isFarewell(message)) return handled;
    return this.#context.deadline.bound(handled, message, { method: "handle", of: handler });
  }

  async #settle(pending: PromiseLike<void>[]): Promise<void> {
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "rejected") throw deliveryError(this.#context.channel, result.reason);
    }
  }
}

/** Either may take longer, or fail. */
async function afterBoth(
  handled: void | PromiseLike<void>,
  room: Promise<void>,
  handedOn: () => void,
): Promise<void> {
  await Promise.all([handled, room.then(handedOn)]);
}

/** Where a message goes that others are fed with. */
function destinationOf({ headers }: Message): string | undefined {
  return headers.messageType === "MESSAGE" ? headers.destination : undefined;
}
