import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import {
  AccessDeniedError,
  type BearerTokenOptions,
  bearerToken,
  type ChannelInterceptor,
  ConfigurationError,
  type Message,
  type VerifiedToken,
} from "express-stomp";
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { settled } from "../support/recording.js";
import { believe, inMs, TokenStage } from "../support/token-stage.js";

const SECRET = new TextEncoder().encode("a secret of thirty-two characters");

async function hs256(claims: Record<string, unknown>, secret = SECRET): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret);
}

async function verifyHs256(token: string): Promise<VerifiedToken> {
  const { payload } = await jwtVerify(token, SECRET, { algorithms: ["HS256"], audience: "chat" });
  return { user: { name: String(payload.sub) }, exp: payload.exp, jti: payload.jti };
}

describe("bearerToken", () => {
  const stage = new TokenStage();

  afterEach(() => stage.close());

  describe("when CONNECT has a token", () => {
    it("takes the user from one of HS256", async () => {
      await stage.start({ verify: verifyHs256 });
      const connected = stage.event("connected");
      await stage.connect(await hs256({ sub: "rod", aud: "chat", exp: inMs(60_000) }));
      expect((await connected).user).to.deep.equal({ name: "rod" });
    });

    it("takes the user from one of RS256, by keys of a server, which may change", async () => {
      const pairs = await Promise.all(
        ["one", "two"].map(async (kid) => ({ kid, ...(await generateKeyPair("RS256")) })),
      );
      const jwks = await Promise.all(
        pairs.map(async ({ kid, publicKey }) => ({ kid, alg: "RS256", ...(await exportJWK(publicKey)) })),
      );
      let published = jwks.slice(0, 1);
      const keyServer = createServer((_req, res) => {
        res.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys: published }));
      });
      keyServer.listen(0, "127.0.0.1");
      await once(keyServer, "listening");
      const url = new URL(`http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/jwks`);
      const keys = createRemoteJWKSet(url, { cooldownDuration: 0 });
      await stage.start({
        async verify(token) {
          const { payload } = await jwtVerify(token, keys, { algorithms: ["RS256"] });
          return { user: { name: String(payload.sub) }, exp: payload.exp };
        },
      });
      const sign = (i: number) =>
        new SignJWT({ sub: `user ${i}` })
          .setProtectedHeader({ alg: "RS256", kid: pairs[i]!.kid })
          .setExpirationTime("1m")
          .sign(pairs[i]!.privateKey);

      await stage.connect(await sign(0));
      expect(await stage.refusal(`Authorization:Bearer ${await sign(1)}\n`)).to.equal(
        "The token is not valid",
      );
      published = jwks;
      const connected = stage.event("connected");
      await stage.connect(await sign(1));
      expect((await connected).user).to.deep.equal({ name: "user 1" });

      keyServer.closeAllConnections();
      keyServer.close();
    });

    it("puts the token's user in place of the handshake's", async () => {
      await stage.start({}, { endpoints: [{ path: "/ws", user: () => ({ name: "cookie" }) }] });
      const connected = stage.event("connected");
      await stage.connect("rod");
      expect((await connected).user).to.deep.equal({ name: "rod" });
    });

    it("takes the scheme in any case, and blanks around", async () => {
      await stage.start();
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:spec\nAuthorization: bEARER  rod \n\n^@");
      expect(await client.frame()).to.match(/^CONNECTED\n[\s\S]*user-name:rod\n/);
    });

    it("shows the token to nobody behind it", async () => {
      const seen: unknown[] = [];
      const looking: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.messageType === "CONNECT") seen.push([...message.headers.native].flat());
          return message;
        },
      };
      await stage.start({}, { interceptors: [looking] });
      const announced = stage.event("connect");
      await stage.connect("TOKEN");
      seen.push([...(await announced).message.headers.native].flat());
      expect(JSON.stringify(seen)).to.contain("accept-version").and.not.contain("TOKEN");
    });
  });

  describe("when CONNECT has no good token", () => {
    const cases: [what: string, headers: string, message: string][] = [
      ["none", "", "A bearer token is required"],
      ["another scheme", "Authorization:Basic cm9kOnBhc3M=\n", "Authorization holds no bearer token"],
      ["an empty one", "Authorization:Bearer \n", "Authorization holds no bearer token"],
      ["two words", "Authorization:Bearer rod ann\n", "Authorization holds no bearer token"],
      ["control characters", "Authorization:Bearer rod\\nann\n", "Authorization holds no bearer token"],
      ["a scheme alone", "Authorization:Bearer\n", "Authorization holds no bearer token"],
      ["a name of another case", "authorization:Bearer rod\n", "A bearer token is required"],
    ];
    for (const [what, headers, message] of cases) {
      it(`refuses ${what}`, async () => {
        await stage.start();
        expect(await stage.refusal(headers)).to.equal(message);
      });
    }

    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"rod","aud":"chat"}').toString("base64url")}.`;
    const jwts: [what: string, token: () => Promise<string>][] = [
      [
        "of another secret",
        () => hs256({ sub: "rod", aud: "chat" }, new TextEncoder().encode("x".repeat(32))),
      ],
      ["for another audience", () => hs256({ sub: "rod", aud: "bank" })],
      ["that has expired", () => hs256({ sub: "rod", aud: "chat", exp: Math.floor(inMs(-60_000)) })],
      ["that is no JWT", async () => "rod"],
      ["without a signature", async () => none],
    ];
    for (const [what, token] of jwts) {
      it(`refuses one ${what}, and tells nobody the token`, async () => {
        await stage.start({ verify: verifyHs256 });
        const failed = stage.event("sessionError");
        const text = await token();
        expect(await stage.refusal(`Authorization:Bearer ${text}\n`)).to.equal("The token is not valid");
        expect((await failed).error).to.be.instanceOf(AccessDeniedError);
        expect(stage.server.log.join()).to.not.contain(text);
      });
    }

    const answers: [what: string, verify: () => unknown, message: string][] = [
      ["has expired", () => ({ user: { name: "rod" }, exp: inMs(-1) }), "The token has expired"],
      ["expired in 1970", () => ({ user: { name: "rod" }, exp: -1 }), "The token has expired"],
      ["belongs to nobody", () => undefined, "The token is not valid"],
      ["belongs to a user without a name", () => ({ user: {} }), "The frame could not be processed"],
      [
        "belongs to a user with an empty name",
        () => ({ user: { name: "" } }),
        "The frame could not be processed",
      ],
      [
        "expires in ms since 1970",
        () => ({ user: { name: "rod" }, exp: Date.now() + 60_000 }),
        "The frame could not be processed",
      ],
      [
        "expires at a Date",
        () => ({ user: { name: "rod" }, exp: new Date() }),
        "The frame could not be processed",
      ],
      [
        "expires never to be told",
        () => ({ user: { name: "rod" }, exp: Number.NaN }),
        "The frame could not be processed",
      ],
    ];
    for (const [what, verify, message] of answers) {
      it(`refuses one that, as verify says, ${what}`, async () => {
        await stage.start({ verify: verify as BearerTokenOptions["verify"] });
        expect(await stage.refusal("Authorization:Bearer x\n")).to.equal(message);
      });
    }

    it("tells the client what verify wants it to know, and nothing else", async () => {
      await stage.start({
        verify(token) {
          if (token === "public") throw new AccessDeniedError("Your account is closed");
          throw new Error(`secret of the server about ${token}`);
        },
      });
      expect(await stage.refusal("Authorization:Bearer public\n")).to.equal("Your account is closed");
      expect(await stage.refusal("Authorization:Bearer TOKEN\n")).to.equal("The token is not valid");
      expect(stage.server.log.join("\n")).to.contain("The token is not valid").and.not.contain("TOKEN");
    });

    it("keeps a token out of the cause that listeners print", async () => {
      await stage.start({
        verify(token) {
          throw new Error(`no such token: ${token}`);
        },
      });
      const failed = stage.event("sessionError");
      await stage.refusal("Authorization:Bearer TOKEN\n");
      expect(String((await failed).error.cause)).to.equal("Error: The reason repeats the token");
    });

    it("lets a client without one in as whoever the handshake says, if it need not have one", async () => {
      await stage.start(
        { required: false },
        { endpoints: [{ path: "/ws", user: () => ({ name: "cookie" }) }] },
      );
      const connected = stage.event("connected");
      await stage.connect();
      expect((await connected).user).to.deep.equal({ name: "cookie" });
      expect(await stage.refusal("Authorization:Basic cm9k\n")).to.equal(
        "Authorization holds no bearer token",
      );
    });
  });

  describe("when verify does not settle", () => {
    const never = () => new Promise<VerifiedToken>(() => {});

    it("refuses CONNECT in time, and nothing of the session is left", async () => {
      await stage.start({ verify: never, verifyTimeout: 50 });
      expect(await stage.refusal("Authorization:Bearer x\n")).to.equal(
        "The token could not be verified in time",
      );
      await settled();
      expect(stage.server.messaging.stats().connections).to.equal(0);
    });

    it("leaves a client to the deadline of its login, if that is shorter", async () => {
      await stage.start({ verify: never, verifyTimeout: 500 }, { transport: { connectTimeLimit: 100 } });
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer x\n\n^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:.*connectTimeLimit/);
      expect(await client.closed()).to.equal(4500);
    });
  });

  describe("with an option that makes no sense", () => {
    const cases: [options: unknown, option: string][] = [
      [{}, "verify"],
      [{ verify: believe, audience: "x" }, "audience"],
      [{ verify: believe, required: "yes" }, "required"],
      [{ verify: believe, clockTolerance: "5s" }, "clockTolerance"],
      [{ verify: believe, verifyTimeout: 0 }, "verifyTimeout"],
      [{ verify: believe, renewal: "/app/token" }, "renewal"],
      [{ verify: believe, renewal: {} }, "renewal.destination"],
      [{ verify: believe, renewal: { destination: "/a", ahead: -1 } }, "renewal.ahead"],
      [
        { verify: believe, renewal: { destination: "/a", noticeDestination: "q" } },
        "renewal.noticeDestination",
      ],
    ];
    for (const [options, option] of cases) {
      it(`fails with the name of ${option}`, async () => {
        await stage.start();
        expect(() => bearerToken(options as BearerTokenOptions)).to.throw(ConfigurationError, option);
      });
    }
  });
});
