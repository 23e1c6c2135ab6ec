import type { Request, Response } from "express";
import { type PerMessageDeflateOptions, type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { THRESHOLD, WINDOW_BITS, ZLIB_OPTIONS } from "./deflate.js";
import { deflateOffer } from "./deflate-offer.js";
import type { Refusal } from "./refusal.js";
import type { ClaimedUpgrade } from "./upgrade-conversation.js";

export interface WebSocketHandshakeOptions {
  /** Bytes of one message; a longer one closes with 1009. */
  readonly maxPayload: number;
  /** Compresses messages for clients that offer it. */
  readonly perMessageDeflate: boolean;
  chooseSubProtocol(offered: Iterable<string>): string | undefined;
}

const CLOSE_TIMEOUT_MS = 5_000;
const EXTENSIONS = "sec-websocket-extensions";
/**
 * Bounds the memory of a compressed line: small windows, nothing kept between messages. So all lines agree on the
 * same, and what was compressed once serves them all.
 */
export const DEFLATE: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: WINDOW_BITS,
  threshold: THRESHOLD,
  zlibDeflateOptions: ZLIB_OPTIONS,
};
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** The WebSocket protocol's opening handshake (RFC 6455, 4.2), version 13, no extension but permessage-deflate. */
export class WebSocketHandshake {
  readonly #server: WebSocketServer;
  readonly #compresses: boolean;

  constructor({ maxPayload, perMessageDeflate, chooseSubProtocol }: WebSocketHandshakeOptions) {
    // A frame in a few large pieces is fine; one in thousands of tiny ones costs far more than its bytes.
    const maxPieces = Math.max(1024, Math.ceil(maxPayload / 64));
    const options: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: perMessageDeflate && DEFLATE,
      maxPayload,
      maxFragments: maxPieces,
      maxBufferedChunks: maxPieces,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered) => chooseSubProtocol(offered) ?? false,
    };
    this.#compresses = perMessageDeflate;
    this.#server = new WebSocketServer(options);
    this.#server.on("headers", (headers, req) => copyCookies((req as Request).res, headers));
  }

  /** Why a request is no handshake, if it is none. */
  faultIn(req: Request): Refusal | undefined {
    if (req.method !== "GET") {
      const message = `A WebSocket handshake is a GET, not ${req.method}.`;
      return { reason: "method", status: 405, headers: { Allow: "GET" }, message };
    }
    if (!names(req.headers.connection, "upgrade")) {
      return { reason: "headers", status: 400, text: '"Connection" must be "upgrade".' };
    }
    if (req.headers["sec-websocket-version"] !== "13") {
      const headers = { Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
      const text = "Only version 13 of the WebSocket protocol is spoken here.";
      return { reason: "headers", status: 426, headers, text };
    }
    if (!KEY.test(req.headers["sec-websocket-key"] ?? "")) {
      return { reason: "headers", status: 400, text: "Missing or invalid Sec-WebSocket-Key." };
    }
    return undefined;
  }

  /** Answers 101 and hands on the connection, unless the client has left. */
  accept(req: Request, { socket, head }: ClaimedUpgrade, open: (ws: WebSocket) => void): void {
    // ws refuses the handshake if it cannot meet an offer: it is shown none that it cannot.
    const offered = req.headers[EXTENSIONS];
    try {
      if (this.#compresses && offered !== undefined) {
        const offer = deflateOffer(offered, WINDOW_BITS);
        if (offer === undefined) delete req.headers[EXTENSIONS];
        else req.headers[EXTENSIONS] = offer;
      }
      this.#server.handleUpgrade(req, socket, head, open);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      if (offered !== undefined) req.headers[EXTENSIONS] = offered;
    }
  }
}

/**
 * Ends the response that middleware has seen, so that sessions are saved, requests logged, and cookies set
 * that wait for the headers; the cookies go out with the real answer. Nobody misses the end of a response
 * that nobody watches.
 */
function copyCookies(res: Response | undefined, headers: string[]): void {
  if (res === undefined || res.headersSent || !isWatched(res)) return;

  res.writeHead(101);
  const cookies = res.getHeader("set-cookie") ?? [];
  for (const cookie of Array.isArray(cookies) ? cookies : [cookies]) headers.push(`Set-Cookie: ${cookie}`);
  res.end();
}

/** Middleware listens to a response, replaces its methods, or sets cookies. */
function isWatched(res: Response): boolean {
  const replaced =
    Object.hasOwn(res, "writeHead") || Object.hasOwn(res, "write") || Object.hasOwn(res, "end");
  return replaced || res.eventNames().length > 0 || res.hasHeader("set-cookie");
}

function names(header: string | undefined, token: string): boolean {
  return header?.split(",").some((text) => text.trim().toLowerCase() === token) ?? false;
}
