import { randomInt } from "node:crypto";
import type { Request, Response } from "express";
import type { Clock } from "../../clock/clock.js";
import type { Principal } from "../../message/message.js";
import { addressOf, handshakeOf } from "../address.js";
import { answer } from "../answer.js";
import type { Connect } from "../handshake-interceptor.js";
import { CLOSING, type Refusal, tooMany } from "../refusal.js";
import type { Handshake, Socket } from "../socket.js";
import { cacheForAYear, cacheNever } from "./caching.js";
import { Carrier } from "./carrier.js";
import { allowOrigin } from "./cors.js";
import { HTTP_SENDERS, type HttpSender } from "./http-sender.js";
import { HttpSessions, type NewSession } from "./http-sessions.js";
import type { HttpSocket } from "./http-socket.js";
import { HTTP_TRANSPORTS, type HttpTransport } from "./http-transport.js";
import { IframePage } from "./iframe-page.js";
import { PayloadError } from "./json-texts.js";
import { readMessages } from "./request-messages.js";
import { type SessionRoute, sessionRoute } from "./session-route.js";
import type { SockJSSettings } from "./sock-js-options.js";

export interface SockJsServiceOptions {
  readonly settings: SockJSSettings;
  readonly clock: Clock;
  user(req: Request): Principal | undefined | Promise<Principal | undefined>;
  /** Goes on with `connect` when no interceptor refuses the handshake. */
  intercept(req: Request, res: Response, connect: Connect): void | Promise<void>;
  /** The limit that one more client would pass, announced. */
  limitPassedBy(address: string): string | undefined;
  /** Answers a request that would have begun a session, and tells of it. */
  refuse(req: Request, res: Response, refusal: Refusal): void;
  open(socket: Socket, handshake: Handshake): void;
  /** A client passed a limit of the settings. */
  limitExceeded(limit: string, handshake: Handshake): void;
}

/** A request for messages: the session's name, and the way they are to travel. */
interface Ride {
  readonly name: string;
  readonly transport: HttpTransport;
  readonly callback: string;
}

/** An answer that calls a function of a page is for that page, and no file to be saved and opened. */
const OWN_PAGES_ONLY = {
  "X-Frame-Options": "SAMEORIGIN",
  "Content-Disposition": 'inline; filename="f.txt"',
};
const ANOTHER_SITE: Refusal = {
  reason: "origin",
  status: 403,
  text: "Origin not allowed",
  message:
    "htmlfile and jsonp are for pages of the server's own site: Sec-Fetch-Site says that this one is not.",
};
const IFRAME = /^iframe[-0-9.a-z_]*\.html$/;
const CALLBACK = /^[\w.]{1,32}$/;
/** SockJS clients have one request with messages under way; more than this many wait for no good. */
const MAX_SENDERS = 16;

/** SockJS over HTTP: finds the session that a request is for, and refuses those that it is not for. */
export class SockJsService {
  readonly #options: SockJsServiceOptions;
  readonly #sessions: HttpSessions;
  readonly #iframePage: IframePage | undefined;
  #isClosed = false;

  constructor(options: SockJsServiceOptions) {
    const { settings } = options;
    this.#options = options;
    this.#sessions = new HttpSessions(options);
    if (settings.clientLibraryUrl !== undefined) this.#iframePage = new IframePage(settings.clientLibraryUrl);
  }

  /** Answers 503 to new sessions. */
  close(): void {
    this.#isClosed = true;
  }

  /** Answers a request from an allowed origin. */
  async handle(rest: string, req: Request, res: Response): Promise<void> {
    if (rest === "") {
      if (this.#allows(["GET"], req, res)) answer(res, 200, "Welcome to SockJS!\n");
    } else if (rest === "info") {
      if (this.#allows(["OPTIONS", "GET"], req, res)) this.#answerInfo(res);
    } else if (rest === "websocket") {
      this.#answerWebSocket(req, res);
    } else if (this.#iframePage !== undefined && IFRAME.test(rest)) {
      if (this.#allows(["GET"], req, res)) this.#iframePage.answer(req, res);
    } else {
      await this.#handleSession(sessionRoute(rest), req, res);
    }
  }

  async #handleSession(route: SessionRoute | undefined, req: Request, res: Response): Promise<void> {
    const name = route?.transport ?? "";
    const { transportHandlers } = this.#options.settings;
    const transport = HTTP_TRANSPORTS.get(name);
    const sender = HTTP_SENDERS.get(name);
    if (route === undefined) {
      answer(res, 404, "Not found\n");
    } else if (name === "websocket") {
      this.#answerWebSocket(req, res);
    } else if (transport !== undefined && transportHandlers.has(name)) {
      if (this.#allows(transport.methods, req, res)) await this.#carry(route.session, transport, req, res);
    } else if (sender?.transports.some((each) => transportHandlers.has(each))) {
      if (this.#allows(sender.methods, req, res)) await this.#receive(route.session, sender, req, res);
    } else {
      answer(res, 404, "Not found\n");
    }
  }

  /** Returns whether the request may go on: its method fits, and it is no preflight. */
  #allows(methods: readonly string[], req: Request, res: Response): boolean {
    if (!this.#options.settings.suppressCors) allowOrigin(methods, req, res);
    if (!methods.includes(req.method)) {
      answer(res, 405, "", { Allow: methods.join(", ") });
      return false;
    }
    if (req.method !== "OPTIONS") return true;

    cacheForAYear(res);
    answer(res, 204);
    return false;
  }

  #answerInfo(res: Response): void {
    const { webSocketEnabled, sessionCookieNeeded } = this.#options.settings;
    const info = {
      entropy: randomInt(2 ** 32),
      origins: ["*:*"],
      cookie_needed: sessionCookieNeeded,
      websocket: webSocketEnabled,
    };
    cacheNever(res);
    res.writeHead(200, { "Content-Type": "application/json; charset=UTF-8" });
    res.end(JSON.stringify(info));
  }

  #answerWebSocket(req: Request, res: Response): void {
    if (!this.#options.settings.webSocketEnabled) answer(res, 404, "Not found\n");
    else if (this.#allows(["GET"], req, res)) answer(res, 400, 'Can "Upgrade" only to "WebSocket".\n');
  }

  /** Gives a session a response to send on, and starts it if it is new. */
  async #carry(name: string, transport: HttpTransport, req: Request, res: Response): Promise<void> {
    cacheNever(res);
    const callback = transport.hasCallback ? this.#callbackOf(req, res) : "";
    if (callback === undefined) return;
    // It stands behind a stream on its line, and would not hear of the line's end: Node tells who is answered.
    if (res.socket === null) await new Promise((resolve) => res.once("socket", resolve));

    const ride = { name, transport, callback };
    if (this.#sessions.find(name) !== undefined && (await this.#goOn(ride, req, res))) return;
    // There is none, or it has ended while its user was looked for.
    await this.#options.intercept(req, res, (attributes) => this.#begin(ride, attributes, req, res));
  }

  /** Returns false when there is no such session any more. */
  async #goOn(ride: Ride, req: Request, res: Response): Promise<boolean> {
    const user = await this.#options.user(req);
    return hasLeft(req, res) || this.#join(ride, ownerOf(req, user), res);
  }

  /** Returns whether a session came of it. */
  async #begin(ride: Ride, attributes: Map<string, unknown>, req: Request, res: Response): Promise<boolean> {
    const user = await this.#options.user(req);
    const owner = ownerOf(req, user);
    // Another request may have begun it meanwhile.
    if (hasLeft(req, res) || this.#join(ride, owner, res)) return false;

    const { name, transport } = ride;
    const handshake = handshakeOf(req, { user, attributes });
    const socket = this.#start({ name, owner, transport: transport.name, handshake }, req, res);
    if (socket === undefined) return false;
    this.#send(socket, ride, res);
    this.#options.open(socket, handshake);
    return true;
  }

  /** Gives the session a response, or 404 to whose it is not; returns false when there is none. */
  #join(ride: Ride, owner: string, res: Response): boolean {
    const session = this.#sessions.find(ride.name);
    if (session === undefined) return false;

    if (session.owner === owner && session.socket.transport === ride.transport.name) {
      this.#send(session.socket, ride, res);
    } else {
      answer(res, 404, "Not found\n");
    }
    return true;
  }

  /** Makes a session, or answers that there are enough. */
  #start(options: NewSession, req: Request, res: Response): HttpSocket | undefined {
    if (this.#isClosed) {
      this.#options.refuse(req, res, CLOSING);
      return undefined;
    }
    const limit =
      this.#options.limitPassedBy(options.handshake.address) ?? this.#sessions.limitPassedBy(options);
    if (limit !== undefined) {
      this.#options.refuse(req, res, tooMany(limit));
      return undefined;
    }
    return this.#sessions.add(options).socket;
  }

  #send(socket: HttpSocket, { transport, callback }: Ride, res: Response): void {
    const headers = {
      "Content-Type": transport.contentType,
      "X-Content-Type-Options": "nosniff",
      // Proxies would hold back what is not at its end.
      ...(transport.isStreaming ? { "X-Accel-Buffering": "no" } : undefined),
      ...(transport.hasCallback ? OWN_PAGES_ONLY : undefined),
    };
    res.writeHead(200, headers);
    const { streamBytesLimit } = this.#options.settings;
    socket.carry(new Carrier(res, { transport, callback, streamBytesLimit }));
  }

  /** The name of the function that the client's page offers; answers a request without, or from another site. */
  #callbackOf(req: Request, res: Response): string | undefined {
    const query = new URLSearchParams(req.url.split("?", 2)[1]);
    const callback = query.get("c") ?? query.get("callback");
    const site = req.headers["sec-fetch-site"];
    // A script or a frame of any page loads this without an Origin, with the user's cookies.
    if (site === "cross-site" || site === "same-site") this.#options.refuse(req, res, ANOTHER_SITE);
    else if (callback === null || callback === "") answer(res, 500, '"callback" parameter required\n');
    else if (!CALLBACK.test(callback)) answer(res, 500, 'invalid "callback" parameter\n');
    else return callback;
    return undefined;
  }

  async #receive(name: string, sender: HttpSender, req: Request, res: Response): Promise<void> {
    cacheNever(res);
    const owner = ownerOf(req, await this.#options.user(req));
    const session = this.#sessions.find(name);
    if (session?.owner !== owner) {
      answer(res, 404, "Not found\n");
      return;
    }

    const { socket } = session;
    if (socket.senders >= MAX_SENDERS) {
      answer(res, 503, "Too many requests wait on this session.\n");
      return;
    }
    await socket.inTurn(() => this.#bring(socket, sender, req, res));
  }

  /** Hands a session what a request brings, as fast as the session takes it. */
  async #bring(socket: HttpSocket, sender: HttpSender, req: Request, res: Response): Promise<void> {
    let hasTaken = false;
    const take = async (text: string) => {
      if (!(await socket.readable())) return false;
      hasTaken = true;
      socket.receive(text);
      return true;
    };
    try {
      if (await socket.readable()) await readMessages(req, { field: sender.field, take });
      sender.accepted(res);
    } catch (error) {
      if (error instanceof PayloadError) {
        if (hasTaken) socket.fail(1007, error.message);
        answer(res, 500, `${error.message}\n`);
      } else if (req.destroyed) {
        // The next request would be taken for the rest of it.
        if (hasTaken) socket.fail(1002, "A request with messages broke off.");
      } else {
        throw error;
      }
    }
  }
}

/** Whether a client has left, or was answered by somebody else: it would leave a session behind that nobody ends. */
function hasLeft(req: Request, res: Response): boolean {
  return req.socket.destroyed || res.headersSent;
}

/** A session is its user's, or a stranger's at one address. */
function ownerOf(req: Request, user: Principal | undefined): string {
  return user === undefined ? `address ${addressOf(req)}` : `user ${user.name}`;
}
