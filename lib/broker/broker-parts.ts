import { systemClock } from "../clock/clock.js";
import type { MessagingEvents } from "../events.js";
import type { Message } from "../message/message.js";
import type { BrokerContext } from "./broker.js";
import { BrokerCounts } from "./broker-counts.js";
import { BrokerDestinations } from "./broker-destinations.js";
import { BrokerSessions } from "./broker-sessions.js";
import { Conflation } from "./conflation.js";
import { FanOut } from "./fan-out.js";
import { History } from "./history/history.js";
import { HistoryRules } from "./history/history-rules.js";
import type { HistoryStore } from "./history/history-store.js";
import { Positions } from "./history/positions.js";
import { Listeners } from "./listeners.js";
import { Publishing } from "./publishing.js";
import { QueueSpace } from "./queue-space.js";
import { Queues } from "./queues.js";
import { RetainedMessages } from "./retained-messages.js";
import { Settlements } from "./settlements.js";
import { SharedPublications } from "./shared-publications.js";
import type { ResolvedSimpleBrokerOptions } from "./simple-broker-options.js";
import { Subscriptions } from "./subscriptions.js";
import { readPattern } from "./topic-patterns.js";
import { Transactions } from "./transactions.js";
import { Turns } from "./turns.js";

export interface BrokerPartsContext extends BrokerContext {
  /** Begins the ids for ACK; empty where they are numbers. */
  readonly ackIdPrefix: string;
  /** Where the history is. Default: memory. */
  readonly store: HistoryStore | undefined;
  /** Hears whether the backplane can be reached. */
  availability(isAvailable: boolean): void;
}

/** The parts of a simple broker, as they are joined. A part that no option asks for is `undefined`. */
export type BrokerParts = ReturnType<typeof makeParts>;

/**
 * Makes the parts of a simple broker.
 *
 * @throws ConfigurationError when a pattern cannot be read, or nothing could get where an option says
 */
export function makeParts(options: ResolvedSimpleBrokerOptions, context: BrokerPartsContext) {
  const { clientOutboundChannel, events, logger, clock = systemClock } = context;
  const { destinationSeparator: separator = "/", userDestinationPrefix: userPrefix = "/user/" } = context;
  const { retainLast, conflate, backplane } = options;
  const positions = new Positions();
  const counts = new BrokerCounts();
  const turns = new Turns();
  const space = new QueueSpace(options.backlogSizeLimit);
  const listeners = new Listeners(separator);
  const destinations = new BrokerDestinations(options, context);
  const { places } = destinations;
  const dropped = (
    { headers: { destination = "", messageId = "" } }: Message,
    reason: MessagingEvents["messageDropped"]["reason"],
    sessionId?: string,
  ) => events.publish("messageDropped", { reason, destination, messageId, sessionId });

  const retained =
    retainLast.length > 0
      ? new RetainedMessages({
          patterns: retainLast.map((text) => readPattern("retainLast", text, separator)),
          limit: options.retainedLimit,
          sizeLimit: options.retainedSizeLimit,
          dropped: (kept) => dropped(kept, "retained"),
        })
      : undefined;
  const conflation =
    conflate.length > 0
      ? new Conflation({
          conflate,
          places,
          userPrefix,
          sizeLimit: options.conflationSizeLimit,
          clock,
          logger,
          counts,
          turns,
          check: (message) => shared?.check([message]),
          publish: (message) => publishing.publishNow(message),
          unpublished: (message) => dropped(message, "backplane"),
        })
      : undefined;
  const history = new History({
    rules: new HistoryRules({ history: options.history, userPrefix, ...places }),
    positions,
    sizeLimit: options.historySizeLimit,
    replayLimit: options.replayLimit,
    clock,
    events,
    turns,
    store: context.store,
  });
  const fanOut = new FanOut({ clientOutboundChannel, listeners, counts, logger });
  const queues = new Queues({
    ...options,
    space,
    separator,
    clock,
    listeners,
    turns,
    publish: (letter, payer) => void publishing.publish(letter, payer),
    dropped,
  });
  const transactions = new Transactions({
    sizeLimit: options.transactionSizeLimit,
    publish: (action, payer) => publishing.publishAdmitted(action, payer),
    admit: (messages, payer) => publishing.admit(messages, payer),
  });
  const windowLimits = {
    unacknowledged: options.unacknowledgedLimit,
    prefetch: options.prefetchCount || Number.POSITIVE_INFINITY,
    space,
  };
  const sessions = new BrokerSessions({
    sessions: context.sessions,
    listeners,
    transactions,
    turns,
    counts,
    windowLimits,
  });
  const settlements = new Settlements(transactions, sessions);
  const shared: SharedPublications | undefined =
    backplane &&
    new SharedPublications({
      settings: backplane,
      context,
      positions,
      keeps: options.history.length + retainLast.length > 0,
      publish: (message) => publishing.arrived(message),
      keep: (kept, age, user) => publishing.keep(kept, age, user),
      missed: () => void turns.take(() => history.missed(sessions.consumers())),
      availability: (isAvailable) => context.availability(isAvailable),
    });
  const publishing: Publishing = new Publishing({
    clientOutboundChannel,
    destinations,
    sessions,
    turns,
    counts,
    positions,
    fanOut,
    queues,
    settlements,
    retained,
    history: history.isOn ? history : undefined,
    conflation,
    shared,
  });

  const ackIdPrefix = context.ackIdPrefix && context.ackIdPrefix + positions.idOf(0);
  let delivered = 0;
  const consumers = {
    clientOutboundChannel,
    queues,
    turns,
    counts,
    ackIdPrefix,
    nextDelivery: () => ++delivered,
    undelivered: fanOut.undelivered.bind(fanOut),
    dropped: (publication: Message, sessionId: string) => dropped(publication, "prefetch", sessionId),
  };
  const subscriptions = new Subscriptions({
    destinations,
    sessions,
    consumers,
    options,
    listeners,
    turns,
    queues,
    history,
    retained,
    shared,
  });
  return {
    positions,
    counts,
    listeners,
    destinations,
    retained,
    conflation,
    history,
    queues,
    transactions,
    sessions,
    settlements,
    shared,
    publishing,
    ackIdPrefix,
    subscriptions,
  };
}
