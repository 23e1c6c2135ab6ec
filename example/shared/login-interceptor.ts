import type { Request } from "express";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  type HandshakeInterceptor,
  type Message,
  SessionGrant,
  withHeaders,
} from "express-stomp";

const LOGIN = "login";
const OVER = "You have logged out.";

/** Lets a connection last as long as the login that opened it, and no longer. */
export class LoginInterceptor implements ChannelInterceptor, HandshakeInterceptor {
  readonly #isLive: (login: string) => Promise<boolean>;
  /** Of each login, by the session that is granted. */
  readonly #logins = new Map<string, Map<string, SessionGrant>>();

  /** @param isLive tells whether the login with this session id is not over */
  constructor(isLive: (login: string) => Promise<boolean>) {
    this.#isLive = isLive;
  }

  async beforeHandshake(
    request: Request,
    _response: unknown,
    attributes: Map<string, unknown>,
  ): Promise<boolean> {
    attributes.set(LOGIN, request.sessionID);
    return true;
  }

  preSend(message: Message): Message | Promise<Message> {
    if (message.headers.messageType === "CONNECT") return this.#connect(message);
    if (message.headers.messageType === "DISCONNECT") this.#forget(message);
    return message;
  }

  afterSendCompletion(message: Message): void {
    const { messageType, grant } = message.headers;
    if (messageType === "CONNECT" && !grant?.held) this.#forget(message);
  }

  /** Cuts the connections of a login, and of no other login of its user. */
  end(login: string): void {
    for (const grant of this.#logins.get(login)?.values() ?? []) grant.revoke(OVER);
  }

  async #connect(message: Message): Promise<Message> {
    const { sessionId = "" } = message.headers;
    const login = loginOf(message);
    const grant = new SessionGrant();
    const grants = this.#logins.get(login) ?? new Map<string, SessionGrant>();
    this.#logins.set(login, grants.set(sessionId, grant));
    // First noted, then asked: whichever comes later sees a logout in between.
    try {
      if (await this.#isLive(login)) return withHeaders(message, { grant });
    } catch (error) {
      this.#forget(message);
      throw error;
    }
    this.#forget(message);
    throw new AccessDeniedError(OVER);
  }

  #forget(message: Message): void {
    const login = loginOf(message);
    const grants = this.#logins.get(login);
    grants?.delete(message.headers.sessionId ?? "");
    if (grants?.size === 0) this.#logins.delete(login);
  }
}

function loginOf({ headers }: Message): string {
  return headers.sessionAttributes?.get(LOGIN) as string;
}
