import type { Duplex } from "node:stream";
import type { NextFunction, Request, Response } from "express";
import type { WebSocket } from "ws";
import { ConfigurationError } from "../errors.js";
import type { Logger } from "../logger.js";
import { answer } from "./answer.js";
import {
  type Connect,
  HANDSHAKE_HOOKS,
  type HandshakeInterceptor,
  interceptHandshake,
  looksAtHandshakes,
} from "./handshake-interceptor.js";
import { hasOrigins, type OriginCheck, type OriginOptions, originCheck } from "./origin.js";
import { findUser, requestUser, type UserFinder } from "./principal.js";
import type { Handshake, Socket } from "./socket.js";
import { sessionRoute } from "./sockjs/session-route.js";
import { framedMessageLimit, type SockJSOptions, sockJSSettings } from "./sockjs/sock-js-options.js";
import { SockJsService } from "./sockjs/sock-js-service.js";
import { SockJsWebSocket } from "./sockjs/sock-js-web-socket.js";
import { claim, reserve } from "./upgrade.js";
import { WebSocketSocket } from "./web-socket.js";
import { WebSocketHandshake } from "./web-socket-handshake.js";

export interface EndpointOptions extends OriginOptions {
  /** Where clients connect, below the mount: `/stomp/chat`. */
  readonly path: string;
  /** Finds who connects, or nobody. By default `req.user`, under its `name`, else its `username`. */
  readonly user?: UserFinder | undefined;
  /** See each handshake from an allowed origin, in this order, before `user` is asked. */
  readonly handshakeInterceptors?: readonly HandshakeInterceptor[] | undefined;
  /** Serves SockJS too, for clients without WebSocket. Default false. */
  readonly sockJS?: boolean | SockJSOptions | undefined;
}

/** What an endpoint is given by those it serves. */
export interface EndpointContext {
  chooseSubProtocol(offered: Iterable<string>): string | undefined;
  /** Bytes of one STOMP frame. */
  readonly messageSizeLimit: number;
  /** Whether WebSocket messages are compressed for clients that offer it. */
  readonly perMessageDeflate: boolean;
  readonly logger: Logger;
  /** Asked before the endpoint's own. */
  readonly interceptors?: readonly HandshakeInterceptor[];
  /** Whether one more client may connect. */
  admits(req: Request): boolean;
  open(socket: Socket, handshake: Handshake): void;
  /** A client passed a limit of the endpoint's. */
  limitExceeded(limit: string, handshake: Handshake): void;
}

/** A WebSocket path of an endpoint: who shakes hands there, and what the connection becomes. */
interface WebSocketRoute {
  readonly handshake: WebSocketHandshake;
  socketOf(ws: WebSocket, line: Duplex): Socket;
}

/** A message may be this much longer than a frame: the frame's own fault is then told in STOMP, not by 1009. */
const MESSAGE_ALLOWANCE = 16_640;

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
  #hasWarned = false;

  constructor(options: EndpointOptions, context: EndpointContext) {
    const settings = sockJSSettings(options.sockJS, hasOrigins(options));
    const { messageSizeLimit } = context;
    this.#path = checkedPath(options.path);
    this.#context = context;
    this.#user = checkedUser(options.user);
    const interceptors = checkedInterceptors(options.handshakeInterceptors);
    this.#interceptors = [...new Set([...(context.interceptors ?? []), ...interceptors])];
    this.#originAllowed = originCheck(options, settings !== undefined);
    this.#webSocket = {
      handshake: this.#handshake(messageSizeLimit + MESSAGE_ALLOWANCE),
      socketOf: (ws, line) => new WebSocketSocket(ws, line),
    };
    if (settings === undefined) return;

    const service = new SockJsService({
      settings,
      user: (req) => findUser(req, this.#user),
      intercept: (req, res, connect) => this.#intercept(req, res, connect),
      admits: (req) => context.admits(req),
      open: (socket, handshake) => context.open(socket, handshake),
      limitExceeded: (limit, handshake) => context.limitExceeded(limit, handshake),
    });
    const webSocket = {
      handshake: this.#handshake(framedMessageLimit(messageSizeLimit)),
      socketOf: (ws: WebSocket, line: Duplex) =>
        new SockJsWebSocket(new WebSocketSocket(ws, line), settings.heartbeatTime),
    };
    this.#sockJs = { service, webSocket: settings.webSocketEnabled ? webSocket : undefined };
  }

  /** Answers the request, or returns false when its path is not the endpoint's. */
  handle(req: Request, res: Response, next: NextFunction): boolean {
    const rest = this.#rest(req.path);
    if (rest === undefined) return false;

    this.#serve(rest, req, res).catch((error: unknown) => {
      if (!(error instanceof ConfigurationError)) {
        next(error);
        return;
      }
      this.#context.logger.error(error.message);
      answer(res, 500, "Internal Server Error\n");
    });
    return true;
  }

  /** Answers 503 to whoever wants to connect from now on. Open sockets live on. */
  close(): void {
    this.#isClosed = true;
    this.#sockJs?.service.close();
  }

  #handshake(maxPayload: number): WebSocketHandshake {
    const chooseSubProtocol = (offered: Iterable<string>) => this.#context.chooseSubProtocol(offered);
    const { perMessageDeflate } = this.#context;
    return new WebSocketHandshake({ maxPayload, perMessageDeflate, chooseSubProtocol });
  }

  /** What stands behind the endpoint's path, without slashes at its ends; `undefined` when it is another path. */
  #rest(path: string): string | undefined {
    if (!path.startsWith(this.#path)) return undefined;

    const rest = path.slice(this.#path.length);
    if (rest === "" || rest === "/") return "";
    if (this.#sockJs === undefined || !rest.startsWith("/")) return undefined;
    return rest.slice(1, rest.length > 2 && rest.endsWith("/") ? -1 : undefined);
  }

  async #serve(rest: string, req: Request, res: Response): Promise<void> {
    const isUpgrade = req.headers.upgrade?.toLowerCase() === "websocket";
    const upgrade = isUpgrade ? reserve(req) : undefined;
    if (upgrade === "gone") return;

    if (!this.#originAllowed(req)) {
      res.vary("Origin");
      answer(res, 403, "Origin not allowed\n");
    } else if (upgrade !== undefined) {
      const route = this.#webSocketRoute(rest);
      if (route === undefined) answer(res, 400, 'Can not "Upgrade" here.\n');
      else await this.#connect(route, req, res, upgrade === "reserved");
    } else if (this.#sockJs !== undefined) {
      await this.#sockJs.service.handle(rest, req, res);
    } else if (req.method === "GET" || req.method === "HEAD") {
      answer(res, 426, "This is a WebSocket endpoint.\n", { Upgrade: "websocket" });
    } else {
      answer(res, 405, "This is a WebSocket endpoint.\n", { Allow: "GET" });
    }
  }

  #webSocketRoute(rest: string): WebSocketRoute | undefined {
    if (rest === "") return this.#webSocket;
    if (this.#sockJs?.webSocket === undefined) return undefined;
    if (rest === "websocket") return this.#webSocket;
    return sessionRoute(rest)?.transport === "websocket" ? this.#sockJs.webSocket : undefined;
  }

  #connect(route: WebSocketRoute, req: Request, res: Response, isAttached: boolean): void | Promise<void> {
    if (route.handshake.refuses(req, res)) return;

    if (!isAttached && !this.#isClosed) {
      this.#tellOfAttach(res);
      return;
    }
    return this.#intercept(req, res, (attributes) => {
      const user = findUser(req, this.#user);
      return user instanceof Promise
        ? user.then((found) => this.#open(route, res, { request: req, user: found, attributes }))
        : this.#open(route, res, { request: req, user, attributes });
    });
  }

  /** Returns whether there is a connection now; else it has answered. */
  #open(route: WebSocketRoute, res: Response, handshake: Handshake): boolean {
    const { req } = res;
    if (this.#isClosed) {
      answer(res, 503, "The server is closing.\n");
      return false;
    }
    if (!this.#context.admits(req)) {
      answer(res, 503, "Too many connections.\n", { "Retry-After": "5" });
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
    return interceptHandshake({ interceptors: this.#interceptors, req, res, logger }, connect);
  }

  #tellOfAttach(res: Response): void {
    const text =
      "A WebSocket handshake came as an ordinary request. " +
      "The application has to call messaging.attach(server), with the server that app.listen() returns.";
    if (!this.#hasWarned) this.#context.logger.warn(text);
    this.#hasWarned = true;
    answer(res, 426, `${text}\n`, { Upgrade: "websocket" });
  }
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
