import { randomUUID } from "node:crypto";
import { writtenBody } from "./broker/body.js";
import { FrameReader, frameBytes, type StompFrame, type StompVersion } from "./broker/frame.js";
import { Received, type TestFrame, testFrame } from "./received.js";
import type { Connection, ConnectionListener } from "./transport.js";
import { type Timers, within } from "./turns.js";

/** Headers of a client's frame. */
export type TestHeaders = Readonly<Record<string, string | number>>;

/** How a connection ended. */
export interface TestClose {
  readonly code: number;
  readonly reason: string;
  /** The text of the ERROR before it. */
  readonly error: string | undefined;
}

/** The server has answered ERROR: `message` is its text. */
export class StompError extends Error {
  override readonly name = "StompError";
  /** The headers of ERROR. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body of ERROR. */
  readonly body: string;

  constructor({ headers, body }: TestFrame) {
    super(headers.message ?? body);
    this.headers = headers;
    this.body = body;
  }
}

export interface ConversationOptions {
  /** The client's, for the texts of failures. */
  readonly name: string;
  /** Ms of real time that an answer may take. */
  readonly within: number;
  readonly timers: Timers;
  message(frame: StompFrame): void;
  /** Another frame that nobody waits for. */
  other(frame: TestFrame): void;
  over(error: () => Error): void;
  /** A promise was rejected with what this session was told. */
  errorSeen(sessionId: string): void;
}

/** One that waits for an answer. */
interface Waiting {
  answered(): void;
  failed(error: Error): void;
  readonly done: Promise<void>;
}

/** The talk of a client and the server, from CONNECT on: each frame is sent with a receipt, and waited for. */
export class Conversation {
  readonly received = new Received();
  readonly closed: Promise<TestClose>;
  readonly #options: ConversationOptions;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<string, Waiting>();
  #connection: Connection | undefined;
  #headers: Readonly<Record<string, string>> = {};
  #error: StompError | undefined;
  #close: TestClose | undefined;
  #tellClosed: (close: TestClose) => void = () => {};
  #stopBeats = () => {};

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
  }

  /** Those of CONNECTED. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  get version(): StompVersion {
    return this.#reader.version;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined && this.#close === undefined && this.#error === undefined;
  }

  /** Resolves when CONNECTED has come. @throws StompError, or what `connect` rejects with */
  async open(
    connect: (listener: ConnectionListener) => Promise<Connection>,
    headers: TestHeaders,
  ): Promise<void> {
    this.#connection = await connect({
      bytes: (bytes) => {
        for (const frame of this.#reader.read(bytes)) if (frame) this.#take(frame);
      },
      closed: (code, reason) => this.#closedWith({ code, reason, error: this.#error?.message }),
    });
    const connected = this.#answer("CONNECT", "CONNECT");
    this.#write("CONNECT", headers);
    await connected;
    this.#beat(String(headers["heart-beat"] ?? "0,0"));
  }

  /** Sends a frame; resolves when it was handled. @throws StompError with the text of ERROR */
  async request(command: string, headers: TestHeaders, body?: unknown): Promise<void> {
    if (!this.isOpen) throw this.#over(`${command} cannot be sent`);
    const receipt = String(headers.receipt ?? randomUUID());
    const answered = this.#answer(receipt, `${command} ${headers.destination ?? headers.id ?? ""}`.trim());
    const { bytes, contentType } = writtenBody(body);
    this.#write(command, { ...(contentType && { "content-type": contentType }), ...headers, receipt }, bytes);
    await answered;
  }

  raw(bytes: string | Uint8Array): void {
    const isBinary = typeof bytes !== "string";
    this.#connection?.send(isBinary ? bytes : new TextEncoder().encode(bytes), isBinary);
  }

  /** Resolves when all that was sent has been handled. @throws Error when the session is over */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#waiting.values()].map(({ done }) => done));
    // Harmless, and handled behind all that was sent before.
    await this.request("UNSUBSCRIBE", { id: `settled-${randomUUID()}` });
  }

  silence(): void {
    this.#stopBeats();
  }

  /** Closes without a STOMP goodbye. */
  close(): void {
    this.#connection?.close();
  }

  failure(text: string): Error {
    return new Error(`${this.#options.name}: ${text}. ${this.received.tell()}`);
  }

  #answer(id: string, what: string): Promise<void> {
    let waiting: Waiting | undefined;
    const done = new Promise<void>((answered, failed) => {
      waiting = { answered, failed, done: Promise.resolve() };
    });
    this.#waiting.set(id, { ...(waiting as Waiting), done });
    const { within: ms } = this.#options;
    return within(done, ms, () => this.failure(`${what} was not answered within ${ms} ms`)).finally(() =>
      this.#waiting.delete(id),
    );
  }

  #write(command: string, headers: TestHeaders, body: Uint8Array = new Uint8Array(0)): void {
    const isBinary = headers["content-type"] === "application/octet-stream";
    this.#connection?.send(frameBytes(command, headers, body, this.version), isBinary);
  }

  #take(frame: StompFrame): void {
    this.received.add(frame);
    const { command, headers } = frame;
    if (command === "MESSAGE") {
      this.#options.message(frame);
      return;
    }
    if (command === "ERROR") {
      this.#failedWith(frame);
      return;
    }
    if (command === "CONNECTED") {
      this.#headers = headers;
      this.#reader.version = (headers.version ?? "1.0") as StompVersion;
    }
    const waiting = this.#waiting.get(command === "CONNECTED" ? "CONNECT" : (headers["receipt-id"] ?? ""));
    if (waiting) waiting.answered();
    else this.#options.other(testFrame(frame));
  }

  #failedWith(frame: StompFrame): void {
    const error = new StompError(testFrame(frame));
    this.#error = error;
    this.#stopBeats();
    const waiting = this.#waiting.get(frame.headers["receipt-id"] ?? "CONNECT");
    if (this.#waiting.size === 0) this.#options.other(testFrame(frame));
    else this.#options.errorSeen(this.#headers.session ?? "");
    waiting?.failed(error);
    this.#fail();
  }

  #closedWith(close: TestClose): void {
    if (this.#close) return;
    this.#close = close;
    this.#stopBeats();
    this.#fail();
    this.#tellClosed(close);
  }

  #fail(): void {
    for (const { failed } of this.#waiting.values()) failed(this.#error ?? this.#over("No answer comes"));
    this.#options.over(() => this.#over("Nothing comes any more"));
  }

  #over(what: string): Error {
    const { code, reason } = this.#close ?? {};
    const why = this.#error
      ? `ERROR "${this.#error.message}" has ended the session`
      : `the connection was closed with ${code} ${reason ?? ""}`.trim();
    return this.failure(`${what}: ${why}`);
  }

  /** Sends heart-beats as promised, unless the server does not want them. */
  #beat(offered: string): void {
    const [every = 0] = offered.split(",").map(Number);
    const [, wanted = 0] = (this.#headers["heart-beat"] ?? "0,0").split(",").map(Number);
    if (every === 0 || wanted === 0 || !this.isOpen) return;

    const { timers } = this.#options;
    const beat = () => {
      this.raw("\n");
      this.#stopBeats = timers.after(Math.max(every, wanted), beat);
    };
    this.#stopBeats = timers.after(Math.max(every, wanted), beat);
  }
}
