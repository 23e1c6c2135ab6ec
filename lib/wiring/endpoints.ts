import type { Server } from "node:http";
import type { Request, RequestHandler } from "express";
import { ConfigurationError } from "../errors.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRegistry } from "../session/session-registry.js";
import { Endpoint } from "../socket/endpoint.js";
import { looksAtHandshakes } from "../socket/handshake-interceptor.js";
import { type AttachOptions, attach } from "../socket/upgrade.js";
import { chooseSubProtocol } from "../stomp/version.js";

const NEEDS_EXPRESS =
  "express-stomp has to be mounted in an application of Express 4.19 or newer, or in one of its routers: " +
  "this request came through something else";

/** Makes the endpoints, whose connections become sessions. */
export function makeEndpoints(options: ResolvedOptions, sessions: SessionRegistry): Endpoint[] {
  const { transport, logger, clock, clientInboundChannel } = options;
  const { messageSizeLimit, perMessageDeflate } = transport;
  return options.endpoints.map(
    (endpoint) =>
      new Endpoint(endpoint, {
        chooseSubProtocol,
        messageSizeLimit,
        perMessageDeflate,
        logger,
        clock,
        interceptors: clientInboundChannel.interceptors.filter((each) => looksAtHandshakes(each)),
        limitPassedBy: (request) => sessions.limitPassedBy(request),
        refused: (refusal) => sessions.refused(refusal),
        limitExceeded: (limit, handshake) => sessions.limitExceeded(limit, handshake),
        open: (socket, handshake) => sessions.open(socket, handshake),
      }),
  );
}

/** Gives the middleware: a request is for the endpoint whose path it has, or goes on. */
export function middlewareOf(endpoints: readonly Endpoint[]): RequestHandler {
  return (request, response, next) => {
    if (!isOfExpress(request)) {
      next(new ConfigurationError(NEEDS_EXPRESS));
      return;
    }
    if (!endpoints.some((endpoint) => endpoint.handle(request, response, next))) next();
  };
}

/** What is used of the application: Connect has none, and an old Express has no such function. */
function isOfExpress({ app }: { readonly app?: Request["app"] }): boolean {
  return typeof app?.get === "function" && typeof app.get("trust proxy fn") === "function";
}

/** The servers whose WebSocket handshakes run through the application. */
export class Attachments {
  readonly #options: AttachOptions;
  readonly #detach: (() => void)[] = [];

  constructor({ transport, clock }: ResolvedOptions, sessions: SessionRegistry) {
    const { handshakeTimeout } = transport;
    this.#options = { handshakeTimeout, clock, refused: (refusal) => sessions.refused(refusal) };
  }

  add(server: Server): void {
    this.#detach.push(attach(server, this.#options));
  }

  close(): void {
    for (const detach of this.#detach.splice(0)) detach();
  }
}
