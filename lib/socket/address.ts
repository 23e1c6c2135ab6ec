import type { IncomingMessage } from "node:http";

/** Where a request comes from: what Express makes of it, behind a proxy it trusts, else the line's other end. */
export function addressOf(request: IncomingMessage): string {
  const { ip } = request as { ip?: string };
  return ip ?? request.socket.remoteAddress ?? "";
}
