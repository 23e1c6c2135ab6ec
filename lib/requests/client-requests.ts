import { randomUUID } from "node:crypto";
import type { ClientAsker, ClientRequestOptions } from "../channel/client-asker.js";
import type { MessageHandler } from "../channel/message-handler.js";
import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import type { Clock } from "../clock/clock.js";
import {
  ClientRequestError,
  type ClientRequestFailure,
  ConfigurationError,
  MessageDeliveryError,
  refusal,
} from "../errors.js";
import { printable } from "../logger.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import { createMessage, type Message } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { validate } from "../message/standard-schema.js";
import { isTime, LONGEST_TIME, onlyKnown } from "../options/checks.js";
import { isPromise } from "../promise.js";
import type { QuestionsTold } from "../user/questions-told.js";
import { type AskableSessionsOptions, askableSessions, isHere } from "./askable-sessions.js";
import type { OpenQuestions, Question } from "./open-questions.js";

const TIMEOUT = 10_000;

const KNOWN = {
  timeout: true,
  sessionId: true,
  signal: true,
  headers: true,
  schema: true,
} satisfies Record<keyof ClientRequestOptions, true>;

export interface ClientRequestsOptions extends Omit<AskableSessionsOptions, "hasOthers"> {
  readonly questions: OpenQuestions;
  /** How many questions may be open. */
  readonly limit: number;
  readonly template: SimpMessagingTemplate;
  readonly converter: CompositeMessageConverter;
  /** Tells the other servers. Default: there are none. */
  readonly others: { ofQuestions(told: QuestionsTold): Promise<void> } | undefined;
  readonly clock: Clock;
}

/**
 * Asks clients, and waits for what they answer: a MESSAGE with `reply-to` and
 * `correlation-id`, which a client sends back with its answer. The sessions
 * that were asked may answer, and nobody else; the first answer counts.
 *
 * Sessions on other servers are asked too, as far as the registry knows of them: their servers are told before the
 * question comes, so that they know which answers to hand on.
 */
export class ClientRequests implements MessageHandler, ClientAsker {
  readonly name = "answers";
  readonly #options: ClientRequestsOptions;
  readonly #questions: OpenQuestions;
  #isClosed = false;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
    this.#questions = options.questions;
    // `sessionEnded` tells of the sessions of this server, in the moment in which they end.
    options.sessions.watch({
      left: ({ id, server }) => {
        if (server !== undefined) this.#gone([id]);
      },
    });
  }

  /** How many questions are open. */
  get open(): number {
    return this.#questions.own;
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
    if (this.#questions.own >= limit) throw failed("limit", text, `${limit} questions are open`);

    const hasOthers = this.#options.others !== undefined;
    const { here, elsewhere } = askableSessions(
      { ...this.#options, hasOthers },
      name,
      destination,
      sessionId,
    );
    const asked = [...here, ...elsewhere];
    if (asked.length === 0) throw failed("nobody", text);

    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const isTold = elsewhere.length > 0;
      const question = this.#ask(
        { id, text, asked: new Set(asked), schema, isTold },
        { timeout, signal, resolve, reject },
      );
      if (isTold) {
        // On the same road as the question, and before it.
        this.#tell({ question: { id, sessions: elsewhere, timeout } }).catch((error: unknown) =>
          this.#gone(elsewhere, error),
        );
      }
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

  /** Takes an answer. An answer that nobody waits for, or that comes from a session that was not asked, is dropped. */
  handle(message: Message): void | Promise<void> {
    const { messageType, destination, native, sessionId = "", contentType } = message.headers;
    if (messageType !== "MESSAGE" || destination !== this.#questions.destination) return;
    if (native.has("transaction")) throw refusal("An answer cannot be part of a transaction");

    const id = native.get("correlation-id") ?? "";
    if (this.#questions.get(id)) return this.#answered(id, message);
    return this.#questions.foreign.answer(id, sessionId, () => {
      const body = Buffer.from(message.payload).toString("base64");
      return this.#tell({ answer: { id, sessionId, contentType, native: [...native], body } });
    });
  }

  /** Another server asks sessions of this one, or tells what a session there has answered. */
  told(told: QuestionsTold): void {
    const { foreign } = this.#questions;
    if ("question" in told) foreign.add(told.question, (id) => isHere(this.#options.sessions.get(id)));
    else if ("withdrawn" in told) foreign.forget(told.withdrawn);
    else {
      const { id, sessionId, contentType, native, body } = told.answer;
      const headers = { sessionId, contentType, native: NativeHeaders.of(native) };
      // By a fault the question has failed, and its client was receipted by its own server.
      attempt(() => this.#answered(id, createMessage(Buffer.from(body, "base64"), headers))).catch(() => {});
    }
  }

  #answered(id: string, message: Message): void | Promise<void> {
    const { native, sessionId = "" } = message.headers;
    const question = this.#questions.get(id);
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
    this.#gone([sessionId]);
  }

  /** Nobody is read from any more, so that no answer can come. One that has come is waited for with its frame. */
  close(): void {
    this.#isClosed = true;
    this.#failAll(({ isJudged }) => !isJudged);
  }

  /** Nothing is waited for any longer. */
  end(): void {
    this.#failAll(() => true);
    this.#questions.foreign.clear();
  }

  /** Sessions cannot answer any more. @param error the reason, if they have not ended */
  #gone(sessionIds: readonly string[], error?: unknown): void {
    for (const sessionId of sessionIds) {
      for (const question of this.#questions.takeOf(sessionId)) {
        question.asked.delete(sessionId);
        if (question.asked.size === 0) question.fail(error ?? failed("ended", question.text));
      }
    }
  }

  async #tell(told: QuestionsTold): Promise<void> {
    await this.#options.others?.ofQuestions(told);
  }

  #failAll(isOver: (question: Question) => boolean): void {
    for (const question of [...this.#questions.all].filter(isOver))
      question.fail(failed("closed", question.text));
  }

  #read(message: Message, { schema }: Question): unknown {
    const { payload } = message;
    const value =
      payload.byteLength === 0 ? undefined : this.#options.converter.fromMessage(message, undefined);
    return schema ? validate(value, schema) : value;
  }

  #ask(
    asked: Pick<Question, "id" | "text" | "asked" | "schema" | "isTold">,
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
      if (question.isTold && this.#questions.get(question.id)) {
        // A server that does not hear it forgets by itself when the time is over.
        this.#tell({ withdrawn: question.id }).catch(() => {});
      }
      this.#questions.forget(question);
    };
    signal?.addEventListener("abort", aborted);
    this.#questions.add(question);
    return question;
  }
}

/** Turns a throw into a rejection. */
async function attempt(act: () => void | Promise<void>): Promise<void> {
  await act();
}

const TEXTS: Readonly<Record<ClientRequestFailure, string>> = {
  nobody: "reaches nobody: no session of that name is known that has subscribed to it",
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
