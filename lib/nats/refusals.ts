/** The part of the errors of nats.js that tells what NATS does not let us do. */
interface NatsError extends Error {
  /** Of a `PermissionViolationError`. */
  readonly operation?: "publish" | "subscription";
  readonly subject?: string;
  /** Of a `JetStreamApiError`: a status as of HTTP, and the error's own number. */
  readonly status?: number;
  readonly code?: unknown;
}

/** Statuses of requests that will not be taken, however often they are sent. */
const REFUSED = [400, 401, 403];
/** The server has no cluster for the replicas; there is not so much storage. */
const REFUSED_CODES: readonly unknown[] = [10074, 10047];

/** Whether NATS does not let this connection publish to a subject, or listen to it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.name === "PermissionViolationError";
}

/** Whether NATS has refused what was published to a subject. */
export function isPublishRefused(error: Error, subject: string): boolean {
  const { operation, subject: refused }: NatsError = error;
  return isForbidden(error) && operation === "publish" && refused === subject;
}

/** Gives why JetStream will not work until its configuration is another; nothing of what may pass by itself. */
export function refusalOf(error: unknown, hasJetStream: boolean | undefined): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message, status = 0, code }: NatsError = error;
  if (isForbidden(error) || isForbidden(error.cause)) return `NATS refuses: ${message}`;
  if (name === "JetStreamNotEnabled" && !hasJetStream)
    return "This NATS has no JetStream: nats-server -js has it";
  if (name !== "JetStreamApiError") return undefined;
  return REFUSED.includes(status) || REFUSED_CODES.includes(code)
    ? `JetStream refuses: ${message}`
    : undefined;
}
