import type { TransportOptions } from "../options/transport-options.js";

/** Takes the limits of what one client may cost. */
export class WebSocketTransportRegistration {
  readonly #options: TransportOptions;

  /** @internal */
  constructor(options: TransportOptions) {
    this.#options = options;
  }

  setMessageSizeLimit(bytes: number): this {
    this.#options.messageSizeLimit = bytes;
    return this;
  }

  setSendBufferSizeLimit(bytes: number): this {
    this.#options.sendBufferSizeLimit = bytes;
    return this;
  }

  setSendTimeLimit(milliseconds: number): this {
    this.#options.sendTimeLimit = milliseconds;
    return this;
  }

  setTimeToFirstMessage(milliseconds: number): this {
    this.#options.timeToFirstMessage = milliseconds;
    return this;
  }
}
