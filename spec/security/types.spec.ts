import { expect } from "chai";
import {
  type BearerTokenInterceptor,
  bearerToken,
  type ChannelInterceptor,
  type CsrfTokenInterceptor,
  csrfToken,
  type HandshakeInterceptor,
  httpSessionHandshakeInterceptor,
  type Message,
  SessionGrant,
  withHeaders,
} from "express-stomp";
import { jwtVerify } from "jose";

/** For the compiler: `@ts-expect-error` is itself an error where there is none. */
function configured(message: Message) {
  const key = new Uint8Array(32);
  const tokens: BearerTokenInterceptor & ChannelInterceptor = bearerToken({
    async verify(token) {
      const { payload } = await jwtVerify(token, key);
      return { user: { name: payload.sub!, roles: ["any"] }, exp: payload.exp, jti: payload.jti };
    },
  });
  bearerToken({ verify: (token) => ({ user: { name: token } }), renewal: { destination: "/app/token" } });

  // @ts-expect-error a user has a name
  bearerToken({ verify: () => ({ user: {} }) });
  // @ts-expect-error exp is a number of seconds, as a JWT has it
  bearerToken({ verify: () => ({ user: { name: "rod" }, exp: new Date() }) });
  // @ts-expect-error nobody would know where to send the next one
  bearerToken({ verify: () => ({ user: { name: "rod" } }), renewal: { ahead: 1 } });
  // @ts-expect-error what is revoked has to be named
  tokens.revoke({});

  const csrf: CsrfTokenInterceptor & ChannelInterceptor = csrfToken({ exceptBearerTokens: true });
  // @ts-expect-error it keeps secrets as well as it finds them
  csrfToken({ repository: { load: () => "" } });

  const interceptor: HandshakeInterceptor = httpSessionHandshakeInterceptor({ attributeNames: ["cart"] });
  const forgetful: HandshakeInterceptor = {
    // @ts-expect-error whether the handshake goes on has to be said
    beforeHandshake() {},
  };

  const text: Promise<string> = csrf.token({} as never);
  // @ts-expect-error a grant is more than a time
  withHeaders(message, { grant: Date.now() });
  return [withHeaders(message, { grant: new SessionGrant() }), interceptor, forgetful, text];
}

describe("The types of authentication", () => {
  it("are held by the compiler", () => {
    expect(configured).to.be.a("function");
  });
});
