import { randomInt } from "node:crypto";
import { inspect } from "node:util";

/**
 * The errors of this library, ranked by what is lost. Each has a stable `code`
 * and a sentence that names the value at fault; nothing but `publicMessage`,
 * `publicHeaders` and `retry` is ever shown to a client.
 *
 * A client's frame that is refused fails by what it breaks: STOMP's rules by a
 * `StompConversionError`, a limit by a `LimitExceededError`, a right by an
 * `AccessDeniedError`, what controllers ask of it by a `MessageHandlingError`,
 * the broker's connection by a `BrokerNotAvailableError`, and all else, such as
 * a subscription that is not there, by a `refusal`. An option that makes no
 * sense is a `ConfigurationError`.
 */
export class MessagingError extends Error {
  override name = "MessagingError";
  /** Stable over releases: what a program compares. */
  readonly code: string;
  /** The text that the client may read in the ERROR frame's `message` header; `undefined` if it may read none. */
  readonly publicMessage: string | undefined;
  /** Headers of the application's own that the ERROR frame carries. */
  readonly publicHeaders: Readonly<Record<string, string>> | undefined;
  /** The value of the ERROR frame's `retry` header. */
  readonly retry: Retry;

  constructor(code: string, message: string, options: MessagingErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.publicMessage = options.publicMessage;
    this.publicHeaders = options.publicHeaders;
    this.retry = options.retry ?? (options.publicMessage === undefined ? soon() : "never");
  }
}

export interface MessagingErrorOptions {
  cause?: unknown;
  publicMessage?: string;
  publicHeaders?: Readonly<Record<string, string>> | undefined;
  /** Default: `never` with a `publicMessage`, since the client can read what it did; else 5,000 to 10,000 ms by chance. */
  retry?: Retry | undefined;
}

/**
 * When a client that does the same again may be better received: `never`, until
 * it does something else; `now`, on a new connection; or after so many ms.
 */
export type Retry = "never" | "now" | number;

/** So many ms: 5,000 to 10,000 by chance, so that not all that were sent away come back at once. */
export function soon(): number {
  return randomInt(5_000, 10_000);
}

/** The start is lost: an option or a decorator makes no sense. Thrown at import or start-up, never later. */
export class ConfigurationError extends MessagingError {
  override name = "ConfigurationError";

  constructor(message: string, options?: MessagingErrorOptions) {
    super("CONFIGURATION", message, { retry: "never", ...options });
  }
}

/**
 * One message is lost: a controller threw, or an argument did not convert. The session lives.
 *
 * @example
 * ```ts
 * throw new MessageHandlingError(`No room ${room} in the database`, { publicMessage: "There is no such room" });
 * ```
 */
export class MessageHandlingError extends MessagingError {
  override name = "MessageHandlingError";

  constructor(message: string, options?: MessagingErrorOptions & { code?: string }) {
    super(options?.code ?? "MESSAGE_HANDLING", message, options);
  }
}

/**
 * One payload is lost: no converter turns it into what was asked for, or back into bytes.
 *
 * @example
 * ```ts
 * throw new MessageConversionError("No MessagePack", { cause, publicMessage: "The payload is no valid MessagePack" });
 * ```
 */
export class MessageConversionError extends MessageHandlingError {
  override name = "MessageConversionError";

  constructor(message: string, options?: MessagingErrorOptions) {
    super(message, { ...options, retry: options?.retry ?? "never", code: "MESSAGE_CONVERSION" });
  }
}

/** One message is lost: its handler, or at a DISCONNECT an interceptor, did not settle within `handlerTimeout`. */
export class HandlerTimeoutError extends MessageHandlingError {
  override name = "HandlerTimeoutError";

  constructor(message: string) {
    super(message, { code: "HANDLER_TIMEOUT" });
  }
}

/** One thing that is wrong with a payload. */
export interface FieldIssue {
  /** From the payload down to the field; empty when it is the payload itself. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * One message is lost: its payload converts, but is not valid. The client may read why: it wrote it.
 *
 * @example
 * ```ts
 * throw new MethodArgumentNotValidError([{ path: ["count"], message: "must be above 0" }]);
 * ```
 */
export class MethodArgumentNotValidError extends MessageHandlingError {
  override name = "MethodArgumentNotValidError";
  readonly issues: readonly FieldIssue[];

  /** @param message by default it names the first five fields */
  constructor(issues: readonly FieldIssue[], message = describeIssues(issues)) {
    super(message, { code: "METHOD_ARGUMENT_NOT_VALID", publicMessage: message });
    this.issues = issues;
  }
}

/** Short enough for a header, however much a client got wrong. */
function describeIssues(issues: readonly FieldIssue[]): string {
  const texts = issues.slice(0, 5).map(({ path, message }) => {
    return path.length > 0 ? `${path.join(".")}: ${message}` : message;
  });
  const text = `The payload is not valid: ${texts.join("; ")}`;
  return text.length > 500 || issues.length > 5 ? `${text.slice(0, 500)}…` : text;
}

/**
 * One delivery is lost: an interceptor threw or the broker refused. The application's
 * own send rejects with this error; a client that sent the message gets ERROR, and
 * its session ends (STOMP 1.2, SEND).
 */
export class MessageDeliveryError extends MessagingError {
  override name = "MessageDeliveryError";

  constructor(message: string, options?: MessagingErrorOptions & { code?: string }) {
    super(options?.code ?? "MESSAGE_DELIVERY", message, options);
  }
}

/** The error of a frame that makes no sense here, such as an ACK of what was not delivered. The client reads the text. */
export function refusal(
  text: string,
  { cause, retry }: { cause?: unknown; retry?: Retry } = {},
): MessageDeliveryError {
  return new MessageDeliveryError(text, { publicMessage: text, cause, retry });
}

/**
 * A refusal that an interceptor throws: its message, and its headers, are what the client reads in ERROR.
 *
 * @example
 * ```ts
 * throw new AccessDeniedError("Your subscription has ended", { publicHeaders: { reason: "payment" } });
 * ```
 */
export class AccessDeniedError extends MessageDeliveryError {
  override name = "AccessDeniedError";

  constructor(
    message = "Access denied",
    options?: { cause?: unknown; publicHeaders?: Readonly<Record<string, string>>; retry?: Retry },
  ) {
    super(message, { ...options, code: "ACCESS_DENIED", publicMessage: message });
  }
}

/** One delivery is lost, or nobody knows: the broker that it was for cannot be reached, or did not confirm it. */
export class BrokerNotAvailableError extends MessageDeliveryError {
  override name = "BrokerNotAvailableError";

  constructor(message: string, options?: { cause?: unknown }) {
    const publicMessage = "Broker not available";
    super(message, { ...options, code: "BROKER_NOT_AVAILABLE", publicMessage, retry: soon() });
  }
}

/** The session is lost: it passed a limit, which the message names. The message is public. */
export class LimitExceededError extends MessagingError {
  override name = "LimitExceededError";
  /** As the option is called. */
  readonly limit: string;

  constructor(
    what: string,
    limit: string,
    value: number,
    message = `${what} passes ${limit}: ${value}`,
    retry?: Retry,
  ) {
    super("LIMIT_EXCEEDED", message, { publicMessage: message, retry });
    this.limit = limit;
  }
}

/**
 * The session is lost: its bytes are no STOMP frame, or a frame came out of
 * turn. The message is public: it only tells the client what
 * the client itself sent.
 */
export class StompConversionError extends MessagingError {
  override name = "StompConversionError";

  constructor(message: string, options?: { cause?: unknown; code?: string; retry?: Retry }) {
    super(options?.code ?? "STOMP_CONVERSION", message, { ...options, publicMessage: message });
  }
}

/** The reason for which a question to a client has no answer. */
export type ClientRequestFailure = "nobody" | "timeout" | "ended" | "refused" | "limit" | "closed";

/**
 * A question to a client has no answer. `reason` tells why:
 *
 * - `nobody`: no session of the user that subscribed to the destination is known, on this server or on others
 * - `timeout`: no answer came in time
 * - `ended`: every session that was asked has ended
 * - `refused`: the client has answered that it failed; the message has its text
 * - `limit`: `requestLimit` questions are open
 * - `closed`: `messaging.close` was called
 */
export class ClientRequestError extends MessagingError {
  override name = "ClientRequestError";
  readonly reason: ClientRequestFailure;

  constructor(reason: ClientRequestFailure, message: string) {
    super("CLIENT_REQUEST", message);
    this.reason = reason;
  }
}

/**
 * One pattern is refused. Its parser does not know whose it is: an
 * application's becomes a `ConfigurationError` elsewhere, a client's a
 * `MessageDeliveryError`. The message is public: it repeats nothing and only
 * tells a rule.
 */
export class DestinationPatternError extends MessagingError {
  override name = "DestinationPatternError";

  constructor(message: string, options?: { cause?: unknown }) {
    super("DESTINATION_PATTERN", message, { ...options, publicMessage: message });
  }
}

/** The text of anything that was thrown. Some of it fails when it is looked at: this never does. */
export function faultText(fault: unknown): string {
  try {
    return fault instanceof Error ? String(fault.message) : inspect(fault);
  } catch {
    return "something that cannot be printed";
  }
}

const LOOKED_AT = ["name", "message", "stack", "cause"];

/** Gives back anything that was thrown; an error in its place if looking at it fails, since a getter of it throws. */
export function lookable(thrown: unknown): unknown {
  try {
    if (thrown instanceof Error) for (const name of LOOKED_AT) Reflect.get(thrown, name);
    return thrown;
  } catch {
    return new Error("Something was thrown that fails when it is looked at");
  }
}

/** Gives back an error that was thrown; for anything else, an error that says what was thrown. */
export function faultError(thrown: unknown): Error {
  const fault = lookable(thrown);
  if (fault instanceof Error) return fault;
  return new Error(`Something was thrown that is no error: ${faultText(fault)}`, { cause: fault });
}

/** Lets a promise that an application's function returned where none belongs fail unheard: it would end the process. */
export function ignoreRejection(returned: unknown): void {
  Promise.resolve(returned).catch(() => {});
}

/** The name of an object's class, for errors and logs. */
export function classNameOf(object: object): string {
  try {
    return (object as { constructor?: { name?: string } }).constructor?.name || "(anonymous class)";
  } catch {
    return "(unknown class)";
  }
}
