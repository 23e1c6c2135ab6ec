import { MessageHandlingError } from "../errors.js";
import type { Message } from "../message/message.js";
import { Stream, type StreamOptions } from "./stream.js";

/** As many may run for one session at the same time. */
export const STREAM_LIMIT = 100;
/** As many of one session may have been cancelled and go on waiting. */
const CANCELLED_LIMIT = 1_000;

/** The async iterables that methods returned for one session: they run beside the messages that follow, until it ends. */
export class SessionStreams {
  /** With the messages that they answer. */
  readonly #running = new Map<Stream, Message>();
  readonly #manyWait: (message: Message) => void;
  /** How many were cancelled, and wait for something that has not come. */
  #cancelled = 0;
  #ended = false;

  /** @param manyWait hears of the newest when so many that were cancelled go on waiting */
  constructor(manyWait: (message: Message) => void) {
    this.#manyWait = manyWait;
  }

  /**
   * Begins to send the elements; after its session's end it ends at once.
   *
   * @param message what the stream answers: it ends with its session, or its subscription
   * @throws MessageHandlingError when there are too many
   */
  run(iterable: AsyncIterable<unknown>, message: Message, options: StreamOptions): void {
    const stream = new Stream(iterable, options);
    if (this.#ended) {
      stream.stop();
      return;
    }
    const excess = this.#excess();
    if (excess !== undefined) {
      stream.stop();
      const publicMessage = `A session has at most ${excess}`;
      throw new MessageHandlingError(publicMessage, { publicMessage });
    }
    this.#running.set(stream, message);
    void stream.run().finally(() => {
      if (!this.#running.delete(stream)) this.#cancelled--;
    });
  }

  /** Ends those that a subscription began. */
  unsubscribe(subscriptionId: string): void {
    for (const [stream, message] of this.#running) {
      const { messageType, subscriptionId: id } = message.headers;
      if (messageType === "SUBSCRIBE" && id === subscriptionId) this.#cancel(stream, message);
    }
  }

  /** Ends all of them, and those that its session's last frames begin. */
  end(): void {
    this.#ended = true;
    for (const stream of this.#running.keys()) stream.stop();
  }

  /** It does not count any more, though it may wait long: a generator cannot be ended from outside. */
  #cancel(stream: Stream, message: Message): void {
    stream.stop();
    this.#running.delete(stream);
    this.#cancelled++;
    if (this.#cancelled >= STREAM_LIMIT) this.#manyWait(message);
  }

  /** The limit that one more stream would pass, in words. */
  #excess(): string | undefined {
    if (this.#running.size >= STREAM_LIMIT) return `${STREAM_LIMIT} streams`;
    if (this.#cancelled < CANCELLED_LIMIT) return undefined;
    return `${CANCELLED_LIMIT} streams that were cancelled and have not ended`;
  }
}
