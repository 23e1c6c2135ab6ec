/** The questions that a broker may ask of the clients' sessions; all else goes by `clientOutboundChannel`. */
export interface ClientSessions {
  /** Ends a session with ERROR, which says what is public of the error. Nothing happens if it has ended. */
  end(sessionId: string, error: Error): void;
  /**
   * Gives what to wait for before a session is sent more of what can wait: a backlog, what is retained, a stream.
   * `undefined` if it has room, or has ended. Never rejects.
   */
  room(sessionId: string): Promise<void> | undefined;
  /** The same for what is better lost than late: where `overflowStrategy` drops the oldest, nobody is waited for. */
  roomForLive(sessionId: string): Promise<void> | undefined;
  /**
   * Hands on, synchronously, what comes for clients from elsewhere than a channel. Gives what to wait for before more
   * is: those of them who are behind, as senders wait for them; `undefined` if nobody is. Never rejects.
   */
  feed(deliver: () => void): Promise<void> | undefined;
}
