import type { Server } from "node:http";
import type { Broker } from "./broker/broker.js";
import type { HistoryQuery } from "./broker/history/history-page.js";
import { SimpMessagingTemplate } from "./channel/messaging-template.js";
import { Pace } from "./channel/pace.js";
import { TickingClock } from "./clock/ticking-clock.js";
import {
  configuredOptions,
  isConfigurer,
  type UnconfiguredOptions,
  type WebSocketMessageBrokerConfigurer,
} from "./configurer/configurer.js";
import { AccessDeniedError } from "./errors.js";
import { EventPublisher, type MessagingEventListener, type MessagingEvents } from "./events.js";
import { CompositeMessageConverter } from "./message/converters.js";
import { FrameTaps } from "./observe/frame-taps.js";
import { Health } from "./observe/health.js";
import { Observer } from "./observe/observer.js";
import { resolveOptions } from "./options/resolve-options.js";
import type { StompMessagingOptions } from "./options/stomp-messaging-options.js";
import { OpenQuestions } from "./requests/open-questions.js";
import type { SessionRegistry } from "./session/session-registry.js";
import type { ListenOptions } from "./socket/tcp-server.js";
import type { CloseOptions, StompMessaging } from "./stomp-messaging.js";
import { NO_PRESENCE } from "./user/presence/no-presence.js";
import type { WhoseSessions } from "./user/sessions-here.js";
import { type SimpSubscription, SimpUserRegistry } from "./user/simp-user-registry.js";
import { unsubscribe } from "./user/unsubscribe.js";
import { UserSessions } from "./user/user-sessions.js";
import { makeAccess } from "./wiring/access.js";
import { checkReplies, makeBroker } from "./wiring/broker.js";
import { makeChannels } from "./wiring/channels.js";
import { Closing } from "./wiring/closing.js";
import { makeControllers } from "./wiring/controllers.js";
import { describe } from "./wiring/description.js";
import { Attachments, makeEndpoints, middlewareOf } from "./wiring/endpoints.js";
import { tellOfExpiry } from "./wiring/expiry-notice.js";
import { historyOf } from "./wiring/history.js";
import { makeInspection } from "./wiring/inspection.js";
import { makePresence } from "./wiring/presence.js";
import { makeRates } from "./wiring/rates.js";
import { answersOf, makeRequests } from "./wiring/requests.js";
import { makeServers } from "./wiring/servers.js";
import { makeSessions } from "./wiring/sessions.js";
import { statsOf } from "./wiring/stats.js";
import { TcpServers } from "./wiring/tcp-servers.js";
import { makeUsers } from "./wiring/users.js";

/**
 * Builds the same from Spring's configurer. Controllers and others that Spring
 * finds by itself stand in the options beside it.
 *
 * @example
 * ```ts
 * const messaging = stompMessaging(new WebSocketConfig(), { controllers: [GreetingController] });
 * ```
 */
export function stompMessaging(
  configurer: WebSocketMessageBrokerConfigurer,
  options?: UnconfiguredOptions,
): StompMessaging;
/**
 * Builds the stations of a frame's road, joins them, and returns the middleware
 * to mount.
 *
 * @throws ConfigurationError when an option or a decorator makes no sense
 * @example
 * ```ts
 * const messaging = stompMessaging({
 *   endpoints: [{ path: "/ws", sockJS: true }],
 *   applicationDestinationPrefixes: ["/app"],
 *   broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
 *   controllers: [GreetingController],
 * });
 * app.use(messaging);
 * messaging.attach(app.listen(8080));
 * ```
 */
export function stompMessaging(options: StompMessagingOptions): StompMessaging;
export function stompMessaging(
  given: StompMessagingOptions | WebSocketMessageBrokerConfigurer,
  others: UnconfiguredOptions = {},
): StompMessaging {
  const options = resolveOptions(isConfigurer(given) ? configuredOptions(given, others) : given);
  const { logger, clock, userDestinationPrefix: prefix } = options;
  const events = new EventPublisher(logger);
  const ticks = new TickingClock({ time: clock });
  const pace = new Pace(clock, (destination) => userMessages.receivers(destination));
  const observer = new Observer({ ...options, observations: options.observation });
  const channels = makeChannels(options, { events, pace, observer, sessions: () => sessions });
  const { clientInboundChannel, clientOutboundChannel, brokerChannel } = channels;
  const converter = new CompositeMessageConverter(options.messageConverters);
  const template = new SimpMessagingTemplate(brokerChannel, converter, prefix, {
    request: (...question) => requests.request(...question),
  });
  const userSessions = new UserSessions();
  const userRegistry = new SimpUserRegistry(userSessions);
  const endSubscription = (subscription: SimpSubscription, reason?: string) =>
    unsubscribe(subscription, reason, { clientInboundChannel, clientOutboundChannel, events, logger });

  const taps = new FrameTaps({
    clock,
    logger,
    separator: options.destinationSeparator,
    watchApplication: (sent) => brokerChannel.watchBy(sent),
  });
  const questions = new OpenQuestions(answersOf(options), clock);
  const sessions: SessionRegistry = makeSessions(options, {
    ...channels,
    taps,
    pace,
    events,
    clock: ticks,
    rates: makeRates(options, { template, arePlain: () => broker.plainDestinations === true }),
    answers: questions,
    ended: (ending) => {
      requests.sessionEnded(ending);
      controllerHandler?.sessionEnded(ending);
      userClients.sessionEnded(ending);
    },
  });
  const endSession = (id: string, reason: string) => sessions.end(id, new AccessDeniedError(reason), true);

  const common = { ...channels, events, sessions, template };
  const roomOf = (destination: string | undefined) => presence?.roomOf(destination);
  const access = makeAccess(options, {
    ...common,
    userSessions,
    endSubscription,
    roomOf,
  });
  const stations = { ...common, access, userRegistry, converter, observer };
  const controllerHandler = makeControllers(options, stations);
  const broker: Broker = makeBroker(options, controllerHandler, stations);
  // An interceptor may send a reply elsewhere.
  if (!brokerChannel.intercepted) checkReplies(options, controllerHandler, broker);

  const presence = makePresence(options, { ...common, broker, userSessions, ticks });
  const { servers, everywhere } = makeServers(options, {
    broker,
    sessions: userSessions,
    deliver: (message, whose) => userMessages.deliver(message, whose),
    feed: (deliver) => sessions.feed(deliver),
    endSession,
    recheck: (subscriptions, reason) => {
      presence?.refresh(new Set(subscriptions.map(({ session }) => session)));
      return access.recheck(subscriptions, reason);
    },
    endSubscription,
    questionTold: (told) => requests.told(told),
  });
  const asking = { converter, userSessions, questions, others: servers.sessions };
  const requests = makeRequests(options, { ...common, ...asking });
  const users = { ...common, broker, userSessions, others: servers.users, endSession, presence };
  const { userMessages, userClients } = makeUsers(options, users);
  events.on("expiring", (expiring) => tellOfExpiry(expiring, template));
  const endpoints = makeEndpoints(options, sessions);
  const attachments = new Attachments(options, sessions);
  const tcpServers = new TcpServers(options, sessions);
  const health = new Health({ clock, events, isBrokerAvailable: () => broker.isAvailable });
  const closing = new Closing({
    clock,
    atOnce: [health, ...endpoints, tcpServers, { close: () => presence?.hold() }],
    sessions,
    detached: controllerHandler?.detached,
    broker,
    requests,
    channels: [brokerChannel, clientOutboundChannel],
    afterwards: [
      attachments,
      { close: () => presence?.close() },
      servers,
      broker,
      userMessages,
      ticks,
      observer,
    ],
  });

  const inspection = makeInspection(options, {
    ...common,
    access,
    broker,
    controllers: controllerHandler,
    taps,
  });

  const messaging = Object.assign(middlewareOf(endpoints), {
    template,
    userRegistry,
    presence: presence ?? NO_PRESENCE,
    ...channels,
    attach: (server: Server) => attachments.add(server),
    listen: (where: ListenOptions) => tcpServers.listen(where),
    disconnect: (target: WhoseSessions, reason = "The session was ended") => everywhere.end(target, reason),
    unsubscribe: (subscription: SimpSubscription, reason?: string) =>
      clientOutboundChannel.sending(everywhere.unsubscribe(subscription, reason), subscription.destination),
    recheck: (target?: WhoseSessions, reason?: string) =>
      clientOutboundChannel.sending(everywhere.recheck(target, reason), undefined),
    abort: (key: string, reason = "It was ended") => controllerHandler?.detached.abort(key, reason) ?? false,
    history: (destination: string, query: HistoryQuery = {}) =>
      historyOf(destination, query, { broker, userPrefix: prefix }),
    system: broker.system,
    isBrokerAvailable: () => broker.isAvailable,
    health: () => health.now(),
    start: () => broker.start?.(),
    stats: () => statsOf({ ...channels, sessions, broker, controllers: controllerHandler, servers }),
    inspection,
    on: <E extends keyof MessagingEvents>(name: E, listener: MessagingEventListener<E>) =>
      events.on(name, listener),
    close: (drain?: CloseOptions) => closing.close(drain),
  });
  observer.start(messaging);
  // As a getter, which assign would not keep: it is made of all mappings, and few ask for it.
  const getter = {
    get: () => describe(options, { controllers: controllerHandler, broker, tcpServers, roomOf }),
  };
  return Object.defineProperty(messaging, "description", getter) as StompMessaging;
}
