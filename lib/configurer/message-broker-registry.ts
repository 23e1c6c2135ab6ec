import { simpleBroker } from "../broker/simple-broker.js";
import type { SimpleBrokerOptions } from "../broker/simple-broker-options.js";
import type { StompMessagingOptions } from "../options/stomp-messaging-options.js";
import { stompBrokerRelay } from "../relay/stomp-broker-relay.js";
import type { StompBrokerRelayOptions } from "../relay/stomp-broker-relay-options.js";
import { ChannelRegistration } from "./channel-registration.js";
import type { Draft } from "./draft.js";
import { StompBrokerRelayRegistration } from "./stomp-broker-relay-registration.js";

/** Takes the broker, the prefixes, and the settings of `brokerChannel`. */
export class MessageBrokerRegistry {
  readonly #options: Draft<Partial<StompMessagingOptions>>;

  /** @internal */
  constructor(options: Draft<Partial<StompMessagingOptions>>) {
    this.#options = options;
  }

  enableSimpleBroker(...destinationPrefixes: string[]): SimpleBrokerRegistration {
    const options: Draft<SimpleBrokerOptions> = { destinationPrefixes };
    this.#options.broker = (context) => simpleBroker(options)(context);
    return new SimpleBrokerRegistration(options);
  }

  enableStompBrokerRelay(...destinationPrefixes: string[]): StompBrokerRelayRegistration {
    const options: Draft<StompBrokerRelayOptions> = { destinationPrefixes };
    this.#options.broker = (context) => stompBrokerRelay(options)(context);
    return new StompBrokerRelayRegistration(options);
  }

  setApplicationDestinationPrefixes(...prefixes: string[]): this {
    this.#options.applicationDestinationPrefixes = prefixes;
    return this;
  }

  setUserDestinationPrefix(prefix: string): this {
    this.#options.userDestinationPrefix = prefix;
    return this;
  }

  configureBrokerChannel(): ChannelRegistration {
    this.#options.brokerChannel ??= {};
    return new ChannelRegistration(this.#options.brokerChannel);
  }
}

/** Options of the simple broker. */
export class SimpleBrokerRegistration {
  readonly #options: Draft<SimpleBrokerOptions>;

  /** @internal */
  constructor(options: Draft<SimpleBrokerOptions>) {
    this.#options = options;
  }

  /** On by default here, and no scheduler is needed. */
  setHeartbeatValue(heartbeat: readonly [send: number, receive: number]): this {
    this.#options.heartbeatValue = heartbeat;
    return this;
  }

  /** Selectors are those of JMS, not SpEL. */
  setSelectorHeaderName(name: string): this {
    this.#options.selectorHeaderName = name;
    return this;
  }
}
