import { isDeepStrictEqual } from "node:util";
import type { Request } from "express";
import { ConfigurationError } from "../errors.js";
import type { Principal } from "../message/message.js";
import type { StompMessagingOptions } from "../options/stomp-messaging-options.js";
import type { StompSubProtocolErrorHandler } from "../session/error-reply.js";
import type { EndpointOptions } from "../socket/endpoint.js";
import type { HandshakeInterceptor } from "../socket/handshake-interceptor.js";
import type { SockJSOptions, SockJSTransport } from "../socket/sockjs/sock-js-options.js";
import type { Draft } from "./draft.js";

/** Finds who connects, as the method of Spring's `DefaultHandshakeHandler`. */
export interface HandshakeHandler {
  determineUser(request: Request): Principal | undefined | null | Promise<Principal | undefined | null>;
}

/** Takes the endpoints, and what is the same for all of them. */
export class StompEndpointRegistry {
  readonly #options: Draft<Partial<StompMessagingOptions>>;
  readonly #endpoints: Draft<EndpointOptions>[] = [];

  /** @internal */
  constructor(options: Draft<Partial<StompMessagingOptions>>) {
    this.#options = options;
  }

  addEndpoint(...paths: string[]): StompWebSocketEndpointRegistration {
    if (paths.length === 0) throw new ConfigurationError("addEndpoint needs a path");

    const endpoints: Draft<EndpointOptions>[] = paths.map((path) => ({ path }));
    this.#endpoints.push(...endpoints);
    return new StompWebSocketEndpointRegistration(endpoints);
  }

  setErrorHandler(errorHandler: StompSubProtocolErrorHandler): this {
    this.#options.errorHandler = errorHandler;
    return this;
  }

  /** Order is on by default here, and never swallows an error. */
  setPreserveReceiveOrder(preserveReceiveOrder: boolean): this {
    this.#options.preserveReceiveOrder = preserveReceiveOrder;
    return this;
  }

  /**
   * A path may be there twice, with SockJS and without, as Spring's tutorials have it: here the one with SockJS
   * serves both.
   *
   * @internal
   */
  endpoints(): readonly EndpointOptions[] {
    const byPath = new Map<string, Draft<EndpointOptions>>();
    for (const endpoint of this.#endpoints) {
      const { sockJS: earlier, ...other } = byPath.get(endpoint.path) ?? endpoint;
      const { sockJS = earlier, ...same } = endpoint;
      const isTwice = byPath.has(endpoint.path) && earlier !== undefined && endpoint.sockJS !== undefined;
      if (isTwice || !isDeepStrictEqual(other, same)) {
        throw new ConfigurationError(
          `addEndpoint("${endpoint.path}") is there twice: one with withSockJS() serves plain WebSocket too`,
        );
      }
      byPath.set(endpoint.path, { ...same, sockJS });
    }
    return [...byPath.values()];
  }
}

/** One call of `addEndpoint`. */
export class StompWebSocketEndpointRegistration {
  readonly #endpoints: readonly Draft<EndpointOptions>[];
  readonly #interceptors: HandshakeInterceptor[] = [];

  /** @internal */
  constructor(endpoints: readonly Draft<EndpointOptions>[]) {
    this.#endpoints = endpoints;
  }

  setAllowedOrigins(...allowedOrigins: string[]): this {
    return this.#set({ allowedOrigins });
  }

  setAllowedOriginPatterns(...allowedOriginPatterns: string[]): this {
    return this.#set({ allowedOriginPatterns });
  }

  setHandshakeHandler(handler: HandshakeHandler): this {
    return this.#set({ user: (request) => handler.determineUser(request) });
  }

  addInterceptors(...interceptors: HandshakeInterceptor[]): this {
    this.#interceptors.push(...interceptors);
    return this.#set({ handshakeInterceptors: this.#interceptors });
  }

  withSockJS(): SockJsServiceRegistration {
    const sockJS: Draft<SockJSOptions> = {};
    this.#set({ sockJS });
    return new SockJsServiceRegistration(sockJS);
  }

  #set(settings: Partial<EndpointOptions>): this {
    for (const endpoint of this.#endpoints) Object.assign(endpoint, settings);
    return this;
  }
}

/** Options of SockJS at the endpoints of one call. */
export class SockJsServiceRegistration {
  readonly #options: Draft<SockJSOptions>;

  /** @internal */
  constructor(options: Draft<SockJSOptions>) {
    this.#options = options;
  }

  setHeartbeatTime(milliseconds: number): this {
    return this.#set({ heartbeatTime: milliseconds });
  }

  setDisconnectDelay(milliseconds: number): this {
    return this.#set({ disconnectDelay: milliseconds });
  }

  setStreamBytesLimit(bytes: number): this {
    return this.#set({ streamBytesLimit: bytes });
  }

  setHttpMessageCacheSize(messages: number): this {
    return this.#set({ httpMessageCacheSize: messages });
  }

  setSessionCookieNeeded(needed: boolean): this {
    return this.#set({ sessionCookieNeeded: needed });
  }

  setWebSocketEnabled(enabled: boolean): this {
    return this.#set({ webSocketEnabled: enabled });
  }

  setTransportHandlers(...transportHandlers: SockJSTransport[]): this {
    return this.#set({ transportHandlers });
  }

  setClientLibraryUrl(clientLibraryUrl: string): this {
    return this.#set({ clientLibraryUrl });
  }

  setSuppressCors(suppressCors: boolean): this {
    return this.#set({ suppressCors });
  }

  #set(options: SockJSOptions): this {
    Object.assign(this.#options, options);
    return this;
  }
}
