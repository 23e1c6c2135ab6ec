import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { ChannelSettings, ClientInboundChannelSettings } from "../options/stomp-messaging-options.js";

/** Takes the interceptors of a channel, and how much it does at a time. */
export class ChannelRegistration {
  readonly #settings: ChannelSettings;

  /** @internal */
  constructor(settings: ChannelSettings) {
    this.#settings = settings;
  }

  /** Adds interceptors behind those that are there. */
  interceptors(...interceptors: ChannelInterceptor[]): this {
    this.#settings.interceptors = [...(this.#settings.interceptors ?? []), ...interceptors];
    return this;
  }

  taskExecutor(): TaskExecutorRegistration {
    return new TaskExecutorRegistration(this.#settings);
  }
}

/** The same of `clientInboundChannel`. */
export class ClientInboundChannelRegistration extends ChannelRegistration {
  readonly #settings: ClientInboundChannelSettings;

  /** @internal */
  constructor(settings: ClientInboundChannelSettings) {
    super(settings);
    this.#settings = settings;
  }

  /** Handles a SEND with a `dedup-id` once for each user: the option `deduplicate`, which Spring does not have. */
  deduplicate(): this {
    this.#settings.deduplicate = true;
    return this;
  }
}

/** How much a channel does at a time. */
export class TaskExecutorRegistration {
  readonly #settings: ChannelSettings;

  /** @internal */
  constructor(settings: ChannelSettings) {
    this.#settings = settings;
  }

  /** Bounds the messages that are with the handlers at once: the channel's `concurrency`. */
  corePoolSize(concurrency: number): this {
    this.#settings.concurrency = concurrency;
    return this;
  }
}
