import { expect } from "chai";
import session, { MemoryStore } from "express-session";
import {
  ConfigurationError,
  type HttpSessionHandshakeInterceptorOptions,
  httpSessionHandshakeInterceptor,
} from "express-stomp";
import { openWebSocket, SocketHost } from "../support/socket-host.js";
import { http, post } from "../support/sockjs-http.js";

describe("httpSessionHandshakeInterceptor", () => {
  let host: SocketHost;
  let store: MemoryStore;
  let port: number;

  afterEach(async () => {
    await host.close();
  });

  /** Starts an application with express-session, where `/visit` makes a session. */
  async function start(options?: HttpSessionHandshakeInterceptorOptions) {
    host = new SocketHost();
    store = new MemoryStore();
    host.app.use(session({ secret: "s", resave: false, saveUninitialized: false, store }));
    host.app.get("/visit", (req, res) => {
      Object.assign(req.session, { color: "red", cart: { items: 2 } });
      res.send(req.sessionID);
    });
    host.endpoint({ sockJS: true, handshakeInterceptors: [httpSessionHandshakeInterceptor(options)] });
    port = await host.listen();
  }

  async function visit() {
    const { headers, text } = await http(port, "/visit");
    return { id: text, cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
  }

  async function attributes(cookie?: string) {
    await openWebSocket(port, "/ws", { headers: cookie === undefined ? {} : { cookie } });
    return Object.fromEntries((await host.nth(0)).handshake.attributes ?? []);
  }

  it("copies all attributes and the id, but not the cookie", async () => {
    await start();
    const { id, cookie } = await visit();
    expect(await attributes(cookie)).to.deep.equal({
      color: "red",
      cart: { items: 2 },
      "HTTP.SESSION.ID": id,
    });
  });

  it("copies them for a SockJS session over HTTP too", async () => {
    await start();
    const { id, cookie } = await visit();
    expect((await post(port, "/ws/000/s1/xhr", "", { headers: { cookie } })).text).to.equal("o\n");
    expect((await host.nth(0)).handshake.attributes?.get("HTTP.SESSION.ID")).to.equal(id);
  });

  it("copies only the attributes that are named", async () => {
    await start({ attributeNames: ["color", "size"], copyHttpSessionId: false });
    expect(await attributes((await visit()).cookie)).to.deep.equal({ color: "red" });
  });

  it("copies all though some are named, if it is told so", async () => {
    await start({ attributeNames: ["color"], copyAllAttributes: true, copyHttpSessionId: false });
    expect(await attributes((await visit()).cookie)).to.have.all.keys("color", "cart");
  });

  it("copies the id alone without attributes", async () => {
    await start({ copyAllAttributes: false });
    const { id, cookie } = await visit();
    expect(await attributes(cookie)).to.deep.equal({ "HTTP.SESSION.ID": id });
  });

  it("copies nothing for a client without a session, and makes none", async () => {
    await start();
    expect(await attributes()).to.deep.equal({});
    expect(await ids()).to.deep.equal([]);
  });

  it("makes a session if it is told so, and gives the client its cookie", async () => {
    await start({ createSession: true });
    let cookies: string[] | undefined;
    const { ws } = await new Promise<Awaited<ReturnType<typeof openWebSocket>>>((resolve, reject) => {
      openWebSocket(port, "/ws", {
        finishRequest: (request) => {
          request.once("upgrade", (response) => (cookies = response.headers["set-cookie"]));
          request.end();
        },
      }).then(resolve, reject);
    });
    const id = (await host.nth(0)).handshake.attributes?.get("HTTP.SESSION.ID");
    expect(cookies?.[0]).to.contain(`connect.sid=s%3A${id}.`);
    expect(await ids()).to.deep.equal([id]);
    ws.terminate();
  });

  it("lets pass where there is no session at all", async () => {
    host = new SocketHost();
    host.endpoint({ handshakeInterceptors: [httpSessionHandshakeInterceptor({ createSession: true })] });
    port = await host.listen();
    expect(await attributes()).to.deep.equal({});
  });

  it("copies what another package keeps in req.session, without an id", async () => {
    host = new SocketHost();
    host.app.use((req, _res, next) => {
      Object.assign(req, { session: { cart: 1 } });
      next();
    });
    host.endpoint({ handshakeInterceptors: [httpSessionHandshakeInterceptor()] });
    port = await host.listen();
    expect(await attributes()).to.deep.equal({ cart: 1 });
  });

  for (const createSession of [true, false]) {
    it(`${createSession ? "makes" : "does not make"} a session where another package keeps it in a cookie`, async () => {
      const kept: object[] = [];
      host = new SocketHost();
      host.app.use((req, _res, next) => {
        const session = {};
        kept.push(session);
        Object.assign(req, { session });
        next();
      });
      host.endpoint({ handshakeInterceptors: [httpSessionHandshakeInterceptor({ createSession })] });
      port = await host.listen();
      expect(await attributes()).to.deep.equal({});
      expect(kept.map((session) => Object.keys(session).length)).to.deep.equal([createSession ? 1 : 0]);
    });
  }

  for (const [option, options] of [
    ["copyAll", { copyAll: true }],
    ["createSession", { createSession: "yes" }],
    ["copyHttpSessionId", { copyHttpSessionId: 1 }],
    ["copyAllAttributes", { copyAllAttributes: null }],
    ["attributeNames", { attributeNames: "color" }],
  ] as const) {
    it(`fails for ${JSON.stringify(options)} with the name of ${option}`, async () => {
      await start();
      expect(() =>
        httpSessionHandshakeInterceptor(options as unknown as HttpSessionHandshakeInterceptorOptions),
      ).to.throw(ConfigurationError, option);
    });
  }

  function ids(): Promise<string[]> {
    return new Promise((resolve) => store.all((_error, sessions) => resolve(Object.keys(sessions ?? {}))));
  }
});
