import { classNameOf } from "../errors.js";
import type { Logger } from "../logger.js";
import { isMessage, type Message } from "../message/message.js";
import { isPromise } from "../promise.js";
import type { HookDeadline } from "./hook-deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";
import type { Steps } from "./steps.js";

type Answer = Message | null;

/** A hook that may change or stop a message, as a call on one interceptor. */
export interface Asking {
  readonly hook: "preSend" | "beforeHandle";
  ask(interceptor: ChannelInterceptor, message: Message): Answer | undefined | Promise<Answer>;
}

/** One message's way past interceptors: what they made of it, and who has let it pass. */
export class Passage {
  /** As the last interceptor returned it. */
  message: Message;
  readonly #interceptors: readonly ChannelInterceptor[];
  readonly #deadline: HookDeadline;
  /** How many have let it pass. */
  #passed = 0;

  constructor(interceptors: readonly ChannelInterceptor[], message: Message, deadline: HookDeadline) {
    this.message = message;
    this.#interceptors = interceptors;
    this.#deadline = deadline;
  }

  /**
   * Asks one after the other; `false` when one stopped the message.
   *
   * @throws whatever an interceptor throws
   */
  *past({ hook, ask }: Asking): Steps<boolean> {
    for (const interceptor of this.#interceptors) {
      if (interceptor[hook]) {
        const asked = ask(interceptor, this.message);
        const answer = isPromise(asked)
          ? ((yield this.#deadline.bound(asked, this.message, { method: hook, of: interceptor })) as
              | Answer
              | undefined)
          : asked;
        if (answer === null) return false;
        if (answer !== this.message && !isMessage(answer))
          throw new TypeError(forgotten(interceptor, hook, answer));
        this.message = answer;
      }
      this.#passed++;
    }
    return true;
  }

  /** Tells those who let it pass of the end, last first. Never throws: what they throw is logged. */
  *complete(
    hook: "afterMessageHandled" | "afterSendCompletion",
    tell: (interceptor: ChannelInterceptor) => void | Promise<void> | undefined,
    failed: { readonly logger: Logger; readonly channel: string },
  ): Steps<void> {
    while (this.#passed > 0) {
      const interceptor = this.#interceptors[--this.#passed] as ChannelInterceptor;
      if (!interceptor[hook]) continue;
      try {
        const told = tell(interceptor);
        if (isPromise(told)) {
          yield this.#deadline.bound(told, this.message, { method: hook, of: interceptor });
        }
      } catch (error) {
        failed.logger.error(`${hook} failed on ${failed.channel}`, error);
      }
    }
  }
}

function forgotten(interceptor: ChannelInterceptor, hook: string, answer: unknown): string {
  const what = answer === undefined ? "undefined" : "no message";
  return `${hook} of ${classNameOf(interceptor)} returned ${what}: return the message, or null to stop it`;
}
