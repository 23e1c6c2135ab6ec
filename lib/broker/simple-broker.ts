import type { SubscribableChannel } from "../channel/channel.js";
import type { DestinationHeaders } from "../channel/message-handler.js";
import { systemClock } from "../clock/clock.js";
import type { DestinationPattern } from "../destination/pattern.js";
import { ConfigurationError, MessageDeliveryError, refusal } from "../errors.js";
import type { EventPublisher, MessagingEvents } from "../events.js";
import type { Message, MessageHeaders } from "../message/message.js";
import { publication } from "../message/publication.js";
import type { SessionEnd } from "../message/session-end.js";
import type { BrokerStats } from "../observe/stats.js";
import type { KeptView, QueueView, SubscriptionView } from "../observe/views.js";
import type { BackplaneSettings } from "../servers/backplane-settings.js";
import type { Broker, BrokerContext, BrokerFactory } from "./broker.js";
import { BrokerCounts } from "./broker-counts.js";
import { BrokerDestinations } from "./broker-destinations.js";
import { BrokerSession, type BrokerSessionContext } from "./broker-session.js";
import { Conflation } from "./conflation.js";
import { sendConnectAck } from "./connect-ack.js";
import type { Consumer, ConsumerContext } from "./consumer.js";
import { FanOut } from "./fan-out.js";
import { History } from "./history/history.js";
import type { HistoryPage, HistoryQuery } from "./history/history-page.js";
import { HistoryRules } from "./history/history-rules.js";
import type { HistoryStore } from "./history/history-store.js";
import { Positions } from "./history/positions.js";
import { Listeners } from "./listeners.js";
import { APPLICATION } from "./payers.js";
import { Publication } from "./publication.js";
import { QueueSpace } from "./queue-space.js";
import { Queues } from "./queues.js";
import { RetainedMessages } from "./retained-messages.js";
import { Settlements } from "./settlements.js";
import { SharedPublications } from "./shared-publications.js";
import {
  checkSimpleBrokerOptions,
  type ResolvedSimpleBrokerOptions,
  type SimpleBrokerOptions,
} from "./simple-broker-options.js";
import { subscribe } from "./subscribe.js";
import { pump } from "./taker.js";
import { readPattern } from "./topic-patterns.js";
import { notOpen, Transactions } from "./transactions.js";
import { Turns } from "./turns.js";

/**
 * Makes a broker that lives in this process, for the `broker` option, as
 * Spring's `enableSimpleBroker`.
 *
 * @throws ConfigurationError when an option makes no sense; for a pattern only
 *   when the broker is made, since `destinationSeparator` decides how it is read
 * @example
 * ```ts
 * simpleBroker({
 *   destinationPrefixes: ["/topic", "/queue"],
 *   queuePrefixes: ["/queue"],
 *   retainLast: ["/topic/prices/*"],
 *   history: { destinations: ["/topic/room/**"], size: 100, ttl: 300_000 },
 * });
 * ```
 */
export function simpleBroker(options: SimpleBrokerOptions = {}): BrokerFactory {
  const checked = checkSimpleBrokerOptions(options);
  return (context) => {
    const broker = new SimpleBroker(checked, context);
    // `stompMessaging` adds listeners of events next.
    queueMicrotask(() => broker.start());
    return broker;
  };
}

/**
 * Passes each message to all who subscribed to its destination, or to one of
 * them where the destination is a queue, and for each in the order of arrival.
 */
export class SimpleBroker implements Broker {
  readonly name = "broker";
  readonly plainDestinations = true;
  readonly takesForSubscriptions = true;
  readonly application: Broker["application"];
  readonly roads: Broker["roads"];
  readonly users: Broker["users"];
  readonly #options: ResolvedSimpleBrokerOptions;
  readonly #outbound: SubscribableChannel;
  readonly #events: EventPublisher;
  readonly #destinations: BrokerDestinations;
  readonly #sessions = new Map<string, BrokerSession<Consumer>>();
  readonly #sessionContext: BrokerSessionContext;
  readonly #consumers: ConsumerContext;
  readonly #listeners: Listeners;
  readonly #turns = new Turns();
  readonly #fanOut: FanOut;
  readonly #queues: Queues;
  readonly #retained: RetainedMessages;
  readonly #history: History;
  readonly #conflation: Conflation;
  readonly #transactions: Transactions;
  readonly #settlements: Settlements;
  readonly #positions = new Positions();
  readonly #counts = new BrokerCounts();
  /** The way to other servers, and from there; `undefined` without a backplane. */
  readonly #shared: SharedPublications | undefined;
  /** None: ids for ACK are numbers, which must be told from nobody's. */
  readonly #ackIdPrefix: string;
  #delivered = 0;
  #isAvailable = false;

  /** @param store where the history is; by default in memory */
  constructor(
    options: ResolvedSimpleBrokerOptions,
    context: BrokerContext,
    { ackIdPrefix = "", store }: { readonly ackIdPrefix?: string; readonly store?: HistoryStore } = {},
  ) {
    this.#ackIdPrefix = ackIdPrefix && ackIdPrefix + this.#positions.idOf(0);
    this.#options = options;
    this.#outbound = context.clientOutboundChannel;
    this.#events = context.events;
    const separator = context.destinationSeparator ?? "/";
    const space = new QueueSpace(options.backlogSizeLimit);
    this.#destinations = new BrokerDestinations(options, context);
    const { deadLetterDestination: destination } = options;
    if (destination !== undefined && !this.#destinations.isOurs({ destination })) {
      throw new ConfigurationError(
        `simpleBroker: deadLetterDestination ${destination} is under a prefix of the application, which no broker serves`,
      );
    }
    this.#listeners = new Listeners(separator);
    this.#retained = new RetainedMessages({
      patterns: options.retainLast.map((text) => readPattern("retainLast", text, separator)),
      limit: options.retainedLimit,
      sizeLimit: options.retainedSizeLimit,
      dropped: (kept) => this.#dropped(kept, "retained"),
    });
    const { clock = systemClock, userDestinationPrefix: userPrefix = "/user/" } = context;
    const places = {
      queuePrefixes: options.queuePrefixes,
      prefixes: this.#destinations.prefixes,
      isControllers: (text: string) => context.controllers?.isPrefixed(text) === true,
      separator,
    };
    this.#conflation = new Conflation({
      conflate: options.conflate,
      places,
      userPrefix,
      sizeLimit: options.conflationSizeLimit,
      clock,
      logger: context.logger,
      check: (message) => this.#shared?.check([message]),
      replaced: () => {
        this.#counts.conflated++;
      },
      publish: (message) => {
        const failed = (error: unknown) =>
          context.logger.error("A message that was conflated could not be published", error);
        void this.#turns.take(() => this.#publishNow(message, APPLICATION)?.catch(failed));
      },
    });
    this.#history = new History({
      rules: new HistoryRules({ history: options.history, userPrefix, ...places }),
      positions: this.#positions,
      sizeLimit: options.historySizeLimit,
      replayLimit: options.replayLimit,
      clock,
      events: context.events,
      turns: this.#turns,
      store,
    });
    this.#fanOut = new FanOut({ ...context, listeners: this.#listeners, counts: this.#counts });
    this.#queues = new Queues({
      ...options,
      space,
      separator,
      clock: context.clock ?? systemClock,
      listeners: this.#listeners,
      turns: this.#turns,
      publish: (letter, payer) => void this.#publish(letter, payer),
      dropped: (publication, reason) => this.#dropped(publication, reason),
    });
    this.#transactions = new Transactions({
      sizeLimit: options.transactionSizeLimit,
      publish: ({ message, isToUser }, payer) =>
        isToUser && this.#shared
          ? this.#shared.send(message, { byClient: true })
          : this.#publish(message, payer, true),
      admit: (messages, payer) => {
        this.#shared?.check(messages);
        this.#queues.admit(
          messages.filter(({ headers }) => this.#destinations.isQueue(headers)),
          payer,
        );
      },
    });
    this.#settlements = new Settlements(this.#transactions);
    this.#sessionContext = {
      sessions: context.sessions,
      turns: this.#turns,
      counts: this.#counts,
      windowLimits: {
        unacknowledged: options.unacknowledgedLimit,
        prefetch: options.prefetchCount || Number.POSITIVE_INFINITY,
        space,
      },
    };
    this.#consumers = {
      clientOutboundChannel: this.#outbound,
      queues: this.#queues,
      turns: this.#turns,
      counts: this.#counts,
      ackIdPrefix: this.#ackIdPrefix,
      nextDelivery: () => ++this.#delivered,
      undelivered: (consumer, error) => this.#fanOut.undelivered(consumer, error),
      dropped: (publication, sessionId) => this.#dropped(publication, "prefetch", sessionId),
    };
    const shared = options.backplane && this.#share(options.backplane, context);
    this.#shared = shared;
    this.roads = shared?.roads;
    this.users = shared && {
      send: (message, sender) => this.#sendToUser(shared, message, sender.byClient),
      tell: (told) => shared.tell(told),
      serve: (handler) => shared.serve(handler),
    };
    this.application = shared && {
      name: this.name,
      handle: (message) => this.#handle(message, false),
      receivers: (destination) => this.receivers(destination),
      keepsForUsers: (destination) => this.keepsForUsers(destination),
    };
  }

  get heartbeat(): readonly [number, number] {
    return this.#options.heartbeatValue;
  }

  get destinationPrefixes(): readonly string[] {
    return this.#destinations.prefixes;
  }

  serves(headers: DestinationHeaders): boolean {
    return this.#destinations.isOurs(headers);
  }

  get stats(): BrokerStats {
    const { publications, conflated, deliveries, acknowledged, refused } = this.#counts;
    let subscriptions = 0;
    for (const { consumers } of this.#sessions.values()) subscriptions += consumers.size;
    return {
      subscriptions,
      publications,
      conflated,
      deliveries,
      acknowledgements: { acknowledged, refused },
      redeliveries: this.#queues.redelivered,
      queues: this.#queues.stats,
      relay: undefined,
    };
  }

  handle(message: Message): void | Promise<void> {
    return this.#handle(message, true);
  }

  #handle(message: Message, byClient: boolean): void | Promise<void> {
    const { headers } = message;
    switch (headers.messageType) {
      case "CONNECT":
        return this.#connect(headers);
      case "SUBSCRIBE":
        return this.#subscribe(headers);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(headers);
      case "MESSAGE":
        return this.#send(message, byClient);
      case "DISCONNECT":
        return this.#leave(headers.sessionId);
      case "OTHER":
        return this.#turn(message, byClient, () => this.#other(headers));
      case "CONNECT_ACK":
        return;
    }
  }

  mayBeQueues(pattern: DestinationPattern): boolean {
    return this.#destinations.mayBeQueues(pattern);
  }

  *receivers(destination: string): Generator<string> {
    if (this.#destinations.isQueue({ destination })) return;
    for (const group of this.#listeners.of(destination)) for (const { sessionId } of group) yield sessionId;
  }

  hasSubscription(sessionId: string, subscriptionId: string): boolean {
    return this.#sessions.get(sessionId)?.consumers.has(subscriptionId) === true;
  }

  *subscriptions(sessionId?: string): Generator<SubscriptionView> {
    const only = sessionId === undefined ? undefined : this.#sessions.get(sessionId);
    const sessions = sessionId === undefined ? this.#sessions.values() : only ? [only] : [];
    for (const { consumers } of sessions) for (const consumer of consumers.values()) yield consumer.view;
  }

  queues(): Iterable<QueueView> {
    return this.#queues.backlogs.views();
  }

  *kept(): Generator<KeptView> {
    yield* this.#retained.views();
    yield* this.#history.views();
  }

  /** Whether an ACK or NACK names a delivery of this broker's, be it over already. */
  delivered({ ackId, messageId }: MessageHeaders): boolean {
    return (
      ackId?.startsWith(this.#ackIdPrefix) ?? (messageId !== undefined && this.#positions.isOurs(messageId))
    );
  }

  keepsForUsers(destination: string): boolean {
    return this.#history.isOn && this.#history.keeps(destination);
  }

  async history(destination: string, query: HistoryQuery, user?: string): Promise<HistoryPage> {
    return this.#history.page(this.#destinations.pattern(destination), user, query);
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  start(): void {
    if (!this.#shared || this.#shared.isAvailable) this.#announce(true);
  }

  flush(): void {
    this.#conflation.flush();
  }

  close(): void | Promise<void> {
    this.flush();
    this.#announce(false);
    const closed = this.#shared?.close();
    for (const session of this.#sessions.values()) this.#endConsumers(session);
    this.#sessions.clear();
    this.#listeners.clear();
    this.#transactions.clear();
    this.#queues.clear();
    this.#retained.clear();
    this.#history.close();
    return closed;
  }

  #announce(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return;
    this.#isAvailable = isAvailable;
    this.#events.publish("brokerAvailability", { isAvailable });
  }

  #connect({ sessionId, user }: MessageHeaders): void | Promise<void> {
    if (sessionId === undefined) throw new MessageDeliveryError("A CONNECT to the broker has no session id");

    // A subscription outside of CONNECT and DISCONNECT would never be removed.
    if (!this.#sessions.has(sessionId)) {
      this.#sessions.set(sessionId, new BrokerSession(sessionId, this.#sessionContext));
    }
    return sendConnectAck(this.#outbound, { sessionId, user, heartbeat: this.heartbeat });
  }

  /** A delivery for which an ACK may still be on its way waits for that; all others go to other consumers at once. */
  sessionEnded({ sessionId, handled, settles }: SessionEnd): void {
    const session = this.#sessions.get(sessionId);
    if (!session) return;

    session.end();
    this.#endConsumers(session);
    if (settles) void handled?.then(() => this.#leave(sessionId));
    else void this.#leave(sessionId);
  }

  #leave(sessionId = ""): void | Promise<void> {
    const session = this.#sessions.get(sessionId);
    if (!session) return;

    this.#sessions.delete(sessionId);
    session.end();
    this.#endConsumers(session);
    return this.#turns.take(() => {
      this.#transactions.abortAll(session);
      session.returnAll();
    });
  }

  #endConsumers({ id, consumers }: BrokerSession<Consumer>): void {
    for (const consumer of consumers.values()) {
      consumer.remove();
      this.#listeners.remove(consumer);
    }
    consumers.clear();
    this.#listeners.removePrivate(id);
  }

  #subscribe(headers: MessageHeaders): void | Promise<void> {
    // Its RECEIPT says that it hears what is sent from now on, by other servers, too.
    const listening = this.#shared?.listening;
    return listening ? listening.then(() => this.#subscribeNow(headers)) : this.#subscribeNow(headers);
  }

  #subscribeNow(headers: MessageHeaders): void | Promise<void> {
    let answered: Promise<void> | undefined;
    const taken = this.#turns.take(() => {
      answered = this.#addConsumer(headers);
    });
    return taken ? taken.then(() => answered) : answered;
  }

  /** A promise if the history has not answered yet what was missed. */
  #addConsumer(headers: MessageHeaders): Promise<void> | undefined {
    const { destination, sessionId = "" } = headers;
    if (destination === undefined || !this.#destinations.isOurs(headers)) return undefined;

    const consumer = subscribe(headers, this.#sessions.get(sessionId), {
      destinations: this.#destinations,
      consumers: this.#consumers,
      options: this.#options,
    });
    this.#listeners.add(consumer);
    const answered = this.#history.subscribed(consumer, headers);
    if (!consumer.isPrivate) {
      consumer.owe((isOwed) => this.#retained.of(consumer.pattern, isOwed));
      if (this.#destinations.mayBeQueues(consumer.pattern)) this.#queues.join(consumer);
    }
    pump(consumer);
    return answered;
  }

  #unsubscribe({ sessionId = "", subscriptionId = "", messageId }: MessageHeaders): void {
    const consumers = this.#sessions.get(sessionId)?.consumers;
    const consumer = consumers?.get(subscriptionId);
    if (!consumer) return;

    consumers?.delete(subscriptionId);
    consumer.remove(messageId);
    this.#listeners.remove(consumer);
  }

  #send(message: Message, byClient: boolean): void | Promise<void> {
    const { headers } = message;
    const { destination, native, sessionId = "" } = headers;
    if (destination === undefined || !this.#destinations.isOurs(headers)) return;
    this.#destinations.check(destination);

    const transaction = native.get("transaction");
    if (transaction === undefined) {
      return this.#turn(message, byClient, () => this.#publish(message, payerOf(headers)));
    }
    const session = this.#sessions.get(sessionId);
    if (!session) throw notOpen(transaction);
    this.#settlements.send(message, session, transaction);
  }

  /** A client's SEND in a transaction goes when that is committed. */
  async #sendToUser(shared: SharedPublications, message: Message, byClient: boolean): Promise<void> {
    const { sessionId = "", native } = message.headers;
    const transaction = byClient ? native.get("transaction") : undefined;
    if (transaction === undefined) return shared.send(message, { byClient });
    const session = this.#sessions.get(sessionId);
    if (!session) throw notOpen(transaction);
    this.#settlements.send(message, session, transaction, true);
  }

  /** Does what publishes, in its turn. What goes to other servers is not done then: a client is answered later. */
  #turn(message: Message, byClient: boolean, act: () => void | Promise<void>): void | Promise<void> {
    if (!this.#shared) return this.#turns.take(act);

    let published: void | Promise<void>;
    const taken = this.#turns.take(() => {
      published = act();
    });
    const answer = () => (published && byClient ? this.#shared?.answer(message, published) : published);
    return taken ? taken.then(answer) : answer();
  }

  /**
   * @param isAdmitted whether queues have space for it
   * @returns a promise if it goes to other servers: it settles when they will hear it
   */
  #publish(message: Message, payer: string, isAdmitted = false): void | Promise<void> {
    const isPublic = isForAll(message.headers);
    if (!this.#shared || !isPublic) this.#counts.publications++;
    if (this.#conflation.isOn && isPublic && this.#conflation.holds(message)) return;
    return this.#publishNow(message, payer, isAdmitted);
  }

  #publishNow(message: Message, payer: string, isAdmitted = false): void | Promise<void> {
    const { headers } = message;
    if (this.#shared && isForAll(headers)) return this.#shared.publish(message);
    const shared = this.#shared?.publication(message) ?? this.#publication(message);
    // An interceptor may hold it up, and who has sent it need not wait for that.
    if (this.#outbound.intercepted) shared.own();

    if (this.#destinations.isQueue(headers)) {
      this.#queues.publish(shared, payer, isAdmitted);
      return;
    }
    const { privateTo, forSubscriptions, forUser } = headers;
    if (privateTo !== undefined) this.#fanOut.publish(shared, privateTo);
    else if (forSubscriptions) {
      for (const { sessionId, id } of forSubscriptions) this.#publishTo(shared, sessionId, id);
    } else if (forUser) {
      this.#history.keep(shared, forUser.name);
      for (const sessionId of forUser.sessionIds) this.#fanOut.publish(shared, sessionId);
    } else {
      this.#retained.keep(shared);
      if (this.#history.isOn) this.#history.keep(shared);
      this.#fanOut.publish(shared, undefined);
    }
  }

  /** To one private subscription, if that is still what it was. */
  #publishTo(publication: Publication, sessionId: string, id: string): void {
    const consumer = this.#sessions.get(sessionId)?.consumers.get(id);
    if (!consumer?.isPrivate || !consumer.pattern.fits(publication.headers.destination ?? "")) return;
    if (!consumer.plain) {
      consumer.offer(publication);
      return;
    }
    this.#fanOut.deliver(publication, consumer);
    this.#counts.deliveries++;
  }

  #publication(message: Message): Publication {
    const number = this.#positions.next();
    return new Publication(number, publication(message, this.#positions.idOf(number)));
  }

  #share(settings: BackplaneSettings, context: BrokerContext): SharedPublications {
    const { history, retainLast } = this.#options;
    return new SharedPublications({
      settings,
      context,
      positions: this.#positions,
      keeps: history.length + retainLast.length > 0,
      publish: (message) => {
        // The servers of a deployment may have other prefixes than this one.
        if (!this.#destinations.isOurs(message.headers)) return;
        return this.#turns.take(() => void this.#publish(message, APPLICATION));
      },
      keep: (kept, age, user) => {
        if (user === undefined && !this.#destinations.isOurs(kept.headers)) return;
        if (user === undefined) this.#retained.keep(kept);
        if (this.#history.isOn) this.#history.keep(kept, user, age);
      },
      missed: () => void this.#turns.take(() => this.#history.missed(this.#subscriptions())),
      availability: (isAvailable) => this.#announce(isAvailable),
    });
  }

  *#subscriptions(): Generator<Consumer> {
    for (const { consumers } of this.#sessions.values()) yield* consumers.values();
  }

  #other(headers: MessageHeaders): void | Promise<void> {
    const session = this.#sessions.get(headers.sessionId ?? "");
    if (!session) throw refusal(`Only a connected session can send ${headers.stompCommand}`);
    return this.#settlements.handle(headers, session, payerOf(headers));
  }

  #dropped(
    { headers }: Message,
    reason: MessagingEvents["messageDropped"]["reason"],
    sessionId?: string,
  ): void {
    const { destination = "", messageId = "" } = headers;
    this.#events.publish("messageDropped", { reason, destination, messageId, sessionId });
  }
}

/** Whether it is for all subscribers of all servers: it was not sent to a user, and has not come from a backplane. */
function isForAll({ position, privateTo, forUser, forSubscriptions }: MessageHeaders): boolean {
  return (
    position === undefined &&
    privateTo === undefined &&
    forUser === undefined &&
    forSubscriptions === undefined
  );
}

/** The payer of a message that waits in a queue: all sessions of a user together, or the application. */
function payerOf({ user, sessionId }: MessageHeaders): string {
  if (user) return `user ${user.name}`;
  return sessionId === undefined ? APPLICATION : `session ${sessionId}`;
}
