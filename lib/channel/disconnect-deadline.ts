import { HandlerTimeoutError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import type { MessageHandler, SubscribableChannel } from "./channel.js";
import { inTime } from "./deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";

/** What looks at a message, or handles it, or lets it be handled. */
interface Asked {
  readonly method: string;
  readonly of: ChannelInterceptor | MessageHandler | SubscribableChannel;
}

/** Bounds what a DISCONNECT waits for: who never settles would keep the session for ever. */
export class DisconnectDeadline {
  /** 0 is none. */
  readonly #milliseconds: number;
  readonly #logger: Logger;

  constructor(milliseconds: number, logger: Logger) {
    this.#milliseconds = milliseconds;
    this.#logger = logger;
  }

  /** Settles as the promise does, at a DISCONNECT only if that is in time; else the error names who was asked. */
  bound<T>(promise: PromiseLike<T>, message: Message, asked: Asked): PromiseLike<T> {
    const { messageType, sessionId } = message.headers;
    if (messageType !== "DISCONNECT") return promise;

    const { name = asked.of.constructor.name } = asked.of as MessageHandler;
    const hanging = `${asked.method} of ${name}`;
    return inTime(promise, {
      milliseconds: this.#milliseconds,
      passed: () => new HandlerTimeoutError(`${hanging} did not settle within ${this.#milliseconds} ms`),
      late: (fault) =>
        this.#logger.warn(`${hanging} failed too late for the DISCONNECT of session ${sessionId}`, fault),
    });
  }
}
