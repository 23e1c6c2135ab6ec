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

const TIMEOUT = 10_000;

const KNOWN = {
  timeout: true,
  sessionId: true,
  signal: true,
  headers: true,
  schema: true,
} satisfies Record<keyof ClientRequestOptions, true>;

export interface ClientRequestsOptions {
  /** The destination that clients answer to. */
  readonly answers: string;
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

/** A question that has no answer yet. */
interface Question {
  readonly id: string;
  /** As errors name it. */
  readonly text: string;
  /** The sessions that may still answer. */
  readonly asked: Set<string>;
  /** Of those, the ones whose answer is on its way. */
  readonly answering: Set<string>;
  /** Its answer has come, and the schema looks at it. */
  isJudged: boolean;
  readonly schema: ClientRequestOptions["schema"];
  answer(value: unknown): void;
  fail(error: unknown): void;
}

/**
 * Asks clients, and waits for what they answer: a MESSAGE with `reply-to` and
 * `correlation-id`, which a client sends back with its answer. The sessions
 * that were asked may answer, and nobody else; the first answer counts.
 */
export class ClientRequests implements MessageHandler, ClientAsker {
  readonly name = "answers";
  readonly #options: ClientRequestsOptions;
  readonly #open = new Map<string, Question>();
  readonly #bySession = new Map<string, Set<Question>>();
  #isClosed = false;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
  }

  /** How many questions are open. */
  get open(): number {
    return this.#open.size;
  }

  async request(
    name: string,
    destination: string,
    payload: unknown,
    options: ClientRequestOptions = {},
  ): Promise<unknown> {
    const { answers, limit, template } = this.#options;
    const { timeout = TIMEOUT, sessionId, signal, headers, schema } = checked(options);
    signal?.throwIfAborted();
    if (typeof destination !== "string" || destination === "") {
      throw new MessageDeliveryError(
        'request takes the destination as its user knows it, such as "/queue/confirm"',
      );
    }
    const text = `The question to ${printable(String(name))} at ${printable(destination)}`;
    if (this.#isClosed) throw failed("closed", text);
    if (this.#open.size >= limit) throw failed("limit", text, `${limit} questions are open`);

    const asked = this.#listening(name, destination, sessionId);
    if (asked.length === 0) throw failed("nobody", text);

    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const question = this.#ask(
        { id, text, asked: new Set(asked), schema },
        { timeout, signal, resolve, reject },
      );
      const sent = asked.map((session) => {
        const own = { ...headers, sessionId: session, "correlation-id": id, "reply-to": answers };
        return template.convertAndSendToUser(name, destination, payload, own);
      });
      void Promise.allSettled(sent).then((results) => {
        const [first] = results;
        const nobodyHasIt = results.every(({ status }) => status === "rejected");
        if (nobodyHasIt && first?.status === "rejected") question.fail(first.reason);
      });
    });
  }

  /** Whether a SEND is an answer that its session was asked for: of each session once, for more would overtake others. */
  take(sessionId: string, headers: { get(name: string): string | undefined }): boolean {
    if (this.#open.size === 0 || headers.get("destination") !== this.#options.answers) return false;

    const question = this.#open.get(headers.get("correlation-id") ?? "");
    if (!question || question.isJudged) return false;
    if (!question.asked.has(sessionId) || question.answering.has(sessionId)) return false;
    question.answering.add(sessionId);
    return true;
  }

  serves({ messageType, destination }: { messageType: string; destination?: string | undefined }): boolean {
    return messageType === "MESSAGE" && destination === this.#options.answers;
  }

  /** An answer. One that nobody waits for, or that comes of somebody else, is for nobody. */
  handle(message: Message): void | Promise<void> {
    const { messageType, destination, native, sessionId = "" } = message.headers;
    if (messageType !== "MESSAGE" || destination !== this.#options.answers) return;
    if (native.has("transaction")) throw refusal("An answer cannot be part of a transaction");

    const question = this.#open.get(native.get("correlation-id") ?? "");
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
        this.#forgetSessions(question);
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
    const questions = this.#bySession.get(sessionId);
    this.#bySession.delete(sessionId);
    for (const question of questions ?? []) {
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
    for (const question of [...this.#open.values()].filter(isOver))
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
      this.#forget(question);
    };
    signal?.addEventListener("abort", aborted);
    this.#open.set(question.id, question);
    for (const sessionId of question.asked) {
      const questions = this.#bySession.get(sessionId) ?? new Set();
      this.#bySession.set(sessionId, questions.add(question));
    }
    return question;
  }

  #forget(question: Question): void {
    this.#open.delete(question.id);
    this.#forgetSessions(question);
  }

  #forgetSessions(question: Question): void {
    for (const sessionId of question.asked) {
      const questions = this.#bySession.get(sessionId);
      questions?.delete(question);
      if (questions?.size === 0) this.#bySession.delete(sessionId);
    }
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
