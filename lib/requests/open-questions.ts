import type { ClientRequestOptions } from "../channel/client-asker.js";
import type { Clock } from "../clock/clock.js";
import { ForeignQuestions } from "./foreign-questions.js";

/** A question that has no answer yet. */
export interface Question {
  readonly id: string;
  /** As errors name it. */
  readonly text: string;
  /** The sessions that may still answer. */
  readonly asked: Set<string>;
  /** Of those, the ones whose answer is on its way. */
  readonly answering: Set<string>;
  /** Its answer has come, and the schema looks at it. */
  isJudged: boolean;
  /** Whether other servers know of it. */
  readonly isTold: boolean;
  readonly schema: ClientRequestOptions["schema"];
  answer(value: unknown): void;
  fail(error: unknown): void;
}

/** The questions to clients that have no answer yet, by their ids and by the sessions that were asked. */
export class OpenQuestions {
  /** The destination that clients answer to. */
  readonly destination: string;
  /** All open questions, those of other servers to sessions of this one among them. It is a field since every SEND reads it: at 0, no SEND is an answer. */
  count = 0;
  /** The questions of other servers. */
  readonly foreign: ForeignQuestions;
  readonly #questions = new Map<string, Question>();
  readonly #bySession = new Map<string, Set<Question>>();

  constructor(destination: string, clock: Clock) {
    this.destination = destination;
    this.foreign = new ForeignQuestions(clock, () => this.#count());
  }

  /** How many this server has asked. */
  get own(): number {
    return this.#questions.size;
  }

  get all(): Iterable<Question> {
    return this.#questions.values();
  }

  get(id = ""): Question | undefined {
    return this.#questions.get(id);
  }

  add(question: Question): void {
    this.#questions.set(question.id, question);
    this.#count();
    for (const sessionId of question.asked) {
      const questions = this.#bySession.get(sessionId) ?? new Set();
      this.#bySession.set(sessionId, questions.add(question));
    }
  }

  /** Whether a SEND is an answer that its session was asked for: of each session once, for more would overtake others. */
  take(sessionId: string, headers: { get(name: string): string | undefined }): boolean {
    if (this.count === 0 || headers.get("destination") !== this.destination) return false;

    const id = headers.get("correlation-id");
    const question = this.get(id);
    if (!question) return this.foreign.take(id, sessionId);
    if (question.isJudged) return false;
    if (!question.asked.has(sessionId) || question.answering.has(sessionId)) return false;
    question.answering.add(sessionId);
    return true;
  }

  /** Gives the questions that a session was asked, which has ended, and forgets that it was. */
  takeOf(sessionId: string): Iterable<Question> {
    const questions = this.#bySession.get(sessionId) ?? [];
    this.#bySession.delete(sessionId);
    return questions;
  }

  forget(question: Question): void {
    this.#questions.delete(question.id);
    this.#count();
    this.forgetSessions(question);
  }

  /** No end of a session ends a question any more: its answer has come. */
  forgetSessions(question: Question): void {
    for (const sessionId of question.asked) {
      const questions = this.#bySession.get(sessionId);
      questions?.delete(question);
      if (questions?.size === 0) this.#bySession.delete(sessionId);
    }
  }

  #count(): void {
    this.count = this.#questions.size + this.foreign.size;
  }
}
