import { once } from "node:events";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { expect } from "chai";
import express from "express";
import session from "express-session";
import {
  closing,
  converse,
  handshakeText,
  listenTo,
  receivedText,
  SocketHost,
} from "../../support/socket-host.js";
import { http, post, stream } from "../../support/sockjs-http.js";

const EVIL = { Origin: "https://evil.com", Cookie: "secret=1" };

describe("SockJsService", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost();
  });

  afterEach(async () => {
    await host.close();
  });

  async function openPolling(
    port: number,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<void> {
    const answer = await post(port, `${path}/xhr`, "", { headers });
    expect([answer.status, answer.text]).to.deep.equal([200, "o\n"]);
  }

  describe("when a client looks around", () => {
    it("greets, and tells what it can in /info", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
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
      host.endpoint({ sockJS: { webSocketEnabled: false, sessionCookieNeeded: false } });
      const port = await host.listen();
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
        host.endpoint({ sockJS: true });
        const answer = await http(await host.listen(), path, { method });
        expect(answer.status).to.equal(status);
        expect(answer.headers.allow).to.equal(allow);
      });
    }

    it("refuses an upgrade where no WebSocket is, whatever the method", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
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

  describe("when a client polls", () => {
    it("opens a session, takes what is sent and gives it back in order", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const sent = await post(port, "/ws/000/s1/xhr_send", '["one ","two"]');
      expect([sent.status, sent.text]).to.deep.equal([204, ""]);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["one two"]\n');

      const waiting = post(port, "/ws/000/s1/xhr");
      await post(port, "/ws/000/s1/xhr_send", '["three"]');
      expect((await waiting).text).to.equal('a["three"]\n');
      expect((await host.nth(0)).socket.transport).to.equal("xhr-polling");
    });

    it("answers a second poll beside the first with 2010", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const reached = once(host.server, "request");
      const first = post(port, "/ws/000/s1/xhr");
      await reached;
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('c[2010,"Another connection still open"]\n');

      await post(port, "/ws/000/s1/xhr_send", '["x"]');
      expect((await first).text).to.equal('a["x"]\n');
    });

    it("counts what waits for a poll, until it has left", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const { socket } = await host.nth(0);
      socket.send(Buffer.from("한글"), false);
      socket.send(Buffer.from("more"), false);
      expect(socket.bufferedAmount).to.equal(10);

      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["한글","more"]\n');
      expect(socket.bufferedAmount).to.equal(0);
    });

    it("ends a session that nobody polls, once, and forgets it", async () => {
      host.endpoint({ sockJS: { disconnectDelay: 30 } });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const opened = await host.nth(0);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
      await openPolling(port, "/ws/000/s1");
      await host.nth(1);
      expect(opened.closings).to.have.length(1);
      expect(opened.received).to.deep.equal([]);
    });

    it("ends a session whose client leaves while it polls", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const line = connect(port, "127.0.0.1");
      const reached = once(host.server, "request");
      line.write("POST /ws/000/s1/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      await reached;
      line.destroy();
      const opened = await host.nth(0);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
      expect(opened.closings).to.have.length(1);
    });

    it("starts no session for a client that has left before its user was found", async () => {
      let go = () => {};
      host.endpoint({ sockJS: true, user: () => new Promise((resolve) => (go = () => resolve(null))) });
      const port = await host.listen();
      const line = connect(port, "127.0.0.1");
      const [accepted] = (await once(host.server, "connection")) as [import("node:net").Socket];
      const reached = once(host.server, "request");
      line.write("POST /ws/000/s1/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      await reached;
      line.destroy();
      await once(accepted, "close");
      go();
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));

      expect(host.opened).to.deep.equal([]);
    });

    it("tells the client of a close at its next poll, and again until the session is forgotten", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const opened = await host.nth(0);
      opened.socket.send(Buffer.from("last"), false);
      opened.socket.close(4500, `${"한".repeat(60)}`);
      opened.socket.send(Buffer.from("too late"), false);

      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["last"]\n');
      const frame = `c[4500,"${"한".repeat(41)}"]\n`;
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal(frame);
      expect(await closing(opened)).to.deep.equal({ code: 4500, reason: "한".repeat(41) });
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal(frame);
      expect((await post(port, "/ws/000/s1/xhr_send", '["x"]')).status).to.equal(204);
      expect(opened.received).to.deep.equal([]);
      expect(opened.closings).to.have.length(1);
    });
  });

  describe("when a client streams", () => {
    it("sends prelude, open and messages on one response, and heart-beats between", async () => {
      host.endpoint({ sockJS: { heartbeatTime: 30 } });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      expect(await response.line()).to.equal("h".repeat(2048));
      expect(await response.line()).to.equal("o");
      await post(port, "/ws/000/s1/xhr_send", '["a\\nb\\u2028"]');
      expect(await response.line()).to.equal('a["a\\nb\\u2028"]');
      expect(await response.line()).to.equal("h");
      expect((await host.nth(0)).socket.transport).to.equal("xhr-streaming");
      response.cut();
    });

    it("ends the response after streamBytesLimit, and goes on with the next", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 1000 } });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      const long = "x".repeat(1000);
      await response.line();
      await response.line();
      await post(port, "/ws/000/s1/xhr_send", JSON.stringify([long]));
      expect(await response.line()).to.equal(`a["${long}"]`);
      await response.ended();

      await post(port, "/ws/000/s1/xhr_send", '["more"]');
      const next = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await next.line();
      expect(await next.line()).to.equal('a["more"]');
      next.cut();
    });

    it("keeps each message of an event source whole", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/eventsource", {
        headers: { Accept: "text/event-stream" },
      });
      expect(response.res.headers["content-type"]).to.equal("text/event-stream");
      expect(response.res.headers["access-control-allow-origin"]).to.equal(undefined);
      expect(await response.line()).to.equal("data: o");
      const text = "a\r\n\n\ndata: b\rc\u2028";
      await post(port, "/ws/000/s1/xhr_send", JSON.stringify([text]));
      const line = await response.line();
      expect(JSON.parse(line.slice("data: a".length))).to.deep.equal([text]);
      expect((await host.nth(0)).socket.transport).to.equal("eventsource");
      response.cut();
    });

    it("counts what a slow reader has not taken", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 100_000_000 } });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await response.line();
      response.res.pause();
      response.res.socket.pause();
      const { socket } = await host.nth(0);
      for (let i = 0; i < 20; i++) socket.send(Buffer.alloc(1_000_000, "x"), false);

      expect(socket.bufferedAmount).to.be.above(5_000_000);
      const opened = await host.nth(0);
      socket.terminate();
      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      response.cut();
    });

    it("ends the response with the close frame", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      const opened = await host.nth(0);
      opened.socket.send(Buffer.from("last"), false);
      opened.socket.close(1001, "bye");
      await response.line();
      expect(await response.line()).to.equal("o");
      expect(await response.line()).to.equal('a["last"]');
      expect(await response.line()).to.equal('c[1001,"bye"]');
      await response.ended();
      expect(await closing(opened)).to.deep.equal({ code: 1001, reason: "bye" });
    });

    it("cuts the connection when the socket is terminated", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await response.line();
      await response.line();
      const opened = await host.nth(0);
      opened.socket.terminate();
      await response.ended();

      expect(response.res.complete).to.equal(false);
      expect(opened.closings).to.deep.equal([{ code: 1006, reason: "" }]);
      expect((await post(port, "/ws/000/s1/xhr_streaming")).text).to.match(/\nc\[1006,.*\]\n$/);
    });
  });

  describe("when what a client sends is wrong", () => {
    const bodies: [what: string, body: string, status: number, text: string][] = [
      ["nothing", "", 500, "Payload expected.\n"],
      ["broken JSON", '["x', 500, "Broken JSON encoding.\n"],
      ["an object", '{"0":"x"}', 500, "Broken JSON encoding.\n"],
      ["a null among strings", '["x",null]', 500, "Broken JSON encoding.\n"],
      ["numbers and objects", "[1,{}]", 500, "Broken JSON encoding.\n"],
      ["null", "null", 500, "Broken JSON encoding.\n"],
    ];
    for (const [what, body, status, text] of bodies) {
      it(`answers ${status} to ${what}, and the session lives`, async () => {
        host.endpoint({ sockJS: true });
        const port = await host.listen();
        await openPolling(port, "/ws/000/s1");
        const answer = await post(port, "/ws/000/s1/xhr_send", body);

        expect([answer.status, answer.text]).to.deep.equal([status, text]);
        expect((await post(port, "/ws/000/s1/xhr_send", '["fine"]')).status).to.equal(204);
        expect(receivedText(await host.nth(0))).to.equal("fine");
      });
    }

    for (const announced of [true, false]) {
      it(`answers 413 to a body that is too long, its length ${announced ? "announced" : "unknown"}`, async () => {
        host.endpoint({ sockJS: true });
        const port = await host.listen();
        await openPolling(port, "/ws/000/s1");
        const body = JSON.stringify(["x".repeat(8_000_000)]);
        const headers: Record<string, string> = announced ? {} : { "Transfer-Encoding": "chunked" };
        const before = performance.eventLoopUtilization();
        const answer = await post(port, "/ws/000/s1/xhr_send", body, { headers });

        expect(answer.status).to.equal(413);
        expect(performance.eventLoopUtilization(before).active).to.be.below(1000);
        expect((await host.nth(0)).received).to.deep.equal([]);
      });
    }

    it("drops a body that breaks off", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const line = connect(port, "127.0.0.1");
      const reached = once(host.server, "request");
      line.write('POST /ws/000/s1/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n["half"]');
      const [req] = (await reached) as [import("node:http").IncomingMessage];
      const left = new Promise((resolve) => req.once("close", resolve));
      line.destroy();
      await left;

      await post(port, "/ws/000/s1/xhr_send", '["whole"]');
      expect(receivedText(await host.nth(0))).to.equal("whole");
    });

    it("joins the halves of a surrogate pair that a client has cut", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      await post(port, "/ws/000/s1/xhr_send", '["a\\ud83d"]');
      await post(port, "/ws/000/s1/xhr_send", '["\\ude00","b"]');
      expect(receivedText(await host.nth(0))).to.equal("a😀b");
    });
  });

  describe("when the socket is paused", () => {
    it("holds what the client sends until it is resumed", async () => {
      host = new SocketHost({ echo: false });
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const opened = await host.nth(0);
      listenTo(opened, () => opened.socket.pause());
      const sends = ["one ", "two ", "three"].map((text) =>
        post(port, "/ws/000/s1/xhr_send", JSON.stringify([text])),
      );
      await Promise.race(sends);
      expect(opened.received).to.have.length(1);

      opened.socket.resume();
      while (opened.received.length < 2) await once(opened.events, "data");
      opened.socket.resume();
      while (opened.received.length < 3) await once(opened.events, "data");
      expect((await Promise.all(sends)).map(({ status }) => status)).to.deep.equal([204, 204, 204]);
    });

    it("leaves a request unread that comes meanwhile", async () => {
      host = new SocketHost({ echo: false });
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const opened = await host.nth(0);
      const reached = once(host.server, "request");
      const sent = post(port, "/ws/000/s1/xhr_send", JSON.stringify(["x".repeat(200_000)]));
      const [req] = (await reached) as [import("node:http").IncomingMessage];
      await http(port, "/ws/info");
      expect(req.readableDidRead).to.equal(false);

      listenTo(opened);
      expect((await sent).status).to.equal(204);
    });

    it("loses nothing that comes before it is listened to", async () => {
      host = new SocketHost({ echo: false });
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const opened = await host.nth(0);
      const reached = once(host.server, "request");
      const send = post(port, "/ws/000/s1/xhr_send", '["early"]');
      await reached;
      listenTo(opened);
      await send;
      expect(receivedText(opened)).to.equal("early");
    });

    it("lets only so many requests wait", async () => {
      host = new SocketHost({ echo: false });
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const opened = await host.nth(0);
      const sends = Array.from({ length: 17 }, () => post(port, "/ws/000/s1/xhr_send", '["x"]'));
      expect((await Promise.race(sends)).status).to.equal(503);

      opened.socket.close(1001, "");
      const statuses = (await Promise.all(sends)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 204)).to.have.length(16);
    });
  });

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
        host.endpoint({ sockJS: true, allowedOrigins: ["https://good.com"] });
        const port = await host.listen();
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
        expect(receivedText(await host.nth(0))).to.equal("");
      });
    }

    for (const path of ["/ws", "/ws/websocket", "/ws/000/s1/websocket"]) {
      it(`answers 403 to its handshake at ${path}`, async () => {
        host.endpoint({ sockJS: true });
        expect(await converse(await host.listen(), handshakeText(path, EVIL))).to.match(/^HTTP\/1\.1 403 /);
      });
    }

    it("lets a page of an allowed origin read, with credentials", async () => {
      host.endpoint({ sockJS: true, allowedOriginPatterns: ["https://*.good.com"] });
      const port = await host.listen();
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
      host.app.use((req, _res, next) => {
        const name = req.get("x-user");
        Object.assign(req, { user: name === undefined ? undefined : { name } });
        next();
      });
      host.endpoint({ path: "/public", sockJS: true });
      host.endpoint({ path: "/admin", sockJS: true });
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
      const port = await host.listen();
      await openPolling(port, "/public/000/s1", { "x-user": "ann" });
      await expectRefused(port, "/public/000/s1", { headers: { "x-user": "bob" } });
      await expectRefused(port, "/public/000/s1", {});

      const opened = await host.nth(0);
      expect(opened.received).to.deep.equal([]);
      expect(opened.closings).to.deep.equal([]);
      expect(host.opened).to.have.length(1);
      await post(port, "/public/000/s1/xhr_send", '["mine"]', { headers: { "x-user": "ann" } });
      expect(receivedText(opened)).to.equal("mine");
    });

    it("answers 404 to a user on a stranger's session, and to a stranger at another address", async () => {
      const port = await host.listen();
      await openPolling(port, "/public/000/s1");
      await expectRefused(port, "/public/000/s1", { headers: { "x-user": "ann" } });
      await expectRefused(port, "/public/000/s1", { localAddress: "127.0.0.2" });

      expect((await post(port, "/public/000/s1/xhr_send", '["mine"]')).status).to.equal(204);
      expect(receivedText(await host.nth(0))).to.equal("mine");
    });

    it("does not take a user's name for an address", async () => {
      const port = await host.listen();
      await openPolling(port, "/public/000/s1");
      await expectRefused(port, "/public/000/s1", { headers: { "x-user": "127.0.0.1" } });
    });

    it("answers 404 at another endpoint, which has a session of that name for itself", async () => {
      const port = await host.listen();
      const headers = { "x-user": "ann" };
      await openPolling(port, "/admin/000/s1", headers);
      expect((await post(port, "/public/000/s1/xhr_send", '["x"]', { headers })).status).to.equal(404);

      await openPolling(port, "/public/000/s1", headers);
      await post(port, "/public/000/s1/xhr_send", '["public"]', { headers });
      expect((await host.nth(0)).received).to.deep.equal([]);
      expect(receivedText(await host.nth(1))).to.equal("public");
    });

    it("takes session names as they are", async () => {
      const port = await host.listen();
      for (const name of ["__proto__", "constructor", "toString"]) {
        expect((await post(port, `/public/000/${name}/xhr_send`, '["x"]')).status).to.equal(404);
        await openPolling(port, `/public/000/${name}`);
        expect((await post(port, `/public/000/${name}/xhr_send`, '["x"]')).status).to.equal(204);
      }
    });
  });

  describe("when middleware stands in front", () => {
    it("leaves the request of express-session alone, and the user who logs in again keeps the session", async () => {
      host.app.use(session({ secret: "s", resave: false, saveUninitialized: true }));
      host.app.use((req, _res, next) => {
        Object.assign(req.session, { visits: 1 });
        Object.assign(req, { user: { username: "ann" } });
        next();
      });
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const first = await post(port, "/ws/000/s1/xhr");
      expect(first.text).to.equal("o\n");
      const cookies = [first, await post(port, "/ws/000/s1/xhr_send", '["again"]')].map(
        ({ headers }) => headers["set-cookie"]?.[0],
      );

      expect(cookies[0]).to.match(/^connect\.sid=/);
      expect(cookies[1])
        .to.match(/^connect\.sid=/)
        .and.not.equal(cookies[0]);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["again"]\n');
      expect(((await host.nth(0)).handshake.request as express.Request).session).to.have.property(
        "visits",
        1,
      );
    });

    const parsers: [name: string, parser: express.RequestHandler, type: string][] = [
      ["express.json()", express.json(), "application/json"],
      ["express.text()", express.text(), "text/plain"],
      ["express.raw()", express.raw({ type: "*/*" }), "text/plain"],
      ["express.json() that does not read it", express.json(), "text/plain;charset=UTF-8"],
    ];
    for (const [name, parser, type] of parsers) {
      it(`takes the body from ${name}`, async () => {
        host.app.use(parser);
        host.endpoint({ sockJS: true });
        const port = await host.listen();
        await openPolling(port, "/ws/000/s1");
        const answer = await post(port, "/ws/000/s1/xhr_send", '["한글 ","two"]', {
          headers: { "Content-Type": type },
        });

        expect(answer.status).to.equal(204);
        expect(receivedText(await host.nth(0))).to.equal("한글 two");
      });
    }

    it("ends a session whose response it has ended", async () => {
      let endResponse = () => {};
      host.app.use("/ws/000/s1/xhr_streaming", (_req, res, next) => {
        endResponse = () => void res.end();
        next();
      });
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const line = connect(port, "127.0.0.1");
      line.write("POST /ws/000/s1/xhr_streaming HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      const opened = await host.nth(0);
      endResponse();
      opened.socket.send(Buffer.from("lost"), false);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      line.destroy();
    });

    it("starts no session for a request that it has answered meanwhile", async () => {
      let found: (() => void) | undefined;
      let answerIt = () => {};
      host.app.use((_req, res, next) => {
        answerIt = () => void res.status(503).end("Too late.");
        next();
      });
      const user = () => (found ? null : new Promise<null>((resolve) => (found = () => resolve(null))));
      host.endpoint({ sockJS: { sessionLimit: 1 }, user });
      const port = await host.listen();
      const reached = once(host.server, "request");
      const poll = post(port, "/ws/000/s1/xhr");
      await reached;
      answerIt();
      found?.();
      expect((await poll).text).to.equal("Too late.");
      expect(host.opened).to.deep.equal([]);
      expect((await post(port, "/ws/000/s2/xhr")).text).to.equal("o\n");
    });

    it("refuses what express.urlencoded() has made of a body", async () => {
      host.app.use(express.urlencoded({ extended: true }));
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      expect((await post(port, "/ws/000/s1/xhr_send", '["x"]', { headers })).status).to.equal(500);
      expect((await post(port, "/ws/000/s1/xhr_send", "", { headers })).status).to.equal(500);
    });
  });

  describe("when the endpoint is closed", () => {
    it("answers 503 to new sessions, and serves those it has", async () => {
      const endpoint = host.endpoint({ sockJS: true });
      const port = await host.listen();
      await openPolling(port, "/ws/000/s1");
      endpoint.close();

      expect((await post(port, "/ws/000/s2/xhr")).status).to.equal(503);
      await post(port, "/ws/000/s1/xhr_send", '["on"]');
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["on"]\n');
    });
  });
});
