import type { StompVersion } from "./broker/frame.js";
import { Conversation, StompError, type TestClose, type TestHeaders } from "./conversation.js";
import type { LineFaults } from "./line-faults.js";
import { Mailbox } from "./mailbox.js";
import { type TestFrame, type TestMessage, testMessage } from "./received.js";
import { TestSubscription, type WaitOptions } from "./test-subscription.js";
import type { Connection, ConnectionListener } from "./transport.js";

/** The options of a client. */
export interface TestClientOptions {
  readonly name: string;
  readonly lines: LineFaults;
  readonly within: number;
  /** Resolves when all that any client of the test has sent was handled, and what came of it has arrived. */
  allSettled(): Promise<void>;
  errorSeen(sessionId: string): void;
}

/** A frame that a client sends to be refused. */
export interface RefusedOptions {
  /** @default "SEND" */
  readonly command?: "SEND" | "SUBSCRIBE";
  readonly body?: unknown;
  readonly headers?: TestHeaders;
}

/** A transaction of a client. Each promise resolves when that was handled. */
export interface TestTransaction {
  readonly id: string;
  send(destination: string, body?: unknown, headers?: TestHeaders): Promise<void>;
  ack(message: TestMessage): Promise<void>;
  nack(message: TestMessage): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** A client of a test. It speaks STOMP over lines in memory, and asks for a receipt of all that it sends. */
export class TestClient {
  /** Its user's name, or a number: for the texts of failures. */
  readonly name: string;
  /** Its network, and what can befall that. */
  readonly lines: LineFaults;
  readonly #options: TestClientOptions;
  readonly #conversation: Conversation;
  readonly #subscriptions = new Map<string, TestSubscription>();
  readonly #others = new Mailbox<TestFrame>();
  #count = 0;

  /** @internal */
  constructor(options: TestClientOptions) {
    this.#options = options;
    this.name = options.name;
    this.lines = options.lines;
    this.#conversation = new Conversation({
      name: options.name,
      within: options.within,
      timers: options.lines.timers,
      message: (frame) => {
        const subscription = this.#subscriptions.get(frame.headers.subscription ?? "");
        if (subscription) subscription.put(testMessage(frame));
      },
      other: (frame) => this.#others.put(frame),
      over: (error) => {
        for (const mailbox of [this.#others, ...this.#subscriptions.values()]) mailbox.end(error);
      },
      errorSeen: (sessionId) => options.errorSeen(sessionId),
    });
  }

  /** The headers of CONNECTED. */
  get headers(): Readonly<Record<string, string>> {
    return this.#conversation.headers;
  }

  /** The session's id. */
  get sessionId(): string {
    return this.headers.session ?? "";
  }

  /** The version of STOMP that was agreed on. */
  get version(): StompVersion {
    return this.#conversation.version;
  }

  /** Whether the session lives. */
  get isOpen(): boolean {
    return this.#conversation.isOpen;
  }

  /** All frames of the server, the newest 10,000 at most. */
  get frames(): readonly TestFrame[] {
    return this.#conversation.received.frames;
  }

  /** How the connection ended, once it has; never rejects. */
  get closed(): Promise<TestClose> {
    return this.#conversation.closed;
  }

  /**
   * Sends a message: text and bytes as they are, all else as JSON. Resolves when it was handled.
   *
   * @throws StompError with the text of ERROR; Error when it is not handled in time, or the session is over
   */
  send(destination: string, body?: unknown, headers: TestHeaders = {}): Promise<void> {
    return this.#conversation.request("SEND", { destination, ...headers }, body);
  }

  /**
   * Subscribes; resolves when deliveries will arrive.
   *
   * @throws StompError with the text of ERROR
   */
  async subscribe(destination: string, headers: TestHeaders = {}): Promise<TestSubscription> {
    const id = String(headers.id ?? `sub-${++this.#count}`);
    const subscription = new TestSubscription(id, destination, {
      within: this.#options.within,
      allSettled: () => this.#options.allSettled(),
      unsubscribe: (which) => this.#conversation.request("UNSUBSCRIBE", { id: which }),
      failure: (text) => this.#conversation.failure(text),
    });
    this.#subscriptions.set(id, subscription);
    await this.#conversation.request("SUBSCRIBE", { ...headers, id, destination });
    return subscription;
  }

  /**
   * Sends what the server is to refuse, and gives the text of its ERROR.
   *
   * @param expected what that text is to have
   * @throws Error when it is accepted, or refused with another text
   */
  async refused(
    destination: string,
    expected: string | RegExp = "",
    { command = "SEND", body, headers = {} }: RefusedOptions = {},
  ): Promise<string> {
    const all = { destination, ...(command === "SUBSCRIBE" && { id: `sub-${++this.#count}` }), ...headers };
    const what = `${command} ${destination}`;
    const refusal = await this.#conversation.request(command, all, body).then(
      () => undefined,
      (error: Error) => error,
    );
    if (refusal === undefined) throw this.#conversation.failure(`${what} was not refused`);
    if (!(refusal instanceof StompError)) throw refusal;
    return expectedText(refusal.message, expected, (text) => this.#conversation.failure(`${what} ${text}`));
  }

  /** Acknowledges a message; with `ack:client` all before it, too. Resolves when that was handled. */
  ack(message: TestMessage, headers: TestHeaders = {}): Promise<void> {
    return this.#conversation.request("ACK", { ...this.#settling(message), ...headers });
  }

  /** Gives a message back. Resolves when that was handled. */
  nack(message: TestMessage, headers: TestHeaders = {}): Promise<void> {
    return this.#conversation.request("NACK", { ...this.#settling(message), ...headers });
  }

  /** Begins a transaction. Resolves when that was handled. */
  async begin(id = `tx-${++this.#count}`): Promise<TestTransaction> {
    const transaction = { transaction: id };
    await this.#conversation.request("BEGIN", transaction);
    return {
      id,
      send: (destination, body, headers) => this.send(destination, body, { ...headers, ...transaction }),
      ack: (message) => this.ack(message, transaction),
      nack: (message) => this.nack(message, transaction),
      commit: () => this.#conversation.request("COMMIT", transaction),
      abort: () => this.#conversation.request("ABORT", transaction),
    };
  }

  /** Sends text or bytes as they are: `mina.raw("SEND\ndestination:/app/hello\n\nhi\0")`. */
  raw(bytes: string | Uint8Array): void {
    this.#conversation.raw(bytes);
  }

  /**
   * The next frame that neither a subscription nor a promise of the client takes: what comes of `raw`, and an ERROR by itself.
   *
   * @throws Error that lists what did come, when none comes in time
   */
  frame({ within = this.#options.within }: WaitOptions = {}): Promise<TestFrame> {
    return this.#others.next(within, () =>
      this.#conversation.failure(`No other frame came within ${within} ms`),
    );
  }

  /** Resolves when all that this client has sent was handled. @throws Error when the session is over */
  settled(): Promise<void> {
    return this.#conversation.settled();
  }

  /** Sends DISCONNECT; resolves when the connection is closed. */
  async disconnect(): Promise<TestClose> {
    await this.#conversation.request("DISCONNECT", {});
    this.#conversation.close();
    return this.closed;
  }

  /** Sends no heart-beats any more, whatever was agreed on. */
  silence(): void {
    this.#conversation.silence();
  }

  /** Closes without a STOMP goodbye, as a page that is left. */
  close(): Promise<TestClose> {
    this.#conversation.close();
    return this.closed;
  }

  /** @internal */
  open(connect: (listener: ConnectionListener) => Promise<Connection>, headers: TestHeaders): Promise<void> {
    return this.#conversation.open(connect, headers);
  }

  #settling({ headers }: TestMessage): TestHeaders {
    if (this.version === "1.2") return { id: headers.ack ?? headers["message-id"] ?? "" };
    return { "message-id": headers["message-id"] ?? "", subscription: headers.subscription ?? "" };
  }
}

/** Gives the text of a refusal, if it is as expected. */
export function expectedText(
  text: string,
  expected: string | RegExp,
  failure: (text: string) => Error,
): string {
  const isExpected = typeof expected === "string" ? text.includes(expected) : expected.test(text);
  if (isExpected) return text;
  throw failure(`was refused with "${text}", which has not ${String(expected)}`);
}
