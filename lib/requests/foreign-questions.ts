import type { Clock } from "../clock/clock.js";
import type { QuestionsTold } from "../user/questions-told.js";

interface ForeignQuestion {
  readonly asked: ReadonlySet<string>;
  /** Those whose answer is on its way. */
  readonly answering: Set<string>;
  /** Those whose answer has gone to the other servers. */
  readonly answered: Set<string>;
  readonly stop: () => void;
}

/**
 * Questions that other servers ask sessions of this one, until they are withdrawn, or too old. By them a client's answer goes
 * to the other servers only if it was asked for, and once.
 */
export class ForeignQuestions {
  readonly #questions = new Map<string, ForeignQuestion>();
  readonly #clock: Clock;
  readonly #changed: () => void;

  /** @param changed hears of each change of `size` */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  get size(): number {
    return this.#questions.size;
  }

  /** @param isHere whether a session is on this server */
  add(
    { id, sessions, timeout }: Extract<QuestionsTold, { question: unknown }>["question"],
    isHere: (sessionId: string) => boolean,
  ): void {
    const asked = new Set(sessions.filter(isHere));
    if (asked.size === 0 || this.#questions.has(id)) return;
    const stop = this.#clock.after(timeout, () => this.forget(id));
    this.#questions.set(id, { asked, answering: new Set(), answered: new Set(), stop });
    this.#changed();
  }

  /** Whether a session was asked, and no answer of it is on its way; then one is. */
  take(id: string | undefined, sessionId: string): boolean {
    const question = this.#questions.get(id ?? "");
    if (!question?.asked.has(sessionId) || question.answering.has(sessionId)) return false;
    question.answering.add(sessionId);
    return true;
  }

  /** Hands on the answer of a session that was asked, its first one. */
  async answer(id: string, sessionId: string, handOn: () => Promise<void>): Promise<void> {
    const question = this.#questions.get(id);
    if (!question?.asked.has(sessionId) || question.answered.has(sessionId)) return;
    question.answered.add(sessionId);
    try {
      await handOn();
    } catch (error) {
      question.answered.delete(sessionId);
      throw error;
    }
  }

  forget(id: string): void {
    this.#questions.get(id)?.stop();
    this.#questions.delete(id);
    this.#changed();
  }

  clear(): void {
    for (const id of [...this.#questions.keys()]) this.forget(id);
  }
}
