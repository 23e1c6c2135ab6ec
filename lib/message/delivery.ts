import type { Message, MessageHeaders, Subscriber } from "./message.js";

/** Whether a subscription is over, for the headers of its deliveries: they show nothing else of it. */
export class Lifetime {
  readonly #subscriber: Subscriber;

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  get gone(): boolean {
    return this.#subscriber.gone;
  }

  get isOwed(): boolean {
    return this.#subscriber.isOwed === true;
  }
}

/**
 * A published message on its way to one subscriber. All deliveries of a
 * publication share its payload and headers; what is the subscriber's own
 * stands beside them, and becomes part of `headers` only if somebody looks.
 */
export class Delivery implements Message {
  readonly #publication: Message;
  readonly #subscriber: Subscriber;
  /** Only when the subscriber is to acknowledge. */
  readonly ackId: string | undefined;
  #headers: MessageHeaders | undefined;

  constructor(publication: Message, subscriber: Subscriber, ackId?: string) {
    this.#publication = publication;
    this.#subscriber = subscriber;
    this.ackId = ackId;
  }

  /** The same object for all subscribers, so that what is made of it can be made once. */
  get publication(): Message {
    return this.#publication;
  }

  /** Whether its subscription is over. */
  get gone(): boolean {
    return this.#subscriber.gone;
  }

  get sessionId(): string {
    return this.#subscriber.sessionId;
  }

  get subscriptionId(): string {
    return this.#subscriber.id;
  }

  get payload(): Uint8Array {
    return this.#publication.payload;
  }

  get headers(): MessageHeaders {
    this.#headers ??= {
      ...this.#publication.headers,
      sessionId: this.sessionId,
      subscriptionId: this.subscriptionId,
      subscription: new Lifetime(this.#subscriber),
      ...(this.ackId !== undefined && { ackId: this.ackId }),
    };
    return this.#headers;
  }
}

/** The head of a frame as it came, without the line that ends it, and the STOMP version that it came in. */
export interface WrittenHead {
  readonly head: string;
  readonly version: string;
  readonly contentType: string | undefined;
}

/** A delivery of a broker elsewhere whose frame says what we would: it goes on as it came, unless somebody makes another message of it. */
export class ForwardedDelivery extends Delivery {
  readonly written: WrittenHead;

  constructor(publication: Message, subscriber: Subscriber, written: WrittenHead, ackId?: string) {
    super(publication, subscriber, ackId);
    this.written = written;
  }
}

/** A delivery of a queue's message: nobody else has it, so it is not dropped for what is newer. */
export class QueueDelivery extends Delivery {}

/**
 * A delivery of what its subscriber has missed. Others may get the same in this turn of the event loop, one after the
 * other, each with all that is missing; and since they are told that it is all, it is not dropped for what is newer.
 */
export class ReplayDelivery extends Delivery {}
