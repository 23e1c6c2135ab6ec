import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import { sockJsStage } from "../../support/sock-js-stage.js";
import { closing } from "../../support/socket-host.js";
import { openPolling, post, stream } from "../../support/sockjs-http.js";

describe("SockJsService", () => {
  const stage = sockJsStage();

  describe("when a client polls", () => {
    it("opens a session, takes what is sent and gives it back in order", async () => {
      const port = await stage.poll();
      const sent = await post(port, "/ws/000/s1/xhr_send", '["one ","two"]');
      expect([sent.status, sent.text]).to.deep.equal([204, ""]);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["one two"]\n');

      const waiting = post(port, "/ws/000/s1/xhr");
      await post(port, "/ws/000/s1/xhr_send", '["three"]');
      expect((await waiting).text).to.equal('a["three"]\n');
      expect((await stage.host.nth(0)).socket.transport).to.equal("xhr-polling");
    });

    it("answers a second poll beside the first with 2010", async () => {
      const port = await stage.poll();
      const reached = once(stage.host.server, "request");
      const first = post(port, "/ws/000/s1/xhr");
      await reached;
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('c[2010,"Another connection still open"]\n');

      await post(port, "/ws/000/s1/xhr_send", '["x"]');
      expect((await first).text).to.equal('a["x"]\n');
    });

    it("counts what waits for a poll, until it has left", async () => {
      const port = await stage.poll();
      const { socket } = await stage.host.nth(0);
      socket.send(Buffer.from("한글"), false);
      socket.send(Buffer.from("more"), false);
      expect(socket.watchBuffer()).to.equal(10);

      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["한글","more"]\n');
      expect(socket.watchBuffer()).to.equal(0);
    });

    it("ends a session that nobody polls, once, and forgets it", async () => {
      const port = await stage.poll({ disconnectDelay: 30 });
      const opened = await stage.host.nth(0);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
      await openPolling(port, "/ws/000/s1");
      await stage.host.nth(1);
      expect(opened.closings).to.have.length(1);
      expect(opened.received).to.deep.equal([]);
    });

    it("ends a session whose client leaves while it polls", async () => {
      const port = await stage.poll();
      const line = connect(port, "127.0.0.1");
      const reached = once(stage.host.server, "request");
      line.write("POST /ws/000/s1/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      await reached;
      line.destroy();
      const opened = await stage.host.nth(0);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
      expect(opened.closings).to.have.length(1);
    });

    it("starts no session for a client that has left before its user was found", async () => {
      let go = () => {};
      stage.host.endpoint({ sockJS: true, user: () => new Promise((resolve) => (go = () => resolve(null))) });
      const port = await stage.host.listen();
      const line = connect(port, "127.0.0.1");
      const [accepted] = (await once(stage.host.server, "connection")) as [import("node:net").Socket];
      const reached = once(stage.host.server, "request");
      line.write("POST /ws/000/s1/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      await reached;
      line.destroy();
      await once(accepted, "close");
      go();
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));

      expect(stage.host.opened).to.deep.equal([]);
    });

    it("tells the client of a close at its next poll, and again until the session is forgotten", async () => {
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
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
      const port = await stage.listen({ heartbeatTime: 30 });
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      expect(await response.line()).to.equal("h".repeat(2048));
      expect(await response.line()).to.equal("o");
      await post(port, "/ws/000/s1/xhr_send", '["a\\nb\\u2028"]');
      let line = await response.line();
      while (line === "h") line = await response.line();
      expect(line).to.equal('a["a\\nb\\u2028"]');
      expect(await response.line()).to.equal("h");
      expect((await stage.host.nth(0)).socket.transport).to.equal("xhr-streaming");
      response.cut();
    });

    it("ends the response after streamBytesLimit, and goes on with the next", async () => {
      const port = await stage.listen({ streamBytesLimit: 1000 });
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
      const port = await stage.listen();
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
      expect((await stage.host.nth(0)).socket.transport).to.equal("eventsource");
      response.cut();
    });

    it("counts what a slow reader has not taken", async () => {
      const port = await stage.listen({ streamBytesLimit: 100_000_000 });
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await response.line();
      response.res.pause();
      response.res.socket.pause();
      const { socket } = await stage.host.nth(0);
      for (let i = 0; i < 20; i++) socket.send(Buffer.alloc(1_000_000, "x"), false);

      expect(socket.watchBuffer()).to.be.above(5_000_000);
      const opened = await stage.host.nth(0);
      socket.terminate();
      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      response.cut();
    });

    it("ends the response with the close frame", async () => {
      const port = await stage.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      const opened = await stage.host.nth(0);
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
      const port = await stage.listen();
      const response = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await response.line();
      await response.line();
      const opened = await stage.host.nth(0);
      opened.socket.terminate();
      await response.ended();

      expect(response.res.complete).to.equal(false);
      expect(opened.closings).to.deep.equal([{ code: 1006, reason: "" }]);
      expect((await post(port, "/ws/000/s1/xhr_streaming")).text).to.match(/\nc\[1006,.*\]\n$/);
    });
  });
});
