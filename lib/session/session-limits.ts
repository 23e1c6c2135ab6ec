import { LimitExceededError, soon } from "../errors.js";
import type { TransportSettings } from "../options/transport-options.js";

/** The WebSocket close code of a session that has passed a limit, as Spring sends it. */
export const LIMIT_EXCEEDED = 4500;

/** The limits that a session watches itself; the others are its decoder's, or a handshake's. */
export type WatchedLimit = Extract<
  keyof TransportSettings,
  "timeToFirstMessage" | "connectTimeLimit" | "inboundRateLimit" | "sendTimeLimit" | "sendBufferSizeLimit"
>;

/** The same, and what waits for interceptors of `clientOutboundChannel`: as much as may wait for a client. */
export type PassableLimit = WatchedLimit | "clientOutboundChannel";

/** Limits that are passed since something is not read: ERROR would only wait behind it. */
export const UNREAD_LIMITS: ReadonlySet<PassableLimit> = new Set([
  "sendTimeLimit",
  "sendBufferSizeLimit",
  "clientOutboundChannel",
]);

/** The limit of a frame's size until CONNECT is accepted: the lesser of two. */
export function earlySizeLimit({
  connectSizeLimit,
  messageSizeLimit,
}: TransportSettings): "connectSizeLimit" | "messageSizeLimit" {
  return connectSizeLimit < messageSizeLimit ? "connectSizeLimit" : "messageSizeLimit";
}

/** The error of a session that has passed a limit of its own. */
export function limitError(limit: PassableLimit, limits: TransportSettings): LimitExceededError {
  if (limit !== "clientOutboundChannel") {
    // The client has passed it by being slow, not by what it sent.
    return new LimitExceededError("Session", limit, limits[limit], undefined, soon());
  }
  const { sendBufferSizeLimit } = limits;
  const text = `More waits for interceptors of clientOutboundChannel than sendBufferSizeLimit: ${sendBufferSizeLimit}`;
  return new LimitExceededError("Session", limit, sendBufferSizeLimit, text, soon());
}
