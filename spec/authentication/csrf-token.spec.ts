import { expect } from "chai";
import type { Express, Request } from "express";
import session, { MemoryStore } from "express-session";
import {
  bearerToken,
  type ChannelInterceptor,
  ConfigurationError,
  type CsrfTokenInterceptor,
  type CsrfTokenOptions,
  csrfToken,
  type Message,
  type StompMessagingOptions,
} from "express-stomp";
import passport from "passport";
import { Strategy } from "passport-local";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { converse, handshakeText } from "../support/socket-host.js";
import { http, post } from "../support/sockjs-http.js";

const WRONG = "The CSRF token is missing or wrong";

/** A browser's: the cookie of its session. */
interface Visitor {
  readonly cookie: string;
}

describe("csrfToken", () => {
  let server: TestServer;
  let csrf: CsrfTokenInterceptor;
  const clients: RawClient[] = [];

  async function start(
    options?: CsrfTokenOptions,
    {
      interceptors = [],
      before = withSessions,
      ...others
    }: Partial<StompMessagingOptions> & {
      interceptors?: ChannelInterceptor[];
      before?: (app: Express) => void;
    } = {},
  ) {
    csrf = csrfToken(options);
    server = await startServer(
      { clientInboundChannel: { interceptors: [...interceptors, csrf] }, ...others },
      (app) => {
        app.set("env", "test");
        before(app);
        app.get("/csrf", csrf.handler);
      },
    );
  }

  /** express-session, passport, and a login that believes every name. */
  function withSessions(app: Express) {
    const authenticator = new passport.Passport();
    authenticator.use(
      new Strategy((username, _password, done) => done(null, { name: username } as Express.User)),
    );
    authenticator.serializeUser((user, done) => done(null, user));
    authenticator.deserializeUser((user: Express.User, done) => done(null, user));
    app.use(session({ secret: "s", resave: false, saveUninitialized: false, store: new MemoryStore() }));
    app.use(authenticator.session());
    app.post("/login", (req, _res, next) => {
      req.body = { username: req.query.name, password: "-" };
      next();
    });
    app.post("/login", authenticator.authenticate("local"), (_req, res) => void res.send("in"));
  }

  async function login(name: string): Promise<Visitor> {
    const { headers } = await post(server.port, `/login?name=${name}`);
    return { cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
  }

  async function tokenFor({ cookie }: Visitor): Promise<string> {
    const { text } = await http(server.port, "/csrf", { headers: { cookie } });
    return (JSON.parse(text) as { token: string }).token;
  }

  /** What CONNECT with these headers is answered: the user's name, or the message of ERROR. */
  async function answer(headers: string, { cookie }: Visitor) {
    const client = await RawClient.open(server.port, "/ws", { headers: { cookie } });
    clients.push(client);
    client.send(`CONNECT\naccept-version:1.2\nhost:spec\n${headers}\n^@`);
    const frame = await client.frame();
    if (frame.startsWith("ERROR")) expect(await client.closed()).to.equal(1002);
    return /\n(?:user-name|message):(.*)\n/.exec(frame)?.[1];
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await server?.close();
  });

  it("lets a logged-in page connect with the token it was handed", async () => {
    await start();
    const rod = await login("rod");
    const { headers, text } = await http(server.port, "/csrf", { headers: { cookie: rod.cookie } });
    expect(headers["cache-control"]).to.equal("no-store");
    expect(JSON.parse(text))
      .to.have.all.keys("headerName", "token")
      .and.include({ headerName: "X-CSRF-TOKEN" });
    expect(await answer(`X-CSRF-TOKEN:${await tokenFor(rod)}\n`, rod)).to.equal("rod");
  });

  it("lets a SockJS client connect over HTTP with it, and without not", async () => {
    await start({}, { endpoints: [{ path: "/ws", sockJS: { disconnectDelay: 1_000 } }] });
    const rod = await login("rod");
    for (const [name, header, expected] of [
      ["s1", `X-CSRF-TOKEN:${await tokenFor(rod)}\n`, "CONNECTED"],
      ["s2", "", WRONG],
    ] as const) {
      const options = { headers: { cookie: rod.cookie } };
      const path = `/ws/000/${name}`;
      expect((await post(server.port, `${path}/xhr`, "", options)).text).to.equal("o\n");
      const frame = `CONNECT\naccept-version:1.2\nhost:spec\n${header}\n\0`;
      await post(server.port, `${path}/xhr_send`, JSON.stringify([frame]), options);
      expect((await post(server.port, `${path}/xhr`, "", options)).text).to.contain(expected);
    }
  });

  it("hands out another text each time, and all of them are good", async () => {
    await start();
    const rod = await login("rod");
    const tokens = await Promise.all([1, 2, 3].map(() => tokenFor(rod)));
    expect(new Set(tokens).size).to.equal(3);
    for (const token of tokens) expect(await answer(`X-CSRF-TOKEN:${token}\n`, rod)).to.equal("rod");
  });

  it("makes a session for a stranger's token", async () => {
    await start();
    const { headers, text } = await http(server.port, "/csrf");
    const cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const { token } = JSON.parse(text) as { token: string };
    const client = await RawClient.connect(server.port, `X-CSRF-TOKEN:${token}\n`, "/ws", {
      headers: { cookie },
    });
    clients.push(client);
  });

  it("shows the token to nobody behind it, and the secret to no controller", async () => {
    const seen: string[] = [];
    const looking: ChannelInterceptor = {
      preSend(message: Message) {
        seen.push(
          ...[...message.headers.native].flat(),
          ...(message.headers.sessionAttributes?.keys() ?? []),
        );
        return message;
      },
    };
    await start();
    server.messaging.clientInboundChannel.addInterceptor(looking);
    const rod = await login("rod");
    expect(await answer(`X-CSRF-TOKEN:${await tokenFor(rod)}\n`, rod)).to.equal("rod");
    expect(seen).to.deep.equal(["accept-version", "1.2", "host", "spec"]);
  });

  describe("when a hostile page connects with the cookie of a visitor (CVE-2025-41254)", () => {
    it("refuses it without a token, and handles nothing behind", async () => {
      await start();
      const rod = await login("rod");
      await tokenFor(rod);
      const client = await RawClient.open(server.port, "/ws", { headers: { cookie: rod.cookie } });
      clients.push(client);
      const friend = await RawClient.connect(server.port, `X-CSRF-TOKEN:${await tokenFor(rod)}\n`, "/ws", {
        headers: { cookie: rod.cookie },
      });
      clients.push(friend);
      friend.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await friend.synchronize();

      client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/topic/a\n\nhi^@");

      expect(await client.frame()).to.equal(`ERROR\nmessage:${WRONG}\nretry:never\ncontent-length:0\n\n^@`);
      expect(await client.closed()).to.equal(1002);
      expect(await friend.synchronize()).to.deep.equal([]);
    });

    it("refuses the token of another session, though a hostile page has one of its own", async () => {
      await start();
      const [rod, evil] = [await login("rod"), await login("evil")];
      await tokenFor(rod);
      expect(await answer(`X-CSRF-TOKEN:${await tokenFor(evil)}\n`, rod)).to.equal(WRONG);
    });

    it("refuses any token of a session that never had one", async () => {
      await start();
      const [rod, evil] = [await login("rod"), await login("evil")];
      expect(await answer(`X-CSRF-TOKEN:${await tokenFor(evil)}\n`, rod)).to.equal(WRONG);
    });

    it("refuses one of before the login, which made another session", async () => {
      await start();
      const before = await http(server.port, "/csrf");
      const { token } = JSON.parse(before.text) as { token: string };
      const cookie = before.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
      const { headers } = await post(server.port, "/login?name=rod", "", { headers: { cookie } });
      const rod = { cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
      expect(rod.cookie).to.not.equal(cookie);
      expect(await answer(`X-CSRF-TOKEN:${token}\n`, rod)).to.equal(WRONG);
    });

    it("refuses what is no token, in the same words", async () => {
      let secret = "";
      await start({
        repository: {
          load: () => secret,
          save(_request, made) {
            secret = made;
          },
        },
      });
      const good = await csrf.token({} as Request);
      const changed = good.replace(/^./, (first) => (first === "A" ? "B" : "A"));
      const cases = [
        "",
        secret,
        changed,
        good.slice(0, -1),
        `${good}A`,
        `${good}=`,
        good.toUpperCase(),
        `${" ".repeat(85)}A`,
        "A".repeat(86),
        "A".repeat(8_000),
        "__proto__",
        "undefined",
      ];
      for (const text of cases) {
        expect(await answer(`X-CSRF-TOKEN:${text}\n`, { cookie: "" }), text).to.equal(WRONG);
      }
      expect(await answer(`x-csrf-token:${good}\n`, { cookie: "" })).to.equal(WRONG);
      expect(await answer(`X-CSRF-TOKEN:${changed}\nX-CSRF-TOKEN:${good}\n`, { cookie: "" })).to.equal(WRONG);
      expect(await answer(`X-CSRF-TOKEN:${good}\n`, { cookie: "" })).to.equal(undefined);
      expect(server.log.join("\n")).to.contain(WRONG).and.not.contain(good);
    });

    it("takes no secret that a repository has got wrong", async () => {
      const token = Buffer.alloc(64).toString("base64url");
      await start({ repository: { load: () => "", save: () => {} } });
      expect(await answer(`X-CSRF-TOKEN:${token}\n`, { cookie: "" })).to.equal(WRONG);
    });
  });

  describe("where clients have bearer tokens (spring-security #12378)", () => {
    const tokens = () =>
      bearerToken({
        required: false,
        verify(name) {
          if (name === "bad") throw new Error();
          return { user: { name } };
        },
      });

    it("is off when it is not among the interceptors", async () => {
      await start({}, { clientInboundChannel: { interceptors: [tokens()] } });
      expect(await answer("Authorization:Bearer rod\n", { cookie: "" })).to.equal("rod");
    });

    it("asks nobody else for a token, with exceptBearerTokens", async () => {
      await start({ exceptBearerTokens: true }, { interceptors: [tokens()] });
      const rod = await login("rod");
      expect(await answer("Authorization:Bearer ann\n", { cookie: "" })).to.equal("ann");
      expect(await answer("", rod)).to.equal(WRONG);
      expect(await answer("Authorization:Bearer bad\n", rod)).to.equal("The token is not valid");
      expect(await answer(`X-CSRF-TOKEN:${await tokenFor(rod)}\n`, rod)).to.equal("rod");
    });

    it("asks them too, without it", async () => {
      await start({}, { interceptors: [tokens()] });
      expect(await answer("Authorization:Bearer ann\n", { cookie: "" })).to.equal(WRONG);
    });
  });

  describe("without a session to keep the secret in", () => {
    it("answers handshakes and requests for a token with 500, and says why", async () => {
      await start({}, { before: () => {} });
      expect(await converse(server.port, handshakeText("/ws"))).to.match(/^HTTP\/1\.1 500 /);
      expect((await http(server.port, "/csrf")).status).to.equal(500);
      expect(server.log.join("\n")).to.contain("csrfToken found no req.session");
    });
  });

  it("keeps the secret where a repository does, under a header of its own", async () => {
    const secrets = new Map<string, string>();
    await start(
      {
        headerName: "x-xsrf",
        repository: {
          load: async (request) => secrets.get(request.get("x-device") ?? ""),
          save: async (request, secret) => void secrets.set(request.get("x-device") ?? "", secret),
        },
      },
      { before: () => {} },
    );
    const headers = { "x-device": "phone" };
    const { headerName, token } = JSON.parse((await http(server.port, "/csrf", { headers })).text) as {
      headerName: string;
      token: string;
    };
    clients.push(await RawClient.connect(server.port, `${headerName}:${token}\n`, "/ws", { headers }));
    expect(headerName).to.equal("x-xsrf");
  });

  const cases: [options: unknown, option: string][] = [
    [{ header: "x" }, "header"],
    [{ headerName: "" }, "headerName"],
    [{ repository: { load: () => "" } }, "repository"],
    [{ exceptBearerTokens: 1 }, "exceptBearerTokens"],
  ];
  for (const [options, option] of cases) {
    it(`fails with the name of ${option} when that makes no sense`, async () => {
      await start();
      expect(() => csrfToken(options as CsrfTokenOptions)).to.throw(ConfigurationError, option);
    });
  }
});
