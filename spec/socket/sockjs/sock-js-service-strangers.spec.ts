import { expect } from "chai";
import { sockJsStage } from "../../support/sock-js-stage.js";
import { converse, handshakeText, receivedText } from "../../support/socket-host.js";
import { http, openPolling, post, stream } from "../../support/sockjs-http.js";

const EVIL = { Origin: "https://evil.com", Cookie: "secret=1" };

describe("SockJsService", () => {
  const stage = sockJsStage();

  describe("when a page of another origin asks", () => {
    const routes: [method: string, path: string][] = [
      ["GET", "/ws"],
      ["GET", "/ws/info"],
      ["OPTIONS", "/ws/info"],
      ["GET", "/ws/websocket"],
      ["GET", "/ws/000/s1/websocket"],
      ["POST", "/ws/000/s1/xhr"],
      ["OPTIONS", "/ws/000/s1/xhr"],
      ["POST", "/ws/000/s1/xhr_streaming"],
      ["OPTIONS", "/ws/000/s1/xhr_streaming"],
      ["POST", "/ws/000/s1/xhr_send"],
      ["OPTIONS", "/ws/000/s1/xhr_send"],
      ["GET", "/ws/000/s1/eventsource"],
      ["GET", "/ws/iframe.html"],
      ["GET", "/ws/000/s1/htmlfile"],
      ["GET", "/ws/000/s1/jsonp"],
    ];
    for (const [method, path] of routes) {
      it(`answers 403 to ${method} ${path} and lets it read nothing`, async () => {
        stage.host.endpoint({ sockJS: true, allowedOrigins: ["https://good.com"] });
        const port = await stage.host.listen();
        await openPolling(port, "/ws/000/s1");
        const answer = await http(port, path, {
          method,
          headers: EVIL,
          body: method === "POST" ? '["x"]' : "",
        });

        expect(answer.status).to.equal(403);
        expect(answer.headers).to.not.have.any.keys(
          "access-control-allow-origin",
          "access-control-allow-credentials",
        );
        expect(receivedText(await stage.host.nth(0))).to.equal("");
      });
    }

    for (const path of ["/ws", "/ws/websocket", "/ws/000/s1/websocket"]) {
      it(`answers 403 to its handshake at ${path}`, async () => {
        expect(await converse(await stage.listen(), handshakeText(path, EVIL))).to.match(/^HTTP\/1\.1 403 /);
      });
    }

    it("lets a page of an allowed origin read, with credentials", async () => {
      stage.host.endpoint({ sockJS: true, allowedOriginPatterns: ["https://*.good.com"] });
      const port = await stage.host.listen();
      const headers = { Origin: "https://a.good.com", "Access-Control-Request-Headers": "content-type" };
      for (const [method, path] of [
        ["GET", "/ws/info"],
        ["POST", "/ws/000/s1/xhr"],
        ["OPTIONS", "/ws/000/s1/xhr_send"],
      ] as const) {
        const answer = await http(port, path, { method, headers });
        expect(answer.headers["access-control-allow-origin"]).to.equal("https://a.good.com");
        expect(answer.headers["access-control-allow-credentials"]).to.equal("true");
        expect(answer.headers.vary).to.equal("Origin");
      }

      const preflight = await http(port, "/ws/000/s1/xhr_send", { method: "OPTIONS", headers });
      expect(preflight.status).to.equal(204);
      expect(preflight.headers["access-control-allow-methods"]).to.equal("OPTIONS, POST");
      expect(preflight.headers["access-control-allow-headers"]).to.equal("content-type");
      const events = await stream(port, "/ws/000/s2/eventsource", { headers });
      expect(events.res.headers["access-control-allow-origin"]).to.equal("https://a.good.com");
      events.cut();
    });
  });

  describe("when somebody else uses a session", () => {
    beforeEach(() => {
      stage.host.app.use((req, _res, next) => {
        const name = req.get("x-user");
        Object.assign(req, { user: name === undefined ? undefined : { name } });
        next();
      });
      stage.host.endpoint({ path: "/public", sockJS: true });
      stage.host.endpoint({ path: "/admin", sockJS: true });
    });

    async function expectRefused(
      port: number,
      path: string,
      options: Parameters<typeof http>[2],
    ): Promise<void> {
      for (const transport of ["xhr_send", "xhr", "xhr_streaming"]) {
        const answer = await post(port, `${path}/${transport}`, '["injected"]', options);
        expect(answer.status, transport).to.equal(404);
      }
      expect((await http(port, `${path}/eventsource`, options)).status).to.equal(404);
    }

    it("answers 404 to another user and to nobody, and nothing changes", async () => {
      const port = await stage.host.listen();
      await openPolling(port, "/public/000/s1", { "x-user": "ann" });
      await expectRefused(port, "/public/000/s1", { headers: { "x-user": "bob" } });
      await expectRefused(port, "/public/000/s1", {});

      const opened = await stage.host.nth(0);
      expect(opened.received).to.deep.equal([]);
      expect(opened.closings).to.deep.equal([]);
      expect(stage.host.opened).to.have.length(1);
      await post(port, "/public/000/s1/xhr_send", '["mine"]', { headers: { "x-user": "ann" } });
      expect(receivedText(opened)).to.equal("mine");
    });

    it("answers 404 to a user on a stranger's session, and to a stranger at another address", async () => {
      const port = await stage.host.listen();
      await openPolling(port, "/public/000/s1");
      await expectRefused(port, "/public/000/s1", { headers: { "x-user": "ann" } });
      await expectRefused(port, "/public/000/s1", { localAddress: "127.0.0.2" });

      expect((await post(port, "/public/000/s1/xhr_send", '["mine"]')).status).to.equal(204);
      expect(receivedText(await stage.host.nth(0))).to.equal("mine");
    });

    it("does not take a user's name for an address", async () => {
      const port = await stage.host.listen();
      await openPolling(port, "/public/000/s1");
      await expectRefused(port, "/public/000/s1", { headers: { "x-user": "127.0.0.1" } });
    });

    it("answers 404 at another endpoint, which has a session of that name for itself", async () => {
      const port = await stage.host.listen();
      const headers = { "x-user": "ann" };
      await openPolling(port, "/admin/000/s1", headers);
      expect((await post(port, "/public/000/s1/xhr_send", '["x"]', { headers })).status).to.equal(404);

      await openPolling(port, "/public/000/s1", headers);
      await post(port, "/public/000/s1/xhr_send", '["public"]', { headers });
      expect((await stage.host.nth(0)).received).to.deep.equal([]);
      expect(receivedText(await stage.host.nth(1))).to.equal("public");
    });

    it("takes session names as they are", async () => {
      const port = await stage.host.listen();
      for (const name of ["__proto__", "constructor", "toString"]) {
        expect((await post(port, `/public/000/${name}/xhr_send`, '["x"]')).status).to.equal(404);
        await openPolling(port, `/public/000/${name}`);
        expect((await post(port, `/public/000/${name}/xhr_send`, '["x"]')).status).to.equal(204);
      }
    });
  });
});
