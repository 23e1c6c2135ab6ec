import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { expect } from "chai";
import { closing, type Opened, SocketHost } from "../../support/socket-host.js";
import { type HttpStream, post, stream } from "../../support/sockjs-http.js";

describe("HttpSocket", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost({ echo: true });
  });

  afterEach(async () => {
    await host.close();
  });

  async function openPolling(port: number, name: string): Promise<Opened> {
    const before = host.opened.length;
    expect((await post(port, `/ws/000/${name}/xhr`)).text).to.equal("o\n");
    return await host.nth(before);
  }

  async function openStream(port: number, name: string): Promise<{ opened: Opened; response: HttpStream }> {
    const before = host.opened.length;
    const response = await stream(port, `/ws/000/${name}/xhr_streaming`, { method: "POST" });
    await response.line();
    expect(await response.line()).to.equal("o");
    return { opened: await host.nth(before), response };
  }

  function send({ socket }: Opened, text: string): void {
    socket.send(Buffer.from(text), false);
  }

  describe("when more waits for a client than httpMessageCacheSize", () => {
    it("closes with 4500, and hands out what fitted when the client comes again", async () => {
      host.endpoint({ sockJS: { httpMessageCacheSize: 2, disconnectDelay: 600_000 } });
      const port = await host.listen();
      const opened = await openPolling(port, "s1");
      for (const text of ["one", "two", "three", "four"]) send(opened, text);
      expect(opened.closings).to.deep.equal([]);

      const reason = "httpMessageCacheSize of 2 messages exceeded";
      expect(await closing(opened)).to.deep.equal({ code: 4500, reason });
      expect(host.limits).to.deep.equal(["httpMessageCacheSize"]);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["one","two"]\n');
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal(`c[4500,"${reason}"]\n`);
      expect(opened.closings).to.have.length(1);
    });

    it("counts nothing unless it is told to: bytes are what the session bounds", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const opened = await openPolling(port, "s1");
      const texts = Array.from({ length: 1500 }, (_, i) => `${i}`);
      for (const text of texts) send(opened, text);
      expect(opened.socket.watchBuffer()).to.equal(texts.join("").length);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal(`a${JSON.stringify(texts)}\n`);
      expect(opened.closings).to.deep.equal([]);
    });

    it("counts anew after each request", async () => {
      host.endpoint({ sockJS: { httpMessageCacheSize: 2 } });
      const port = await host.listen();
      const opened = await openPolling(port, "s1");
      for (const round of ["1", "2", "3"]) {
        send(opened, `a${round}`);
        send(opened, `b${round}`);
        expect((await post(port, "/ws/000/s1/xhr")).text).to.equal(`a["a${round}","b${round}"]\n`);
      }
      expect(opened.closings).to.deep.equal([]);
    });

    it("counts nothing while there is a response to ride on", async () => {
      host.endpoint({ sockJS: { httpMessageCacheSize: 1 } });
      const { opened, response } = await openStream(await host.listen(), "s1");
      for (const text of ["one", "two", "three"]) send(opened, text);
      for (const text of ["one", "two", "three"]) expect(await response.line()).to.equal(`a["${text}"]`);
      expect(opened.closings).to.deep.equal([]);
      response.cut();
    });
  });

  describe("when a response is full", () => {
    it("counts bytes, not characters", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 1000 } });
      const { opened, response } = await openStream(await host.listen(), "s1");
      send(opened, "한".repeat(400));
      expect(await response.line()).to.equal(`a["${"한".repeat(400)}"]`);
      await response.ended();
      expect(opened.closings).to.deep.equal([]);
    });

    it("lives on while its client still reads, however long that takes", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 1000, disconnectDelay: 1000 } });
      const port = await host.listen();
      const { opened, response } = await openStream(port, "s1");
      response.res.pause();
      response.res.socket.pause();
      send(opened, "x".repeat(8_000_000));
      // Tells when disconnectDelay has passed.
      const other = await openPolling(port, "s2");
      await closing(other);
      expect(opened.closings).to.deep.equal([]);

      response.res.socket.resume();
      response.res.resume();
      await response.ended();
      send(opened, "more");
      const next = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await next.line();
      expect(await next.line()).to.equal('a["more"]');
      next.cut();
    });

    it("ends when its client has read all and does not come back", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 10, disconnectDelay: 30 } });
      const port = await host.listen();
      const { opened, response } = await openStream(port, "s1");
      send(opened, "longer than that");
      await response.ended();

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
    });
  });

  describe("when the client leaves", () => {
    it("ends at once", async () => {
      host.endpoint({ sockJS: { disconnectDelay: 600_000 } });
      const port = await host.listen();
      const { opened, response } = await openStream(port, "s1");
      response.cut();

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      send(opened, "too late");
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
      expect(opened.closings).to.have.length(1);
    });

    it("says why it was closing, if it was", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 100_000_000, disconnectDelay: 600_000 } });
      const { opened, response } = await openStream(await host.listen(), "s1");
      response.res.pause();
      response.res.socket.pause();
      send(opened, "x".repeat(8_000_000));
      opened.socket.close(1002, "STOMP error");
      response.cut();
      expect(await closing(opened)).to.deep.equal({ code: 1002, reason: "STOMP error" });
    });
  });

  describe("when the client reads no more", () => {
    it("is cut disconnectDelay after it was closed, and says so once", async () => {
      host.endpoint({ sockJS: { disconnectDelay: 50, streamBytesLimit: 100_000_000 } });
      const port = await host.listen();
      const { opened, response } = await openStream(port, "s1");
      response.res.pause();
      response.res.socket.pause();
      send(opened, "x".repeat(8_000_000));
      expect(opened.socket.watchBuffer()).to.be.above(1_000_000);
      opened.socket.close(4500, "too slow");

      expect(await closing(opened)).to.deep.equal({ code: 4500, reason: "too slow" });
      expect(opened.socket.watchBuffer()).to.be.below(100);
      response.res.socket.resume();
      response.res.resume();
      await response.ended();
      expect(response.res.complete).to.equal(false);
      expect((await post(port, "/ws/000/s1/xhr_send", '["late"]')).status).to.equal(404);
      expect(opened.closings).to.have.length(1);
    });
  });

  describe("when it has been closed", () => {
    it("is forgotten after disconnectDelay, however often its client asks", async () => {
      host.endpoint({ sockJS: { disconnectDelay: 500 } });
      const port = await host.listen();
      const opened = await openPolling(port, "s1");
      opened.socket.close(1001, "bye");
      const answers = new Set<string>();
      while (!answers.has("o\n")) answers.add((await post(port, "/ws/000/s1/xhr")).text);
      expect([...answers]).to.deep.equal(['c[1001,"bye"]\n', "o\n"]);
    });
  });

  describe("when what waited leaves", () => {
    it("says so when a stream goes on", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 100_000_000 } });
      const { opened, response } = await openStream(await host.listen(), "s1");
      response.res.pause();
      response.res.socket.pause();
      send(opened, "x".repeat(8_000_000));
      expect(opened.socket.watchBuffer()).to.be.above(1_000_000);
      const drained = once(opened.events, "drained");
      response.res.socket.resume();
      response.res.resume();
      await drained;
      expect(opened.socket.watchBuffer()).to.equal(0);
      response.cut();
    });

    it("says so when a stream has taken what waited for it", async () => {
      host.endpoint({ sockJS: { streamBytesLimit: 100 } });
      const port = await host.listen();
      const { opened, response } = await openStream(port, "s1");
      send(opened, "x".repeat(100));
      await response.ended();
      send(opened, "text");
      expect(opened.socket.watchBuffer()).to.equal(4);
      const drained = once(opened.events, "drained");
      const next = await stream(port, "/ws/000/s1/xhr_streaming", { method: "POST" });
      await drained;
      expect(opened.socket.watchBuffer()).to.equal(0);
      next.cut();
    });

    it("says so when a poll has taken it", async () => {
      host.endpoint({ sockJS: true });
      const port = await host.listen();
      const opened = await openPolling(port, "s1");
      send(opened, "text");
      expect(opened.socket.watchBuffer()).to.equal(4);
      const drained = once(opened.events, "drained");
      await post(port, "/ws/000/s1/xhr");
      await drained;
      expect(opened.socket.watchBuffer()).to.equal(0);
    });
  });

  describe("when heart-beats of STOMP go to the client", () => {
    it("sends none of its own on a stream", async () => {
      host.endpoint({ sockJS: { heartbeatTime: 20 } });
      const port = await host.listen();
      const quiet = await openStream(port, "s1");
      const other = await openStream(port, "s2");
      quiet.opened.socket.disableHeartbeat?.();
      send(quiet.opened, "one");
      // One may have come before.
      let line = await quiet.response.line();
      while (line === "h") line = await quiet.response.line();
      expect(line).to.equal('a["one"]');
      for (let beats = 0; beats < 3; beats++) expect(await other.response.line()).to.equal("h");
      send(quiet.opened, "two");
      expect(await quiet.response.line()).to.equal('a["two"]');
      quiet.response.cut();
      other.response.cut();
    });

    it("answers no poll with one of its own", async () => {
      host.endpoint({ sockJS: { heartbeatTime: 20 } });
      const port = await host.listen();
      const quiet = await openPolling(port, "s1");
      await openPolling(port, "s2");
      quiet.socket.disableHeartbeat?.();
      const poll = post(port, "/ws/000/s1/xhr");
      for (let beats = 0; beats < 3; beats++) {
        expect((await post(port, "/ws/000/s2/xhr")).text).to.equal("h\n");
      }
      send(quiet, "message");
      expect((await poll).text).to.equal('a["message"]\n');
    });
  });

  it("keeps no process alive", async () => {
    const program = `
      import { createServer } from "node:http";
      import express from "express";
      import { stompMessaging } from "express-stomp";
      const messaging = stompMessaging({ endpoints: [{ path: "/ws", sockJS: { disconnectDelay: 600000 } }] });
      const server = createServer(express().use(messaging)).listen(0, "127.0.0.1", async () => {
        const url = "http://127.0.0.1:" + server.address().port + "/ws/0/s1/xhr";
        console.log(await (await fetch(url, { method: "POST" })).text());
        server.close();
        server.closeAllConnections();
      });`;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      timeout: 9000,
    });
    expect((await run).stdout).to.equal("o\n\n");
  });
});
