import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { ChannelSettings } from "../options/stomp-messaging-options.js";

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
