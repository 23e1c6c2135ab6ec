import { once } from "node:events";
import { request } from "node:http";
import { expect } from "chai";
import type { HandshakeRefusal } from "#lib/events.js";
import { converse, handshakeText, SocketHost } from "../support/socket-host.js";
import { http, post } from "../support/sockjs-http.js";

const PAGE = "https://chat.example";

describe("A handshake that is refused", () => {
  let host: SocketHost;
  let port: number;

  beforeEach(() => {
    host = new SocketHost();
  });

  afterEach(() => host.close());

  async function listen(options: Parameters<SocketHost["endpoint"]>[0] = {}): Promise<void> {
    host.endpoint(options);
    port = await host.listen({ refused: (refusal) => void host.refusals.push(refusal) });
  }

  async function status(headers: Record<string, string | null> = {}, path = "/ws", method = "GET") {
    const text = await converse(port, handshakeText(path, headers, method));
    return Number(text.slice(9, 12));
  }

  function reasons(): (readonly [reason: string, status: number | undefined])[] {
    return host.refusals.map(({ reason, status }: HandshakeRefusal) => [reason, status]);
  }

  const malformed: [
    reason: string,
    status: number,
    headers: Record<string, string | null>,
    method?: string,
  ][] = [
    ["method", 405, {}, "POST"],
    ["headers", 426, { "Sec-WebSocket-Version": "8" }],
    ["headers", 400, { "Sec-WebSocket-Key": "short" }],
    ["body", 400, { "Content-Length": "5" }],
    ["body", 400, { "Transfer-Encoding": "chunked" }],
  ];
  for (const [reason, answer, headers, method] of malformed) {
    it(`is told once as ${reason} (${answer}) when it has ${JSON.stringify(headers)}`, async () => {
      await listen();
      expect(await status(headers, "/ws", method)).to.equal(answer);
      expect(reasons()).to.deep.equal([[reason, answer]]);
      expect(host.refusals[0]?.request.headers.upgrade).to.equal("websocket");
    });
  }

  it("is told when there is no WebSocket where it asks", async () => {
    await listen({ sockJS: true });
    expect(await status({}, "/ws/info")).to.equal(400);
    expect(reasons()).to.deep.equal([["path", 400]]);
  });

  it("is told when the application answers, and with what", async () => {
    host.app.use("/private", (_req, res) => void res.status(401).end());
    await listen();
    expect(await status({}, "/private/ws")).to.equal(401);
    expect(await status({}, "/elsewhere")).to.equal(404);
    expect(reasons()).to.deep.equal([
      ["application", 401],
      ["application", 404],
    ]);
  });

  it("is told when the application answers nothing", async () => {
    host.app.use(() => {});
    host.endpoint();
    const refused = (refusal: HandshakeRefusal) => void host.refusals.push(refusal);
    port = await host.listen({ handshakeTimeout: 20, refused });
    expect(await status()).to.equal(503);
    expect(reasons()).to.deep.equal([["timeout", 503]]);
  });

  it("is told when an interceptor refuses, in its own words too", async () => {
    const beforeHandshake = (_req: unknown, res: { status(code: number): void }) => {
      res.status(402);
      return false;
    };
    await listen({ handshakeInterceptors: [{ beforeHandshake: () => false }] });
    host.endpoint({ path: "/paid", handshakeInterceptors: [{ beforeHandshake }] });
    expect(await status()).to.equal(403);
    expect(await status({}, "/paid")).to.equal(402);
    expect(reasons()).to.deep.equal([
      ["interceptor", 403],
      ["interceptor", 402],
    ]);
  });

  it("is told when the user cannot be found out", async () => {
    const user = () => {
      throw new Error("the database is away");
    };
    await listen({ user });
    expect(await status()).to.equal(500);
    expect(reasons()).to.deep.equal([["error", undefined]]);
    expect(host.refusals[0]?.message).to.equal("the database is away");
  });

  it("is told when the endpoint is closed, over WebSocket and SockJS", async () => {
    const endpoint = host.endpoint({ sockJS: true });
    port = await host.listen();
    endpoint.close();
    expect(await status()).to.equal(503);
    expect((await post(port, "/ws/000/s1/xhr")).status).to.equal(503);
    expect(reasons()).to.deep.equal([
      ["closing", 503],
      ["closing", 503],
    ]);
  });

  it("is told with the limit that it would pass", async () => {
    await listen({ sockJS: { sessionLimit: 1 } });
    await post(port, "/ws/000/s1/xhr");
    expect((await post(port, "/ws/000/s2/xhr")).status).to.equal(503);
    expect(host.refusals.map(({ reason, limit }) => [reason, limit])).to.deep.equal([
      ["limit", "sessionLimit"],
    ]);
  });

  it("is told and logged once when nobody called attach", async () => {
    host.endpoint();
    port = await host.listen({ attach: false });
    for (let i = 0; i < 2; i++) expect(await status({ Connection: "Upgrade, close" })).to.equal(426);
    expect(reasons()).to.deep.equal([
      ["unattached", 426],
      ["unattached", 426],
    ]);
    expect(host.log).to.have.length(1);
  });

  describe("since a proxy has dropped its Upgrade", () => {
    const HALF = { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13" };

    for (const sockJS of [false, true]) {
      it(`is answered 426 with that sentence, and logged once${sockJS ? ", beside SockJS" : ""}`, async () => {
        await listen({ sockJS });
        for (const headers of [HALF, { "Sec-Fetch-Mode": "websocket" }]) {
          const answer = await http(port, "/ws", { headers });
          expect(answer.status).to.equal(426);
          expect(answer.text).to.match(/STOMP endpoint.*without Upgrade: a proxy in front drops it/);
        }
        expect(reasons()).to.deep.equal([
          ["upgrade", 426],
          ["upgrade", 426],
        ]);
        expect(host.log).to.have.length(1);
        expect(host.log[0]).to.contain("proxy_set_header Upgrade $http_upgrade");
      });
    }

    it("is told at SockJS's own WebSocket paths", async () => {
      await listen({ sockJS: true });
      for (const path of ["/ws/websocket", "/ws/000/s1/websocket"]) {
        expect((await http(port, path, { headers: HALF })).status).to.equal(426);
      }
    });

    for (const sockJS of [false, true]) {
      it(`may be what a plain GET was, and its answer says so${sockJS ? ", below SockJS's greeting" : ""}`, async () => {
        await listen({ sockJS });
        for (const headers of [{ Accept: "text/html,*/*;q=0.8" }, { "Sec-Fetch-Mode": "navigate" }]) {
          const { status, text } = await http(port, "/ws", { headers });
          expect(status).to.equal(sockJS ? 200 : 426);
          expect(text).to.match(
            /^(Welcome to SockJS!\n)?This is a STOMP endpoint: .*without Upgrade: a proxy/,
          );
          expect(text.startsWith("Welcome")).to.equal(sockJS);
        }
        expect(reasons()).to.deep.equal([]);
      });
    }

    it("is not taken for a visitor or a SockJS client, who get what they came for", async () => {
      await listen({ sockJS: true });
      expect((await http(port, "/ws")).text).to.equal("Welcome to SockJS!\n");
      expect((await http(port, "/ws/info", { headers: HALF })).status).to.equal(200);
      expect(reasons()).to.deep.equal([]);
    });
  });

  describe("since its page is of another origin", () => {
    it("is told each time and logged once for an origin, over WebSocket and SockJS", async () => {
      await listen({ sockJS: true });
      expect(await status({ Origin: PAGE })).to.equal(403);
      expect((await post(port, "/ws/000/s1/xhr", "", { headers: { Origin: PAGE } })).status).to.equal(403);
      expect((await http(port, "/ws/info", { headers: { Origin: "null" } })).status).to.equal(403);
      expect(reasons()).to.deep.equal([
        ["origin", 403],
        ["origin", 403],
        ["origin", 403],
      ]);
      expect(host.log).to.have.length(2);
      expect(host.log[0]).to.contain(`/ws: Origin not allowed (403). The page's origin is ${PAGE}`);
    });

    it("says why in development, and not in production", async () => {
      await listen({ sockJS: true });
      const headers = { Origin: PAGE };
      expect((await http(port, "/ws/info", { headers })).text).to.contain(`allowedOrigins: ["${PAGE}"]`);
      host.app.set("env", "production");
      expect((await http(port, "/ws/info", { headers })).text).to.equal("Origin not allowed\n");
      expect(host.refusals.at(-1)?.message).to.contain(`allowedOrigins: ["${PAGE}"]`);
    });

    it("is told for jsonp, which says its site and no origin", async () => {
      await listen({ sockJS: { transportHandlers: ["jsonp"] } });
      const headers = { "Sec-Fetch-Site": "cross-site" };
      expect((await http(port, "/ws/000/s1/jsonp?c=x", { headers })).status).to.equal(403);
      expect(reasons()).to.deep.equal([["origin", 403]]);
    });

    it("writes what a client chose on one line", async () => {
      await listen({ sockJS: true });
      const req = request({
        host: "127.0.0.1",
        port,
        path: "/ws/info",
        headers: { Origin: "\u0080\u009b[31mx" },
      });
      req.end();
      const [res] = (await once(req, "response")) as [import("node:http").IncomingMessage];
      res.resume();
      expect(host.log[0]).to.contain("\\u0080\\u009b[31mx");
    });
  });
});
