import type { QuestionsTold } from "../user/questions-told.js";
import type { SessionsHere, WhoseSessions } from "../user/sessions-here.js";

/** Something that one server wants done with sessions that may be on another. */
export type SessionsTold =
  | QuestionsTold
  | { readonly end: WhoseSessions; readonly reason: string }
  | { readonly recheck: WhoseSessions | "all"; readonly reason: string | undefined }
  | { readonly unsubscribe: { sessionId: string; id: string }; readonly reason: string | undefined };

/** Lets all other servers do what was done here. Each resolves when they will hear it. */
export class SessionsBroadcast {
  readonly #tell: (told: SessionsTold) => Promise<void>;

  constructor(tell: (told: SessionsTold) => Promise<void>) {
    this.#tell = tell;
  }

  /** Lets all other servers end sessions. */
  async end(sessions: WhoseSessions, reason: string): Promise<void> {
    await this.#tell({ end: sessions, reason });
  }

  /** Lets all other servers judge subscriptions anew, everybody's if no sessions are named. */
  async recheck(sessions: WhoseSessions | undefined, reason: string | undefined): Promise<void> {
    await this.#tell({ recheck: sessions ?? "all", reason });
  }

  /** Lets the other servers know of a question to clients, or of an answer. */
  async ofQuestions(told: QuestionsTold): Promise<void> {
    await this.#tell(told);
  }

  /** Lets the server of that session end its subscription. */
  async unsubscribe(sessionId: string, id: string, reason: string | undefined): Promise<void> {
    await this.#tell({ unsubscribe: { sessionId, id }, reason });
  }
}

/** The sessions of this server, as others ask something of them. */
export interface ObeyingSessions extends Pick<SessionsHere, "end" | "recheck" | "unsubscribeById"> {
  /** Takes what another server tells of its questions, or of an answer to one of ours. */
  questionTold(told: QuestionsTold): void;
}

/** Does on this server what another one has told; gives whether that is known here. */
export async function obey(told: SessionsTold, here: ObeyingSessions): Promise<boolean> {
  if ("end" in told) here.end(told.end, told.reason);
  else if ("recheck" in told) {
    await here.recheck(told.recheck === "all" ? undefined : told.recheck, told.reason);
  } else if ("unsubscribe" in told) {
    await here.unsubscribeById(told.unsubscribe.sessionId, told.unsubscribe.id, told.reason);
  } else if ("question" in told || "answer" in told || "withdrawn" in told) here.questionTold(told);
  else return false;
  return true;
}
