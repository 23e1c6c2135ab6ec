import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@stomp/stompjs";
import { expect } from "chai";
import express, { type Request, type Response } from "express";
import session, { MemoryStore } from "express-session";
import {
  bearerToken,
  type ChannelInterceptor,
  csrfToken,
  type EndpointOptions,
  type HandshakeInterceptor,
  httpSessionLifetime,
  type Message,
  SessionGrant,
  type StompMessagingOptions,
  stompMessaging,
  withHeaders,
} from "express-stomp";
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import WebSocket from "ws";
import { ClientHost } from "../support/client-host.js";
import { missingExamples } from "../support/documented.js";
import { RawClient } from "../support/raw-client.js";
import { converse, handshakeText } from "../support/socket-host.js";

const secret = new TextEncoder().encode("a secret of thirty-two characters");

function cookieOf(req: Request, name: string): string {
  return new RegExp(`${name}=([^;]*)`).exec(req.headers.cookie ?? "")?.[1] ?? "";
}

const tenants = {
  find: async (host: string) => (host === "127.0.0.1" ? { id: 7 } : undefined),
};

const logged: string[] = [];
const log = (line: string) => void logged.push(line);

const endpoint: EndpointOptions = {
  path: "/ws",
  sockJS: true,
  user: async (req) => {
    const { payload } = await jwtVerify(cookieOf(req, "token"), secret);
    return { name: String(payload.sub) };
  },
};

class TenantInterceptor implements HandshakeInterceptor {
  async beforeHandshake(request: Request, response: Response, attributes: Map<string, unknown>) {
    const tenant = await tenants.find(request.hostname);
    if (!tenant) {
      response.status(404).send("No such tenant");
      return false;
    }
    attributes.set("tenant", tenant);
    return true;
  }

  afterHandshake(request: Request, _response: Response, error: Error | undefined) {
    log(`${request.hostname} ${error ? error.message : "connected"}`);
  }
}

function tokensOf(jwksUrl: string) {
  const keys = createRemoteJWKSet(new URL(jwksUrl));

  const tokens = bearerToken({
    async verify(token) {
      const { payload } = await jwtVerify(token, keys, { audience: "chat", requiredClaims: ["sub", "exp"] });
      return { user: { name: payload.sub! }, exp: payload.exp, jti: payload.jti };
    },
    renewal: { destination: "/app/token" },
  });
  return tokens;
}

function clientOf(brokerURL: string, freshToken: () => Promise<string>) {
  const client = new Client({
    brokerURL,
    beforeConnect: async () => {
      client.connectHeaders = { Authorization: `Bearer ${await freshToken()}` };
    },
  });

  async function renew() {
    const headers = { Authorization: `Bearer ${await freshToken()}` };
    client.publish({ destination: "/app/token", headers });
  }
  client.onConnect = () => {
    client.subscribe("/user/queue/token", () => void renew());
  };
  return client;
}

class CookieLifetime implements ChannelInterceptor {
  preSend(message: Message) {
    if (message.headers.messageType !== "CONNECT") return message;
    const expires = message.headers.sessionAttributes?.get("expires") as number;
    return withHeaders(message, { grant: new SessionGrant({ expires }) });
  }
}

describe("docs/authentication.md", () => {
  const host = new ClientHost();
  const start = (options: Partial<StompMessagingOptions>) =>
    host.listen(options, (app) => app.set("env", "test"));

  afterEach(() => host.close());

  it("shows what is tried here", async () => {
    await start({});
    expect(missingExamples("docs/authentication.md", "spec/docs/authentication.spec.ts")).to.deep.equal([]);
  });

  it("finds the user of a JWT in a cookie, and nobody gets in without", async () => {
    await start({ endpoints: [endpoint] });
    const connected = host.event("connected");
    const token = await new SignJWT({ sub: "rod" }).setProtectedHeader({ alg: "HS256" }).sign(secret);
    await host.connect("", { headers: { cookie: `token=${token}` } });
    expect((await connected).user?.name).to.equal("rod");

    expect(await converse(host.server.port, handshakeText("/ws", { Cookie: "token=x" }))).to.match(
      /^HTTP\/1\.1 500 /,
    );
  });

  it("gives a session the attributes of its handshake, and refuses others in its own words", async () => {
    const attributes: unknown[] = [];
    const looking: ChannelInterceptor = {
      preSend(message: Message) {
        attributes.push(message.headers.sessionAttributes?.get("tenant"));
        return message;
      },
    };
    await start({
      endpoints: [{ path: "/ws", handshakeInterceptors: [new TenantInterceptor()] }],
      clientInboundChannel: { interceptors: [looking] },
    });

    await host.connect();
    expect(attributes).to.deep.equal([{ id: 7 }]);
    expect(await converse(host.server.port, handshakeText("/ws", { Host: "evil.example" }))).to.match(
      /^HTTP\/1\.1 404 [\s\S]*No such tenant$/,
    );
    expect(logged).to.deep.equal(["127.0.0.1 connected"]);
  });

  describe("with tokens of a login server", () => {
    let login: Server;
    let issued: string[];
    let issue: (lifetime: number) => Promise<string>;
    let tokens: ReturnType<typeof tokensOf>;

    beforeEach(async () => {
      const { privateKey, publicKey } = await generateKeyPair("RS256");
      const keys = [{ ...(await exportJWK(publicKey)), alg: "RS256" }];
      login = createServer((_req, res) => {
        res.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys }));
      });
      login.listen(0, "127.0.0.1");
      await once(login, "listening");
      issued = [];
      issue = async (lifetime) => {
        const claims = { sub: "rod", aud: "chat", exp: Date.now() / 1000 + lifetime };
        const token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
        issued.push(token);
        return token;
      };
      tokens = tokensOf(`http://127.0.0.1:${(login.address() as AddressInfo).port}`);
      await start({ clientInboundChannel: { interceptors: [tokens] } });
    });

    afterEach(() => {
      login.closeAllConnections();
      login.close();
    });

    it("keeps a client connected whose tokens are short", async () => {
      const url = `ws://127.0.0.1:${host.server.port}/ws`;
      const client = clientOf(url, () => issue(issued.length === 0 ? 3 : 600));
      client.webSocketFactory = () => new WebSocket(url, ["v12.stomp"]);
      const asked = host.event("expiring");
      let ended = 0;
      host.server.messaging.on("disconnect", () => void ended++);
      client.activate();
      await asked;
      while (issued.length < 2) await new Promise((resolve) => setImmediate(resolve));
      const heard = new Promise<string>((resolve) => {
        client.subscribe("/topic/a", ({ body }) => resolve(body));
      });
      const synchronized = new Promise((resolve) => client.watchForReceipt("r", resolve));
      client.publish({ destination: "/topic/a", body: "hi", headers: { receipt: "r" } });
      await synchronized;

      expect(await heard).to.equal("hi");
      expect(ended).to.equal(0);
      expect(tokens.revoke({ user: "rod" })).to.equal(1);
      await client.deactivate();
    });

    it("ends a session whose token is revoked, and says so", async () => {
      const client = await host.connect(`Authorization:Bearer ${await issue(60)}\n`);
      tokens.revoke({ user: "rod" });
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token was revoked\n/);
    });
  });

  it("lets a page connect with the CSRF token it has read, and no other", async () => {
    const app = express();
    const settings = { secret: "s", resave: false, saveUninitialized: false };
    const csrf = csrfToken();

    app.use(session(settings));
    app.get("/csrf", csrf.handler); // { headerName: "X-CSRF-TOKEN", token: "…" }

    const messaging = stompMessaging({
      endpoints: [{ path: "/ws" }],
      clientInboundChannel: { interceptors: [csrf] },
    });
    const http = createServer(app.use(messaging)).listen(0, "127.0.0.1");
    messaging.attach(http);
    await once(http, "listening");
    const { port } = http.address() as AddressInfo;
    const brokerURL = `ws://127.0.0.1:${port}/ws`;
    let cookie = "";
    const fetchJson = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      return (await response.json()) as { headerName: string; token: string };
    };

    const client = new Client({
      brokerURL,
      beforeConnect: async () => {
        const { headerName, token } = await fetchJson("/csrf");
        client.connectHeaders = { [headerName]: token };
      },
    });
    client.webSocketFactory = () => new WebSocket(brokerURL, ["v12.stomp"], { headers: { cookie } });
    const connected = new Promise((resolve) => (client.onConnect = resolve));
    client.activate();
    await connected;
    await client.deactivate();

    const hostile = await RawClient.open(port, "/ws", { headers: { cookie } });
    hostile.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    expect(await hostile.frame()).to.match(/^ERROR\nmessage:The CSRF token is missing or wrong\n/);
    await messaging.close();
    http.close();
    http.closeAllConnections();
  });

  it("ends a session with the cookie it came with", async () => {
    // It is set when CONNECT has come: a slow machine would take longer from the handshake to CONNECTED.
    const cookie: ChannelInterceptor = {
      preSend(message) {
        message.headers.sessionAttributes?.set("expires", Date.now() + 300);
        return message;
      },
    };
    await start({ clientInboundChannel: { interceptors: [cookie, new CookieLifetime()] } });
    expect(await (await host.connect()).frame()).to.match(/^ERROR\nmessage:The session has expired\n/);
  });

  it("lets a session last as long as the HTTP session", async () => {
    const app = express();
    const settings = { secret: "s", resave: false, saveUninitialized: true };
    const store = new MemoryStore(); // or what your application has: Redis, PostgreSQL
    const lifetime = httpSessionLifetime({ store, renew: true });

    app.use(session({ ...settings, store }));
    app.post("/logout", (req, res) => {
      req.session.destroy(() => res.redirect("/login"));
    });

    const messaging = stompMessaging({
      endpoints: [{ path: "/ws" }],
      clientInboundChannel: { interceptors: [lifetime] },
    });
    const http = createServer(app.use(messaging)).listen(0, "127.0.0.1");
    messaging.attach(http);
    await once(http, "listening");
    const { port } = http.address() as AddressInfo;
    const { headers } = await fetch(`http://127.0.0.1:${port}/`);
    const cookie = headers.getSetCookie()[0]?.split(";")[0] ?? "";

    const client = await RawClient.connect(port, "", "/ws", { headers: { cookie } });
    const request = { method: "POST", headers: { cookie }, redirect: "manual" } as const;
    expect((await fetch(`http://127.0.0.1:${port}/logout`, request)).status).to.equal(302);
    expect(await client.frame()).to.match(/^ERROR\nmessage:The HTTP session is over\n/);
    await messaging.close();
    http.closeAllConnections();
    http.close();
  });
});
