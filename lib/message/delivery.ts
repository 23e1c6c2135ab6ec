import type { Message, MessageHeaders } from "./message.js";

/**
 * A published message on its way to one subscriber. All deliveries of a
 * publication share its payload and headers; what is the subscriber's own
 * stands beside them, and becomes part of `headers` only if somebody looks.
 */
export class Delivery implements Message {
  readonly #publication: Message;
  readonly sessionId: string;
  readonly subscriptionId: string;
  /** Only when the subscriber is to acknowledge. */
  readonly ackId: string | undefined;
  #headers: MessageHeaders | undefined;

  constructor(publication: Message, sessionId: string, subscriptionId: string, ackId?: string) {
    this.#publication = publication;
    this.sessionId = sessionId;
    this.subscriptionId = subscriptionId;
    this.ackId = ackId;
  }

  /** The same object for all subscribers, so that what is made of it can be made once. */
  get publication(): Message {
    return this.#publication;
  }

  get payload(): Uint8Array {
    return this.#publication.payload;
  }

  get headers(): MessageHeaders {
    this.#headers ??= {
      ...this.#publication.headers,
      sessionId: this.sessionId,
      subscriptionId: this.subscriptionId,
      ...(this.ackId !== undefined && { ackId: this.ackId }),
    };
    return this.#headers;
  }
}
