import { inspect } from "node:util";
import { ignoreRejection, MessagingError, type Retry, soon } from "../errors.js";
import { type Logger, printable } from "../logger.js";
import { type Message, NO_PAYLOAD } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { saying } from "../message/reserved-headers.js";
import { isPromise } from "../promise.js";
import type { Frame } from "../stomp/frame.js";
import { SUPPORTED_VERSIONS } from "../stomp/version.js";

/** The contents of an ERROR frame. */
export interface ErrorReply {
  /** The header `message`: one line, of which the client gets 200 characters. */
  readonly message: string;
  /** More headers. Those that are ours to write, such as `receipt-id`, do not pass. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The body: text, or bytes. Default: none. */
  readonly body?: string | Uint8Array | undefined;
  /** Of the body. Default: `text/plain;charset=UTF-8` or `application/octet-stream`. */
  readonly contentType?: string | undefined;
  /** The header `retry`: `never`, `now`, or a number of ms. Default: the `retry` of the error, else 5,000 to 10,000 by chance. */
  readonly retry?: Retry | undefined;
}

/**
 * Decides what clients are told of errors, as Spring's class of this name. The session ends in any case.
 *
 * @example
 * ```ts
 * const errorHandler: StompSubProtocolErrorHandler = {
 *   handleClientMessageProcessingError: (_message, error, reply) =>
 *     error instanceof RangeError ? { ...reply, message: error.message } : undefined,
 * };
 * ```
 */
export interface StompSubProtocolErrorHandler {
  /**
   * Gives what ERROR says. `undefined` leaves it at what it says by itself, and
   * so does a throw, which is logged.
   *
   * @param clientMessage what the client had sent; `undefined` when it was no frame, or nothing
   * @param error never shown to a client but by this method
   * @param reply what ERROR says by itself: the `publicMessage` and `publicHeaders` of the error
   */
  handleClientMessageProcessingError(
    clientMessage: Message | undefined,
    error: Error,
    reply: ErrorReply,
  ): ErrorReply | undefined;
}

interface ErrorReplyOptions {
  readonly receiptId: string | undefined;
  readonly message: Message | undefined;
  readonly errorHandler: StompSubProtocolErrorHandler | undefined;
  readonly logger: Logger;
}

const UNKNOWN = "The frame could not be processed";

const RETRY = '"never", "now" or a whole number of ms';

const OURS = ["message", "version", "receipt-id", "content-type", "content-length", "retry"];

/** Gives the ERROR frame's headers and body. Never throws. */
export function errorReply(error: Error, options: ErrorReplyOptions): Omit<Frame, "command"> {
  const { publicMessage, publicHeaders, code } = error instanceof MessagingError ? error : {};
  const retry = retryOf(error, options.logger);
  const reply: ErrorReply = { message: publicMessage ?? UNKNOWN, headers: publicHeaders, retry };
  const ours = {
    version: code === "STOMP_VERSION" ? SUPPORTED_VERSIONS.join(",") : undefined,
    "receipt-id": options.receiptId,
  };
  for (const decide of [() => decided(error, reply, options), () => reply]) {
    try {
      const decision = decide();
      return written({ ...decision, retry: decision.retry ?? retry }, ours);
    } catch (fault) {
      options.logger.error("ERROR could not be written as the application wants it", fault);
    }
  }
  return written({ message: UNKNOWN, retry }, ours);
}

/** The `retry` of an error. The application may have made it of anything: that costs the error no more of its words. */
function retryOf(error: Error, logger: Logger): Retry {
  if (!(error instanceof MessagingError)) return soon();
  if (isRetry(error.retry)) return error.retry;

  logger.error(`An error's retry is ${inspect(error.retry)}: it must be ${RETRY}`, error);
  return soon();
}

function decided(error: Error, reply: ErrorReply, { errorHandler, message }: ErrorReplyOptions): ErrorReply {
  const decision = errorHandler?.handleClientMessageProcessingError(message, error, reply);
  if (!isPromise(decision)) {
    if (typeof (decision ?? reply) === "object") return decision ?? reply;
    throw new TypeError("handleClientMessageProcessingError returned no reply: return one, or undefined");
  }

  ignoreRejection(decision);
  throw new TypeError("handleClientMessageProcessingError must not be async: the session ends at once");
}

function written(
  { message, headers = {}, body = NO_PAYLOAD, contentType, retry }: ErrorReply & { retry: Retry },
  ours: Readonly<Record<string, string | undefined>>,
): Omit<Frame, "command"> {
  if (typeof message !== "string") throw new TypeError("The message of ERROR is text");
  const isText = typeof body === "string";
  if (!isText && !(body instanceof Uint8Array)) throw new TypeError("The body of ERROR is text or bytes");

  const bodyType = contentType ?? (isText ? "text/plain;charset=UTF-8" : "application/octet-stream");
  if (!isRetry(retry)) throw new TypeError(`The retry of ERROR is ${RETRY}, not ${inspect(retry)}`);
  const native = NativeHeaders.of({
    message: printable(message),
    ...ours,
    "content-type": body.length > 0 ? bodyType : undefined,
  });
  const own = NativeHeaders.of(headers).without(...OURS);
  const told = NativeHeaders.of([...native, ...own]);
  return { headers: saying(told, { retry: `${retry}` }), body: isText ? Buffer.from(body) : body };
}

function isRetry(retry: Retry): boolean {
  return retry === "never" || retry === "now" || (Number.isSafeInteger(retry) && retry >= 0);
}
