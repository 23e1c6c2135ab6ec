import { randomInt, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Request, Response } from "express";
import sockjs, { type Connection, type ServerOptions } from "sockjs";
import type { Principal } from "../../message/message.js";
import { answer } from "../answer.js";
import type { Handshake, Socket } from "../socket.js";
import { allowOrigin, allows } from "./cors.js";
import { HttpSocket, type SockJsResponse } from "./http-socket.js";
import { messagesOf } from "./messages.js";
import { readBody } from "./request-body.js";
import type { SockJSSettings } from "./sock-js-options.js";

export interface SockJsServiceOptions {
  readonly settings: SockJSSettings;
  /** Bytes of one request's body. */
  readonly bodyLimit: number;
  user(req: Request): Promise<Principal | undefined>;
  /** Whether one more client may connect. */
  admits(req: Request): boolean;
  open(socket: Socket, handshake: Handshake): void;
}

/** `<path>/<server>/<session>/<transport>`; the server is the load balancer's affair. */
export interface SessionRoute {
  readonly session: string;
  readonly transport: string;
}

interface Session {
  readonly id: string;
  /** The name the client chose. */
  readonly name: string;
  readonly owner: string;
  readonly handshake: Handshake;
  readonly socket: HttpSocket;
}

/** What of the sockjs package is used, which its types leave out. */
type SockJsHandler = (req: IncomingMessage, res: SockJsResponse) => boolean;

/** Transports that carry messages to the client: their method, and what SockJS calls them elsewhere. */
const RECEIVING = new Map([
  ["xhr", { methods: ["OPTIONS", "POST"], name: "xhr-polling" }],
  ["xhr_streaming", { methods: ["OPTIONS", "POST"], name: "xhr-streaming" }],
  ["eventsource", { methods: ["GET"], name: "eventsource" }],
]);
const NO_STORE = { "Cache-Control": "no-store, no-cache, no-transform, must-revalidate, max-age=0" };
/** SockJS clients have one request under way; more than this many wait for no good. */
const MAX_WAITING = 16;

/** Finds the session's part of a path below the endpoint's. */
export function sessionRoute(rest: string): SessionRoute | undefined {
  const [server, session, transport, ...more] = rest.split("/");
  if (!server || !session || !transport || more.length > 0) return undefined;
  if (server.includes(".") || session.includes(".")) return undefined;
  return { session, transport };
}

/**
 * SockJS over HTTP. The sockjs package keeps the sessions' time and writes their frames; it sees neither the
 * request nor who sent it, since it would trust both.
 */
export class SockJsService {
  readonly #options: SockJsServiceOptions;
  readonly #handler: SockJsHandler;
  /** By the name the client chose. */
  readonly #sessions = new Map<string, Session>();
  /** By the name sockjs knows: all mounts of a process share its one table, so names are made unique. */
  readonly #sessionsById = new Map<string, Session>();
  #isClosed = false;

  constructor(options: SockJsServiceOptions) {
    this.#options = options;
    const { heartbeatTime, disconnectDelay, streamBytesLimit } = options.settings;
    const serverOptions: ServerOptions & { disable_cors: boolean } = {
      log() {},
      heartbeat_delay: heartbeatTime,
      disconnect_delay: disconnectDelay,
      response_limit: streamBytesLimit,
      disable_cors: true,
    };
    const server = sockjs.createServer(serverOptions);
    server.on("connection", (connection) => this.#open(connection));
    this.#handler = (server as unknown as { middleware(options: object): SockJsHandler }).middleware({
      prefix: "",
    });
  }

  /** Answers 503 to new sessions. */
  close(): void {
    this.#isClosed = true;
  }

  /** Answers a request from an allowed origin. */
  async handle(rest: string, req: Request, res: Response): Promise<void> {
    allowOrigin(req, res);
    if (rest === "") {
      if (allows(["GET"], req, res)) answer(res, 200, "Welcome to SockJS!\n");
    } else if (rest === "info") {
      this.#answerInfo(req, res);
    } else if (rest === "websocket") {
      this.#answerWebSocket(req, res);
    } else {
      await this.#handleSession(sessionRoute(rest), req, res);
    }
  }

  async #handleSession(route: SessionRoute | undefined, req: Request, res: Response): Promise<void> {
    const receiving = RECEIVING.get(route?.transport ?? "");
    if (route?.transport === "websocket") {
      this.#answerWebSocket(req, res);
    } else if (route !== undefined && receiving !== undefined) {
      if (allows(receiving.methods, req, res)) await this.#carry(route, req, res);
    } else if (route?.transport === "xhr_send") {
      if (allows(["OPTIONS", "POST"], req, res)) await this.#receive(route.session, req, res);
    } else {
      answer(res, 404, "Not found\n");
    }
  }

  #answerInfo(req: Request, res: Response): void {
    if (!allows(["OPTIONS", "GET"], req, res)) return;

    const { webSocketEnabled, sessionCookieNeeded } = this.#options.settings;
    const info = {
      entropy: randomInt(2 ** 32),
      origins: ["*:*"],
      cookie_needed: sessionCookieNeeded,
      websocket: webSocketEnabled,
    };
    res.writeHead(200, { ...NO_STORE, "Content-Type": "application/json; charset=UTF-8" });
    res.end(JSON.stringify(info));
  }

  #answerWebSocket(req: Request, res: Response): void {
    if (!this.#options.settings.webSocketEnabled) answer(res, 404, "Not found\n");
    else if (allows(["GET"], req, res)) answer(res, 400, 'Can "Upgrade" only to "WebSocket".\n');
  }

  /** Gives a session a response to send on, and starts it if it is new. */
  async #carry({ session: name, transport }: SessionRoute, req: Request, res: Response): Promise<void> {
    const user = await this.#options.user(req);
    // Who has left by now would leave a session behind that nobody ends.
    if (req.socket.destroyed) return;

    const owner = ownerOf(req, user);
    let session = this.#sessions.get(name);
    if (session === undefined && this.#isClosed) {
      answer(res, 503, "The server is closing.\n");
      return;
    }
    if (session === undefined && !this.#options.admits(req)) {
      answer(res, 503, "Too many connections.\n", { "Retry-After": "5" });
      return;
    }
    session ??= this.#start(name, owner, new HttpSocket(RECEIVING.get(transport)?.name ?? transport), {
      request: req,
      user,
    });
    if (session.owner !== owner) {
      answer(res, 404, "Not found\n");
      return;
    }

    res.setHeader("X-Content-Type-Options", "nosniff");
    this.#handler(bareRequest(req, `/-/${session.id}/${transport}`), session.socket.carry(res));
  }

  #start(name: string, owner: string, socket: HttpSocket, handshake: Handshake): Session {
    const session = { id: randomUUID(), name, owner, socket, handshake };
    this.#sessions.set(name, session);
    this.#sessionsById.set(session.id, session);
    return session;
  }

  /** The client has been sent `o`. */
  #open(connection: Connection): void {
    const session = this.#sessionsById.get(connection.pathname.split("/")[2] ?? "");
    if (session === undefined) return;

    const { id, name, socket, handshake } = session;
    connection.on("close", () => {
      this.#sessions.delete(name);
      this.#sessionsById.delete(id);
    });
    socket.connect(connection);
    this.#options.open(socket, handshake);
  }

  async #receive(name: string, req: Request, res: Response): Promise<void> {
    const owner = ownerOf(req, await this.#options.user(req));
    const session = this.#sessions.get(name);
    if (session?.owner !== owner) {
      answer(res, 404, "Not found\n");
      return;
    }

    const { socket } = session;
    if (socket.waiting >= MAX_WAITING) {
      answer(res, 503, "Too many requests wait on this session.\n");
      return;
    }
    await socket.readable();
    const body = await readBody(req, this.#options.bodyLimit).catch(() => "aborted" as const);
    if (body === "aborted") return;
    if (body === "too-large") {
      answer(res, 413, "Too much in one request.\n");
      return;
    }
    const messages = messagesOf(body.text);
    if (messages === undefined) {
      answer(res, 500, body.text === "" ? "Payload expected.\n" : "Broken JSON encoding.\n");
      return;
    }
    if (await socket.readable()) socket.receive(messages);
    answer(res, 204);
  }
}

/** A session is its user's, or a stranger's at one address. */
function ownerOf(req: Request, user: Principal | undefined): string {
  return user === undefined ? `address ${req.ip ?? req.socket.remoteAddress}` : `user ${user.name}`;
}

/**
 * All that sockjs learns of a request. It writes to what it gets (`session`, `cookies`, `url`), which the
 * application's middleware would take for its own.
 */
function bareRequest(req: Request, url: string): IncomingMessage {
  const { method, httpVersion, socket } = req;
  return { method, httpVersion, url, headers: {}, connection: socket } as unknown as IncomingMessage;
}
