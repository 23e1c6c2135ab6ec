/** The words of servers about questions to clients, and about the answers. */
export type QuestionsTold =
  /** Sessions that the sender asks, each on its server; after `timeout` ms it asks them no more. */
  | {
      readonly question: {
        readonly id: string;
        readonly sessions: readonly string[];
        readonly timeout: number;
      };
    }
  /** A session's answer, for the server that has asked: its headers, and the body in base64. */
  | {
      readonly answer: {
        readonly id: string;
        readonly sessionId: string;
        readonly contentType: string | undefined;
        readonly native: readonly (readonly [string, string])[];
        readonly body: string;
      };
    }
  /** The sender does not wait for an answer any more. */
  | { readonly withdrawn: string };
