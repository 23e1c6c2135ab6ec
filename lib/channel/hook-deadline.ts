import type { Clock } from "../clock/clock.js";
import { Deadlines, type Terms } from "../clock/deadlines.js";
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
  readonly #deadlines: Deadlines;

  constructor(options: HookDeadlineOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, options.milliseconds);
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
    return this.#deadlines.bound(promise, new Hanging(message, asked, this.#options));
  }
}

/** A message that waits for a hook. */
class Hanging implements Terms {
  readonly #message: Message;
  readonly #asked: Asked;
  readonly #options: HookDeadlineOptions;

  constructor(message: Message, asked: Asked, options: HookDeadlineOptions) {
    this.#message = message;
    this.#asked = asked;
    this.#options = options;
  }

  passed(): Error {
    const { milliseconds, passed } = this.#options;
    const error = new HandlerTimeoutError(`${this.#hook} did not settle within ${milliseconds} ms`);
    passed(this.#message, error);
    return error;
  }

  late(fault: unknown): void {
    this.#options.logger.warn(`${this.#hook} failed too late for ${described(this.#message)}`, fault);
  }

  get #hook(): string {
    const { method, of } = this.#asked;
    const { name = classNameOf(of) } = of as MessageHandler;
    return `${method} of ${name}`;
  }
}

function described({ headers: { messageType, destination, sessionId } }: Message): string {
  const what = messageType === "MESSAGE" ? `the message to ${destination}` : `the ${messageType}`;
  return sessionId === undefined ? what : `${what} of session ${sessionId}`;
}
