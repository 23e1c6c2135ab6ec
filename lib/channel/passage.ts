import { classNameOf } from "../errors.js";
import type { Logger } from "../logger.js";
import { isMessage, type Message } from "../message/message.js";
import { isPromise } from "../promise.js";
import { expectFarewell, isFarewell } from "./farewell.js";
import type { HookDeadline } from "./hook-deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";
import type { MessageChannel } from "./message-channel.js";
import type { Steps } from "./steps.js";

type Answer = Message | null;

/** A hook that may change or stop a message, as a call on one interceptor. */
export interface Asking {
  readonly hook: "preSend" | "beforeHandle";
  ask(interceptor: ChannelInterceptor, message: Message): Answer | undefined | Promise<Answer>;
}

export interface PassageContext {
  readonly channel: MessageChannel;
  readonly deadline: HookDeadline;
  readonly logger: Logger;
}

/** One message's way past interceptors: what they made of it, and who has let it pass. */
export class Passage {
  /** As the last interceptor returned it. */
  message: Message;
  readonly #interceptors: readonly ChannelInterceptor[];
  readonly #context: PassageContext;
  /** How many have let it pass. */
  #passed = 0;

  constructor(interceptors: readonly ChannelInterceptor[], message: Message, context: PassageContext) {
    this.message = message;
    this.#interceptors = interceptors;
    this.#context = context;
  }

  /**
   * Asks one after the other; `false` when one stopped the message. A DISCONNECT goes on in any case.
   *
   * @throws the error of an interceptor
   */
  *past({ hook, ask }: Asking): Steps<boolean> {
    try {
      for (const interceptor of this.#interceptors) {
        if (interceptor[hook]) {
          const asked = ask(interceptor, this.message);
          const answer = isPromise(asked)
            ? ((yield this.#context.deadline.bound(asked, this.message, { method: hook, of: interceptor })) as
                | Answer
                | undefined)
            : asked;
          if (answer === null) return isFarewell(this.message);
          if (answer !== this.message && !isMessage(answer))
            throw new TypeError(forgotten(interceptor, hook, answer));
          this.message = answer;
        }
        this.#passed++;
      }
    } catch (error) {
      expectFarewell({ message: this.message, error }, this.#context);
    }
    return true;
  }

  /** Tells those who let it pass of the end, last first. Never throws: what they throw is logged. */
  *complete(
    hook: "afterMessageHandled" | "afterSendCompletion",
    tell: (interceptor: ChannelInterceptor) => void | Promise<void> | undefined,
  ): Steps<void> {
    while (this.#passed > 0) {
      const interceptor = this.#interceptors[--this.#passed] as ChannelInterceptor;
      if (!interceptor[hook]) continue;
      try {
        const told = tell(interceptor);
        if (isPromise(told)) {
          yield this.#context.deadline.bound(told, this.message, { method: hook, of: interceptor });
        }
      } catch (error) {
        const { logger, channel } = this.#context;
        logger.error(`${hook} failed on ${channel.name}`, error);
      }
    }
  }
}

function forgotten(interceptor: ChannelInterceptor, hook: string, answer: unknown): string {
  const what = answer === undefined ? "undefined" : "no message";
  return `${hook} of ${classNameOf(interceptor)} returned ${what}: return the message, or null to stop it`;
}
