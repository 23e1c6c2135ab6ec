import type { Principal } from "../message/message.js";
import { SessionGrant, type SessionGrantOptions } from "../message/session-grant.js";

export interface BearerGrantOptions extends SessionGrantOptions {
  readonly sessionId: string;
  readonly user: Principal;
  /** The token's own id. */
  readonly jti?: string | undefined;
  /** No session depends on it any more. */
  readonly released: () => void;
}

/** The tokens that are not good any more: those of a user, or one. */
export type RevokedTokens =
  | { readonly user: string }
  | { readonly jti: string }
  | { readonly sessionId: string };

/** The grant of a verified token to one session. */
export class BearerGrant extends SessionGrant {
  readonly sessionId: string;
  readonly user: Principal;
  readonly jti: string | undefined;
  readonly #released: () => void;

  constructor({ sessionId, user, jti, released, ...options }: BearerGrantOptions) {
    super(options);
    this.sessionId = sessionId;
    this.user = user;
    this.jti = jti;
    this.#released = released;
  }

  override release(): void {
    super.release();
    this.#released();
  }

  isAmong(revoked: RevokedTokens): boolean {
    if ("user" in revoked) return this.user.name === revoked.user;
    if ("jti" in revoked) return this.jti !== undefined && this.jti === revoked.jti;
    return this.sessionId === revoked.sessionId;
  }
}
