import type { Request, Response } from "express";
import { ConfigurationError } from "../errors.js";
import { flag, isTexts, onlyKnown } from "../options/checks.js";

/** The attributes that a session takes over from the HTTP session; Spring's names. */
export interface HttpSessionHandshakeInterceptorOptions {
  /** The attributes to copy. */
  readonly attributeNames?: readonly string[] | undefined;
  /** Default: true, unless `attributeNames` are given. */
  readonly copyAllAttributes?: boolean | undefined;
  /** Copies its id too, as the attribute `HTTP.SESSION.ID`. Default true. */
  readonly copyHttpSessionId?: boolean | undefined;
  /** Makes a session for a client that has none, which gets its cookie. Default false. */
  readonly createSession?: boolean | undefined;
}

/** Copies attributes at each handshake: for an endpoint's `handshakeInterceptors`. */
export interface HttpSessionHandshakeInterceptor {
  beforeHandshake(request: Request, response: Response, attributes: Map<string, unknown>): boolean;
}

/** As express-session and cookie-session have it on a request. */
interface SessionRequest {
  readonly session?: Record<string, unknown> | null;
  readonly sessionID?: unknown;
}

const SESSION_ID = "HTTP.SESSION.ID";
/** The attribute that is set in a new HTTP session: express-session saves no empty one, and sends no cookie for it. */
const CREATED = "express-stomp.created";

/**
 * Makes an interceptor that copies attributes of `req.session` to the session's
 * own, as they are at the handshake; as Spring's `HttpSessionHandshakeInterceptor`.
 *
 * @throws ConfigurationError when an option makes no sense
 * @example
 * ```ts
 * const endpoint: EndpointOptions = {
 *   path: "/ws",
 *   handshakeInterceptors: [httpSessionHandshakeInterceptor({ attributeNames: ["locale"] })],
 * };
 * ```
 */
export function httpSessionHandshakeInterceptor(
  options: HttpSessionHandshakeInterceptorOptions = {},
): HttpSessionHandshakeInterceptor {
  const { attributeNames, copyAllAttributes, copyHttpSessionId, createSession } = checked(options);

  return {
    beforeHandshake(request, _response, attributes) {
      const { session, sessionID } = request as SessionRequest;
      if (session === undefined || session === null) return true;

      const own = Object.entries(session).filter(([name]) => name !== "cookie");
      const isNew = own.length === 0 && !hasCookie(request, sessionID);
      if (isNew && createSession) session[CREATED] = true;
      if (isNew && !createSession) return true;

      for (const [name, value] of own) {
        if (copyAllAttributes || attributeNames.includes(name)) attributes.set(name, value);
      }
      if (copyHttpSessionId && typeof sessionID === "string") attributes.set(SESSION_ID, sessionID);
      return true;
    },
  };
}

/** Whether the client has sent this id. express-session gives one to every request. */
export function hasCookie(request: Request, sessionID: unknown): boolean {
  if (typeof sessionID !== "string") return false;

  const cookies = request.headers.cookie ?? "";
  return cookies.includes(sessionID) || cookies.includes(encodeURIComponent(sessionID));
}

function checked(options: HttpSessionHandshakeInterceptorOptions) {
  const flags = ["copyAllAttributes", "copyHttpSessionId", "createSession"] as const;
  onlyKnown("httpSessionHandshakeInterceptor", options, ["attributeNames", ...flags]);
  const { attributeNames } = options;
  if (attributeNames !== undefined && !isTexts(attributeNames)) {
    throw new ConfigurationError("attributeNames must be an array of strings");
  }
  return {
    attributeNames: attributeNames ?? [],
    copyAllAttributes: flag("copyAllAttributes", options.copyAllAttributes, attributeNames === undefined),
    copyHttpSessionId: flag("copyHttpSessionId", options.copyHttpSessionId, true),
    createSession: flag("createSession", options.createSession, false),
  };
}
