import type { EventPublisher, MessagingEvents } from "../events.js";
import type { SessionStats } from "./session-stats.js";

/** Those that a client passes by not reading. */
const SLOW: ReadonlySet<string> = new Set(["sendBufferSizeLimit", "sendTimeLimit", "httpMessageCacheSize"]);

/** Counts and announces a limit that a client passed; a client that does not read by a name of its own too. */
export function announceLimit(
  { events, stats }: { readonly events: EventPublisher; readonly stats: SessionStats },
  event: MessagingEvents["limitExceeded"],
): void {
  stats.limitExceeded(event.limit);
  events.publish("limitExceeded", event);
  if (SLOW.has(event.limit)) events.publish("slowConsumer", event);
}
