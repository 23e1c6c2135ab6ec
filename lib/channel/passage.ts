import type { Logger } from "../logger.js";
import type { Message } from "../message/message.js";
import type { DisconnectDeadline } from "./disconnect-deadline.js";
import type { ChannelInterceptor } from "./interceptor.js";

type Answer = Message | null;

/** A hook that may change or stop a message, as a call on one interceptor. */
interface Asking {
  readonly hook: "preSend" | "beforeHandle";
  ask(interceptor: ChannelInterceptor, message: Message): Answer | undefined | Promise<Answer>;
}

/** One message's way past interceptors: what they made of it, and who has let it pass. */
export class Passage {
  /** As the last interceptor returned it. */
  message: Message;
  readonly #deadline: DisconnectDeadline;
  readonly #passed: ChannelInterceptor[] = [];

  constructor(message: Message, deadline: DisconnectDeadline) {
    this.message = message;
    this.#deadline = deadline;
  }

  /**
   * Asks one after the other; `false` when one stopped the message.
   *
   * @throws whatever an interceptor throws
   */
  async past(interceptors: readonly ChannelInterceptor[], { hook, ask }: Asking): Promise<boolean> {
    for (const interceptor of interceptors) {
      if (interceptor[hook]) {
        const answer = ask(interceptor, this.message);
        const message = isPromise(answer)
          ? await this.#deadline.bound(answer, this.message, { method: hook, of: interceptor })
          : answer;
        if (message === null) return false;
        if (message === undefined) throw new TypeError(forgotten(interceptor, hook));
        this.message = message;
      }
      this.#passed.push(interceptor);
    }
    return true;
  }

  /** Tells those who let it pass of the end, last first. Never throws: what they throw is logged. */
  async complete(
    hook: "afterMessageHandled" | "afterSendCompletion",
    tell: (interceptor: ChannelInterceptor) => void | Promise<void> | undefined,
    failed: { readonly logger: Logger; readonly channel: string },
  ): Promise<void> {
    for (const interceptor of this.#passed.reverse()) {
      try {
        const told = tell(interceptor);
        if (isPromise(told)) {
          await this.#deadline.bound(told, this.message, { method: hook, of: interceptor });
        }
      } catch (error) {
        failed.logger.error(`${hook} failed on ${failed.channel}`, error);
      }
    }
  }
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}

function forgotten(interceptor: ChannelInterceptor, hook: string): string {
  return `${hook} of ${interceptor.constructor.name} returned undefined: return the message, or null to stop it`;
}
