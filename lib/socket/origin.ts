import type { Request } from "express";
import { ConfigurationError } from "../errors.js";
import { isTexts } from "../options/checks.js";

export interface OriginOptions {
  /**
   * Origins whose pages may connect, besides the server's own: `https://chat.example`. `"*"` stands for all,
   * but not with SockJS, which sends credentials. Default none.
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Patterns of such origins: `*` for any text, and a list of ports at the end, `https://*.x.com:[8080,8081]`
   * or `:[*]`. Default none.
   */
  readonly allowedOriginPatterns?: readonly string[] | undefined;
}

/** Tells whether the page a request comes from may connect. */
export type OriginCheck = (req: Request) => boolean;

interface OriginPattern {
  /** The texts between the asterisks, in order. */
  readonly pieces: readonly string[];
  /** `undefined` when the pieces cover the port too. */
  readonly ports: "any" | ReadonlySet<string> | undefined;
}

const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:[\]]+)(?::(\d{1,5}))?$/;
const DEFAULT_PORTS = new Map([
  ["http", "80"],
  ["https", "443"],
]);

/**
 * Makes the check of an endpoint. A request without Origin comes from no other page, and passes (as Spring
 * does). Behind a proxy, the server's own origin is what Express's `trust proxy` says.
 *
 * @throws ConfigurationError when an option is no origin or no pattern
 */
export function originCheck(options: OriginOptions, sockJS: boolean): OriginCheck {
  const origins = new Set(textList("allowedOrigins", options.allowedOrigins).map(configuredOrigin));
  const patterns = textList("allowedOriginPatterns", options.allowedOriginPatterns).map(configuredPattern);
  if (sockJS && origins.has("*")) {
    throw new ConfigurationError(
      'allowedOrigins: "*" cannot be combined with SockJS, which sends credentials. ' +
        'Use allowedOriginPatterns: ["*"] if any page may act for its visitor.',
    );
  }

  return (req) => {
    const { origin } = req.headers;
    if (origin === undefined || origins.has("*") || isOwn(req, origin)) return true;

    const text = normal(origin);
    return origins.has(text) || patterns.some((pattern) => matches(pattern, text));
  };
}

/** Whether pages of other origins may connect. */
export function hasOrigins({ allowedOrigins = [], allowedOriginPatterns = [] }: OriginOptions): boolean {
  return allowedOrigins.length > 0 || allowedOriginPatterns.length > 0;
}

/**
 * Whether a request comes from a page of this server's own origin, or from no page: for routes that change something,
 * or tell what is nobody else's, and are asked by a page's scripts. Behind a proxy `trust proxy` has to be right.
 *
 * @example
 * ```ts
 * app.post("/api/orders", (req, res, next) => (isSameOrigin(req) ? next() : res.sendStatus(403)));
 * ```
 */
export function isSameOrigin(req: Request): boolean {
  const { origin, "sec-fetch-site": site } = req.headers;
  // Browsers say no Origin with a GET, and old ones say no Sec-Fetch-Site.
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  return origin === undefined || isOwn(req, origin);
}

/** The origin of the server's own pages, as the client sees it; `undefined` when its Host says nothing. */
export function ownOrigin(req: Request): string | undefined {
  // Some proxies forward the scheme of a handshake as ws or wss.
  const url = `${req.protocol.replace(/^ws/, "http")}://${hostOf(req)}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

/** Whether `trust proxy` trusts the other end of the request's line. */
export function trustsProxy(req: Request): boolean {
  const trusts = req.app.get("trust proxy fn") as (address: string | undefined, hop: number) => boolean;
  return trusts(req.socket.remoteAddress, 0);
}

/** As `req.host` of Express 5: that of Express 4 has no port. */
function hostOf(req: Request): string | undefined {
  const forwarded = req.get("x-forwarded-host");
  if (!forwarded || !trustsProxy(req)) return req.headers.host;
  return forwarded.split(",", 1)[0]?.trimEnd();
}

function isOwn(req: Request, origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === ownOrigin(req);
}

function textList(option: string, list: readonly string[] | undefined): readonly string[] {
  if (list === undefined) return [];
  if (isTexts(list)) return list;
  throw new ConfigurationError(`${option} must be an array of strings`);
}

function configuredOrigin(text: string): string {
  const origin = normal(text);
  if (origin === "*" || origin === "null" || ORIGIN.test(origin)) return origin;
  throw new ConfigurationError(
    `allowedOrigins: "${text}" is no origin; it is written with its scheme, as "https://example.com"`,
  );
}

function configuredPattern(text: string): OriginPattern {
  const pattern = withoutSlash(text.toLowerCase());
  const portsAt = pattern.endsWith("]") ? pattern.lastIndexOf(":[") : -1;
  const host = portsAt === -1 ? pattern : pattern.slice(0, portsAt);
  const ports = portsAt === -1 ? undefined : pattern.slice(portsAt + 2, -1);
  const isPattern = /^(\*|[a-z*][a-z0-9+.*-]*:\/\/[^\s/?#@]+$)/.test(host) && !/[\s?#@]/.test(host);
  if (!isPattern || (ports !== undefined && !/^(\*|\d{1,5}(\s*,\s*\d{1,5})*)$/.test(ports))) {
    throw new ConfigurationError(
      `allowedOriginPatterns: "${text}" is no pattern of origins; ` +
        'it is written as "https://*.example.com" or "https://*.example.com:[8080,8081]"',
    );
  }

  return {
    pieces: host.split("*"),
    ports: ports === undefined ? undefined : ports === "*" ? "any" : new Set(ports.split(",").map(trimmed)),
  };
}

function matches({ pieces, ports }: OriginPattern, origin: string): boolean {
  if (pieces.length === 2 && pieces.every((piece) => piece === "") && ports === undefined) return true;

  const [, scheme, host, port] = ORIGIN.exec(origin) ?? [];
  if (scheme === undefined) return false;
  if (ports === undefined) return matchesPieces(pieces, origin);

  const effectivePort = port ?? DEFAULT_PORTS.get(scheme) ?? "";
  return (ports === "any" || ports.has(effectivePort)) && matchesPieces(pieces, `${scheme}://${host}`);
}

/** Each piece is looked for once, from where the one before ended, so that no text takes long. */
function matchesPieces(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (pieces.length === 1) return text === first;
  if (text.length < first.length + last.length) return false;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;

  const end = text.length - last.length;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/** Lower case, without a trailing slash and without the scheme's own port. */
function normal(text: string): string {
  const origin = withoutSlash(text.toLowerCase());
  const [, scheme, host, port] = ORIGIN.exec(origin) ?? [];
  const isDefaultPort = scheme !== undefined && port !== undefined && DEFAULT_PORTS.get(scheme) === port;
  return isDefaultPort ? `${scheme}://${host}` : origin;
}

function withoutSlash(text: string): string {
  return text.endsWith("/") ? text.slice(0, -1) : text;
}

function trimmed(text: string): string {
  return text.trim();
}
