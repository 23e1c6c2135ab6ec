import { setImmediate as nextTurn } from "node:timers/promises";
import { withSendings } from "../channel/started-sendings.js";
import { ignoreRejection, MessageHandlingError } from "../errors.js";
import type { Message } from "../message/message.js";
import { isPromise } from "../promise.js";

/** As many may run for one session at the same time. */
export const STREAM_LIMIT = 100;
/** As many of one session may have been cancelled and go on waiting. */
const CANCELLED_LIMIT = 1_000;
/** After so many elements others get their turn, however eagerly the next ones come. */
const TURN = 64;

export interface StreamOptions {
  /** The message that the stream answers: the stream ends with its session, or its subscription. */
  readonly message: Message;
  /** Gives what to wait for before the next element is asked for; `undefined` if there is nothing. */
  room(): Promise<void> | undefined;
  /** Sends an element on; the next is asked for when this is done. */
  send(element: unknown): void | Promise<void>;
  /** Hears of a fault, which ends the stream. */
  failed(fault: unknown): void;
  /** Tells the method that nobody listens any more. */
  abort(): void;
}

interface Stream extends StreamOptions {
  readonly iterator: AsyncIterator<unknown>;
  stopped: boolean;
}

/** The async iterables that methods returned for one session: they run beside the messages that follow, until it ends. */
export class SessionStreams {
  readonly #running = new Set<Stream>();
  readonly #manyWait: (message: Message) => void;
  /** How many were cancelled, and wait for something that has not come. */
  #cancelled = 0;
  #ended = false;

  /** @param manyWait hears of the newest when so many that were cancelled go on waiting */
  constructor(manyWait: (message: Message) => void) {
    this.#manyWait = manyWait;
  }

  /** Begins to send the elements; after its session's end it ends at once. @throws MessageHandlingError when there are too many */
  run(iterable: AsyncIterable<unknown>, options: StreamOptions): void {
    const stream: Stream = { ...options, iterator: iteratorOf(iterable), stopped: false };
    if (this.#ended) {
      stop(stream);
      return;
    }
    const excess = this.#excess();
    if (excess !== undefined) {
      stop(stream);
      const publicMessage = `A session has at most ${excess}`;
      throw new MessageHandlingError(publicMessage, { publicMessage });
    }
    this.#running.add(stream);
    void pump(stream).finally(() => {
      if (!this.#running.delete(stream)) this.#cancelled--;
    });
  }

  /** Ends those that a subscription began. */
  unsubscribe(subscriptionId: string): void {
    for (const stream of this.#running) {
      const { messageType, subscriptionId: id } = stream.message.headers;
      if (messageType === "SUBSCRIBE" && id === subscriptionId) this.#cancel(stream);
    }
  }

  /** Ends all of them, and those that its session's last frames begin. */
  end(): void {
    this.#ended = true;
    for (const stream of this.#running) stop(stream);
  }

  /** It does not count any more, though it may wait long: a generator cannot be ended from outside. */
  #cancel(stream: Stream): void {
    stop(stream);
    this.#running.delete(stream);
    this.#cancelled++;
    if (this.#cancelled >= STREAM_LIMIT) this.#manyWait(stream.message);
  }

  /** The limit that one more stream would pass, in words. */
  #excess(): string | undefined {
    if (this.#running.size >= STREAM_LIMIT) return `${STREAM_LIMIT} streams`;
    if (this.#cancelled < CANCELLED_LIMIT) return undefined;
    return `${CANCELLED_LIMIT} streams that were cancelled and have not ended`;
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

/** Never rejects. */
async function pump(stream: Stream): Promise<void> {
  try {
    for (let sent = 1; ; sent++) {
      const room = stream.room();
      if (room) {
        await room;
        if (stream.stopped) return;
      }
      const next = await withSendings({ task: () => stream.iterator.next(), done: (result) => result });
      if (Object(next) !== next) throw new MessageHandlingError("next() of a stream gave no result");
      const { done, value } = next;
      if (done || stream.stopped) return;

      const sending = stream.send(value);
      if (isPromise(sending)) await sending;
      if (sent % TURN === 0) await nextTurn();
      if (stream.stopped) return;
    }
  } catch (fault) {
    if (stream.stopped) return;
    stop(stream);
    stream.failed(fault);
  }
}

function stop(stream: Stream): void {
  if (stream.stopped) return;
  stream.stopped = true;
  stream.abort();
  void finish(stream);
}

/** A generator that waits for something ends only when that has come. A fault that it throws then concerns nobody. */
async function finish({ iterator }: Stream): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // It is over.
  }
}
