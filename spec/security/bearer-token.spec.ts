import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import {
  AccessDeniedError,
  type BearerTokenInterceptor,
  type BearerTokenOptions,
  bearerToken,
  type ChannelInterceptor,
  ConfigurationError,
  Controller,
  type Message,
  MessageMapping,
  type MessagingEvents,
  type StompMessagingOptions,
  simpleBroker,
  type VerifiedToken,
} from "express-stomp";
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { RawClient } from "../support/raw-client.js";
import { settled } from "../support/recording.js";
import { startServer, type TestServer } from "../support/server.js";
import { post } from "../support/sockjs-http.js";

const SECRET = new TextEncoder().encode("a secret of thirty-two characters");

/** Seconds since 1970, so many ms from now. */
function inMs(milliseconds: number): number {
  return (Date.now() + milliseconds) / 1000;
}

async function hs256(claims: Record<string, unknown>, secret = SECRET): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret);
}

async function verifyHs256(token: string): Promise<VerifiedToken> {
  const { payload } = await jwtVerify(token, SECRET, { algorithms: ["HS256"], audience: "chat" });
  return { user: { name: String(payload.sub) }, exp: payload.exp, jti: payload.jti };
}

/** Believes tokens such as `rod.1700000000.id`; `rod` never expires. */
function believe(token: string): VerifiedToken {
  const [, name = "", exp, jti] = /^([^.]+)(?:\.(\d+(?:\.\d+)?)(?:~(.+))?)?$/.exec(token) ?? [];
  return { user: { name }, exp: exp === undefined ? undefined : Number(exp), jti };
}

describe("bearerToken", () => {
  let server: TestServer;
  let tokens: BearerTokenInterceptor;
  const clients: RawClient[] = [];

  async function start(
    options: Partial<BearerTokenOptions> = {},
    {
      interceptors = [],
      ...others
    }: Partial<StompMessagingOptions> & { interceptors?: ChannelInterceptor[] } = {},
  ) {
    tokens = bearerToken({ verify: believe, ...options });
    server = await startServer({
      clientInboundChannel: { interceptors: [tokens, ...interceptors] },
      ...others,
    });
  }

  async function open() {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  }

  async function connect(token: string) {
    const client = await RawClient.connect(server.port, `Authorization:Bearer ${token}\n`);
    clients.push(client);
    return client;
  }

  async function subscribed(token: string, destination: string) {
    const client = await connect(token);
    client.send(`SUBSCRIBE\nid:1\ndestination:${destination}\n\n^@`);
    await client.synchronize();
    return client;
  }

  /** What CONNECT with these headers is answered, if it is ERROR. */
  async function refusal(headers: string) {
    const client = await open();
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);
    const frame = await client.frame();
    expect(frame).to.match(/^ERROR\n/);
    expect(await client.closed()).to.equal(1002);
    return /\nmessage:(.*)\n/.exec(frame)?.[1];
  }

  function event<E extends keyof MessagingEvents>(name: E): Promise<MessagingEvents[E]> {
    return new Promise((resolve) => {
      const stop = server.messaging.on(name, (told) => {
        stop();
        resolve(told);
      });
    });
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server?.close();
  });

  describe("when CONNECT has a token", () => {
    it("takes the user from one of HS256", async () => {
      await start({ verify: verifyHs256 });
      const connected = event("connected");
      await connect(await hs256({ sub: "rod", aud: "chat", exp: inMs(60_000) }));
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
      await start({
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

      await connect(await sign(0));
      expect(await refusal(`Authorization:Bearer ${await sign(1)}\n`)).to.equal("The token is not valid");
      published = jwks;
      const connected = event("connected");
      await connect(await sign(1));
      expect((await connected).user).to.deep.equal({ name: "user 1" });

      keyServer.closeAllConnections();
      keyServer.close();
    });

    it("puts the token's user in place of the handshake's", async () => {
      await start({}, { endpoints: [{ path: "/ws", user: () => ({ name: "cookie" }) }] });
      const connected = event("connected");
      await connect("rod");
      expect((await connected).user).to.deep.equal({ name: "rod" });
    });

    it("takes the scheme in any case, and blanks around", async () => {
      await start();
      const client = await open();
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
      await start({}, { interceptors: [looking] });
      const announced = event("connect");
      await connect("TOKEN");
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
        await start();
        expect(await refusal(headers)).to.equal(message);
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
        await start({ verify: verifyHs256 });
        const failed = event("sessionError");
        const text = await token();
        expect(await refusal(`Authorization:Bearer ${text}\n`)).to.equal("The token is not valid");
        expect((await failed).error).to.be.instanceOf(AccessDeniedError);
        expect(server.log.join()).to.not.contain(text);
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
        await start({ verify: verify as BearerTokenOptions["verify"] });
        expect(await refusal("Authorization:Bearer x\n")).to.equal(message);
      });
    }

    it("tells the client what verify wants it to know, and nothing else", async () => {
      await start({
        verify(token) {
          if (token === "public") throw new AccessDeniedError("Your account is closed");
          throw new Error(`secret of the server about ${token}`);
        },
      });
      expect(await refusal("Authorization:Bearer public\n")).to.equal("Your account is closed");
      expect(await refusal("Authorization:Bearer TOKEN\n")).to.equal("The token is not valid");
      expect(server.log.join("\n")).to.contain("The token is not valid").and.not.contain("TOKEN");
    });

    it("keeps a token out of the cause that listeners print", async () => {
      await start({
        verify(token) {
          throw new Error(`no such token: ${token}`);
        },
      });
      const failed = event("sessionError");
      await refusal("Authorization:Bearer TOKEN\n");
      expect(String((await failed).error.cause)).to.equal("Error: The reason repeats the token");
    });

    it("lets a client without one in as whoever the handshake says, if it need not have one", async () => {
      await start({ required: false }, { endpoints: [{ path: "/ws", user: () => ({ name: "cookie" }) }] });
      const connected = event("connected");
      clients.push(await RawClient.connect(server.port));
      expect((await connected).user).to.deep.equal({ name: "cookie" });
      expect(await refusal("Authorization:Basic cm9k\n")).to.equal("Authorization holds no bearer token");
    });
  });

  describe("when verify does not settle", () => {
    const never = () => new Promise<VerifiedToken>(() => {});

    it("refuses CONNECT in time, and nothing of the session is left", async () => {
      await start({ verify: never, verifyTimeout: 50 });
      expect(await refusal("Authorization:Bearer x\n")).to.equal("The token could not be verified in time");
      await settled();
      expect(server.messaging.stats().connections).to.equal(0);
    });

    it("leaves a client to the deadline of its login, if that is shorter", async () => {
      await start({ verify: never, verifyTimeout: 500 }, { transport: { connectTimeLimit: 100 } });
      const client = await open();
      client.send("CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer x\n\n^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:.*connectTimeLimit/);
      expect(await client.closed()).to.equal(4500);
    });
  });

  describe("when a token expires (CVE-2026-57218)", () => {
    it("ends a session that does nothing with an ERROR that says so, once", async () => {
      await start();
      const ended = event("disconnect");
      const client = await subscribed(`rod.${inMs(200)}`, "/topic/a");
      const failed = event("sessionError");
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
      expect(await client.closed()).to.equal(1002);
      expect((await failed).user).to.deep.equal({ name: "rod" });
      expect((await ended).user).to.deep.equal({ name: "rod" });
      expect(server.messaging.userRegistry.getUserCount()).to.equal(0);
      expect(tokens.revoke({ user: "rod" })).to.equal(0);
    });

    it("lets no MESSAGE pass after it, before any clock ticks", async () => {
      await start();
      const exp = Date.now() + 150;
      const client = await subscribed(`rod.${exp / 1000}`, "/topic/a");
      const friend = await subscribed("ann", "/topic/a");
      while (Date.now() <= exp);
      await server.messaging.template.convertAndSend("/topic/a", "late");

      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
      expect(await client.closed()).to.equal(1002);
      expect(await friend.frame()).to.match(/^MESSAGE\n[\s\S]*\nlate\^@$/);
    });

    for (const overflowStrategy of ["terminate", "drop-oldest"] as const) {
      it(`keeps what waits for a slow client from it, with ${overflowStrategy}`, async () => {
        await start(
          {},
          { transport: { sendBufferSizeLimit: 2 ** 27, sendTimeLimit: 60_000, overflowStrategy } },
        );
        const client = await subscribed(`rod.${inMs(600)}`, "/topic/a");
        client.webSocket.pause();
        const failed = event("sessionError");
        const body = Buffer.alloc(60_000, "x");
        for (let i = 0; i < 300; i++) await server.messaging.template.convertAndSend("/topic/a", body);
        await server.messaging.template.convertAndSend("/topic/a", "last");
        expect((await failed).error.message).to.equal("The token has expired");
        client.webSocket.resume();

        let last: unknown;
        for (;;) {
          const next = await client.next();
          if (typeof next !== "string") {
            expect(next.closed).to.equal(1006);
            break;
          }
          last = next;
        }
        expect(last)
          .to.match(/^MESSAGE\n/)
          .and.not.match(/last\^@$/);
      });
    }

    it("keeps what waits for a client's next poll from it", async () => {
      await start();
      const path = "/ws/000/s1";
      expect((await post(server.port, `${path}/xhr`)).text).to.equal("o\n");
      const failed = event("sessionError");
      const subscribed = event("subscribed");
      const frames = [
        `CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer rod.${inMs(400)}\n\n\0`,
        "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n\0",
      ];
      await post(server.port, `${path}/xhr_send`, JSON.stringify(frames));
      expect((await post(server.port, `${path}/xhr`)).text).to.contain("CONNECTED");
      await subscribed;
      await server.messaging.template.convertAndSend("/topic/a", "waits");
      await failed;

      expect((await post(server.port, `${path}/xhr`)).text).to.not.contain("waits");
    });

    it("handles no frame after it that came before", async () => {
      const handled: string[] = [];
      const exp = Date.now() + 150;
      @Controller()
      class Slow {
        @MessageMapping("/slow")
        async slow(text: string) {
          handled.push(text);
          await new Promise((resolve) => setImmediate(resolve));
          while (Date.now() <= exp);
        }
      }
      await start({}, { controllers: [new Slow()] });
      const client = await connect(`rod.${exp / 1000}`);
      client.send("SEND\ndestination:/app/slow\n\none^@SEND\ndestination:/app/slow\n\ntwo^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
      await client.closed();
      expect(handled).to.deep.equal(["one"]);
    });

    it("lets it be for as long as the clocks may differ", async () => {
      await start({ clockTolerance: 60_000 });
      await connect(`rod.${inMs(-30_000)}`);
      expect(await refusal(`Authorization:Bearer rod.${inMs(-61_000)}\n`)).to.equal("The token has expired");
    });

    it("lets a session last that has a token for years, or without an end", async () => {
      await start();
      for (const token of [`rod.${inMs(2 ** 31 * 10)}`, "rod"]) {
        const client = await subscribed(token, "/topic/a");
        // Whose short life makes the clock tick.
        const shortLived = await connect(`ann.${inMs(100)}`);
        await shortLived.frame();
        await server.messaging.template.convertAndSend("/topic/a", "hi");
        expect(await client.frame()).to.match(/\nhi\^@$/);
      }
    });
  });

  describe("when a token is renewed", () => {
    const renewal = { destination: "/app/token", ahead: 60_000 };

    it("asks for it at a destination of its own, until it comes, and the session goes on", async () => {
      await start({ renewal });
      const exp = inMs(1500);
      const client = await subscribed(`rod.${exp}`, "/user/queue/token");
      const other = await subscribed("ann", "/user/queue/token");
      expect(await client.frame()).to.match(
        /^MESSAGE\n(?:.+\n)*destination:\/user\/queue\/token\n(?:.+\n)*\n\{"expiresIn":[01]\}\^@$/,
      );

      client.send(`SEND\ndestination:/app/token\nAuthorization:Bearer rod.${inMs(600_000)}\nreceipt:1\n\n^@`);
      let answer = await client.frame();
      while (answer.startsWith("MESSAGE")) answer = await client.frame();
      expect(answer).to.equal("RECEIPT\nreceipt-id:1\n\n^@");

      // What would have ended the session ends another one now.
      const shortLived = await connect(`cho.${exp}`);
      while (!(await shortLived.frame()).startsWith("ERROR"));
      expect(await client.synchronize()).to.deep.equal([]);
      expect(await other.synchronize()).to.deep.equal([]);
    });

    it("asks again a session that had not subscribed when it was asked", async () => {
      await start({ renewal });
      const client = await connect(`rod.${inMs(2_500)}`);
      await event("expiring");
      client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/token\n\n^@");
      expect(await client.frame()).to.match(/\{"expiresIn":[01]\}\^@$/);
    });

    it("asks where it is told to, and so long before", async () => {
      await start({ renewal: { ...renewal, ahead: 600_000, noticeDestination: "/queue/renew" } });
      const asked = await subscribed(`rod.${inMs(590_000)}`, "/user/queue/renew");
      expect(await asked.frame()).to.match(
        /destination:\/user\/queue\/renew\n[\s\S]*\{"expiresIn":5[89]\d\}/,
      );
    });

    it("takes over the user of the new token, with other rights", async () => {
      const users: unknown[] = [];
      const looking: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.messageType === "UNSUBSCRIBE") users.push(message.headers.user);
          return message;
        },
      };
      await start(
        {
          renewal,
          verify: (token) => ({ user: { name: "rod", roles: [token] }, exp: inMs(600_000) }) as VerifiedToken,
        },
        { interceptors: [looking] },
      );
      const client = await connect("admin");
      await client.synchronize();
      client.send("SEND\ndestination:/app/token\nAuthorization:Bearer guest\n\n^@");
      await client.synchronize();
      expect(users).to.deep.equal([
        { name: "rod", roles: ["admin"] },
        { name: "rod", roles: ["guest"] },
      ]);
    });

    it("shows the token to no subscriber and no controller", async () => {
      const got: unknown[] = [];
      @Controller()
      class Curious {
        @MessageMapping("/token")
        token(text: string) {
          got.push(text);
        }
      }
      await start({ renewal }, { broker: simpleBroker(), controllers: [new Curious()] });
      const spy = await subscribed("ann", "/**");
      const client = await connect("rod");
      client.send("SEND\ndestination:/app/token\nAuthorization:Bearer rod\n\nTOKEN^@");
      await client.synchronize();
      expect(await spy.synchronize()).to.deep.equal([]);
      expect(got).to.deep.equal([]);
    });

    const refusals: [what: string, headers: string, message: string][] = [
      ["another's token", "Authorization:Bearer ann\n", "The token is not of the session's user"],
      ["one that has expired", "Authorization:Bearer rod.1\n", "The token has expired"],
      ["none", "", "A bearer token is required"],
    ];
    for (const [what, headers, message] of refusals) {
      it(`refuses ${what}, and the session ends`, async () => {
        await start({ renewal });
        const client = await connect("rod");
        client.send(`SEND\ndestination:/app/token\n${headers}receipt:1\n\n^@`);
        expect(await client.frame()).to.match(new RegExp(`^ERROR\nmessage:${message}\nreceipt-id:1\n`));
        expect(await client.closed()).to.equal(1002);
        for (const user of ["ann", "rod"]) expect(tokens.revoke({ user }), user).to.equal(0);
      });
    }

    it("makes nobody of a stranger", async () => {
      await start({ renewal, required: false });
      const client = await RawClient.connect(server.port);
      clients.push(client);
      client.send("SEND\ndestination:/app/token\nAuthorization:Bearer rod\n\n^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token is not of the session's user\n/);
    });

    it("is a SEND as any other without the option", async () => {
      await start();
      const client = await connect(`rod.${inMs(400)}`);
      client.send(`SEND\ndestination:/app/token\nAuthorization:Bearer rod.${inMs(600_000)}\n\n^@`);
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
    });
  });

  describe("when tokens are revoked", () => {
    it("ends the sessions of a user, with the reason given", async () => {
      await start();
      const [one, two, ann] = [await connect("rod"), await connect("rod"), await connect("ann")];
      expect(tokens.revoke({ user: "rod" }, "You have left the company")).to.equal(2);
      for (const client of [one, two]) {
        expect(await client.frame()).to.match(/^ERROR\nmessage:You have left the company\n/);
        expect(await client.closed()).to.equal(1002);
      }
      expect(await ann.synchronize()).to.deep.equal([]);
    });

    it("ends the session of a token, or of an id", async () => {
      await start();
      const exp = inMs(60_000);
      const one = await connect(`rod.${exp}~a`);
      const connected = event("connected");
      const two = await connect(`rod.${exp}~b`);
      expect(tokens.revoke({ jti: "a" })).to.equal(1);
      expect(await one.frame()).to.match(/^ERROR\nmessage:The token was revoked\n/);
      expect(tokens.revoke({ sessionId: (await connected).sessionId })).to.equal(1);
      expect(await two.frame()).to.match(/^ERROR\nmessage:The token was revoked\n/);
    });

    it("ends no session of tokens without an id for want of one", async () => {
      await start();
      await connect("rod");
      expect(tokens.revoke({ jti: undefined as unknown as string })).to.equal(0);
    });

    it("refuses one that was being verified meanwhile", async () => {
      let verified = () => {};
      let asked = () => {};
      const verifying = new Promise<void>((resolve) => (asked = resolve));
      await start({
        verify: (token) => {
          asked();
          return new Promise((resolve) => (verified = () => resolve(believe(token))));
        },
      });
      const refused = refusal("Authorization:Bearer rod\n");
      await verifying;
      expect(tokens.revoke({ user: "rod" })).to.equal(0);
      verified();
      expect(await refused).to.equal("The token was revoked");
    });

    it("ends a session that was on its way to the broker meanwhile", async () => {
      let verified = () => {};
      const waiting = new Promise<void>((resolve) => (verified = resolve));
      let go = () => {};
      const slow: ChannelInterceptor = {
        async preSend(message: Message) {
          verified();
          await new Promise<void>((resolve) => (go = resolve));
          return message;
        },
      };
      await start({}, { interceptors: [slow] });
      const client = await open();
      client.send("CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer rod\n\n^@");
      await waiting;
      expect(tokens.revoke({ user: "rod" })).to.equal(1);
      go();
      let frame = await client.frame();
      if (frame.startsWith("CONNECTED")) frame = await client.frame();
      expect(frame).to.match(/^ERROR\nmessage:The token was revoked\n/);
      // Its DISCONNECT waits there too.
      const closed = client.closed();
      const ended = event("disconnect");
      await closed;
      setImmediate(() => go());
      await ended;
    });

    it("knows none of a session that has ended, nor of one that was refused behind it", async () => {
      const refusing: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.user?.name === "evil") throw new AccessDeniedError("No");
          return message.headers.user?.name === "mute" ? null : message;
        },
      };
      await start({}, { interceptors: [refusing] });
      const client = await connect("rod");
      const disconnected = event("disconnect");
      client.cut();
      await disconnected;
      await refusal("Authorization:Bearer evil\n");
      await refusal("Authorization:Bearer mute\n");
      for (const user of ["rod", "evil", "mute"]) expect(tokens.revoke({ user }), user).to.equal(0);
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
        await start();
        expect(() => bearerToken(options as BearerTokenOptions)).to.throw(ConfigurationError, option);
      });
    }
  });
});
