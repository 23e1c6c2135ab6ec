import { randomUUID } from "node:crypto";
import type { ClientAsker, ClientRequestOptions } from "../channel/client-asker.js";
import type { MessageHandler } from "../channel/message-handler.js";
import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import type { Clock } from "../clock/clock.js";
import { type DestinationSeparator, parsePattern } from "../destination/pattern.js";
import {
  ClientRequestError,
  type ClientRequestFailure,
  ConfigurationError,
  DestinationPatternError,
  MessageDeliveryError,
  refusal,
} from "../errors.js";
import { printable } from "../logger.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import type { Message } from "../message/message.js";
import { validate } from "../message/standard-schema.js";
import { isTime, LONGEST_TIME, onlyKnown } from "../options/checks.js";
import { isPromise } from "../promise.js";
import type { UserSessions } from "../user/user-sessions.js";
import type { OpenQuestions, Question } from "./open-questions.js";

const TIMEOUT = 10_000;

const KNOWN = {
  timeout: true,
  sessionId: true,
  signal: true,
  headers: true,
  schema: true,
} satisfies Record<keyof ClientRequestOptions, true>;

export interface ClientRequestsOptions {
  readonly questions: OpenQuestions;
  /** How many questions may be open. */
  readonly limit: number;
  readonly template: SimpMessagingTemplate;
  readonly converter: CompositeMessageConverter;
  readonly sessions: UserSessions;
  readonly clock: Clock;
  readonly separator: DestinationSeparator;
  /** With its closing slash: `/user/`. */
  readonly userPrefix: string;
}

/**
 * Asks clients, and waits for what they answer: a MESSAGE with `reply-to` and
 * `correlation-id`, which a client sends back with its answer. The sessions
 * that were asked may answer, and nobody else; the first answer counts.
 */
export class ClientRequests implements MessageHandler, ClientAsker {
  readonly name = "answers";
  readonly #options: ClientRequestsOptions;
  readonly #questions: OpenQuestions;
  #isClosed = false;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
    this.#questions = options.questions;
  }

  /** How many questions are open. */
  get open(): number {
    return this.#questions.count;
  }

  async request(
    name: string,
    destination: string,
    payload: unknown,
    options: ClientRequestOptions = {},
  ): Promise<unknown> {
    const { limit, template } = this.#options;
    const { timeout = TIMEOUT, sessionId, signal, headers, schema } = checked(options);
    signal?.throwIfAborted();
    if (typeof destination !== "string" || destination === "") {
      throw new MessageDeliveryError(
        'request takes the destination as its user knows it, such as "/queue/confirm"',
      );
    }
    const text = `The question to ${printable(String(name))} at ${printable(destination)}`;
    if (this.#isClosed) throw failed("closed", text);
    if (this.#questions.count >= limit) throw failed("limit", text, `${limit} questions are open`);

    const asked = this.#listening(name, destination, sessionId);
    if (asked.length === 0) throw failed("nobody", text);

    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const question = this.#ask(
        { id, text, asked: new Set(asked), schema },
        { timeout, signal, resolve, reject },
      );
      const sent = asked.map((session) => {
        const own = {
          ...headers,
          sessionId: session,
          "correlation-id": id,
          "reply-to": this.#questions.destination,
        };
        return template.convertAndSendToUser(name, destination, payload, own);
      });
      void Promise.allSettled(sent).then((results) => {
        const [first] = results;
        const nobodyHasIt = results.every(({ status }) => status === "rejected");
        if (nobodyHasIt && first?.status === "rejected") question.fail(first.reason);
      });
    });
  }

  serves({ messageType, destination }: { messageType: string; destination?: string | undefined }): boolean {
    return messageType === "MESSAGE" && destination === this.#questions.destination;
  }

  /** An answer. One that nobody waits for, or that comes of somebody else, is for nobody. */
  handle(message: Message): void | Promise<void> {
    const { messageType, destination, native, sessionId = "" } = message.headers;
    if (messageType !== "MESSAGE" || destination !== this.#questions.destination) return;
    if (native.has("transaction")) throw refusal("An answer cannot be part of a transaction");

    const question = this.#questions.get(native.get("correlation-id"));
    if (!question?.asked.has(sessionId) || question.isJudged) return;

    const error = native.get("error");
    if (error !== undefined) {
      question.fail(failed("refused", question.text, printable(error)));
      return;
    }
    try {
      const value = this.#read(message, question);
      if (!isPromise(value)) question.answer(value);
      else {
        // No other answer counts, and no end of a session; but it is open as long as it takes memory.
        question.isJudged = true;
        this.#questions.forgetSessions(question);
        return Promise.resolve(value).then(question.answer, (fault: unknown) => {
          question.fail(fault);
          throw fault;
        });
      }
    } catch (fault) {
      question.fail(fault);
      throw fault;
    }
  }

  /** A session cannot answer any more. */
  sessionEnded({ sessionId }: { readonly sessionId: string }): void {
    for (const question of this.#questions.takeOf(sessionId)) {
      question.asked.delete(sessionId);
      if (question.asked.size === 0) question.fail(failed("ended", question.text));
    }
  }

  /** Nobody is read from any more, so that no answer can come. One that has come is waited for with its frame. */
  close(): void {
    this.#isClosed = true;
    this.#failAll(({ isJudged }) => !isJudged);
  }

  /** Nothing is waited for any longer. */
  end(): void {
    this.#failAll(() => true);
  }

  #failAll(isOver: (question: Question) => boolean): void {
    for (const question of [...this.#questions.all].filter(isOver))
      question.fail(failed("closed", question.text));
  }

  /** The sessions of a user, here, that would hear a question. */
  #listening(name: string, destination: string, only: string | undefined): string[] {
    const { sessions, userPrefix } = this.#options;
    const seen = `${userPrefix.slice(0, -1)}${destination.startsWith("/") ? "" : "/"}${destination}`;
    return sessions.idsOf(name, only).filter((id) => {
      // The books have no subscriptions of strangers.
      const session = sessions.get(id);
      if (!session) return true;
      return [...session.subscriptions.values()].some((each) => this.#hears(each.destination, seen));
    });
  }

  #hears(subscribed: string, destination: string): boolean {
    try {
      return parsePattern(subscribed, { separator: this.#options.separator }).fits(destination);
    } catch (error) {
      // A broker elsewhere may take what is no pattern here.
      if (error instanceof DestinationPatternError) return subscribed === destination;
      throw error;
    }
  }

  #read(message: Message, { schema }: Question): unknown {
    const { payload } = message;
    const value =
      payload.byteLength === 0 ? undefined : this.#options.converter.fromMessage(message, undefined);
    return schema ? validate(value, schema) : value;
  }

  #ask(
    asked: Pick<Question, "id" | "text" | "asked" | "schema">,
    {
      timeout,
      signal,
      resolve,
      reject,
    }: {
      timeout: number;
      signal: AbortSignal | undefined;
      resolve(value: unknown): void;
      reject(error: unknown): void;
    },
  ): Question {
    const question: Question = {
      ...asked,
      answering: new Set(),
      isJudged: false,
      answer: (value) => {
        over();
        resolve(value);
      },
      fail: (error) => {
        over();
        reject(error);
      },
    };
    const aborted = () => question.fail(signal?.reason);
    const stop = this.#options.clock.after(timeout, () =>
      question.fail(failed("timeout", question.text, `${timeout} ms`)),
    );
    const over = () => {
      stop();
      signal?.removeEventListener("abort", aborted);
      this.#questions.forget(question);
    };
    signal?.addEventListener("abort", aborted);
    this.#questions.add(question);
    return question;
  }
}

const TEXTS: Readonly<Record<ClientRequestFailure, string>> = {
  nobody: "reaches nobody: no session of that name is here that has subscribed to it",
  timeout: "was not answered in time",
  ended: "was not answered: every session that was asked has ended",
  refused: "was answered with an error",
  limit: "was not asked: too many are open",
  closed: "was not answered: the messaging is closed",
};

function failed(reason: ClientRequestFailure, text: string, more?: string): ClientRequestError {
  return new ClientRequestError(reason, `${text} ${TEXTS[reason]}${more === undefined ? "" : `: ${more}`}`);
}

/** @throws ConfigurationError that names what makes no sense */
function checked(options: ClientRequestOptions): ClientRequestOptions {
  onlyKnown("request", options, Object.keys(KNOWN));
  const { timeout = TIMEOUT } = options;
  if (isTime(timeout, 1)) return options;
  throw new ConfigurationError(
    `request: timeout is ${String(timeout)}: it must be a whole number of ms from 1 to ${LONGEST_TIME}`,
  );
}
