import type { Request } from "express";
import { printable } from "../logger.js";
import { ownOrigin, trustsProxy } from "./origin.js";

/** Headers by which proxies tell what came to them. */
const FORWARDED = [
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-for",
  "forwarded",
];
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Says why the page of a request may not connect: its origin, the server's own, what decided that, and what
 * would let the page connect. For those who run the server; it repeats headers of the request, on one line.
 */
export function explainOrigin(req: Request): string {
  const origin = printable(req.headers.origin ?? "");
  const own = ownOrigin(req);
  const named =
    own === undefined
      ? "the server's own is unknown, since the request has no Host that can be read"
      : `the server's own is ${printable(own)} (${decidedBy(req)})`;
  return `The page's origin is ${origin}, ${named}. ${advice(req, own)}To allow the page: allowedOrigins: ["${origin}"].`;
}

/** Which headers and settings made the server's origin what it is. */
function decidedBy(req: Request): string {
  const isTrusted = trustsProxy(req);
  const host = isTrusted && req.headers["x-forwarded-host"] !== undefined ? "X-Forwarded-Host" : "Host";
  const scheme =
    isTrusted && req.headers["x-forwarded-proto"] !== undefined
      ? "X-Forwarded-Proto"
      : isEncrypted(req)
        ? "TLS"
        : "no TLS";
  return `by ${host} and ${scheme}`;
}

function advice(req: Request, own: string | undefined): string {
  const { origin = "" } = req.headers;
  if (origin === "null") return "A file or a sandboxed frame has no other origin. ";

  const forwarded = FORWARDED.filter((name) => req.headers[name] !== undefined);
  if (forwarded.length > 0 && !trustsProxy(req) && origin === forwardedOrigin(req)) {
    const names = forwarded.map(asWritten).join(", ");
    return `A proxy at ${req.socket.remoteAddress} sent ${names}, but "trust proxy" does not trust it: app.set("trust proxy", …). `;
  }
  if (own === undefined || !URL.canParse(origin)) return "";

  const [page, server] = [new URL(origin), new URL(own)];
  if (page.host === server.host) {
    return 'A proxy that ends TLS has to send X-Forwarded-Proto, and "trust proxy" has to trust it. ';
  }
  if (page.hostname === server.hostname && server.port === "") {
    return "A proxy in front may take the port off Host: nginx needs proxy_set_header Host $http_host. ";
  }
  if (LOOPBACK.has(page.hostname) && LOOPBACK.has(server.hostname)) {
    return "Another name or port of the same machine is another origin; a development server that proxies must leave Host as it is (changeOrigin: false). ";
  }
  return "";
}

/** The origin that the server would have if the proxy in front were trusted. */
function forwardedOrigin(req: Request): string | undefined {
  const scheme = first(req.get("x-forwarded-proto")) ?? req.protocol;
  const host = first(req.get("x-forwarded-host")) ?? req.get("host") ?? "";
  return URL.canParse(`${scheme}://${host}`) ? new URL(`${scheme}://${host}`).origin : undefined;
}

function first(list: string | undefined): string | undefined {
  return list?.split(",")[0]?.trim();
}

function isEncrypted(req: Request): boolean {
  return "encrypted" in req.socket && req.socket.encrypted === true;
}

function asWritten(header: string): string {
  return header.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}
