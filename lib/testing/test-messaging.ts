import { createServer, type RequestListener, Server } from "node:http";
import express from "express";
import {
  actAs,
  type Clock,
  type MessagingEvents,
  type Principal,
  type StompMessaging,
  type StompMessagingOptions,
  simpleBroker,
  stompMessaging,
} from "../index.js";
import type { StompVersion } from "./broker/frame.js";
import { StompError, type TestHeaders } from "./conversation.js";
import { EventRecord } from "./event-record.js";
import { FakeClock } from "./fake-clock.js";
import { inMemoryLine, type LineEnd } from "./in-memory-line.js";
import { LineFaults } from "./line-faults.js";
import { openConnection } from "./open-connection.js";
import { type RecordingLogger, recordingLogger } from "./recording-logger.js";
import { expectedText, TestClient } from "./test-client.js";
import type { WaitOptions } from "./test-subscription.js";
import { type Handshake, HandshakeRefusedError, type TestTransport } from "./transport.js";
import { realTimers, turned } from "./turns.js";
import { inMemoryWebSocket } from "./web-socket-connection.js";

/** The kit's own options. */
export interface TestMessagingOptions {
  /** The clock that `stompMessaging` was given: lines delay, and clients send heart-beats, by it. @default the process's */
  readonly clock?: Clock | undefined;
  /** The logger that `stompMessaging` was given, so that `log` has its lines. */
  readonly logger?: RecordingLogger | undefined;
  /** Where clients connect. @default the path of the first endpoint; say it if the middleware is mounted under another */
  readonly path?: string | undefined;
  /** Milliseconds of real time until whatever is waited for has failed. @default 1000 */
  readonly within?: number | undefined;
  /** Whether `close` passes though something failed on the server that no test has looked at. @default false */
  readonly allowErrors?: boolean | undefined;
}

/** A client's handshake. */
export interface TestHandshake {
  /** The user, without a login: `req.user`, and the session's user. @default as the application finds out */
  readonly user?: string | Principal;
  /** Headers of the HTTP request. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
  /** Cookies of the HTTP request. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** The header `Origin`, as a page has it. @default none */
  readonly origin?: string;
  /** The client's IP address. @default "127.0.0.1" */
  readonly address?: string;
  /** Whether the line passes for TLS. @default false */
  readonly secure?: boolean;
  /** @default the kit's */
  readonly path?: string;
}

/** A client of a test. */
export interface TestConnectOptions extends TestHandshake {
  /** Headers of CONNECT: a token, `login` and `passcode`, and whatever else. */
  readonly headers?: TestHeaders;
  /** @default "1.2" */
  readonly version?: StompVersion;
  /** @default "websocket" */
  readonly transport?: TestTransport;
  /** Ms between heart-beats: what the client sends, and what it wants. @default [0, 0] */
  readonly heartbeat?: readonly [number, number];
}

/**
 * An application under test: clients reach it over lines in memory, past its own
 * middleware, while no port is open.
 */
export class TestMessaging implements AsyncDisposable {
  readonly messaging: StompMessaging;
  /** Node's server, which does not listen. */
  readonly server: Server;
  readonly #options: TestMessagingOptions;
  readonly #within: number;
  readonly #events: EventRecord;
  readonly #users = new WeakMap<object, Principal>();
  readonly #clients: TestClient[] = [];
  readonly #networks = new Set<LineFaults>();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(server: Server, messaging: StompMessaging, options: TestMessagingOptions) {
    this.server = server;
    this.messaging = messaging;
    this.#options = options;
    this.#within = options.within ?? 1_000;
    this.#events = new EventRecord(messaging, this.#within);
    server.prependListener("request", (request) => {
      const user = this.#users.get(request.socket);
      if (user) actAs(request, user);
    });
    messaging.attach(server);
  }

  /** The lines of the log: those of the `logger` that the kit was given. */
  get log(): readonly string[] {
    return this.#options.logger?.lines ?? [];
  }

  /**
   * Connects a client; resolves when CONNECTED has come.
   *
   * @throws StompError when CONNECT is refused; HandshakeRefusedError when the handshake is
   */
  async connect(options: TestConnectOptions = {}): Promise<TestClient> {
    const { user, headers = {}, version = "1.2", heartbeat = [0, 0], transport = "websocket" } = options;
    const number = this.#clients.length + 1;
    const lines = this.#network();
    const client = new TestClient({
      name: user === undefined ? `client ${number}` : nameOf(user),
      lines,
      within: this.#within,
      allSettled: () => this.settled(),
      errorSeen: (sessionId) => this.#events.seen(sessionId),
    });
    this.#clients.push(client);
    const handshake = this.#handshake(options, lines, [`v${version.replace(".", "")}.stomp`]);
    await client.open((listener) => openConnection(transport, handshake, listener), {
      ...(version !== "1.0" && { "accept-version": version }),
      host: "localhost",
      "heart-beat": heartbeat.join(","),
      ...headers,
    });
    return client;
  }

  /**
   * Connects a client that is to be refused, and gives the text of the ERROR, or the status and text of the HTTP answer.
   *
   * @throws Error when it is connected, or refused with another text
   */
  async refused(options: TestConnectOptions = {}, expected: string | RegExp = ""): Promise<string> {
    const refusal = await this.connect(options).then(
      () => undefined,
      (error: Error) => error,
    );
    if (!refusal) throw new Error("The client was connected, and was to be refused");
    if (!(refusal instanceof StompError || refusal instanceof HandshakeRefusedError)) throw refusal;
    return expectedText(refusal.message, expected, (text) => new Error(`The client ${text}`));
  }

  /**
   * Options for a real Client of @stomp/stompjs, which connects to this server.
   *
   * @example
   * ```ts
   * const client = new Client({ ...stomp.stompjs({ user: "mina" }), reconnectDelay: 0 });
   * ```
   */
  stompjs(options: TestHandshake = {}): { readonly webSocketFactory: () => WebSocketLike } {
    return { webSocketFactory: () => this.webSocket(options) };
  }

  /** A WebSocket of ws on a line in memory, for whatever client takes one. */
  webSocket(
    options: TestHandshake = {},
    protocols: readonly string[] = ["v12.stomp", "v11.stomp", "v10.stomp"],
  ): WebSocketLike {
    const webSocket = inMemoryWebSocket(this.#handshake(options, this.#network(), protocols));
    return webSocket as unknown as WebSocketLike;
  }

  /**
   * Resolves when all that clients have sent was handled, all that the application has sent has passed its
   * interceptors, and what came of it has arrived.
   */
  async settled(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      await Promise.all(this.#clients.filter(({ isOpen }) => isOpen).map((client) => client.settled()));
      await this.messaging.brokerChannel.idle();
      await this.messaging.clientOutboundChannel.idle();
      await turned();
    }
  }

  /** All events of a kind since the kit was made, the newest 10,000 at most. */
  events<E extends keyof MessagingEvents>(name: E): readonly MessagingEvents[E][] {
    return this.#events.all(name);
  }

  /** The next event of a kind that was not asked for yet. @throws Error that lists what did come, when none comes in time */
  event<E extends keyof MessagingEvents>(name: E, options?: WaitOptions): Promise<MessagingEvents[E]> {
    return this.#events.next(name, options);
  }

  /**
   * Ends all clients and `messaging`. Once: what comes of a second call is the same.
   *
   * @throws Error when something failed on the server that no client was told and nobody looked at
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const network of this.#networks) network.resume();
    let isClosed = false;
    const closed = this.messaging.close({ drainMs: this.#within }).finally(() => {
      isClosed = true;
    });
    const { clock } = this.#options;
    // The fake clock, which nobody else moves on, waits for handlers that hang.
    if (clock instanceof FakeClock) {
      for (await turned(); !isClosed; await turned()) await clock.pass(this.#within);
    }
    await closed;
    for (const network of this.#networks) network.cut();
    this.server.closeAllConnections();
    this.#events.close(this.#options.allowErrors ?? false);
  }

  #network(): LineFaults {
    const network = new LineFaults(this.#options.clock ?? realTimers);
    this.#networks.add(network);
    return network;
  }

  #handshake(
    {
      user,
      requestHeaders = {},
      cookies,
      origin,
      address = "127.0.0.1",
      secure = false,
      path,
    }: TestHandshake,
    faults: LineFaults,
    protocols: readonly string[],
  ): Handshake {
    const cookie = Object.entries(cookies ?? {})
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join("; ");
    return {
      path: path ?? this.#options.path ?? this.messaging.description.endpoints[0]?.path ?? "/",
      protocols,
      faults,
      headers: { ...(origin && { origin }), ...(cookie && { cookie }), ...requestHeaders },
      line: () => this.#line({ address, secure, faults }, user),
    };
  }

  #line(options: Parameters<typeof inMemoryLine>[0], user: string | Principal | undefined): LineEnd {
    const { client, server } = inMemoryLine(options);
    if (user !== undefined) this.#users.set(server, typeof user === "string" ? { name: user } : user);
    this.server.emit("connection", server);
    return client;
  }
}

type GivenOptions = Partial<StompMessagingOptions> &
  Pick<TestMessagingOptions, "path" | "within" | "allowErrors">;

/** The part of a WebSocket that clients use. */
export interface WebSocketLike {
  readonly url: string;
  readonly readyState: number;
  binaryType?: "arraybuffer";
  onopen: ((event?: never) => unknown) | null | undefined;
  onmessage: ((event?: never) => unknown) | null | undefined;
  onclose: ((event?: never) => unknown) | null | undefined;
  onerror: ((event?: never) => unknown) | null | undefined;
  send(data: string | ArrayBuffer): void;
  close(): void;
}

/**
 * Puts an application under test, whose clients connect without a port.
 *
 * @param app the Express application that `messaging` is mounted on, or its server of `node:http`; TLS is `connect({ secure: true })`
 * @example
 * ```ts
 * const stomp = await testMessaging(app, messaging);
 * const mina = await stomp.connect({ user: "mina" });
 * const room = await mina.subscribe("/topic/room/7");
 * await mina.send("/app/room/7", { text: "hi" });
 * assert.deepEqual(await room.next(), { text: "hi", from: "mina" });
 * await stomp.close();
 * ```
 */
export function testMessaging(
  app: RequestListener | Server,
  messaging: StompMessaging,
  options?: TestMessagingOptions,
): Promise<TestMessaging>;
/**
 * Makes an application of options for `stompMessaging`: endpoint `/ws` with
 * SockJS, prefix `/app`, a broker for `/topic` and `/queue`, and a logger that
 * prints nothing, unless they say otherwise.
 *
 * @example
 * ```ts
 * await using stomp = await testMessaging({ controllers: [RoomController] });
 * ```
 */
export function testMessaging(options: GivenOptions): Promise<TestMessaging>;
export async function testMessaging(
  given: RequestListener | Server | GivenOptions,
  messaging?: StompMessaging,
  options: TestMessagingOptions = {},
): Promise<TestMessaging> {
  if (messaging) {
    if (given instanceof Server) return new TestMessaging(given, messaging, options);
    if (typeof given === "function") return new TestMessaging(createServer(given), messaging, options);
  }
  // A server of node:https would want a handshake of TLS on its lines.
  if (messaging || typeof given !== "object" || given instanceof Server) {
    throw new TypeError(
      "testMessaging takes the application or its http.Server, and what stompMessaging returned; or options for " +
        "stompMessaging. For TLS there is connect({ secure: true })",
    );
  }
  return ofOptions(given);
}

function ofOptions({ path, within, allowErrors, ...given }: GivenOptions): TestMessaging {
  const logger = recordingLogger();
  const messaging = stompMessaging({
    endpoints: [{ path: "/ws", sockJS: true }],
    applicationDestinationPrefixes: ["/app"],
    broker: simpleBroker({ destinationPrefixes: ["/topic", "/queue"] }),
    logger,
    ...given,
  });
  const app = express();
  app.use(messaging);
  const { clock } = given;
  return new TestMessaging(createServer(app), messaging, { path, within, allowErrors, clock, logger });
}

function nameOf(user: string | Principal): string {
  return typeof user === "string" ? user : user.name;
}
