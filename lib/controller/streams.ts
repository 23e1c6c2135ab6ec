import { setImmediate as nextTurn } from "node:timers/promises";
import { isPromise } from "../channel/passage.js";
import { MessageHandlingError } from "../errors.js";
import type { Message } from "../message/message.js";

/** As many may run for one session at the same time. */
const STREAM_LIMIT = 100;
/** After so many elements others get their turn, however eagerly the next ones come. */
const TURN = 64;

export interface StreamOptions {
  /** What the stream answers: it ends with this message's session, or its subscription. */
  readonly message: Message;
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

/** The async iterables that methods returned: they run beside the messages that follow, for as long as their session. */
export class Streams {
  /** By session, while it lasts; the set is made for the first stream. */
  readonly #sessions = new Map<string, Set<Stream> | undefined>();

  /** Lets a session have streams from now on. */
  open(sessionId: string): void {
    if (!this.#sessions.has(sessionId)) this.#sessions.set(sessionId, undefined);
  }

  /** Ends the streams of a session. */
  close(sessionId: string): void {
    for (const stream of this.#sessions.get(sessionId) ?? []) stop(stream);
    this.#sessions.delete(sessionId);
  }

  /** Ends the streams that a subscription began. */
  unsubscribe(sessionId: string, subscriptionId: string): void {
    for (const stream of this.#sessions.get(sessionId) ?? []) {
      const { messageType, subscriptionId: id } = stream.message.headers;
      if (messageType === "SUBSCRIBE" && id === subscriptionId) stop(stream);
    }
  }

  /** Begins to send the elements. @throws MessageHandlingError when the session is gone, or has too many */
  run(iterable: AsyncIterable<unknown>, options: StreamOptions): void {
    const { sessionId = "" } = options.message.headers;
    if (!this.#sessions.has(sessionId)) {
      throw new MessageHandlingError("A stream needs a session that is connected");
    }
    const streams = this.#sessions.get(sessionId) ?? new Set();
    this.#sessions.set(sessionId, streams);
    if (streams.size >= STREAM_LIMIT) {
      const publicMessage = `A session has at most ${STREAM_LIMIT} streams`;
      throw new MessageHandlingError(publicMessage, { publicMessage });
    }

    const stream: Stream = { ...options, iterator: iterable[Symbol.asyncIterator](), stopped: false };
    streams.add(stream);
    void pump(stream).finally(() => streams.delete(stream));
  }
}

/** Whether it is one; a `Readable` is. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** Never rejects. */
async function pump(stream: Stream): Promise<void> {
  try {
    for (let sent = 1; ; sent++) {
      const { done, value } = await stream.iterator.next();
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
  // A generator that waits for something ends only when that has come.
  void Promise.resolve(stream.iterator.return?.()).catch(() => {});
}
