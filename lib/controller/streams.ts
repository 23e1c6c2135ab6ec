import { setImmediate as nextTurn } from "node:timers/promises";
import { withSendings } from "../channel/started-sendings.js";
import { ignoreRejection, MessageHandlingError } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import type { Message } from "../message/message.js";
import { isPromise } from "../promise.js";

/** As many may run for one session at the same time. */
const STREAM_LIMIT = 100;
/** As many of one session may have been cancelled and go on waiting. */
const CANCELLED_LIMIT = 1_000;
/** After so many elements others get their turn, however eagerly the next ones come. */
const TURN = 64;

export interface StreamOptions {
  /** What the stream answers: it ends with this message's session, or its subscription. */
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

/** What one session has. */
interface SessionStreams {
  readonly running: Set<Stream>;
  /** How many were cancelled, and wait for something that has not come. */
  cancelled: number;
}

/** The async iterables that methods returned: they run beside the messages that follow, for as long as their session. */
export class Streams {
  readonly #logger: Logger;
  /** By session, until its DISCONNECT; what it has is made for the first stream. */
  readonly #sessions = new Map<string, SessionStreams | "ended" | undefined>();
  #warned = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Lets a session have streams from now on, unless it has ended. */
  open(sessionId: string): void {
    if (!this.#sessions.has(sessionId)) this.#sessions.set(sessionId, undefined);
  }

  /** Ends the streams of a session; those that its last frames begin end at once. */
  end(sessionId: string): void {
    for (const stream of this.#of(sessionId)?.running ?? []) stop(stream);
    this.#sessions.set(sessionId, "ended");
  }

  /** Forgets a session, and ends what it has. */
  close(sessionId: string): void {
    for (const stream of this.#of(sessionId)?.running ?? []) stop(stream);
    this.#sessions.delete(sessionId);
  }

  /** Ends the streams that a subscription began. */
  unsubscribe(sessionId: string, subscriptionId: string): void {
    const streams = this.#of(sessionId);
    for (const stream of streams?.running ?? []) {
      const { messageType, subscriptionId: id } = stream.message.headers;
      if (messageType === "SUBSCRIBE" && id === subscriptionId)
        this.#cancel(stream, streams as SessionStreams);
    }
  }

  /** Begins to send the elements. @throws MessageHandlingError when the session is gone, or has too many */
  run(iterable: AsyncIterable<unknown>, options: StreamOptions): void {
    const { sessionId = "" } = options.message.headers;
    if (!this.#sessions.has(sessionId)) {
      throw new MessageHandlingError("A stream needs a session that is connected");
    }
    const stream: Stream = { ...options, iterator: iteratorOf(iterable), stopped: false };
    const streams = this.#sessions.get(sessionId) ?? { running: new Set(), cancelled: 0 };
    if (streams === "ended") {
      stop(stream);
      return;
    }
    this.#sessions.set(sessionId, streams);
    const excess = excessOf(streams);
    if (excess !== undefined) {
      stop(stream);
      const publicMessage = `A session has at most ${excess}`;
      throw new MessageHandlingError(publicMessage, { publicMessage });
    }
    streams.running.add(stream);
    void pump(stream).finally(() => {
      if (!streams.running.delete(stream)) streams.cancelled--;
    });
  }

  #of(sessionId: string): SessionStreams | undefined {
    const streams = this.#sessions.get(sessionId);
    return streams === "ended" ? undefined : streams;
  }

  /** It does not count any more, though it may wait long: a generator cannot be ended from outside. */
  #cancel(stream: Stream, streams: SessionStreams): void {
    stop(stream);
    streams.running.delete(stream);
    streams.cancelled++;
    if (streams.cancelled < STREAM_LIMIT || this.#warned) return;

    this.#warned = true;
    const { destination = "" } = stream.message.headers;
    this.#logger.warn(
      `${STREAM_LIMIT} streams of one session were cancelled and go on waiting, the last one of ${printable(destination)}: let its method wait with an AbortSignal that it takes as a parameter`,
    );
  }
}

/** What a session has as many of as it may. */
function excessOf({ running, cancelled }: SessionStreams): string | undefined {
  if (running.size >= STREAM_LIMIT) return `${STREAM_LIMIT} streams`;
  if (cancelled < CANCELLED_LIMIT) return undefined;
  return `${CANCELLED_LIMIT} streams that were cancelled and have not ended`;
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

/** A generator that waits for something ends only when that has come. What it throws then concerns nobody. */
async function finish({ iterator }: Stream): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // It is over.
  }
}
