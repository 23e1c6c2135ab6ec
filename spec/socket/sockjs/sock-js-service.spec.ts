import { expect } from "chai";
import { sockJsStage } from "../../support/sock-js-stage.js";
import { converse, handshakeText } from "../../support/socket-host.js";
import { http, openPolling, post } from "../../support/sockjs-http.js";

describe("SockJsService", () => {
  const stage = sockJsStage();

  describe("when a client looks around", () => {
    it("greets, and tells what it can in /info", async () => {
      const port = await stage.listen();
      const info = await http(port, "/ws/info");

      expect((await http(port, "/ws")).text).to.equal("Welcome to SockJS!\n");
      expect((await http(port, "/ws/")).text).to.equal("Welcome to SockJS!\n");
      expect(JSON.parse(info.text)).to.deep.include({
        websocket: true,
        cookie_needed: true,
        origins: ["*:*"],
      });
      expect(JSON.parse(info.text)).to.have.property("entropy").that.is.a("number");
      expect(info.headers["cache-control"]).to.contain("no-store");
      expect(info.headers["access-control-allow-origin"]).to.equal(undefined);
    });

    it("tells what the options say", async () => {
      const port = await stage.listen({ webSocketEnabled: false, sessionCookieNeeded: false });
      const info: unknown = JSON.parse((await http(port, "/ws/info")).text);

      expect(info).to.include({ websocket: false, cookie_needed: false });
      expect((await http(port, "/ws/websocket")).status).to.equal(404);
      expect(await converse(port, handshakeText("/ws/websocket"))).to.match(/^HTTP\/1\.1 400 /);
      expect(await converse(port, handshakeText("/ws/0/a/websocket"))).to.match(/^HTTP\/1\.1 400 /);
    });

    const statuses: [method: string, path: string, status: number, allow?: string][] = [
      ["POST", "/ws/info", 405, "OPTIONS, GET"],
      ["POST", "/ws", 405, "GET"],
      ["GET", "/ws/websocket", 400],
      ["POST", "/ws/websocket", 405, "GET"],
      ["GET", "/ws/0/a/websocket", 400],
      ["POST", "/ws/0/a/websocket", 405, "GET"],
      ["GET", "/ws/0/a/xhr", 405, "OPTIONS, POST"],
      ["GET", "/ws/0/a/xhr_streaming", 405, "OPTIONS, POST"],
      ["GET", "/ws/0/a/xhr_send", 405, "OPTIONS, POST"],
      ["POST", "/ws/0/a/eventsource", 405, "GET"],
      ["GET", "/ws/0/a/jsonp?c=x", 404],
      ["POST", "/ws/0/a/jsonp_send", 404],
      ["GET", "/ws/0/a/htmlfile?c=x", 404],
      ["GET", "/ws/iframe.html", 404],
      ["GET", "/ws/iframe-1.6.1.html", 404],
      ["POST", "/ws/chunking_test", 404],
      ["POST", "/ws/0.1/a/xhr", 404],
      ["POST", "/ws/0/a.b/xhr", 404],
      ["POST", "/ws/0//xhr", 404],
      ["POST", "/ws/0/a/xhr/more", 404],
      ["POST", "/ws/0/a/constructor", 404],
      ["GET", "/ws/info;setup.bat", 404],
      ["POST", "/ws/0/unknown/xhr_send", 404],
    ];
    for (const [method, path, status, allow] of statuses) {
      it(`answers ${status} to ${method} ${path}`, async () => {
        const answer = await http(await stage.listen(), path, { method });
        expect(answer.status).to.equal(status);
        expect(answer.headers.allow).to.equal(allow);
      });
    }

    it("refuses an upgrade where no WebSocket is, whatever the method", async () => {
      const port = await stage.listen();
      for (const path of [
        "/ws/info",
        "/ws/0/a/xhr",
        "/ws/0/a/xhr_send",
        "/ws/0/a/eventsource",
        "/ws/iframe.html",
      ]) {
        for (const method of ["GET", "POST", "OPTIONS", "DELETE"]) {
          expect(await converse(port, handshakeText(path, {}, method)), path).to.match(/^HTTP\/1\.1 4/);
        }
      }
      expect((await http(port, "/ws/info")).status).to.equal(200);
    });
  });

  describe("when the endpoint is closed", () => {
    it("answers 503 to new sessions, and serves those it has", async () => {
      const endpoint = stage.host.endpoint({ sockJS: true });
      const port = await stage.host.listen();
      await openPolling(port, "/ws/000/s1");
      endpoint.close();

      expect((await post(port, "/ws/000/s2/xhr")).status).to.equal(503);
      await post(port, "/ws/000/s1/xhr_send", '["on"]');
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["on"]\n');
    });
  });
});
