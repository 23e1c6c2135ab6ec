import type { Duplex } from "node:stream";
import type { NextFunction, Request, Response } from "express";
import type { WebSocket } from "ws";
import { findUser, requestUser, type UserFinder } from "../authentication/principal.js";
import { type Clock, systemClock } from "../clock/clock.js";
import { ConfigurationError, faultError, faultText } from "../errors.js";
import type { Logger } from "../logger.js";
import { SparingLog } from "../sparing-log.js";
import { handshakeOf } from "./address.js";
import { answer } from "./answer.js";
import {
  type Connect,
  HANDSHAKE_HOOKS,
  type HandshakeInterceptor,
  interceptHandshake,
  looksAtHandshakes,
} from "./handshake-interceptor.js";
import { hasOrigins, type OriginCheck, type OriginOptions, originCheck } from "./origin.js";
import { explainOrigin } from "./origin-explanation.js";
import { CLOSING, type Refusal, type Refused, refuse, tooMany } from "./refusal.js";
import type { Handshake, Socket } from "./socket.js";
import { LifeSigns } from "./sockjs/life-signs.js";
import { sessionRoute } from "./sockjs/session-route.js";
import { framedMessageLimit, type SockJSOptions, sockJSSettings } from "./sockjs/sock-js-options.js";
import { SockJsService } from "./sockjs/sock-js-service.js";
import { SockJsWebSocket } from "./sockjs/sock-js-web-socket.js";
import { claim, reserve } from "./upgrade.js";
import { WebSocketSocket } from "./web-socket.js";
import { WebSocketHandshake } from "./web-socket-handshake.js";

/**
 * A path where clients connect, and the pages and users that may.
 *
 * @example
 * ```ts
 * const endpoint: EndpointOptions = {
 *   path: "/ws",
 *   allowedOrigins: ["https://chat.example"],
 *   sockJS: { heartbeatTime: 10_000 },
 * };
 * ```
 */
export interface EndpointOptions extends OriginOptions {
  /** Where clients connect, below the mount: `/stomp/chat`. */
  readonly path: string;
  /** Finds the user who connects, or nobody. By default `req.user`, under its `name`, else its `username`. */
  readonly user?: UserFinder | undefined;
  /** See each handshake from an allowed origin, in this order, before `user` is asked. */
  readonly handshakeInterceptors?: readonly HandshakeInterceptor[] | undefined;
  /** Serves SockJS too, for clients without WebSocket. Default false. */
  readonly sockJS?: boolean | SockJSOptions | undefined;
}

/** The parts of the library that an endpoint works for. */
export interface EndpointContext {
  chooseSubProtocol(offered: Iterable<string>): string | undefined;
  /** Bytes of one STOMP frame. */
  readonly messageSizeLimit: number;
  /** Whether WebSocket messages are compressed for clients that offer it. */
  readonly perMessageDeflate: boolean;
  readonly logger: Logger;
  /** Default: the process's. */
  readonly clock?: Clock;
  /** Asked before the endpoint's own. */
  readonly interceptors?: readonly HandshakeInterceptor[];
  /** The limit that one more client would pass, announced; `undefined` when it may connect. */
  limitPassedBy(address: string): string | undefined;
  /** Is told of each handshake of which no connection came. */
  readonly refused: Refused;
  open(socket: Socket, handshake: Handshake): void;
  /** A client passed a limit of the endpoint's. */
  limitExceeded(limit: string, handshake: Handshake): void;
}

/** A WebSocket path of an endpoint: its handshake, and the socket that the connection becomes. */
interface WebSocketRoute {
  readonly handshake: WebSocketHandshake;
  socketOf(ws: WebSocket, line: Duplex): Socket;
}

const UNATTACHED = {
  reason: "unattached",
  status: 426,
  headers: { Upgrade: "websocket" },
  text:
    "A WebSocket handshake came as an ordinary request. " +
    "The application has to call messaging.attach(server), with the server that app.listen() returns.",
} satisfies Refusal;
const WITHOUT_UPGRADE = {
  reason: "upgrade",
  status: 426,
  headers: { Upgrade: "websocket" },
  text: "This is a STOMP endpoint, and the WebSocket handshake came without Upgrade: a proxy in front drops it.",
  message:
    "A WebSocket handshake came without Upgrade: a proxy in front drops it. nginx needs proxy_http_version 1.1, " +
    "proxy_set_header Upgrade $http_upgrade, and proxy_set_header Connection $connection_upgrade.",
} satisfies Refusal;
/** For a GET that may be anything. */
const STOMP_ENDPOINT =
  "This is a STOMP endpoint: a STOMP client connects here. " +
  "If one did, its request came without Upgrade: a proxy in front drops it.";
const NO_WEB_SOCKET_HERE: Refusal = { reason: "path", status: 400, text: 'Can not "Upgrade" here.' };

/** A message may be this much longer than a frame: the frame's own fault is then told in STOMP, not by 1009. */
const MESSAGE_ALLOWANCE = 16_640;

/** So many frames may be unpacked while a session does not read: a line is read by 64 KiB, and text shrinks to a thirtieth. */
const UNPACKED_FRAMES = 32;

/** A URL where clients connect, by WebSocket or SockJS: it ends in a socket, or in an HTTP answer. */
export class Endpoint {
  readonly #path: string;
  readonly #context: EndpointContext;
  readonly #user: UserFinder;
  readonly #interceptors: readonly HandshakeInterceptor[];
  readonly #originAllowed: OriginCheck;
  readonly #webSocket: WebSocketRoute;
  readonly #sockJs:
    | { readonly service: SockJsService; readonly webSocket: WebSocketRoute | undefined }
    | undefined;
  #isClosed = false;
  readonly #log: SparingLog;

  constructor(options: EndpointOptions, context: EndpointContext) {
    const settings = sockJSSettings(options.sockJS, hasOrigins(options));
    const { messageSizeLimit, clock = systemClock } = context;
    const unpackedLimit = UNPACKED_FRAMES * messageSizeLimit;
    const socketOf = (ws: WebSocket, line: Duplex) =>
      new WebSocketSocket(ws, line, { unpackedLimit, isContextFree: true });
    this.#path = checkedPath(options.path);
    this.#context = context;
    this.#log = new SparingLog({ logger: context.logger, clock, lines: 20, period: "hour" });
    this.#user = checkedUser(options.user);
    const interceptors = checkedInterceptors(options.handshakeInterceptors);
    this.#interceptors = [...new Set([...(context.interceptors ?? []), ...interceptors])];
    this.#originAllowed = originCheck(options, settings !== undefined);
    this.#webSocket = {
      handshake: this.#handshake(messageSizeLimit + MESSAGE_ALLOWANCE),
      socketOf,
    };
    if (settings === undefined) return;

    const service = new SockJsService({
      settings,
      clock,
      user: (req) => findUser(req, this.#user),
      intercept: (req, res, connect) => this.#intercept(req, res, connect),
      limitPassedBy: (address) => context.limitPassedBy(address),
      refuse: (req, res, refusal) => this.#refuse(req, res, refusal),
      open: (socket, handshake) => context.open(socket, handshake),
      limitExceeded: (limit, handshake) => context.limitExceeded(limit, handshake),
    });
    const webSocket = {
      handshake: this.#handshake(framedMessageLimit(messageSizeLimit)),
      socketOf: (ws: WebSocket, line: Duplex) =>
        new SockJsWebSocket(socketOf(ws, line), new LifeSigns(clock, settings.heartbeatTime)),
    };
    this.#sockJs = { service, webSocket: settings.webSocketEnabled ? webSocket : undefined };
  }

  /** Answers the request, or returns false when its path is not the endpoint's. */
  handle(req: Request, res: Response, next: NextFunction): boolean {
    const rest = this.#rest(req.path);
    if (rest === undefined) return false;

    const failed = (fault: unknown) => this.#failed(fault, req, res, next);
    try {
      // Most are served at once, and wait for nothing.
      this.#serve(rest, req, res)?.catch(failed);
    } catch (fault) {
      failed(fault);
    }
    return true;
  }

  #failed(fault: unknown, req: Request, res: Response, next: NextFunction): void {
    // Express takes some of what can be thrown for something else: null, "route".
    const error = faultError(fault);
    const message = faultText(error);
    const isOurs = error instanceof ConfigurationError;
    this.#context.refused({ reason: "error", status: isOurs ? 500 : undefined, message, request: req });
    if (!isOurs) {
      next(error);
      return;
    }
    this.#context.logger.error(message);
    answer(res, 500, "Internal Server Error\n");
  }

  /** Answers 503 to handshakes from now on. Open sockets live on. */
  close(): void {
    this.#isClosed = true;
    this.#sockJs?.service.close();
  }

  #handshake(maxPayload: number): WebSocketHandshake {
    const chooseSubProtocol = (offered: Iterable<string>) => this.#context.chooseSubProtocol(offered);
    const { perMessageDeflate } = this.#context;
    return new WebSocketHandshake({ maxPayload, perMessageDeflate, chooseSubProtocol });
  }

  /** The rest of a path behind the endpoint's, without slashes at its ends; `undefined` when it is another path. */
  #rest(path: string): string | undefined {
    if (!path.startsWith(this.#path)) return undefined;

    const rest = path.slice(this.#path.length);
    if (rest === "" || rest === "/") return "";
    if (this.#sockJs === undefined || !rest.startsWith("/")) return undefined;
    return rest.slice(1, rest.length > 2 && rest.endsWith("/") ? -1 : undefined);
  }

  #serve(rest: string, req: Request, res: Response): void | Promise<void> {
    const isUpgrade = req.headers.upgrade?.toLowerCase() === "websocket";
    const upgrade = isUpgrade ? reserve(req) : undefined;
    if (upgrade === "gone") return;

    const route = this.#webSocketRoute(rest);
    if (!this.#originAllowed(req)) {
      this.#refuseOrigin(req, res);
    } else if (upgrade !== undefined) {
      if (route === undefined) this.#refuse(req, res, NO_WEB_SOCKET_HERE);
      else return this.#connect(route, req, res, upgrade === "reserved");
    } else if (route !== undefined && isHandshakeWithoutUpgrade(req)) {
      this.#log.warn(`${this.#path}: ${WITHOUT_UPGRADE.message}`, "upgrade");
      this.#refuse(req, res, WITHOUT_UPGRADE);
    } else if (this.#sockJs !== undefined && rest === "" && isVisitor(req)) {
      answer(res, 200, `Welcome to SockJS!\n${STOMP_ENDPOINT}\n`);
    } else if (this.#sockJs !== undefined) {
      return this.#sockJs.service.handle(rest, req, res);
    } else if (req.method === "GET" || req.method === "HEAD") {
      answer(res, 426, `${STOMP_ENDPOINT}\n`, { Upgrade: "websocket" });
    } else {
      answer(res, 405, "This is a STOMP endpoint, for WebSocket.\n", { Allow: "GET" });
    }
  }

  #webSocketRoute(rest: string): WebSocketRoute | undefined {
    if (rest === "") return this.#webSocket;
    if (this.#sockJs?.webSocket === undefined) return undefined;
    if (rest === "websocket") return this.#webSocket;
    return sessionRoute(rest)?.transport === "websocket" ? this.#sockJs.webSocket : undefined;
  }

  #connect(route: WebSocketRoute, req: Request, res: Response, isAttached: boolean): void | Promise<void> {
    const fault = route.handshake.faultIn(req) ?? (isAttached || this.#isClosed ? undefined : UNATTACHED);
    if (fault !== undefined) {
      if (fault === UNATTACHED) this.#log.warn(UNATTACHED.text, "unattached");
      this.#refuse(req, res, fault);
      return;
    }
    return this.#intercept(req, res, (attributes) => {
      const user = findUser(req, this.#user);
      return user instanceof Promise
        ? user.then((found) => this.#open(route, res, handshakeOf(req, { user: found, attributes })))
        : this.#open(route, res, handshakeOf(req, { user, attributes }));
    });
  }

  /** Returns whether there is a connection now; else it has answered. */
  #open(route: WebSocketRoute, res: Response, handshake: Handshake): boolean {
    const { req } = res;
    if (this.#isClosed) {
      this.#refuse(req, res, CLOSING);
      return false;
    }
    const limit = this.#context.limitPassedBy(handshake.address);
    if (limit !== undefined) {
      this.#refuse(req, res, tooMany(limit));
      return false;
    }
    const claimed = claim(req);
    if (claimed === undefined) return false;

    let isOpen = false;
    route.handshake.accept(req, claimed, (ws) => {
      isOpen = true;
      this.#context.open(route.socketOf(ws, claimed.socket), handshake);
    });
    return isOpen;
  }

  #intercept(req: Request, res: Response, connect: Connect): void | Promise<void> {
    const { logger } = this.#context;
    const message = "An interceptor refused the handshake.";
    const refused = (status: number) =>
      this.#context.refused({ reason: "interceptor", status, message, request: req });
    return interceptHandshake({ interceptors: this.#interceptors, req, res, logger, refused }, connect);
  }

  #refuse(req: Request, res: Response, refusal: Refusal): void {
    refuse(req, res, refusal, this.#context.refused);
  }

  /** Tells those who run the server what would be right; and the client, unless it could be anybody. */
  #refuseOrigin(req: Request, res: Response): void {
    const message = explainOrigin(req);
    this.#log.warn(`${this.#path}: Origin not allowed (403). ${message}`, `origin ${req.headers.origin}`);
    const text =
      req.app.get("env") === "production" ? "Origin not allowed" : `Origin not allowed. ${message}`;
    res.vary("Origin");
    this.#refuse(req, res, { reason: "origin", status: 403, text, message });
  }
}

/** Proxies take off Upgrade, which is for one hop, and hand on what else makes a handshake. */
function isHandshakeWithoutUpgrade({ method, headers }: Request): boolean {
  if (method !== "GET" || headers.upgrade !== undefined) return false;
  return headers["sec-websocket-key"] !== undefined || headers["sec-fetch-mode"] === "websocket";
}

/** Whether somebody looks at the URL in a browser. SockJS clients do not, and tests of the protocol want its greeting as it is. */
function isVisitor({ method, headers }: Request): boolean {
  return (
    method === "GET" &&
    (headers["sec-fetch-mode"] === "navigate" || /\btext\/html\b/.test(headers.accept ?? ""))
  );
}

function checkedPath(path: string): string {
  if (typeof path !== "string" || !path.startsWith("/") || /[\s?#]/.test(path)) {
    throw new ConfigurationError(
      `path must be a URL path as "/stomp/chat", with a slash first and no query, not ${JSON.stringify(path)}`,
    );
  }
  // As clients write it: encoded, and with or without a slash at its end.
  return new URL(`http://localhost${path}`).pathname.replace(/\/$/, "");
}

function checkedUser(user: UserFinder | undefined): UserFinder {
  if (user === undefined) return requestUser;
  if (typeof user === "function") return user;
  throw new ConfigurationError("user must be a function that finds the user of a request");
}

function checkedInterceptors(
  interceptors: readonly HandshakeInterceptor[] = [],
): readonly HandshakeInterceptor[] {
  if (!Array.isArray(interceptors)) throw new ConfigurationError("handshakeInterceptors must be an array");

  for (const [i, interceptor] of interceptors.entries()) {
    if (!looksAtHandshakes(interceptor)) {
      throw new ConfigurationError(`handshakeInterceptors[${i}] has none of ${HANDSHAKE_HOOKS.join(", ")}`);
    }
  }
  return interceptors;
}
