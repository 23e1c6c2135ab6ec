import { LimitExceededError } from "../errors.js";
import type { Frame } from "../stomp/frame.js";
import type { ClientSession, Failure } from "./client-session.js";
import { announceLimit } from "./session-events.js";
import { LIMIT_EXCEEDED } from "./session-limits.js";
import type { Excess, SessionRates } from "./session-rates.js";

/** Counts a frame that has a destination. Gives the rate limit that it passes, if any. */
export function excessOf(
  { command, headers }: Frame,
  session: ClientSession,
  rates: SessionRates,
): Excess | undefined {
  if (command !== "SEND" && command !== "SUBSCRIBE") return undefined;

  const { id: sessionId, user, address, hurries } = session;
  const destination = headers.get("destination") ?? "";
  return rates.judge({ command, destination, sessionId, user, address, hurries });
}

/**
 * Does with a frame beyond a rate limit what that wants: perhaps it is handled later.
 *
 * @param exchange the frame on its way, which is `handle`d if it may
 */
export function exceed(
  exchange: Failure & { readonly frame: Frame; readonly session: ClientSession },
  excess: Excess,
  handle: () => void | Promise<void>,
): void | Promise<void> {
  const { frame, session, receiptId, message } = exchange;
  const { limit, beyond, delay, text } = excess;
  if (beyond === "end") {
    const failure = { receiptId, message, code: LIMIT_EXCEEDED };
    session.fail(new LimitExceededError(frame.command, limit, 0, text), failure);
    return;
  }
  const isWaiting = beyond === "wait";
  if (!isWaiting && (receiptId !== undefined || frame.command === "SUBSCRIBE")) {
    session.fail(new LimitExceededError(frame.command, limit, 0, text, delay), exchange);
    return;
  }

  const { context } = session;
  if (excess.isFirst) announceLimit(session, limit, context);
  else context.stats.limitExceeded(limit);
  if (isWaiting) {
    return session.holdUp(delay).then((mayGoOn) => {
      if (mayGoOn) return handle();
    });
  }
  if (beyond !== "refuse" || !excess.isFirst) return;
  context.rates?.tell(session, { destination: message?.headers.destination, message: text, retry: delay });
}
