import { AsyncResource } from "node:async_hooks";
import { type Clock, systemClock } from "../clock/clock.js";
import { faultText, lookable, MessageDeliveryError, MessagingError } from "../errors.js";
import type { Logger } from "../logger.js";
import { Delivery } from "../message/delivery.js";
import type { Message } from "../message/message.js";
import { isPromise } from "../promise.js";
import { HookDeadline } from "./hook-deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";
import { Lanes, type Order } from "./lanes.js";
import type { MessageChannel } from "./message-channel.js";
import type { MessageHandler } from "./message-handler.js";
import type { Pace } from "./pace.js";
import { type Asking, Passage } from "./passage.js";
import { Permits } from "./permits.js";
import type { Place } from "./place.js";
import { Sending } from "./sending.js";
import { type Steps, take } from "./steps.js";

export interface ChannelOptions {
  interceptors?: readonly ChannelInterceptor[];
  logger: Logger;
  /** @default the process's */
  clock?: Clock;
  /**
   * How many messages are with the handlers at once; those beyond it wait, in
   * order, past `preSend`. A message that a handler sends into its own channel
   * does not wait. Default: no bound.
   */
  concurrency?: number | undefined;
  /**
   * Milliseconds that each interceptor's hook and the waiting for `concurrency`
   * have where others wait for that: where the channel keeps an order, and at a
   * DISCONNECT, where handlers have them too. Then it has failed. 0, the
   * default, is without end.
   */
  handlerTimeout?: number;
  /**
   * Which messages interceptors see one after the other. Left out where the
   * sender itself keeps order.
   */
  order?: Order;
  /** Whether a message that has waited may be handled: its session may have ended. Default: it may. */
  mayStart?(message: Message): boolean;
  /** Hears of a message that failed since something was not done within `handlerTimeout`. */
  timedOut?(message: Message, error: Error): void;
  /** Lets senders give way to those whom handlers feed: a message has been handed on when they have. */
  pace?: Pace;
  /** Hears of a rejection of what the application sent, if nobody took it. Default: it is logged. */
  sendFailed?(destination: string | undefined, error: unknown): void;
}

/** Has the last word about what passes a channel. */
export type ChannelGuard = Required<Pick<ChannelInterceptor, "preSend" | "afterSendCompletion">>;

type HandedOn = (message: Message) => void;

/**
 * A pipe in the process, as Spring's `SubscribableChannel`: hands each message
 * to every handler, past the interceptors.
 *
 * A message is sent when all handlers are done with it, so that a receipt says
 * something and order holds. Nothing here is asynchronous but for an
 * interceptor or a handler that is.
 */
export class SubscribableChannel implements MessageChannel {
  readonly name: string;
  readonly clock: Clock;
  #interceptors: readonly ChannelInterceptor[];
  #guard: ChannelGuard | undefined;
  readonly #mayStart: (message: Message) => boolean;
  /** Those of them who look at every handler. */
  #around: readonly ChannelInterceptor[];
  /** Never changed, but replaced: a handler that leaves while a message is handed on keeps it from no other. */
  #handlers: readonly MessageHandler[] = [];
  readonly #logger: Logger;
  readonly #lanes: Lanes | undefined;
  readonly #permits: Permits | undefined;
  readonly #deadline: HookDeadline;
  readonly #pace: Pace | undefined;
  readonly #sendFailed: (destination: string | undefined, error: unknown) => void;

  constructor(name: string, options: ChannelOptions) {
    const { interceptors = [], logger, order, concurrency, handlerTimeout = 0, timedOut, pace } = options;
    this.name = name;
    this.clock = options.clock ?? systemClock;
    this.#logger = logger;
    this.#pace = pace;
    this.#mayStart = options.mayStart ?? (() => true);
    this.#interceptors = [...interceptors];
    this.#around = this.#interceptors.filter(looksAtHandlers);
    if (order) this.#lanes = new Lanes(name, order, this.clock);
    if (concurrency !== undefined) this.#permits = new Permits(concurrency);
    this.#sendFailed = (destination, error) => {
      if (options.sendFailed) options.sendFailed(destination, error);
      else logger.error(`${name} could not send a message to ${destination}`, error);
    };
    this.#deadline = new HookDeadline({
      clock: this.clock,
      milliseconds: handlerTimeout,
      always: order !== undefined,
      logger,
      passed: (message, error) => timedOut?.(message, error),
    });
  }

  /** Whether anybody looks at what passes. */
  get intercepted(): boolean {
    return this.#interceptors.length > 0;
  }

  /** Adds an interceptor behind those that are there. */
  addInterceptor(interceptor: ChannelInterceptor): void {
    const others = this.#interceptors.filter((each) => each !== this.#guard);
    this.#interceptors = [...others, interceptor, ...(this.#guard ? [this.#guard] : [])];
    this.#around = others.concat(interceptor).filter(looksAtHandlers);
  }

  /**
   * Names who has the last word, once: stands behind all interceptors, those
   * that are added later too, and is asked again about what `beforeHandle` has
   * made of a message.
   *
   * @internal
   */
  guardBy(guard: ChannelGuard): void {
    this.#guard = guard;
    this.#interceptors = [...this.#interceptors, guard];
  }

  /** Adds a handler; the returned function removes it. */
  subscribe(handler: MessageHandler): () => void {
    this.#handlers = [...this.#handlers, handler];
    return () => {
      const at = this.#handlers.indexOf(handler);
      if (at >= 0) this.#handlers = this.#handlers.toSpliced(at, 1);
    };
  }

  /**
   * Sends a message: `true` when it was handled, `false` when an interceptor
   * stopped it. A DISCONNECT is handled in any case: handlers have to let go of
   * its session, whatever interceptors say. A promise whose rejection nobody
   * takes belongs to the message that a controller's method handles, else the
   * event `sendFailed` tells of it.
   *
   * @throws MessageDeliveryError (or rejects with it) when an interceptor or a
   *   handler failed; a `MessagingError` passes as it is
   */
  send(message: Message): boolean | Promise<boolean> {
    const sent = this.carry(message);
    return isPromise(sent) ? this.sending(sent, message.headers.destination) : sent;
  }

  /** Gives the application what comes of something that it sends: a failure that it does not take is told. */
  sending<T>(outcome: T | PromiseLike<T>, destination: string | undefined): Promise<T> {
    return Sending.of(outcome, (error) => this.#sendFailed(destination, error));
  }

  /**
   * As `send`, for those who take what comes of it.
   *
   * @param handedOn called once with the message as interceptors made it, when
   *   every handler has got it and none refused it at once; they may not be done yet
   */
  carry(message: Message, handedOn?: HandedOn): boolean | Promise<boolean> {
    // `handedOn` may send more, and is outside of our lanes and permits then.
    const told = handedOn && (this.#permits || this.#lanes) ? AsyncResource.bind(handedOn) : handedOn;
    const lanes = this.#lanes;
    if (this.#interceptors.length > 0 || lanes?.isBusy) {
      const way = (place?: Place) => take(this.#way(message, told, place));
      return lanes ? lanes.run(message, way) : way();
    }
    if (this.#pace && lanes) return this.#sendPaced(message, lanes, told);

    const handled = this.#handle(message, told);
    return handled ? handled.then(() => true) : true;
  }

  /** Without interceptors: only since readers are behind may it hold up what follows. */
  #sendPaced(message: Message, lanes: Lanes, handedOn: HandedOn | undefined): boolean | Promise<boolean> {
    let isHandedOn = false;
    let place: Place | undefined;
    const handled = this.#handle(message, (current) => {
      isHandedOn = true;
      place?.leave();
      handedOn?.(current);
    });
    if (!handled) return true;
    if (isHandedOn) return handled.then(() => true);

    place = lanes.hold(message);
    return handled.then(() => true).finally(() => place?.end());
  }

  /** Whether another handler takes a message, or may take it. */
  isServedBeside(handler: MessageHandler, { headers }: Message): boolean {
    return this.#handlers.some((other) => other !== handler && (other.serves?.(headers) ?? true));
  }

  /** Runs a task behind what was sent before in this order and is not yet past the interceptors. */
  behind(order: string, task: () => void): void {
    if (this.#lanes) this.#lanes.behind(order, task);
    else task();
  }

  /** Resolves when what was sent before in this order is past the interceptors. */
  passed(order: string): Promise<void> {
    return new Promise((resolve) => this.behind(order, resolve));
  }

  /** Resolves when nothing waits for interceptors, or since readers are behind. */
  async idle(): Promise<void> {
    await this.#lanes?.idle();
  }

  /** Bytes of what interceptors have, or what waits for them, of those who pay for it as the channel's order says. */
  waiting(payer: string): number {
    return this.#lanes?.bytesOf(payer) ?? 0;
  }

  /** Whether the caller is called, or has been, from an interceptor or a handler of a message of this order. */
  isInside(order: string): boolean {
    return this.#lanes?.isInside(order) ?? false;
  }

  /**
   * Hands a message to the handlers past the interceptors, and past
   * `concurrency`. Every handler gets it, also when one before it failed; the
   * first error is thrown at the end.
   */
  dispatch(message: Message, handedOn?: HandedOn): void | Promise<void> {
    return this.#toAll(message, handedOn);
  }

  /**
   * Every handler gets it, also when one before it failed; the first error is thrown at the end.
   *
   * @param taken if given, each handler's own way past `beforeHandle` is gone, and calls it
   */
  #toAll(message: Message, handedOn: HandedOn | undefined, taken?: () => void): void | Promise<void> {
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
    if (failed) throw this.#deliveryError(failure);
  }

  /** A message's way past the interceptors, to the handlers, and back. */
  *#way(message: Message, handedOn: HandedOn | undefined, place: Place | undefined): Steps<boolean> {
    const passage = new Passage(this.#interceptors, message, this.#deadline);
    let sent = false;
    let failure: Error | undefined;
    try {
      try {
        const ask = (interceptor: ChannelInterceptor, current: Message) =>
          interceptor.preSend?.(current, this);
        if (yield* this.#passes(passage, { hook: "preSend", ask })) {
          this.#expectStart(passage.message);
          // The next message need not wait until the handlers are done, only until they have this one.
          const handled = this.#handle(passage.message, (current) => {
            place?.leave();
            handedOn?.(current);
          });
          if (handled) yield handled;
          sent = true;
        }
      } finally {
        place?.end();
      }
      if (sent) yield* this.#tellSent(passage);
    } catch (error) {
      failure = this.#deliveryError(error);
      throw failure;
    } finally {
      yield* passage.complete(
        "afterSendCompletion",
        (interceptor) => interceptor.afterSendCompletion?.(passage.message, this, sent, failure),
        { logger: this.#logger, channel: this.name },
      );
    }
    return sent;
  }

  /** Whether a message goes on: a DISCONNECT does in any case, since what handlers hold of its session would outlive it. */
  *#passes(passage: Passage, asking: Asking): Steps<boolean> {
    try {
      return (yield* passage.past(asking)) || isFarewell(passage.message);
    } catch (error) {
      if (!isFarewell(passage.message)) throw error;
      this.#disregard(passage.message, error);
      return true;
    }
  }

  *#tellSent({ message }: Passage): Steps<void> {
    for (const interceptor of this.#interceptors) {
      try {
        const told = interceptor.postSend?.(message, this, true);
        if (isPromise(told))
          yield this.#deadline.bound(told, message, { method: "postSend", of: interceptor });
      } catch (error) {
        if (!isFarewell(message)) throw error;
        this.#disregard(message, error);
      }
    }
  }

  #disregard({ headers }: Message, error: unknown): void {
    this.#logger.error(
      `An interceptor of ${this.name} failed at the DISCONNECT of ${headers.sessionId}`,
      error,
    );
  }

  #handle(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    const permits = this.#permits;
    if (!permits) return this.#handOn(message, handedOn);
    if (permits.isBusy) return this.#handInTurn(permits, message, handedOn);
    return permits.run(() => this.#handOn(message, handedOn));
  }

  async #handInTurn(permits: Permits, message: Message, handedOn: HandedOn | undefined): Promise<void> {
    try {
      const asked = { method: "concurrency", of: this };
      await permits.turn((turn) => this.#deadline.bound(turn, message, asked));
    } catch (error) {
      if (!isFarewell(message)) throw error;
      this.#disregard(message, error);
      return this.#handOn(message, handedOn);
    }
    return permits.runInTurn(() => {
      this.#expectStart(message);
      return this.#handOn(message, handedOn);
    });
  }

  /** The session of a message may have ended while the message waited. */
  #expectStart(message: Message): void {
    if (this.#mayStart(message) || isFarewell(message)) return;
    throw new MessageDeliveryError(`A message on ${this.name} comes too late: its session was ended`);
  }

  #handOn(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    const pace = this.#pace;
    if (!pace?.isCrowded(destinationOf(message))) return this.#handOnNow(message, handedOn);
    return pace.inTurn(destinationOf(message) ?? "", () => {
      this.#expectStart(message);
      return this.#handOnNow(message, handedOn);
    });
  }

  #handOnNow(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    if (this.#around.length > 0) return this.#handAround(message, handedOn);
    const pace = this.#pace;
    if (!pace) return this.#toAll(message, handedOn);

    const mark = pace.begin();
    let handled: Promise<void> | undefined;
    let room: Promise<void> | undefined;
    try {
      handled = this.#toAll(message, undefined) || undefined;
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
    return this.#toAll(message, undefined, taken);
  }

  /** A message's way to one handler, between the interceptors' `beforeHandle` and `afterMessageHandled`. */
  *#wayTo(handler: MessageHandler, message: Message, taken: () => void): Steps<void> {
    const passage = new Passage(this.#around, message, this.#deadline);
    let judgedAnew = false;
    let failure: Error | undefined;
    try {
      const ask = (interceptor: ChannelInterceptor, current: Message) =>
        interceptor.beforeHandle?.(current, this, handler);
      let passed = yield* this.#passes(passage, { hook: "beforeHandle", ask });
      if (passed && passage.message !== message && !isFarewell(message)) {
        passed = judgedAnew = yield* this.#judgesAnew(passage);
      }
      if (passed) this.#expectStart(passage.message);
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
      failure = this.#deliveryError(error);
      throw failure;
    } finally {
      if (judgedAnew) yield* this.#completes(passage, failure);
      yield* passage.complete(
        "afterMessageHandled",
        (interceptor) => interceptor.afterMessageHandled?.(passage.message, this, handler, failure),
        { logger: this.#logger, channel: this.name },
      );
    }
  }

  /** A message is handled as it was judged: one handler is to get another than the guard let pass. */
  *#judgesAnew({ message }: Passage): Steps<boolean> {
    if (!this.#guard) return true;
    const judged = this.#guard.preSend(message, this);
    return (isPromise(judged) ? yield judged : judged) !== null;
  }

  *#completes({ message }: Passage, failure: Error | undefined): Steps<void> {
    const completed = this.#guard?.afterSendCompletion(message, this, failure === undefined, failure);
    if (isPromise(completed)) yield completed;
  }

  #handOne(message: Message, handler: MessageHandler): void | PromiseLike<void> {
    const handled = handler.handle(message);
    // A handler in JavaScript may return anything: only a promise is waited for.
    if (!isPromise(handled)) return;
    if (!isFarewell(message)) return handled;
    return this.#deadline.bound(handled, message, { method: "handle", of: handler });
  }

  async #settle(pending: PromiseLike<void>[]): Promise<void> {
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "rejected") throw this.#deliveryError(result.reason);
    }
  }

  #deliveryError(thrown: unknown): Error {
    const fault = lookable(thrown);
    if (fault instanceof MessagingError) return fault;

    const reason = faultText(fault);
    return new MessageDeliveryError(`${this.name} could not send a message: ${reason}`, { cause: fault });
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

function looksAtHandlers(interceptor: ChannelInterceptor): boolean {
  return interceptor.beforeHandle !== undefined || interceptor.afterMessageHandled !== undefined;
}

/** Where a message goes that others are fed with. */
function destinationOf({ headers }: Message): string | undefined {
  return headers.messageType === "MESSAGE" ? headers.destination : undefined;
}

/** A delivery is none, and would make headers of its own for the question. */
function isFarewell(message: Message): boolean {
  return !(message instanceof Delivery) && message.headers.messageType === "DISCONNECT";
}
