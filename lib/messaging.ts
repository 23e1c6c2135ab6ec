import type { Server } from "node:http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { SubscribableChannel } from "./channel/channel.js";
import { announceChannelFault, announceSendFault } from "./channel/channel-fault.js";
import { SimpMessagingTemplate } from "./channel/messaging-template.js";
import { senderOrder, sessionOrder } from "./channel/orders.js";
import { Pace } from "./channel/pace.js";
import { Countdown } from "./clock/countdown.js";
import { TickingClock } from "./clock/ticking-clock.js";
import {
  configuredOptions,
  isConfigurer,
  type UnconfiguredOptions,
  type WebSocketMessageBrokerConfigurer,
} from "./configurer/configurer.js";
import { ControllerHandler } from "./controller/controller-handler.js";
import { resolveControllers } from "./controller/resolve-controllers.js";
import { ApplicationDestinations } from "./destination/application-destinations.js";
import { AccessDeniedError, ConfigurationError, MessageDeliveryError } from "./errors.js";
import {
  EventPublisher,
  type HandshakeRefusal,
  type MessagingEventListener,
  type MessagingEvents,
} from "./events.js";
import { CompositeMessageConverter } from "./message/converters.js";
import type { Message } from "./message/message.js";
import { LONGEST_TIME, onlyKnown } from "./options/checks.js";
import { resolveOptions } from "./options/resolve-options.js";
import type { StompMessagingOptions } from "./options/stomp-messaging-options.js";
import { AccessControl } from "./security/access-control.js";
import { joinServers } from "./servers/servers.js";
import type { WhoseSessions } from "./servers/user-broadcast.js";
import { MessageEncoder } from "./session/message-encoder.js";
import { SessionRegistry } from "./session/session-registry.js";
import { Endpoint } from "./socket/endpoint.js";
import { looksAtHandshakes } from "./socket/handshake-interceptor.js";
import { attach } from "./socket/upgrade.js";
import { chooseSubProtocol } from "./stomp/version.js";
import type { CloseOptions, StompMessaging } from "./stomp-messaging.js";
import { type SimpSubscription, SimpUserRegistry } from "./user/simp-user-registry.js";
import { Unserved } from "./user/unserved.js";
import { unsubscribe } from "./user/unsubscribe.js";
import { UserClientHandler } from "./user/user-client-handler.js";
import { UserMessageHandler } from "./user/user-message-handler.js";
import { UserSessionLimit } from "./user/user-session-limit.js";
import { UserSessions } from "./user/user-sessions.js";

const GOING_AWAY = 1001;
const DRAIN_TIME = 5_000;

/**
 * Builds the same from Spring's configurer. What Spring finds by itself, such as
 * controllers, stands in the options beside it.
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
  const resolved = resolveOptions(isConfigurer(given) ? configuredOptions(given, others) : given);
  const { logger, transport, clock } = resolved;
  const events = new EventPublisher(logger);
  const ticks = new TickingClock({ time: clock });

  const { handlerTimeout } = resolved;
  const channelFaults = (channel: string) => (message: Message, error: Error) =>
    announceChannelFault({ channel, message, error }, { events, logger });
  const sendFaults = (channel: string) => (destination: string | undefined, error: unknown) =>
    announceSendFault({ channel, destination, error }, { events, logger });

  const pace = new Pace(clock, (destination) => userMessages.receivers(destination));

  // A session hands on its frames one by one; the other two channels keep order themselves.
  const clientInboundChannel: SubscribableChannel = new SubscribableChannel("clientInboundChannel", {
    ...resolved.clientInboundChannel,
    logger,
    clock,
    mayStart: ({ headers }) => !sessions.isOver(headers.sessionId),
    handlerTimeout,
    timedOut: channelFaults("clientInboundChannel"),
    sendFailed: sendFaults("clientInboundChannel"),
    pace,
  });
  const clientOutboundChannel: SubscribableChannel = new SubscribableChannel("clientOutboundChannel", {
    ...resolved.clientOutboundChannel,
    logger,
    clock,
    handlerTimeout,
    timedOut: channelFaults("clientOutboundChannel"),
    sendFailed: sendFaults("clientOutboundChannel"),
    order: sessionOrder({
      limit: transport.sendBufferSizeLimit,
      waits: (message) => sessions.waits(message),
      left: (sessionId) => sessions.left(sessionId),
      mayDrop: (message) => sessions.mayDrop(message),
      dropped: (message, first) => sessions.dropped(message, first),
      refused: (message) => sessions.overflowed(message),
    }),
  });
  const brokerChannel = new SubscribableChannel("brokerChannel", {
    ...resolved.brokerChannel,
    logger,
    clock,
    handlerTimeout,
    timedOut: channelFaults("brokerChannel"),
    sendFailed: sendFaults("brokerChannel"),
    pace,
    order: senderOrder({
      limit: resolved.brokerChannel.waitingSizeLimit,
      patience: handlerTimeout,
      refused: channelFaults("brokerChannel"),
    }),
  });

  const channels = { clientInboundChannel, clientOutboundChannel, events, logger };

  const converter = new CompositeMessageConverter(resolved.messageConverters);
  const template = new SimpMessagingTemplate(brokerChannel, converter, resolved.userDestinationPrefix);
  const userSessions = new UserSessions();
  const userRegistry = new SimpUserRegistry(userSessions.users);

  const sessions: SessionRegistry = new SessionRegistry({
    clientInboundChannel,
    clientOutboundChannel,
    pace,
    events,
    logger,
    clock: ticks,
    encoder: new MessageEncoder(),
    limits: transport,
    preserveReceiveOrder: resolved.preserveReceiveOrder,
    handlerTimeout: resolved.handlerTimeout,
    errorHandler: resolved.errorHandler,
    ended: (end) => {
      controllerHandler?.sessionEnded(end);
      userClients.sessionEnded(end);
    },
  });
  clientOutboundChannel.subscribe(sessions);

  const access = new AccessControl({
    security: resolved.security,
    template,
    events,
    logger,
    isOver: (sessionId) => sessions.isOver(sessionId),
    subscriptionsOf: (sessionId) => [...(userSessions.get(sessionId)?.subscriptions.values() ?? [])],
    sessionHeaders: (sessionId) => sessions.headersOf(sessionId),
    unsubscribe: (subscription, reason) => unsubscribe(subscription, reason, channels),
  });
  if (resolved.security) clientInboundChannel.guardBy(access);

  const { controllers } = resolveControllers(resolved.controllers, resolved.container, {
    template,
    userRegistry,
    clientInboundChannel,
    clientOutboundChannel,
    brokerChannel,
  });
  const controllerHandler =
    controllers.length > 0
      ? new ControllerHandler({
          controllers,
          applicationDestinationPrefixes: resolved.applicationDestinationPrefixes,
          destinationSeparator: resolved.destinationSeparator,
          converter,
          validator: resolved.validator,
          argumentResolvers: resolved.argumentResolvers,
          returnValueHandlers: resolved.returnValueHandlers,
          handlerTimeout: resolved.handlerTimeout,
          brokerChannel,
          clientOutboundChannel,
          userDestinationPrefix: resolved.userDestinationPrefix,
          access,
          events,
          sessions,
          logger,
          clock,
        })
      : undefined;
  if (controllerHandler) clientInboundChannel.subscribe(controllerHandler);

  const applications = new ApplicationDestinations(
    resolved.applicationDestinationPrefixes,
    resolved.destinationSeparator,
  );
  const broker = resolved.broker({
    clientOutboundChannel,
    sessions,
    events,
    logger,
    clock,
    destinationSeparator: resolved.destinationSeparator,
    controllers: {
      isPrefixed: (destination) => applications.has(destination),
      isMapped: (destination) =>
        !applications.arePrefixed && controllerHandler?.isMapped(destination) === true,
    },
  });
  if (typeof (broker as unknown as Partial<typeof broker> | undefined)?.handle !== "function") {
    throw new ConfigurationError(
      "broker takes what simpleBroker(…) or stompBrokerRelay(…) returns: this made no broker",
    );
  }
  if (resolved.security?.broker === "simple" && !broker.plainDestinations) {
    throw new ConfigurationError(
      'security was made for the simple broker, and this one may read destinations otherwise: tell messageSecurity broker: "relay"',
    );
  }
  // An interceptor may send a reply elsewhere.
  if (!brokerChannel.intercepted) {
    controllerHandler?.checkReplies({
      serves: (destination) => broker.serves?.({ messageType: "MESSAGE", destination }) !== false,
      brokerPrefixes: broker.destinationPrefixes ?? [],
      userDestinationPrefix: resolved.userDestinationPrefix,
    });
  }
  const servers = joinServers({
    broker,
    sessions: userSessions,
    handler: {
      deliver: (message, options) => userMessages.deliver(message, options),
      feed: (deliver) => sessions.feed(deliver),
      end: endHere,
      recheck: recheckHere,
      unsubscribe: async (sessionId, id, reason) => {
        const subscription = userSessions.get(sessionId)?.subscriptions.get(id);
        if (subscription) await unsubscribe(subscription, reason, channels);
      },
    },
    logger,
    clock,
  });
  const unserved = new Unserved({
    applicationPrefixes: resolved.applicationDestinationPrefixes,
    brokerPrefixes: broker.destinationPrefixes ?? [],
    userPrefix: resolved.userDestinationPrefix,
    events,
    logger,
    clock,
  });
  const users = { prefix: resolved.userDestinationPrefix, sessions: userSessions, unserved };
  const userMessages: UserMessageHandler = new UserMessageHandler({
    ...users,
    broker: broker.application ?? broker,
    isServed: ({ headers }) => broker.serves?.(headers) !== false,
    isServedElsewhere: (message) => brokerChannel.isServedBeside(userMessages, message),
    others: servers.users,
  });
  brokerChannel.subscribe(userMessages);
  const userClients: UserClientHandler = new UserClientHandler({
    ...users,
    broker,
    messages: userMessages,
    isServedElsewhere: (message) => clientInboundChannel.isServedBeside(userClients, message),
    clientsMaySend: resolved.clientsMaySendToUsers,
    isOpen: (sessionId) => sessions.isOpen(sessionId),
    limit: resolved.userSessions && new UserSessionLimit(resolved.userSessions, end),
  });
  clientInboundChannel.subscribe(userClients);
  events.on("connected", ({ sessionId, user }) => userClients.connected(sessionId, user));

  events.on("expiring", ({ sessionId, user, grant: { noticeDestination }, remaining }) => {
    if (noticeDestination === undefined) return;
    const notice = { expiresIn: Math.floor(remaining / 1000) };
    return template.convertAndSendToUser(user?.name ?? sessionId, noticeDestination, notice, { sessionId });
  });

  function end(sessionId: string, reason: string): boolean {
    return sessions.end(sessionId, new AccessDeniedError(reason));
  }

  function endHere(target: WhoseSessions, reason: string): number {
    if ("sessionId" in target) return Number(end(target.sessionId, reason));

    const ids = [...(userRegistry.getUser(target.user)?.sessions.keys() ?? [])];
    return ids.filter((id) => end(id, reason)).length;
  }

  function recheckHere(target: WhoseSessions | undefined, reason: string | undefined): Promise<number> {
    const subscriptions = userRegistry.findSubscriptions(({ session }) => {
      if (!target) return true;
      return "user" in target ? session.user.name === target.user : session.id === target.sessionId;
    });
    return access.recheck(subscriptions, reason);
  }

  async function unsubscribeAnywhere(subscription: SimpSubscription, reason?: string): Promise<boolean> {
    const { id, session } = subscription;
    if (session.server === undefined) return unsubscribe(subscription, reason, channels);
    if (session.subscriptions.get(id) !== subscription) return false;
    if (!servers.users) {
      throw new MessageDeliveryError(
        `Session ${session.id} is on another server: only userDestinationBroadcast reaches it`,
      );
    }
    await servers.users.unsubscribe(session.id, id, reason);
    return true;
  }

  async function recheckEverywhere(target?: WhoseSessions, reason?: string): Promise<number> {
    const told = servers.users?.recheck(target, reason);
    const [ended] = await Promise.all([recheckHere(target, reason), told]);
    return ended;
  }

  const endpoints = resolved.endpoints.map(
    (endpoint) =>
      new Endpoint(endpoint, {
        chooseSubProtocol,
        messageSizeLimit: transport.messageSizeLimit,
        perMessageDeflate: transport.perMessageDeflate,
        logger,
        clock,
        interceptors: (resolved.clientInboundChannel.interceptors ?? []).filter((each) =>
          looksAtHandshakes(each),
        ),
        limitPassedBy: (request) => sessions.limitPassedBy(request),
        refused: (refusal) => sessions.refused(refusal),
        limitExceeded: (limit, handshake) => sessions.limitExceeded(limit, handshake),
        open: (socket, handshake) => sessions.open(socket, handshake),
      }),
  );
  const detachments: (() => void)[] = [];
  let closing: { readonly drainTime: Countdown; readonly closed: Promise<void> } | undefined;

  const middleware: RequestHandler = (request: Request, response: Response, next: NextFunction) => {
    if (!endpoints.some((endpoint) => endpoint.handle(request, response, next))) next();
  };

  return Object.assign(middleware, {
    template,
    userRegistry,
    clientInboundChannel,
    clientOutboundChannel,
    brokerChannel,

    attach(server: Server): void {
      const { handshakeTimeout } = transport;
      const refused = (refusal: HandshakeRefusal) => sessions.refused(refusal);
      detachments.push(attach(server, { handshakeTimeout, refused, clock }));
    },

    disconnect(target: WhoseSessions, reason = "The session was ended"): number {
      checkTarget("disconnect", target);
      const ended = endHere(target, reason);
      if (ended === 0 || "user" in target) {
        servers.users
          ?.end(target, reason)
          .catch((error: unknown) => logger.error("No other server was told to end a session", error));
      }
      return ended;
    },

    unsubscribe(subscription: SimpSubscription, reason?: string): Promise<boolean> {
      return clientOutboundChannel.sending(
        unsubscribeAnywhere(subscription, reason),
        subscription.destination,
      );
    },

    recheck(target?: WhoseSessions, reason?: string): Promise<number> {
      if (target !== undefined) checkTarget("recheck", target);
      return clientOutboundChannel.sending(recheckEverywhere(target, reason), undefined);
    },

    system: broker.system,

    isBrokerAvailable: () => broker.isAvailable,

    start: () => broker.start?.(),

    stats: () => sessions.stats,

    on<E extends keyof MessagingEvents>(name: E, listener: MessagingEventListener<E>): () => void {
      return events.on(name, listener);
    },

    close(options: CloseOptions = {}): Promise<void> {
      // `process.on("SIGTERM", messaging.close)` calls it with the signal's name.
      if (typeof options !== "string") onlyKnown("close", options, ["drainMs"]);
      const { drainMs = DRAIN_TIME } = options;
      if (!Number.isFinite(drainMs) || drainMs < 0 || drainMs > LONGEST_TIME) {
        throw new ConfigurationError(`drainMs is ${String(drainMs)}: it must be a number of ms`);
      }
      if (closing) closing.drainTime.shorten(drainMs);
      else {
        const drainTime = new Countdown(drainMs, clock);
        closing = { drainTime, closed: close(drainTime) };
      }
      return closing.closed;
    },
  });

  async function close(drainTime: Countdown): Promise<void> {
    for (const endpoint of endpoints) endpoint.close();
    // All stay until what any of them has sent was handled, and has reached them.
    await Promise.race([drained(), drainTime.over]);
    drainTime.stop();
    await sessions.close({ code: GOING_AWAY, reason: "Server is shutting down" });
    for (const detach of detachments.splice(0)) detach();
    await servers.close();
    await broker.close();
    userMessages.close();
    ticks.close();
  }

  async function drained(): Promise<void> {
    await sessions.drain();
    await brokerChannel.idle();
    await clientOutboundChannel.idle();
  }
}

/** @throws ConfigurationError when it names no sessions: those of everybody, or of nobody, would be taken for them */
function checkTarget(method: string, target: WhoseSessions): void {
  const { user, sessionId } = (target ?? {}) as { user?: unknown; sessionId?: unknown };
  if ((typeof user === "string") !== (typeof sessionId === "string")) return;
  throw new ConfigurationError(`${method} takes { user: "…" } or { sessionId: "…" }`);
}
