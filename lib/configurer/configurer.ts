import type {
  HandlerMethodArgumentResolver,
  HandlerMethodReturnValueHandler,
} from "../controller/extensions.js";
import { ConfigurationError } from "../errors.js";
import type { MessageConverter } from "../message/converter.js";
import type {
  ChannelSettings,
  ClientInboundChannelSettings,
  StompMessagingOptions,
} from "../options/stomp-messaging-options.js";
import type { TransportOptions } from "../options/transport-options.js";
import { isPromise } from "../promise.js";
import { ChannelRegistration, ClientInboundChannelRegistration } from "./channel-registration.js";
import type { Draft } from "./draft.js";
import { MessageBrokerRegistry } from "./message-broker-registry.js";
import { StompEndpointRegistry } from "./stomp-endpoint-registry.js";
import { WebSocketTransportRegistration } from "./web-socket-transport-registration.js";

/**
 * Spring's way to configure, for `stompMessaging(new WebSocketConfig())`: each
 * method is called once, and fills a registry whose methods have Spring's
 * names. All it can say can be said in `StompMessagingOptions` too.
 *
 * @example
 * ```ts
 * class WebSocketConfig implements WebSocketMessageBrokerConfigurer {
 *   registerStompEndpoints(registry: StompEndpointRegistry) {
 *     registry.addEndpoint("/ws").setAllowedOrigins("https://chat.example").withSockJS();
 *   }
 *   configureMessageBroker(registry: MessageBrokerRegistry) {
 *     registry.setApplicationDestinationPrefixes("/app").enableSimpleBroker("/topic");
 *   }
 * }
 * ```
 */
export interface WebSocketMessageBrokerConfigurer {
  registerStompEndpoints(registry: StompEndpointRegistry): void;
  configureMessageBroker?(registry: MessageBrokerRegistry): void;
  configureClientInboundChannel?(registration: ClientInboundChannelRegistration): void;
  configureClientOutboundChannel?(registration: ChannelRegistration): void;
  configureWebSocketTransport?(registration: WebSocketTransportRegistration): void;
  /** Adds converters, which are asked before ours. `true` may be returned, as in Spring; ours cannot be left out. */
  configureMessageConverters?(converters: MessageConverter[]): true | void;
  addArgumentResolvers?(resolvers: HandlerMethodArgumentResolver[]): void;
  addReturnValueHandlers?(handlers: HandlerMethodReturnValueHandler[]): void;
}

/** Options beside the configurer: in Spring they are beans, or do not exist. */
export type UnconfiguredOptions = Omit<StompMessagingOptions, "endpoints">;

/** Whether it is a configurer and no options. */
export function isConfigurer(
  given: StompMessagingOptions | WebSocketMessageBrokerConfigurer,
): given is WebSocketMessageBrokerConfigurer {
  return (
    typeof (given as WebSocketMessageBrokerConfigurer | undefined)?.registerStompEndpoints === "function"
  );
}

/**
 * Translates a configurer into options, and adds the others.
 *
 * @throws ConfigurationError when an option comes from both, or a method cannot be translated
 */
export function configuredOptions(
  configurer: WebSocketMessageBrokerConfigurer,
  others: UnconfiguredOptions,
): StompMessagingOptions {
  const options: Draft<Partial<StompMessagingOptions>> = {};
  const endpoints = new StompEndpointRegistry(options);
  const filled = {
    clientInboundChannel: {} satisfies ClientInboundChannelSettings,
    clientOutboundChannel: {} satisfies ChannelSettings,
    transport: {} satisfies TransportOptions,
    messageConverters: [] as MessageConverter[],
    argumentResolvers: [] as HandlerMethodArgumentResolver[],
    returnValueHandlers: [] as HandlerMethodReturnValueHandler[],
  };
  const call = <Name extends keyof WebSocketMessageBrokerConfigurer>(
    name: Name,
    ...argument: Parameters<NonNullable<WebSocketMessageBrokerConfigurer[Name]>>
  ) => {
    const method = configurer[name] as ((...argument: unknown[]) => unknown) | undefined;
    const result = method?.apply(configurer, argument);
    if (!isPromise(result)) return result;

    result.then(undefined, () => {});
    throw new ConfigurationError(`${name} must not be async: messaging starts at once`);
  };

  call("registerStompEndpoints", endpoints);
  call("configureMessageBroker", new MessageBrokerRegistry(options));
  call("configureClientInboundChannel", new ClientInboundChannelRegistration(filled.clientInboundChannel));
  call("configureClientOutboundChannel", new ChannelRegistration(filled.clientOutboundChannel));
  call("configureWebSocketTransport", new WebSocketTransportRegistration(filled.transport));
  call("addArgumentResolvers", filled.argumentResolvers);
  call("addReturnValueHandlers", filled.returnValueHandlers);
  if (call("configureMessageConverters", filled.messageConverters) === false) {
    throw new ConfigurationError(
      "configureMessageConverters returned false: our converters are always asked last",
    );
  }

  Object.assign(options, Object.fromEntries(Object.entries(filled).filter(([, part]) => !isEmpty(part))), {
    endpoints: endpoints.endpoints(),
  });
  const twice = Object.keys(others).find((name) => name in options);
  if (twice !== undefined) {
    throw new ConfigurationError(`${twice} is said twice: by the configurer, and in the options beside it`);
  }
  return { ...others, ...(options as StompMessagingOptions) };
}

function isEmpty(part: object): boolean {
  return Object.keys(part).length === 0;
}
