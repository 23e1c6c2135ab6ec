import { setImmediate as nextTurn } from "node:timers/promises";
import { withSendings } from "../channel/started-sendings.js";
import { ignoreRejection, MessageHandlingError } from "../errors.js";
import { isPromise } from "../promise.js";

/** After so many elements others get their turn, however eagerly the next ones come. */
const TURN = 64;

/** The use that is made of the elements of an async iterable that a method returned. */
export interface StreamOptions {
  /** Gives what to wait for before the next element is asked for; `undefined` if there is nothing. */
  room(): Promise<void> | undefined;
  /** Sends an element on; the next is asked for when this is done. */
  send(element: unknown): void | Promise<void>;
  /** Hears of a fault, which ends the stream. */
  failed(fault: unknown): void;
  /** Tells the method that nobody listens any more. */
  abort(reason?: Error): void;
}

/** The sending of an async iterable's elements, one after the other, until it ends or is stopped. */
export class Stream {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #options: StreamOptions;
  #isStopped = false;

  /** @throws MessageHandlingError when it gives no iterator */
  constructor(iterable: AsyncIterable<unknown>, options: StreamOptions) {
    this.#iterator = iteratorOf(iterable);
    this.#options = options;
  }

  /** Resolves when nothing of it goes on any more: `true` when all was sent. Never rejects. */
  async run(): Promise<boolean> {
    const { room, send, failed } = this.#options;
    try {
      for (let sent = 1; ; sent++) {
        const hasRoom = room();
        if (hasRoom) {
          await hasRoom;
          if (this.#isStopped) return false;
        }
        const next = await withSendings({ task: () => this.#iterator.next(), done: (result) => result });
        if (Object(next) !== next) throw new MessageHandlingError("next() of a stream gave no result");
        const { done, value } = next;
        if (done || this.#isStopped) return !this.#isStopped;

        const sending = send(value);
        if (isPromise(sending)) await sending;
        if (sent % TURN === 0) await nextTurn();
        if (this.#isStopped) return false;
      }
    } catch (fault) {
      if (this.#isStopped) return false;
      this.stop();
      failed(fault);
      return false;
    }
  }

  stop(reason?: Error): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#options.abort(reason);
    void this.#finish();
  }

  /** A generator that waits for something ends only when that has come. A fault that it throws then concerns nobody. */
  async #finish(): Promise<void> {
    try {
      await this.#iterator.return?.();
    } catch {
      // It is over.
    }
  }
}

/** Whether it is one; a `Readable` is. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function iteratorOf(iterable: AsyncIterable<unknown>): AsyncIterator<unknown> {
  const iterator = iterable[Symbol.asyncIterator]() as Partial<AsyncIterator<unknown>> | undefined | null;
  if (typeof iterator?.next === "function") return iterator as AsyncIterator<unknown>;
  ignoreRejection(iterator);
  throw new MessageHandlingError("[Symbol.asyncIterator]() of what a method returned gave no iterator");
}
