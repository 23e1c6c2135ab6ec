import { expect } from "chai";
import session, { MemoryStore, type SessionData } from "express-session";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  ConfigurationError,
  type HttpSessionLifetime,
  type HttpSessionLifetimeOptions,
  httpSessionLifetime,
  SessionGrant,
  withHeaders,
} from "express-stomp";
import { FakeTime } from "../support/fake-time.js";
import { RawClient } from "../support/raw-client.js";
import { startServer, type TestServer } from "../support/server.js";
import { http, post } from "../support/sockjs-http.js";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const OVER = "The HTTP session is over";

describe("httpSessionLifetime", () => {
  let server: TestServer;
  let store: MemoryStore;
  let time: FakeTime;
  let lifetime: HttpSessionLifetime;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    const closed = server?.close();
    // What waits for an end of its own has it now.
    time?.pass(HOUR);
    await closed;
  });

  /** An application with express-session, where `/login` makes a session, `/again` another one, and `/logout` ends it. */
  async function start(
    options: Partial<HttpSessionLifetimeOptions> = {},
    behind: ChannelInterceptor[] = [],
    cookie: { maxAge?: number } = { maxAge: HOUR },
    given = new MemoryStore(),
  ) {
    store = given;
    time = new FakeTime();
    lifetime = httpSessionLifetime({ store, checkInterval: SECOND, ...options });
    server = await startServer(
      { clientInboundChannel: { interceptors: [lifetime, ...behind] }, clock: time },
      (app) => {
        app.use(session({ secret: "s", resave: false, saveUninitialized: false, store, cookie }));
        app.get("/login", (req, res) => {
          Object.assign(req.session, { user: "ann" });
          res.send(req.sessionID);
        });
        app.get("/again", (req, res) => {
          req.session.regenerate(() => {
            Object.assign(req.session, { user: "ann" });
            res.send(req.sessionID);
          });
        });
        app.get("/logout", (req, res) => {
          req.session.destroy(() => res.end());
        });
      },
    );
  }

  async function login() {
    const { headers, text } = await http(server.port, "/login");
    return { id: text, cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
  }

  async function connect(cookie?: string): Promise<RawClient> {
    const headers = cookie === undefined ? {} : { cookie };
    const client = await RawClient.connect(server.port, "", "/ws", { headers });
    clients.push(client);
    return client;
  }

  const visit = (path: string, cookie: string) => http(server.port, path, { headers: { cookie } });

  async function ended(client: RawClient, says = OVER) {
    expect(await client.frame())
      .to.match(/^ERROR\n/)
      .and.include(`message:${says}\n`);
    expect(await client.closed()).to.equal(1002);
  }

  /** Lets the store answer, which a MemoryStore does in a turn of the event loop. */
  async function answers() {
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  }

  const stored = (id: string) =>
    new Promise<SessionData>((resolve) => store.get(id, (_error, found) => resolve(found as SessionData)));

  it("ends all sessions of a login with its logout, and no others", async () => {
    await start();
    const [ann, bob] = [await login(), await login()];
    const [first, second, other, stranger] = [
      await connect(ann.cookie),
      await connect(ann.cookie),
      await connect(bob.cookie),
      await connect(),
    ];
    await visit("/logout", ann.cookie);
    await ended(first);
    await ended(second);
    await other.synchronize();
    await stranger.synchronize();
  });

  it("ends them over SockJS without WebSocket, too", async () => {
    await start();
    const { cookie } = await login();
    const headers = { cookie };
    const frame = "CONNECT\naccept-version:1.2\nhost:spec\n\n\0";
    await post(server.port, "/ws/000/s1/xhr", "", { headers });
    await post(server.port, "/ws/000/s1/xhr_send", JSON.stringify([frame]), { headers });
    expect((await post(server.port, "/ws/000/s1/xhr", "", { headers })).text).to.include("CONNECTED");
    await visit("/logout", cookie);
    expect((await post(server.port, "/ws/000/s1/xhr", "", { headers })).text).to.include(OVER);
  });

  it("ends them with a login anew, which has another session", async () => {
    await start({ endedMessage: "Come again" });
    const { cookie } = await login();
    const client = await connect(cookie);
    await visit("/again", cookie);
    await ended(client, "Come again");
  });

  it("ends them when the HTTP session has expired, or another process has ended it", async () => {
    await start();
    const { id, cookie } = await login();
    const client = await connect(cookie);
    time.pass(SECOND);
    await answers();
    await client.synchronize();

    store.set(id, { ...(await stored(id)), cookie: { expires: new Date(0) } } as SessionData);
    time.pass(SECOND);
    await ended(client);
  });

  it("refuses a CONNECT whose HTTP session ended since the handshake", async () => {
    await start();
    const { id, cookie } = await login();
    const client = await RawClient.open(server.port, "/ws", { headers: { cookie } });
    store.destroy(id);
    client.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    await ended(client);
  });

  it("ends nobody while the store is away, and refuses who comes meanwhile", async () => {
    await start();
    const { id, cookie } = await login();
    const client = await connect(cookie);
    const { get: find } = store;
    store.get = (_id, callback) => callback(new Error("away"));
    time.pass(SECOND);
    await answers();
    await client.synchronize();

    store.get = find;
    const late = await RawClient.open(server.port, "/ws", { headers: { cookie } });
    store.get = (_id, callback) => callback(new Error("away"));
    late.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
    expect(await late.frame())
      .to.match(/^ERROR\n/)
      .and.not.include("away");

    store.get = find;
    store.destroy(id);
    await ended(client);
  });

  it("ends them where it is told to", async () => {
    await start();
    const { id, cookie } = await login();
    const client = await connect(cookie);
    expect(lifetime.end("somebody else")).to.equal(0);
    expect(lifetime.end(id)).to.equal(1);
    await ended(client);
    expect(lifetime.end(id)).to.equal(0);
  });

  const expiry = async (id: string) =>
    new Date((await stored(id)).cookie.expires ?? 0).getTime() - time.date();

  it("keeps an HTTP session from expiring while the client sends, if asked", async () => {
    await start({ renew: true });
    const { id, cookie } = await login();
    const client = await connect(cookie);
    await answers();
    // express-session reads its own, real clock twice to make these, so that they may differ by a millisecond.
    const age = (await stored(id)).cookie.originalMaxAge ?? 0;
    const before = await expiry(id);
    expect(before).to.be.within(HOUR - 5 * SECOND, HOUR + 5 * SECOND);
    time.pass(SECOND);
    expect(await expiry(id)).to.equal(before - SECOND);
    client.send("SEND\ndestination:/topic/a\n\nhi^@");
    await client.synchronize();
    await answers();
    expect(await expiry(id)).to.equal(age);
    expect(await stored(id)).to.include({ user: "ann" });
  });

  it("tells the store once in a while, not with every message, and nothing of heart-beats", async () => {
    await start({ renew: true });
    const { cookie } = await login();
    const client = await connect(cookie);
    await answers();
    let touched = 0;
    const { touch } = store;
    store.touch = (...args) => {
      touched++;
      touch?.apply(store, args);
    };
    for (let i = 0; i < 5; i++) client.send("SEND\ndestination:/topic/a\n\nhi^@");
    await client.synchronize();
    time.pass(SECOND);
    client.send("\n");
    await answers();
    expect(touched).to.equal(0);
    for (let i = 0; i < 5; i++) await client.synchronize();
    await answers();
    expect(touched).to.equal(1);
  });

  it("touches nothing unless asked", async () => {
    await start();
    const { cookie } = await login();
    const client = await connect(cookie);
    store.touch = () => expect.fail("touched");
    time.pass(2 * SECOND);
    await client.synchronize();
  });

  it("asks no store for whom nobody is there any more, refused ones and other grants among them", async () => {
    const refusing: ChannelInterceptor = {
      preSend(message) {
        if (message.headers.messageType !== "CONNECT") return message;
        if (message.headers.native.has("refuse")) throw new AccessDeniedError("No");
        return message.headers.native.has("other")
          ? withHeaders(message, { grant: new SessionGrant() })
          : message;
      },
    };
    await start({}, [refusing]);
    const { cookie } = await login();
    const options = { headers: { cookie } };
    const refused = await RawClient.open(server.port, "/ws", options);
    refused.send("CONNECT\naccept-version:1.2\nhost:spec\nrefuse:1\n\n^@");
    await refused.frame();
    const other = await RawClient.connect(server.port, "other:1\n", "/ws", options);
    const left = await connect(cookie);
    left.send("DISCONNECT\nreceipt:1\n\n^@");
    await left.frame();
    await answers();

    store.get = () => expect.fail("asked");
    time.pass(5 * SECOND);
    await other.synchronize();
    other.cut();
  });

  it("passes on what the store says to those who destroy", async () => {
    await start();
    const { id, cookie } = await login();
    const client = await connect(cookie);
    await new Promise((resolve) => store.destroy(id, resolve));
    await ended(client);
  });

  it("ends no session while the store cannot destroy it, and those who wait for the promise of that hear so", async () => {
    const away = new Error("away");
    let isAway = true;
    const promising = new MemoryStore();
    const forget = async (id: string, callback?: (error?: unknown) => void) => {
      await answers();
      const error = isAway ? away : undefined;
      if (!error) MemoryStore.prototype.destroy.call(promising, id);
      if (callback) callback(error);
      else if (error) throw error;
    };
    promising.destroy = (...args): unknown => forget(...args);
    await start({}, [], undefined, promising);
    const destroy = async (...args: Parameters<typeof store.destroy>) =>
      await (store.destroy(...args) as unknown as Promise<void>);
    const [ann, bob] = [await login(), await login()];
    const clients = [await connect(ann.cookie), await connect(bob.cookie)] as const;

    const told: unknown[] = [];
    const hear = (error: unknown) => void told.push(error);
    await destroy(ann.id).catch(hear);
    await destroy(bob.id, hear);
    for (const client of clients) await client.synchronize();

    isAway = false;
    await destroy(ann.id).catch(hear);
    await destroy(bob.id, hear);
    expect(told).to.deep.equal([away, away, undefined]);
    for (const client of clients) await ended(client);
  });

  it("may be made twice for one store", async () => {
    await start();
    httpSessionLifetime({ store });
    const { id, cookie } = await login();
    const client = await connect(cookie);
    let told = 0;
    await new Promise<void>((resolve) => {
      store.destroy(id, () => {
        told++;
        resolve();
      });
    });
    await ended(client);
    expect(told).to.equal(1);
  });

  const misuses: [options: object, says: string][] = [
    [{}, "httpSessionLifetime needs the store that session({ store }) has"],
    [{ store: {} }, "store has no method get"],
    [{ store: { get() {}, destroy() {} }, renew: true }, "store has no method touch"],
    [
      { store: { get() {}, destroy() {} }, checkInterval: 0 },
      "checkInterval is 0: it must be a number of ms",
    ],
    [{ store: { get() {}, destroy() {} }, rolling: true }, 'httpSessionLifetime has no option "rolling"'],
  ];
  for (const [options, says] of misuses) {
    it(`fails at start: ${says}`, () => {
      expect(() => httpSessionLifetime(options as HttpSessionLifetimeOptions)).to.throw(
        ConfigurationError,
        says,
      );
    });
  }
});
