import type { Broker } from "../broker/broker.js";
import type { HistoryPage, HistoryQuery } from "../broker/history/history-page.js";
import { parseUserDestination } from "../destination/user-destination.js";
import { ConfigurationError, MessageDeliveryError } from "../errors.js";
import { printable } from "../logger.js";
import { isCount, isText, onlyKnown, wrongOption } from "../options/checks.js";

/** Gives what the broker keeps of a destination; of a user's own, `/user/<name>/queue/x`, as the template sends there. */
export async function historyOf(
  destination: string,
  query: HistoryQuery,
  { broker, userPrefix }: { readonly broker: Broker; readonly userPrefix: string },
): Promise<HistoryPage> {
  check(query);
  if (!broker.history) {
    throw new MessageDeliveryError(
      `No history is kept of ${printable(destination)}: the simple broker keeps one, and a broker elsewhere is asked in its own way`,
    );
  }
  if (!destination.startsWith(userPrefix)) return broker.history(destination, query);

  const address = parseUserDestination(userPrefix, destination);
  if (!address) {
    throw new MessageDeliveryError(
      `${printable(destination)} names no user, or no destination of one: it is ${userPrefix}<name>/queue/x`,
    );
  }
  return broker.history(userPrefix.slice(0, -1) + address.destination, query, address.name);
}

/** @throws ConfigurationError when what is wanted makes no sense */
function check(query: HistoryQuery): void {
  onlyKnown("history", query, ["since", "limit", "reverse"]);
  const { since, limit, reverse } = query;
  if (since !== undefined && !isText(since)) throw wrong("since", "a message-id", since);
  if (limit !== undefined && !isCount(limit)) throw wrong("limit", "a whole number from 1", limit);
  if (reverse !== undefined && typeof reverse !== "boolean") throw wrong("reverse", "true or false", reverse);
}

function wrong(option: string, wanted: string, given: unknown): ConfigurationError {
  return wrongOption("history", option, wanted, given);
}
