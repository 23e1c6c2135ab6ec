import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Request, RequestHandler } from "express";
import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { InterceptorDescription } from "../channel/interceptor-description.js";
import { AccessDeniedError, ConfigurationError } from "../errors.js";
import { type Message, withHeaders } from "../message/message.js";
import { flag, isText, onlyKnown } from "../options/checks.js";
import { BearerGrant } from "./bearer-grant.js";

/** Keeps the secret of each HTTP session, which its tokens are made of. */
export interface CsrfTokenRepository {
  load(request: Request): string | undefined | null | Promise<string | undefined | null>;
  save(request: Request, secret: string): void | Promise<void>;
}

/** Options of `csrfToken`. */
export interface CsrfTokenOptions {
  /** The header of CONNECT. Default `X-CSRF-TOKEN`. */
  readonly headerName?: string | undefined;
  /** Default: `req.session`, as express-session makes it. */
  readonly repository?: CsrfTokenRepository | undefined;
  /**
   * Whether a CONNECT that `bearerToken`, which stands before, has let pass
   * with a token needs no other: no page can know that of somebody else.
   * Default false.
   */
  readonly exceptBearerTokens?: boolean | undefined;
}

/** Asks CONNECT for a token, and hands tokens out. */
export interface CsrfTokenInterceptor extends ChannelInterceptor {
  /** Answers with `{ headerName, token }`, for the application's own pages. */
  readonly handler: RequestHandler;
  /** Gives a token for the client that makes this request: another text each time, all of them good. */
  token(request: Request): Promise<string>;
}

const BYTES = 32;
const SECRET = /^[\w-]{43}$/;
/** A mask, and the secret behind it. */
const TOKEN = /^[\w-]{86}$/;
const SESSION_KEY = "express-stomp.csrf";

/**
 * Makes an interceptor for `clientInboundChannel` that lets only those CONNECT
 * who know a token of their HTTP session, where cookies say who a client is. It
 * looks at handshakes too, at all endpoints, to see which session that is.
 *
 * @throws ConfigurationError when an option makes no sense
 * @example
 * ```ts
 * const csrf = csrfToken();
 * app.get("/csrf", csrf.handler); // { headerName, token }, for the CONNECT of the application's pages
 * stompMessaging({ endpoints, clientInboundChannel: { interceptors: [csrf] } });
 * ```
 */
export function csrfToken(options: CsrfTokenOptions = {}): CsrfTokenInterceptor {
  onlyKnown("csrfToken", options, ["headerName", "repository", "exceptBearerTokens"]);
  const { headerName = "X-CSRF-TOKEN", repository = sessionRepository } = options;
  if (!isText(headerName)) {
    throw new ConfigurationError("csrfToken.headerName must be the name of a header");
  }
  if (typeof repository?.load !== "function" || typeof repository.save !== "function") {
    throw new ConfigurationError("csrfToken.repository needs load(request) and save(request, secret)");
  }
  const exceptBearerTokens = flag("csrfToken.exceptBearerTokens", options.exceptBearerTokens, false);
  return new CsrfTokens({ headerName, repository, exceptBearerTokens });
}

type CsrfTokenSettings = { readonly [K in keyof CsrfTokenOptions]-?: NonNullable<CsrfTokenOptions[K]> };

class CsrfTokens implements CsrfTokenInterceptor {
  readonly #options: CsrfTokenSettings;
  /** By the attributes of the sessions, which live as long; nobody else sees them. */
  readonly #secrets = new WeakMap<object, string>();

  constructor(options: CsrfTokenSettings) {
    this.#options = options;
  }

  get description(): InterceptorDescription {
    const { headerName: name, exceptBearerTokens } = this.#options;
    return { connectHeaders: [{ name, required: !exceptBearerTokens, kind: "csrf" }] };
  }

  readonly handler: RequestHandler = async (request, response) => {
    const { headerName } = this.#options;
    const token = await this.token(request);
    response.set("Cache-Control", "no-store").json({ headerName, token });
  };

  async token(request: Request): Promise<string> {
    const { repository } = this.#options;
    const loaded = await repository.load(request);
    if (isSecret(loaded)) return masked(loaded);

    const secret = randomBytes(BYTES).toString("base64url");
    await repository.save(request, secret);
    return masked(secret);
  }

  async beforeHandshake(
    request: Request,
    _response: unknown,
    attributes: Map<string, unknown>,
  ): Promise<boolean> {
    const secret = await this.#options.repository.load(request);
    if (isSecret(secret)) this.#secrets.set(attributes, secret);
    return true;
  }

  preSend(message: Message): Message {
    const { messageType, native, sessionAttributes, grant } = message.headers;
    if (messageType !== "CONNECT") return message;

    const { headerName, exceptBearerTokens } = this.#options;
    const isExcepted = exceptBearerTokens && grant instanceof BearerGrant;
    const secret = sessionAttributes && this.#secrets.get(sessionAttributes);
    if (!isExcepted && !isTokenOf(secret, native.get(headerName))) {
      throw new AccessDeniedError("The CSRF token is missing or wrong");
    }
    return withHeaders(message, { native: native.without(headerName) });
  }
}

const sessionRepository: CsrfTokenRepository = {
  load: (request) => sessionOf(request)[SESSION_KEY] as string | undefined,
  save(request, secret) {
    sessionOf(request)[SESSION_KEY] = secret;
  },
};

function sessionOf(request: Request): Record<string, unknown> {
  const { session } = request as { session?: unknown };
  if (typeof session === "object" && session !== null) return session as Record<string, unknown>;
  throw new ConfigurationError(
    "csrfToken found no req.session: put express-session before it, or give it a repository",
  );
}

function isSecret(text: unknown): text is string {
  return typeof text === "string" && SECRET.test(text);
}

/** The secret behind a mask that changes, so that no answer that repeats it in a compressed page gives it away. */
function masked(secret: string): string {
  const mask = randomBytes(BYTES);
  return Buffer.concat([mask, xor(mask, Buffer.from(secret, "base64url"))]).toString("base64url");
}

function isTokenOf(secret: string | undefined, token: string | undefined): boolean {
  if (secret === undefined || token === undefined || !TOKEN.test(token)) return false;

  const bytes = Buffer.from(token, "base64url");
  const unmasked = xor(bytes.subarray(0, BYTES), bytes.subarray(BYTES));
  return timingSafeEqual(unmasked, Buffer.from(secret, "base64url"));
}

function xor(one: Buffer, two: Buffer): Buffer {
  return Buffer.from(one.map((byte, i) => byte ^ (two[i] as number)));
}
