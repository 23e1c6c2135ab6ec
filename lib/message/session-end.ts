/**
 * The end of a session, as everybody behind the channels hears of it: once, in
 * the turn of the event loop in which it ends, whatever ended it. Its socket may
 * take its time. DISCONNECT follows when what was received has been handled.
 */
export interface SessionEnd {
  readonly sessionId: string;
  /**
   * Settles when the frames have been handled that were received before the end,
   * or `handlerTimeout` has passed; `undefined` when there are none. Never rejects.
   */
  readonly handled: Promise<void> | undefined;
  /** Whether ACK, NACK or COMMIT is among those frames, so that it is not known yet what was acknowledged. */
  readonly settles: boolean;
  /**
   * Whether the client has said DISCONNECT, or the application has ended the session, or the grant of it is over: nobody
   * expects it back. Default: its line was lost, or it was ended for a fault.
   */
  readonly isMeant?: boolean | undefined;
}
