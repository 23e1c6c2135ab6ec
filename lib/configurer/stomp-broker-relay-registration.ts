import type { ConnectionOptions } from "node:tls";
import type { BrokerAddressOptions, StompBrokerRelayOptions } from "../relay/stomp-broker-relay-options.js";
import type { Draft } from "./draft.js";

/**
 * Options of the relay, as Spring's registration has them; `tls` and `addresses` stand for its `setTcpClient`.
 * For options that Spring does not have, write `broker: stompBrokerRelay({ … })` beside the configurer, in place of this.
 */
export class StompBrokerRelayRegistration {
  readonly #options: Draft<StompBrokerRelayOptions>;

  /** @internal */
  constructor(options: Draft<StompBrokerRelayOptions>) {
    this.#options = options;
  }

  setRelayHost(host: string): this {
    return this.#set({ relayHost: host });
  }

  setRelayPort(port: number): this {
    return this.#set({ relayPort: port });
  }

  setClientLogin(login: string): this {
    return this.#set({ clientLogin: login });
  }

  setClientPasscode(passcode: string): this {
    return this.#set({ clientPasscode: passcode });
  }

  setSystemLogin(login: string): this {
    return this.#set({ systemLogin: login });
  }

  setSystemPasscode(passcode: string): this {
    return this.#set({ systemPasscode: passcode });
  }

  setSystemHeartbeatSendInterval(milliseconds: number): this {
    return this.#set({ systemHeartbeatSendInterval: milliseconds });
  }

  setSystemHeartbeatReceiveInterval(milliseconds: number): this {
    return this.#set({ systemHeartbeatReceiveInterval: milliseconds });
  }

  setVirtualHost(host: string): this {
    return this.#set({ virtualHost: host });
  }

  setAutoStartup(autoStartup: boolean): this {
    return this.#set({ autoStartup });
  }

  setTls(tls: boolean | ConnectionOptions): this {
    return this.#set({ tls });
  }

  setAddresses(...addresses: BrokerAddressOptions[]): this {
    return this.#set({ addresses });
  }

  setUserDestinationBroadcast(destination: string): this {
    return this.#set({ userDestinationBroadcast: destination });
  }

  setUserRegistryBroadcast(destination: string): this {
    return this.#set({ userRegistryBroadcast: destination });
  }

  /** The secret of the servers: Spring has none, and takes messages of anybody there. */
  setSecret(secret: string): this {
    return this.#set({ secret });
  }

  #set(options: StompBrokerRelayOptions): this {
    Object.assign(this.#options, options);
    return this;
  }
}
