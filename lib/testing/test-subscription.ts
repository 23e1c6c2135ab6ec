import { Mailbox } from "./mailbox.js";
import type { TestMessage } from "./received.js";

/** How long to wait. */
export interface WaitOptions {
  /** Milliseconds of real time. @default 1000, or as `testMessaging` was told */
  readonly within?: number;
}

/** A client, as its subscriptions need it. */
export interface SubscriptionHost {
  readonly within: number;
  /** Resolves when all that any client of the test has sent was handled, and what came of it has arrived. */
  allSettled(): Promise<void>;
  unsubscribe(id: string): Promise<void>;
  failure(text: string): Error;
}

/** A subscription of a test's client: deliveries arrive from its making on. */
export class TestSubscription {
  readonly id: string;
  readonly destination: string;
  readonly #host: SubscriptionHost;
  readonly #mailbox = new Mailbox<TestMessage>();

  /** @internal */
  constructor(id: string, destination: string, host: SubscriptionHost) {
    this.id = id;
    this.destination = destination;
    this.#host = host;
  }

  /** The body of the next message. @throws Error that lists what did come, when none comes in time */
  async next<T = unknown>(options?: WaitOptions): Promise<T> {
    return (await this.message<T>(options)).body;
  }

  /** The next message. @throws Error that lists what did come, when none comes in time */
  async message<T = unknown>({ within = this.#host.within }: WaitOptions = {}): Promise<TestMessage<T>> {
    const late = () => this.#host.failure(`No message came on ${this.destination} within ${within} ms`);
    return (await this.#mailbox.next(within, late)) as TestMessage<T>;
  }

  /** All messages that have come since the last look, when all that was sent has been handled. */
  async messages<T = unknown>(): Promise<readonly TestMessage<T>[]> {
    await this.#host.allSettled();
    return this.#mailbox.all() as TestMessage<T>[];
  }

  /** The bodies of those. */
  async bodies<T = unknown>(): Promise<readonly T[]> {
    return (await this.messages<T>()).map(({ body }) => body);
  }

  /** Holds that nothing has come since the last look, when all that was sent has been handled. @throws Error that lists it */
  async nothing(): Promise<void> {
    await this.#host.allSettled();
    if (this.#mailbox.isEmpty) return;
    const came = this.#mailbox.all().map(({ body }) => `\n  ${show(body)}`);
    throw this.#host.failure(
      `${came.length} messages came on ${this.destination}, and none was to:${came.join("")}`,
    );
  }

  /** Resolves when it is over. What has come can still be read. */
  unsubscribe(): Promise<void> {
    return this.#host.unsubscribe(this.id);
  }

  /** @internal */
  put(message: TestMessage): void {
    this.#mailbox.put(message);
  }

  /** @internal */
  end(error: () => Error): void {
    this.#mailbox.end(error);
  }
}

function show(body: unknown): string {
  return (body instanceof Uint8Array ? `${body.length} bytes` : JSON.stringify(body)) ?? "an empty body";
}
