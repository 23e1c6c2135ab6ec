import { readBody, writtenBody } from "./body.js";
import { BrokerConnection } from "./broker-connection.js";
import { Deliveries, type FrameHeaders } from "./deliveries.js";
import type { StompFrame } from "./frame.js";
import { PageLines } from "./page-lines.js";
import type { PageSocket } from "./page-socket.js";

/** The options of `testBroker`. */
export interface TestBrokerOptions {
  /** The `login` and `passcode` that may connect. @default everybody */
  readonly users?: Readonly<Record<string, string>>;
  /** Ms between heart-beats that the broker offers: what it sends, and what it wants. @default [0, 0] */
  readonly heartbeat?: readonly [number, number];
}

export type { FrameHeaders } from "./deliveries.js";

/** A frame that a page has sent. */
export interface PageFrame {
  readonly command: string;
  readonly headers: FrameHeaders;
  /** Decoded: JSON, where it is such; bytes by their content type; else text. */
  readonly body: unknown;
  /** The `login` of the page. */
  readonly user: string | undefined;
}

/** Answers what pages send to a destination. What it throws, or rejects with, is ERROR with its text. */
export type DestinationHandler = (
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its own types what its pages send
  body: any,
  frame: PageFrame,
) => unknown;

/** A STOMP server in the process of the test, or in its page, that does what the test tells it to. */
export class TestBroker {
  /** The network, and what can befall it. */
  readonly lines: PageLines;
  /** All frames that pages have sent, CONNECT first. */
  readonly frames: readonly PageFrame[];
  readonly #options: TestBrokerOptions;
  readonly #connections = new Set<BrokerConnection>();
  readonly #handlers = new Map<string, DestinationHandler>();
  readonly #frames: PageFrame[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #deliveries = new Deliveries(this.#connections);
  #refusal: string | undefined;
  #dropsReceipts = false;
  #isSilent = false;
  #sessions = 0;

  constructor(options: TestBrokerOptions = {}) {
    this.#options = options;
    this.frames = this.#frames;
    this.lines = new PageLines(this.#connections);
  }

  /**
   * Makes a WebSocket whose other end is this broker: `new Client({ webSocketFactory: broker.webSocket })`.
   *
   * @param protocols as of a browser's WebSocket
   */
  readonly webSocket = (protocols: readonly string[] = ["v12.stomp"]): PageSocket => {
    const connection = new BrokerConnection(protocols, {
      lines: this.lines,
      frame: (frame, from) => this.#take(frame, from),
      over: (which) => {
        this.#connections.delete(which);
        this.#changed();
      },
    });
    this.#connections.add(connection);
    return connection.socket;
  };

  /** How many pages are connected. */
  get connections(): number {
    return [...this.#connections].filter(({ isConnected }) => isConnected).length;
  }

  /** Takes what pages send to a destination, which otherwise goes to its subscribers. Destinations have no variables or wildcards here. */
  on(destination: string, handler: DestinationHandler): this {
    this.#handlers.set(destination, handler);
    return this;
  }

  /**
   * Sends to all who have subscribed to a destination: text and bytes as they are, all else as JSON.
   *
   * @returns how many that were
   */
  send(destination: string, body?: unknown, headers: FrameHeaders = {}): number {
    const { bytes, contentType } = writtenBody(body);
    const typed = { ...(contentType && { "content-type": contentType }), ...headers };
    return this.#deliveries.publish(destination, bytes, typed);
  }

  /** Resolves when a page is connected, one is already perhaps. */
  connected(): Promise<void> {
    return this.#until(() => this.connections > 0);
  }

  /** Resolves when no page is connected. */
  disconnected(): Promise<void> {
    return this.#until(() => this.connections === 0);
  }

  /** Resolves when a page has subscribed to a destination, one has already perhaps. */
  subscribed(destination: string): Promise<void> {
    return this.#until(() => this.#deliveries.subscribers(destination).length > 0);
  }

  /** Resolves when no page is subscribed to a destination. */
  unsubscribed(destination: string): Promise<void> {
    return this.#until(() => this.#deliveries.subscribers(destination).length === 0);
  }

  /** The first frame of a command that pages have sent, or will, to that destination if one is given. */
  async frame(command: string, destination?: string): Promise<PageFrame> {
    const find = () =>
      this.#frames.find(
        (each) =>
          each.command === command && (destination === undefined || each.headers.destination === destination),
      );
    await this.#until(() => find() !== undefined);
    return find() as PageFrame;
  }

  /** Refuses each CONNECT from now on with this ERROR; `undefined` accepts them again. */
  refuse(text: string | undefined): void {
    this.#refusal = text;
  }

  /** Sends no RECEIPT from now on; `false` sends them again. */
  dropReceipts(drops = true): void {
    this.#dropsReceipts = drops;
  }

  /** Sends no heart-beats from now on, though they were offered; `false` sends them again. */
  silence(silent = true): void {
    this.#isSilent = silent;
  }

  /** The answer to a SUBSCRIBE with `since`: what was missed is sent again, or with `false` the answer is `recovered:false`. */
  recover(recovers: boolean): void {
    this.#deliveries.recovers = recovers;
  }

  /** Sends all that pages have not acknowledged once more, with `redelivered:true`. @returns how many that were */
  redeliver(): number {
    return this.#deliveries.redeliver();
  }

  /** Sends ERROR to every page, and closes. */
  error(text: string, headers: FrameHeaders = {}): void {
    for (const connection of [...this.#connections]) this.#fail(connection, text, headers);
  }

  /** Closes every connection, as a server that goes away. */
  close(code = 1001, reason = "Server is shutting down"): void {
    for (const connection of [...this.#connections]) connection.close(code, reason);
  }

  #take(frame: StompFrame, connection: BrokerConnection): void {
    const { command, headers } = frame;
    this.#frames.push(pageFrame(frame, connection));
    let isHeld = false;
    try {
      isHeld = connection.transactions.hold(frame);
      if (!isHeld) this.#do(frame, connection);
    } catch (error) {
      this.#failed(connection, error, headers.receipt);
    }
    this.#changed();
    if (headers.receipt === undefined || (command === "SEND" && !isHeld)) return;
    this.#receipt(headers.receipt, connection);
    if (command === "DISCONNECT") connection.close(1000, "");
  }

  #do(frame: StompFrame, connection: BrokerConnection): void {
    const { command, headers } = frame;
    const { id = "", destination = "", transaction = "" } = headers;
    switch (command) {
      case "CONNECT":
      case "STOMP":
        this.#connect(headers, connection);
        break;
      case "SEND":
        void this.#send(frame, connection);
        break;
      case "SUBSCRIBE":
        connection.subscriptions.set(id, { id, destination, ack: headers.ack ?? "auto" });
        if (headers.since !== undefined) this.#deliveries.replay(headers.since, connection, id, destination);
        break;
      case "UNSUBSCRIBE":
        connection.unsubscribe(id);
        break;
      case "ACK":
        this.#deliveries.acknowledge(headers, connection);
        break;
      case "NACK":
        this.#deliveries.refuse(headers, connection);
        break;
      case "DISCONNECT":
        if (headers.receipt === undefined) connection.close(1000, "");
        break;
      case "BEGIN":
        connection.transactions.begin(transaction);
        break;
      case "COMMIT":
        for (const each of connection.transactions.end(transaction)) this.#do(each, connection);
        break;
      case "ABORT":
        connection.transactions.end(transaction);
        break;
      default:
        this.#fail(connection, `Unknown command ${command}`);
    }
  }

  #connect(headers: FrameHeaders, connection: BrokerConnection): void {
    const { login, passcode, "accept-version": accepted = "1.0", "heart-beat": wanted = "0,0" } = headers;
    const { users, heartbeat: [sends, wants] = [0, 0] } = this.#options;
    const version = connection.agree(accepted);
    if (this.#refusal !== undefined) {
      this.#fail(connection, this.#refusal);
    } else if (version === undefined) {
      this.#fail(connection, `No version of ${accepted} is spoken here`, { version: "1.0,1.1,1.2" });
    } else if (users && (login === undefined || users[login] !== passcode)) {
      this.#fail(connection, "Bad credentials");
    } else {
      connection.user = login;
      connection.isConnected = true;
      const name = login === undefined ? {} : { "user-name": login };
      const session = `session-${++this.#sessions}`;
      connection.send("CONNECTED", { version, session, "heart-beat": `${sends},${wants}`, ...name });
      const [, hears = 0] = wanted.split(",").map(Number);
      connection.beat(sends === 0 || hears === 0 ? 0 : Math.max(sends, hears), () => !this.#isSilent);
    }
  }

  async #send(frame: StompFrame, connection: BrokerConnection): Promise<void> {
    const { headers, body } = frame;
    const { destination = "", receipt } = headers;
    try {
      const handler = this.#handlers.get(destination);
      const seen = pageFrame(frame, connection);
      if (handler) await handler(seen.body, seen);
      else this.#deliveries.publish(destination, body, passedOn(headers));
      if (receipt !== undefined) this.#receipt(receipt, connection);
    } catch (error) {
      this.#failed(connection, error, receipt);
    }
  }

  #receipt(receipt: string, connection: BrokerConnection): void {
    if (!this.#dropsReceipts) connection.send("RECEIPT", { "receipt-id": receipt });
  }

  #failed(connection: BrokerConnection, error: unknown, receipt: string | undefined): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#fail(connection, text, receipt === undefined ? {} : { "receipt-id": receipt });
  }

  #fail(connection: BrokerConnection, text: string, headers: FrameHeaders = {}): void {
    connection.send("ERROR", { message: text, ...headers }, new TextEncoder().encode(text));
    connection.close(1002, "");
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        if (!isSo()) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }
}

/**
 * Makes a STOMP server for tests of pages and other clients: in the process of
 * the test or in the page, without a port, and scripted.
 *
 * @example
 * ```ts
 * const broker = testBroker({ users: { rod: "secret" } });
 * const client = new Client({ webSocketFactory: broker.webSocket });
 * broker.on("/app/hello", ({ name }) => broker.send("/topic/greetings", { content: `Hello, ${name}` }));
 * await broker.subscribed("/topic/greetings");
 * broker.lines.cut();
 * ```
 */
export function testBroker(options?: TestBrokerOptions): TestBroker {
  return new TestBroker(options);
}

/** The headers that go on from a page's SEND to subscribers. */
function passedOn({
  destination: _destination,
  receipt: _receipt,
  "content-length": _length,
  ...others
}: FrameHeaders): FrameHeaders {
  return others;
}

function pageFrame(frame: StompFrame, { user }: BrokerConnection): PageFrame {
  const { command, headers } = frame;
  return { command, headers, body: decoded(frame), user };
}

/** Pages send JSON without saying so. */
function decoded({ headers, body }: StompFrame): unknown {
  const value = readBody(body, headers["content-type"]);
  if (typeof value !== "string" || headers["content-type"] !== undefined) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
