import type { IncomingMessage } from "node:http";
import type { Handshake } from "./socket.js";

/** Where a request comes from: what Express makes of it, behind a proxy it trusts, else the line's other end. */
export function addressOf(request: IncomingMessage): string {
  const { ip } = request as { ip?: string };
  return ip ?? request.socket.remoteAddress ?? "";
}

/** The handshake of an HTTP request that opens a socket. */
export function handshakeOf(
  request: IncomingMessage,
  others: Pick<Handshake, "user" | "attributes">,
): Handshake {
  // Browsers say one or the other with every request, other programs do not.
  const { origin, "sec-fetch-mode": mode } = request.headers;
  return { address: addressOf(request), isPage: origin !== undefined || mode !== undefined, ...others };
}
