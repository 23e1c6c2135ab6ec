import { inspect } from "node:util";
import type { ChannelInterceptor } from "../channel/interceptor.js";
import type { InterceptorDescription } from "../channel/interceptor-description.js";
import type { MessageChannel } from "../channel/message-channel.js";
import type { Clock } from "../clock/clock.js";
import { inTime } from "../clock/deadline.js";
import { AccessDeniedError, ConfigurationError, MessagingError, soon } from "../errors.js";
import { type Message, NO_PAYLOAD, withHeaders, withPayload } from "../message/message.js";
import { NativeHeaders } from "../message/native-headers.js";
import { isText } from "../options/checks.js";
import { BearerGrant, type RevokedTokens } from "./bearer-grant.js";
import {
  type BearerTokenOptions,
  type BearerTokenSettings,
  bearerTokenSettings,
  type VerifiedToken,
} from "./bearer-token-options.js";

const HEADER = "Authorization";
/** RFC 6750, 2.1; schemes are written in any case. */
const BEARER = /^bearer +([\w.~+/-]+=*)$/i;
/** Seconds beyond the year 5000 are milliseconds by mistake, and would let a token live for ever. */
const LATEST_EXP = 100_000_000_000;

/** Knows users by their tokens, and ends their sessions with them. */
export interface BearerTokenInterceptor extends ChannelInterceptor {
  /**
   * Ends the sessions that such tokens were given for, also those that are
   * being verified. `verify` is who refuses them from then on.
   *
   * @param reason what their clients read. Default: `The token was revoked`
   * @returns how many sessions had one
   */
  revoke(tokens: RevokedTokens, reason?: string): number;
}

/**
 * Makes an interceptor for `clientInboundChannel`, which takes the user of a
 * session from the `Authorization: Bearer …` header of CONNECT, and ends the
 * session when the token expires or is revoked.
 *
 * @throws ConfigurationError when an option makes no sense
 * @example
 * ```ts
 * bearerToken({
 *   async verify(token) {
 *     const { payload } = await jwtVerify(token, keys, { audience: "chat", requiredClaims: ["sub", "exp"] });
 *     return { user: { name: payload.sub! }, exp: payload.exp, jti: payload.jti };
 *   },
 * });
 * ```
 */
export function bearerToken(options: BearerTokenOptions): BearerTokenInterceptor {
  return new BearerTokens(bearerTokenSettings(options));
}

class BearerTokens implements BearerTokenInterceptor {
  readonly #settings: BearerTokenSettings;
  readonly #grants = new Set<BearerGrant>();
  /** For each token that is being verified, what was revoked meanwhile. */
  readonly #verifying = new Set<RevokedTokens[]>();
  /** By session, while CONNECT is on its way: an interceptor behind may put another grant in place. */
  readonly #connecting = new Map<string, BearerGrant>();

  constructor(settings: BearerTokenSettings) {
    this.#settings = settings;
  }

  get description(): InterceptorDescription {
    const { required, renewal } = this.#settings;
    const header = { name: HEADER, kind: "bearer" } as const;
    return {
      connectHeaders: [{ ...header, required }],
      ...(renewal && {
        sends: [
          {
            destination: renewal.destination,
            text: "Renews the token of the session",
            headers: [{ ...header, required: true }],
          },
        ],
        messages: [
          {
            destination: renewal.noticeDestination,
            toUser: true,
            text: "Tells that the token of the session soon expires",
            payload: {
              type: "object",
              properties: { expiresIn: { type: "integer", description: "seconds" } },
              required: ["expiresIn"],
            },
          },
        ],
      }),
    };
  }

  preSend(message: Message, { clock }: MessageChannel): Message | Promise<Message> {
    const { messageType, destination } = message.headers;
    if (messageType === "CONNECT") return this.#connect(message, clock);

    const isRenewal = messageType === "MESSAGE" && destination === this.#settings.renewal?.destination;
    return isRenewal ? this.#renew(message, clock) : message;
  }

  /** A message that was refused later on, or lost its grant there, has brought none to a session. */
  afterSendCompletion({ headers: { messageType, sessionId = "", grant } }: Message): void {
    let given = grant;
    if (messageType === "CONNECT") {
      given = this.#connecting.get(sessionId);
      this.#connecting.delete(sessionId);
    }
    if (given instanceof BearerGrant && !given.held) given.release();
  }

  revoke(tokens: RevokedTokens, reason = "The token was revoked"): number {
    for (const revoked of this.#verifying) revoked.push(tokens);
    const grants = [...this.#grants].filter((grant) => grant.isAmong(tokens));
    for (const grant of grants) grant.revoke(reason);
    return grants.length;
  }

  async #connect(message: Message, clock: Clock): Promise<Message> {
    const { native, sessionId = "" } = message.headers;
    if (!native.has(HEADER) && !this.#settings.required) return message;

    const grant = await this.#verified(message, clock);
    this.#connecting.set(sessionId, grant);
    return withHeaders(message, { user: grant.user, grant, native: native.without(HEADER) });
  }

  /** The message goes no further than its session, which takes the grant: without a destination nobody handles it. */
  async #renew(message: Message, clock: Clock): Promise<Message> {
    const { user } = message.headers;
    const grant = await this.#verified(message, clock);
    if (grant.user.name !== user?.name) {
      grant.release();
      throw new AccessDeniedError("The token is not of the session's user");
    }
    const headers = { user: grant.user, grant, destination: undefined, native: NativeHeaders.EMPTY };
    return withHeaders(withPayload(message, NO_PAYLOAD), headers);
  }

  /** Verifies the token of a message, and notes what it grants. */
  async #verified({ headers: { native, sessionId = "" } }: Message, clock: Clock): Promise<BearerGrant> {
    const token = tokenOf(native);
    const revoked: RevokedTokens[] = [];
    this.#verifying.add(revoked);
    try {
      const grant = this.#grantOf(sessionId, await this.#ask(token, clock), clock);
      if (grant.fault) throw grant.fault;
      if (revoked.some((tokens) => grant.isAmong(tokens)))
        throw new AccessDeniedError("The token was revoked");

      this.#grants.add(grant);
      return grant;
    } catch (error) {
      throw refusal(error, token);
    } finally {
      this.#verifying.delete(revoked);
    }
  }

  async #ask(token: string, clock: Clock): Promise<VerifiedToken> {
    const { verify, verifyTimeout } = this.#settings;
    const verified = await inTime(Promise.resolve(verify(token)), {
      clock,
      milliseconds: verifyTimeout,
      passed: () => new AccessDeniedError("The token could not be verified in time", { retry: soon() }),
      late() {},
    });
    // `verify` may say by nothing that a token is nobody's.
    if (verified === undefined || verified === null) throw new Error("verify knows nobody by this token");
    return verified;
  }

  #grantOf(sessionId: string, { user, exp, jti }: VerifiedToken, clock: Clock): BearerGrant {
    if (!isText(user?.name)) {
      throw new ConfigurationError("verify of bearerToken returned no user with a name");
    }
    if (exp !== undefined && !(typeof exp === "number" && exp < LATEST_EXP)) {
      throw new ConfigurationError(
        "verify of bearerToken returned an exp that is no time in seconds since 1970",
      );
    }
    const { clockTolerance, renewal } = this.#settings;
    const grant: BearerGrant = new BearerGrant({
      sessionId,
      user,
      jti,
      clock,
      expires: exp === undefined ? undefined : Math.max(0, exp * 1000 + clockTolerance),
      expiredMessage: "The token has expired",
      ahead: renewal?.ahead,
      noticeDestination: renewal?.noticeDestination,
      released: () => this.#grants.delete(grant),
    });
    return grant;
  }
}

function tokenOf(native: NativeHeaders): string {
  const header = native.get(HEADER);
  if (header === undefined) throw new AccessDeniedError("A bearer token is required");

  const [, token] = BEARER.exec(header.trim()) ?? [];
  if (token === undefined) throw new AccessDeniedError("Authorization holds no bearer token");
  return token;
}

/** The error that a client may read about its token; of the token itself it repeats nothing. */
function refusal(error: unknown, token: string): Error {
  if (error instanceof MessagingError) return error;

  const cause = repeats(error, token) ? new Error("The reason repeats the token") : error;
  // It may also be that the keys could not be fetched, and the client's next token is another one.
  return new AccessDeniedError("The token is not valid", { cause, retry: soon() });
}

/** Whether a log of it would show the token. */
function repeats(error: unknown, token: string): boolean {
  try {
    return inspect(error).includes(token);
  } catch {
    return true;
  }
}
