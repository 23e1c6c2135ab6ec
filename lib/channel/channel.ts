import { AsyncResource } from "node:async_hooks";
import { type Clock, systemClock } from "../clock/clock.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import type { ChannelStats } from "../observe/stats.js";
import { isPromise } from "../promise.js";
import { deliveryError } from "./channel-fault.js";
import { expectFarewell } from "./farewell.js";
import { type HandedOn, Handlers } from "./handlers.js";
import { HookDeadline } from "./hook-deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";
import { type ChannelGuard, Interceptors } from "./interceptors.js";
import { Lanes, type Order } from "./lanes.js";
import type { MessageChannel } from "./message-channel.js";
import type { MessageHandler } from "./message-handler.js";
import type { Pace } from "./pace.js";
import { Passage, type PassageContext } from "./passage.js";
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
  /** Sends a message from inside of what watches that: observations. Default: nobody does. */
  around?(
    message: Message,
    send: (message: Message) => boolean | Promise<boolean>,
  ): boolean | Promise<boolean>;
  /** Hears of a rejection of what the application sent, if nobody took it. Default: it is logged. */
  sendFailed?(destination: string | undefined, error: unknown): void;
}

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
  readonly #interceptors: Interceptors;
  readonly #handlers: Handlers;
  readonly #context: PassageContext;
  readonly #lanes: Lanes | undefined;
  readonly #permits: Permits | undefined;
  readonly #pace: Pace | undefined;
  readonly #around: ChannelOptions["around"];
  /** Messages that interceptors have, and that handlers are not done with. */
  #passing = 0;
  #working = 0;
  readonly #sendFailed: (destination: string | undefined, error: unknown) => void;

  constructor(name: string, options: ChannelOptions) {
    const { interceptors = [], logger, order, concurrency, handlerTimeout = 0, timedOut, pace } = options;
    this.name = name;
    this.clock = options.clock ?? systemClock;
    this.#pace = pace;
    this.#around = options.around;
    if (order) this.#lanes = new Lanes(name, order, this.clock);
    if (concurrency !== undefined) this.#permits = new Permits(concurrency);
    this.#sendFailed = (destination, error) => {
      if (options.sendFailed) options.sendFailed(destination, error);
      else logger.error(`${name} could not send a message to ${destination}`, error);
    };
    const deadline = new HookDeadline({
      clock: this.clock,
      milliseconds: handlerTimeout,
      always: order !== undefined,
      logger,
      passed: (message, error) => timedOut?.(message, error),
    });
    this.#context = { channel: this, deadline, logger };
    this.#interceptors = new Interceptors(interceptors);
    this.#handlers = new Handlers({
      ...this.#context,
      interceptors: this.#interceptors,
      pace,
      mayStart: options.mayStart ?? (() => true),
    });
  }

  /** Whether anybody looks at what passes. */
  get intercepted(): boolean {
    return this.#interceptors.all.length > 0;
  }

  /** How many messages are on their way at present. */
  get stats(): ChannelStats {
    const waiting = this.#passing + (this.#lanes?.waiting ?? 0) + (this.#permits?.waiting ?? 0);
    return { waiting, working: this.#working };
  }

  /** Adds an interceptor behind those that are there. */
  addInterceptor(interceptor: ChannelInterceptor): void {
    this.#interceptors.add(interceptor);
  }

  /**
   * Names who has the last word, once: stands behind all interceptors, those
   * that are added later too, and is asked again about what `beforeHandle` has
   * made of a message.
   *
   * @internal
   */
  guardBy(guard: ChannelGuard): void {
    this.#interceptors.guardBy(guard);
  }

  /**
   * Names who sees what interceptors have let pass, and is no handler: nothing waits for it, and nothing is served by
   * it. `undefined` takes it away.
   *
   * @internal
   */
  watchBy(watcher: ((message: Message) => void) | undefined): void {
    this.#handlers.watcher = watcher;
  }

  /** Adds a handler; the returned function removes it. */
  subscribe(handler: MessageHandler): () => void {
    return this.#handlers.add(handler);
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
    if (this.#around) return this.#around(message, (given) => this.#carry(given, handedOn));
    return this.#carry(message, handedOn);
  }

  #carry(message: Message, handedOn: HandedOn | undefined): boolean | Promise<boolean> {
    // `handedOn` may send more, and is outside of our lanes and permits then.
    const told = handedOn && (this.#permits || this.#lanes) ? AsyncResource.bind(handedOn) : handedOn;
    const lanes = this.#lanes;
    if (this.intercepted || lanes?.isBusy) {
      const way = (place?: Place) => this.#way(message, told, place);
      return lanes ? lanes.run(message, way) : take(way());
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
  isServedBeside(handler: MessageHandler, message: Message): boolean {
    return this.#handlers.isServedBeside(handler, message);
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
    return this.#handlers.toAll(message, handedOn);
  }

  /** A message's way past the interceptors, to the handlers, and back. */
  *#way(message: Message, handedOn: HandedOn | undefined, place: Place | undefined): Steps<boolean> {
    const passage = new Passage(this.#interceptors.all, message, this.#context);
    let sent = false;
    let failure: Error | undefined;
    try {
      try {
        const ask = (interceptor: ChannelInterceptor, current: Message) =>
          interceptor.preSend?.(current, this);
        this.#passing++;
        let passes: boolean;
        try {
          passes = yield* passage.past({ hook: "preSend", ask });
        } finally {
          this.#passing--;
        }
        if (passes) {
          this.#handlers.expectStart(passage.message);
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
      if (sent && this.#interceptors.have("postSend")) yield* this.#tellSent(passage);
    } catch (error) {
      failure = deliveryError(this, error);
      throw failure;
    } finally {
      if (this.#interceptors.have("afterSendCompletion")) {
        yield* passage.complete("afterSendCompletion", (interceptor) =>
          interceptor.afterSendCompletion?.(passage.message, this, sent, failure),
        );
      }
    }
    return sent;
  }

  *#tellSent({ message }: Passage): Steps<void> {
    const { deadline } = this.#context;
    for (const interceptor of this.#interceptors.all) {
      try {
        const told = interceptor.postSend?.(message, this, true);
        if (isPromise(told)) yield deadline.bound(told, message, { method: "postSend", of: interceptor });
      } catch (error) {
        expectFarewell({ message, error }, this.#context);
      }
    }
  }

  #handle(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    const permits = this.#permits;
    if (!permits) return this.#handOn(message, handedOn);
    if (permits.isBusy) return this.#handInTurn(permits, message, handedOn);
    return permits.run(() => this.#handOn(message, handedOn));
  }

  #handOn(message: Message, handedOn: HandedOn | undefined): void | Promise<void> {
    const handled = this.#handlers.handOn(message, handedOn);
    if (!handled) return;
    this.#working++;
    handled.then(this.#done, this.#done);
    return handled;
  }

  readonly #done = (): void => {
    this.#working--;
  };

  async #handInTurn(permits: Permits, message: Message, handedOn: HandedOn | undefined): Promise<void> {
    try {
      const asked = { method: "concurrency", of: this };
      await permits.turn((turn) => this.#context.deadline.bound(turn, message, asked));
    } catch (error) {
      expectFarewell({ message, error }, this.#context);
      return this.#handOn(message, handedOn);
    }
    return permits.runInTurn(() => {
      this.#handlers.expectStart(message);
      return this.#handOn(message, handedOn);
    });
  }
}
