// The compiler's decorator metadata is written through it; without it, it is silently left out.
import "reflect-metadata";

export type { RevokedTokens } from "./authentication/bearer-grant.js";
export { type BearerTokenInterceptor, bearerToken } from "./authentication/bearer-token.js";
export type {
  BearerTokenOptions,
  TokenRenewalOptions,
  VerifiedToken,
} from "./authentication/bearer-token-options.js";
export {
  type CsrfTokenInterceptor,
  type CsrfTokenOptions,
  type CsrfTokenRepository,
  csrfToken,
} from "./authentication/csrf-token.js";
export {
  type HttpSessionHandshakeInterceptor,
  type HttpSessionHandshakeInterceptorOptions,
  httpSessionHandshakeInterceptor,
} from "./authentication/http-session-handshake-interceptor.js";
export {
  type HttpSessionLifetime,
  type HttpSessionLifetimeOptions,
  type HttpSessionStore,
  httpSessionLifetime,
} from "./authentication/http-session-lifetime.js";
export { actAs } from "./authentication/principal.js";
export type { Broker, BrokerContext, BrokerFactory } from "./broker/broker.js";
export type { BrokerSystem, SubscriptionGaps } from "./broker/broker-system.js";
export type { ClientSessions } from "./broker/client-sessions.js";
export type { ConflationOptions } from "./broker/conflation-options.js";
export type { HistoryOptions } from "./broker/history/history-options.js";
export type { HistoryPage, HistoryQuery } from "./broker/history/history-page.js";
export { simpleBroker } from "./broker/simple-broker.js";
export type { SimpleBrokerOptions } from "./broker/simple-broker-options.js";
export { SubscribableChannel } from "./channel/channel.js";
export type { ClientRequestOptions } from "./channel/client-asker.js";
export type { ChannelInterceptor } from "./channel/interceptor.js";
export type {
  InterceptorDescription,
  OwnDestination,
  TokenHeader,
} from "./channel/interceptor-description.js";
export type { MessageChannel } from "./channel/message-channel.js";
export type { MessageHandler } from "./channel/message-handler.js";
export {
  type MessageHeadersToSend,
  type MessagePostProcessor,
  SimpMessagingTemplate,
  type UserMessageHeaders,
} from "./channel/messaging-template.js";
export type { Clock } from "./clock/clock.js";
export type {
  ChannelRegistration,
  ClientInboundChannelRegistration,
  TaskExecutorRegistration,
} from "./configurer/channel-registration.js";
export type { UnconfiguredOptions, WebSocketMessageBrokerConfigurer } from "./configurer/configurer.js";
export type {
  MessageBrokerRegistry,
  SimpleBrokerRegistration,
} from "./configurer/message-broker-registry.js";
export type { StompBrokerRelayRegistration } from "./configurer/stomp-broker-relay-registration.js";
export type {
  HandshakeHandler,
  SockJsServiceRegistration,
  StompEndpointRegistry,
  StompWebSocketEndpointRegistration,
} from "./configurer/stomp-endpoint-registry.js";
export type { WebSocketTransportRegistration } from "./configurer/web-socket-transport-registration.js";
export { Controller, ControllerAdvice, Scope } from "./controller/class-decorators.js";
export type { ControllerContainer } from "./controller/container.js";
export type { StompContract, StompContractEntry } from "./controller/contract.js";
export {
  Authorize,
  Detached,
  type DetachedOptions,
  MessageExceptionHandler,
  MessageMapping,
  SendTo,
  SendToUser,
  type SendToUserOptions,
  SubscribeMapping,
} from "./controller/decorators.js";
export type {
  HeaderDescription,
  MappingDescription,
  MethodDescription,
  PayloadDescription,
  ReplyDescription,
  VariableDescription,
} from "./controller/description.js";
export type { DetachedStreamsOptions } from "./controller/detached-streams.js";
export type {
  HandlerMethodArgumentResolver,
  HandlerMethodReturnValueHandler,
  MethodParameter,
} from "./controller/extensions.js";
export {
  DestinationVariable,
  Exception,
  Header,
  type HeaderOptions,
  Headers,
  Message,
  Payload,
  type PayloadOptions,
  Principal,
} from "./controller/parameter-decorators.js";
export {
  type ClassValidationError,
  type ClassValidatorFunctions,
  classValidator,
  type PayloadClass,
  type PayloadValidator,
} from "./controller/payload-validator.js";
export type {
  EndpointDescription,
  ListenerDescription,
  MessagingDescription,
  RateLimitDescription,
  RuledDestination,
} from "./description.js";
export type { DeliveryDescription } from "./destination/delivery-description.js";
export type { DestinationSeparator } from "./destination/pattern.js";
export {
  AccessDeniedError,
  BrokerNotAvailableError,
  ClientRequestError,
  type ClientRequestFailure,
  ConfigurationError,
  type FieldIssue,
  HandlerTimeoutError,
  LimitExceededError,
  MessageConversionError,
  MessageDeliveryError,
  MessageHandlingError,
  MessagingError,
  MethodArgumentNotValidError,
  type Retry,
  StompConversionError,
} from "./errors.js";
export {
  type DetachedEnd,
  type EventPublisher,
  type HandshakeRefusal,
  type HandshakeRefusalReason,
  MESSAGING_EVENTS,
  type MessagingEventListener,
  type MessagingEvents,
} from "./events.js";
export type { RateLimitedCommand, RateLimitOptions } from "./limits/rate-limit-options.js";
export type { Logger } from "./logger.js";
export type { ConvertedPayload, MessageConverter, PayloadTarget } from "./message/converter.js";
export {
  createMessage,
  type MessageHeaders,
  type Receipt,
  type SimpMessageType,
  withHeaders,
  withPayload,
} from "./message/message.js";
export { NativeHeaders } from "./message/native-headers.js";
export type { SessionEnd } from "./message/session-end.js";
export { SessionGrant, type SessionGrantOptions } from "./message/session-grant.js";
export type { StandardSchema } from "./message/standard-schema.js";
export { stompMessaging } from "./messaging.js";
export { CONNECTION_DURATION, type DurationMeasure } from "./observe/connection-duration.js";
export type { TapListener } from "./observe/frame-taps.js";
export { type MessagingHealth, readiness } from "./observe/health.js";
export type { Inspection } from "./observe/inspection.js";
export { MEASURES, type Measure } from "./observe/measures.js";
export type { HandlerCall, Observation, ObservedMessaging, SendCall } from "./observe/observation.js";
export type {
  BrokerStats,
  ChannelStats,
  ControllerStats,
  MessagingStats,
  QueueStats,
  RelayStats,
  ServersStats,
} from "./observe/stats.js";
export type {
  AccessExplanation,
  InspectionAct,
  KeptView,
  QueueView,
  SessionView,
  SubscriptionView,
  TappedFrame,
  TapTarget,
} from "./observe/views.js";
export type {
  BrokerChannelSettings,
  ChannelSettings,
  ClientInboundChannelSettings,
  ControllerClass,
  StompMessagingOptions,
} from "./options/stomp-messaging-options.js";
export type { TransportOptions } from "./options/transport-options.js";
export { stompBrokerRelay } from "./relay/stomp-broker-relay.js";
export type { BrokerAddressOptions, StompBrokerRelayOptions } from "./relay/stomp-broker-relay-options.js";
export {
  type AccessFunction,
  type AuthoritiesOf,
  type Authorization,
  access,
  anonymous,
  authenticated,
  denyAll,
  hasAnyAuthority,
  hasAnyRole,
  hasAuthority,
  hasRole,
  permitAll,
} from "./security/authorization.js";
export type { Foresight } from "./security/foresight.js";
export type { Constraint, MessageMatchers } from "./security/message-matchers.js";
export {
  type ImaginedMessage,
  type MessageSecurity,
  type MessageSecurityOptions,
  messageSecurity,
} from "./security/message-security.js";
export type { AuthorizationDecision, ClientMessageType, RuleDescription } from "./security/rule.js";
export type { Backplane, BackplaneEntry, BackplaneListener, BackplaneLog } from "./servers/backplane.js";
export type { ServersSettings } from "./servers/settings.js";
export type { ErrorReply, StompSubProtocolErrorHandler } from "./session/error-reply.js";
export type { EndpointOptions } from "./socket/endpoint.js";
export type { HandshakeInterceptor } from "./socket/handshake-interceptor.js";
export { isSameOrigin } from "./socket/origin.js";
export type { SockJSOptions, SockJSTransport } from "./socket/sockjs/sock-js-options.js";
export type { ListenOptions, StompTcpServer, TcpConnection } from "./socket/tcp-server.js";
export type { CloseOptions, StompMessaging } from "./stomp-messaging.js";
export type { Presence, PresentAt } from "./user/presence/presence.js";
export type { PresenceOptions, PresentSession } from "./user/presence/presence-options.js";
export type { PresentUser } from "./user/presence/room.js";
export {
  type SimpSession,
  type SimpSubscription,
  type SimpUser,
  SimpUserRegistry,
} from "./user/simp-user-registry.js";
export type { UserSessionLimitOptions } from "./user/user-session-limit.js";
export { type Publisher, type PublisherOptions, publisher } from "./wiring/publisher.js";
