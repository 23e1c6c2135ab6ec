import { LimitExceededError, soon } from "../errors.js";
import type { Message } from "../message/message.js";
import { errorReply } from "./error-reply.js";
import type { Outbound } from "./outbound.js";
import type { SessionContext } from "./session-context.js";
import { type AnnouncedSession, announceFault } from "./session-events.js";
import type { WatchedLimit } from "./session-limits.js";

/** The WebSocket close code of an end that was wished for. */
export const NORMAL = 1000;
/** Those of faults, as Spring sends them. */
const PROTOCOL_ERROR = 1002;
const LIMIT_EXCEEDED = 4500;

/** What a fault ends. */
export interface FaultySession extends AnnouncedSession {
  readonly closed: boolean;
  readonly outbound: Outbound;
  /** Closes the socket after what was sent. */
  shut(code: number, reason: string): void;
  /** The same, without what waits for interceptors. */
  shutNow(code: number, reason: string): void;
  /** Cuts the line, with all that waits for it. */
  abort(): void;
}

/** What a client had asked for. */
export interface Failed {
  readonly receiptId?: string | undefined;
  readonly message?: Message | undefined;
  readonly code?: number;
}

/** Sends ERROR and closes: the one place where a fault becomes the end of a session. */
export function endWithError(
  session: FaultySession,
  error: Error,
  { receiptId, message, code = PROTOCOL_ERROR }: Failed,
  context: SessionContext,
): void {
  if (session.closed) return;

  const { errorHandler, logger } = context;
  logger.debug(`session ${session.id} ends with ERROR`, error);
  session.outbound.error(errorReply(error, { receiptId, message, errorHandler, logger }));
  session.shut(code, code === PROTOCOL_ERROR ? "STOMP error" : error.message);
  announceFault(session, error, context);
}

/** Ends a session that has passed a limit. ERROR would only wait behind all that its client does not read. */
export function endAtLimit(session: FaultySession, limit: WatchedLimit, context: SessionContext): void {
  // What passed it is how slow the client was, not what it sent.
  const error = new LimitExceededError("Session", limit, context.limits[limit], undefined, soon());
  if (limit !== "sendTimeLimit" && limit !== "sendBufferSizeLimit") {
    endWithError(session, error, { code: LIMIT_EXCEEDED }, context);
  } else if (!session.closed) {
    session.shutNow(LIMIT_EXCEEDED, error.message);
    announceFault(session, error, context);
  }
}

/** Ends a session for which too much waits for interceptors: with what waits, since ERROR would come behind that. */
export function endAtInterceptors(session: FaultySession, context: SessionContext): void {
  if (session.closed) return;

  const { sendBufferSizeLimit } = context.limits;
  const text = `More waits for interceptors of clientOutboundChannel than sendBufferSizeLimit: ${sendBufferSizeLimit}`;
  const error = new LimitExceededError("Session", "clientOutboundChannel", sendBufferSizeLimit, text);
  session.shutNow(LIMIT_EXCEEDED, error.message);
  announceFault(session, error, context);
}

/** Ends a session whose grant is over: what waits for a slow client, ERROR too, is not for its eyes any more. */
export function endWithGrant(session: FaultySession, fault: Error, context: SessionContext): void {
  if (session.closed) return;

  if (!session.outbound.waits) {
    endWithError(session, fault, {}, context);
    return;
  }
  session.abort();
  announceFault(session, fault, context);
}
