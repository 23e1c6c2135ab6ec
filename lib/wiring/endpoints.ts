import type { Server } from "node:http";
import type { Request, RequestHandler } from "express";
import { ConfigurationError } from "../errors.js";
import type { HandshakeRefusal } from "../events.js";
import { printable } from "../logger.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { SessionRegistry } from "../session/session-registry.js";
import { Endpoint, type EndpointOptions } from "../socket/endpoint.js";
import { looksAtHandshakes } from "../socket/handshake-interceptor.js";
import { type AttachOptions, attach } from "../socket/upgrade.js";
import { SparingLog } from "../sparing-log.js";
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
        limitPassedBy: (address) => sessions.limitPassedBy(address),
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

/** The part of the application that is used: Connect has none, and an old Express has no such function. */
function isOfExpress({ app }: { readonly app?: Request["app"] }): boolean {
  return typeof app?.get === "function" && typeof app.get("trust proxy fn") === "function";
}

function explainMissing(
  { request }: HandshakeRefusal,
  endpoints: readonly EndpointOptions[],
  log: SparingLog,
): void {
  const path = printable(request.url?.split("?")[0] ?? "");
  const paths = endpoints.map((endpoint) => endpoint.path).join(", ");
  log.warn(
    `A WebSocket handshake for ${path} was answered 404: it came to no endpoint. They are at ${paths}, below the ` +
      "mount of app.use(messaging), which has to stand in front of what answers 404.",
    path,
  );
}

/** The servers whose WebSocket handshakes run through the application. */
export class Attachments {
  readonly #options: AttachOptions;
  readonly #detach: (() => void)[] = [];

  constructor({ transport, clock, logger, endpoints }: ResolvedOptions, sessions: SessionRegistry) {
    const { handshakeTimeout } = transport;
    const log = new SparingLog({ logger, clock, lines: 10, period: "hour" });
    const refused = (refusal: HandshakeRefusal) => {
      if (refusal.reason === "application" && refusal.status === 404) explainMissing(refusal, endpoints, log);
      sessions.refused(refusal);
    };
    this.#options = { handshakeTimeout, clock, refused };
  }

  add(server: Server): void {
    this.#detach.push(attach(server, this.#options));
  }

  close(): void {
    for (const detach of this.#detach.splice(0)) detach();
  }
}
