import type { Clock } from "../clock/clock.js";
import { inTime } from "../clock/deadline.js";
import { classNameOf, HandlerTimeoutError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import type { ChannelInterceptor } from "./interceptor.js";
import type { MessageChannel } from "./message-channel.js";
import type { MessageHandler } from "./message-handler.js";

/** The interceptor, handler or channel that a message waits for, and the method. */
interface Asked {
  readonly method: string;
  readonly of: ChannelInterceptor | MessageHandler | MessageChannel;
}

export interface HookDeadlineOptions {
  readonly clock: Clock;
  /** 0 is none. */
  readonly milliseconds: number;
  /** Whether it is for all messages, or for a DISCONNECT alone. */
  readonly always: boolean;
  readonly logger: Logger;
  /** Hears of a message that failed so. */
  passed(message: Message, error: Error): void;
}

/** Bounds what a message waits for, where others would wait behind it or its session could not end. */
export class HookDeadline {
  readonly #options: HookDeadlineOptions;

  constructor(options: HookDeadlineOptions) {
    this.#options = options;
  }

  /** Whether this message has one. */
  isFor(message: Message): boolean {
    const { milliseconds, always } = this.#options;
    // A delivery makes its headers when somebody looks: nobody does before.
    return milliseconds > 0 && (always || message.headers.messageType === "DISCONNECT");
  }

  /** Settles as the promise does, if that is in time where there is a deadline; else the error names who was asked. */
  bound<T>(promise: PromiseLike<T>, message: Message, asked: Asked): PromiseLike<T> {
    if (!this.isFor(message)) return promise;

    const { clock, milliseconds, logger, passed } = this.#options;
    const { name = classNameOf(asked.of) } = asked.of as MessageHandler;
    const hanging = `${asked.method} of ${name}`;
    return inTime(promise, {
      clock,
      milliseconds,
      passed: () => {
        const error = new HandlerTimeoutError(`${hanging} did not settle within ${milliseconds} ms`);
        passed(message, error);
        return error;
      },
      late: (fault) => logger.warn(`${hanging} failed too late for ${described(message)}`, fault),
    });
  }
}

function described({ headers: { messageType, destination, sessionId } }: Message): string {
  const what = messageType === "MESSAGE" ? `the message to ${destination}` : `the ${messageType}`;
  return sessionId === undefined ? what : `${what} of session ${sessionId}`;
}
