import { once } from "node:events";
import { connect, type Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import { sockJsStage } from "../../support/sock-js-stage.js";
import { closing, converseUntil, listenTo, receivedText, SocketHost } from "../../support/socket-host.js";
import { http, post } from "../../support/sockjs-http.js";

/** The head of a request with messages. */
function head(session: string, length: number, more = ""): string {
  return `POST /ws/000/${session}/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${more}\r\n`;
}

describe("SockJsService", () => {
  const stage = sockJsStage();

  describe("when what a client sends is wrong", () => {
    const bodies: [what: string, body: string, status: number, text: string][] = [
      ["nothing", "", 500, "Payload expected.\n"],
      ["broken JSON", '["x', 500, "Broken JSON encoding.\n"],
      ["an object", '{"0":"x"}', 500, "Payload expected.\n"],
      ["a text that is no array", '"x"', 500, "Payload expected.\n"],
      ["a null among strings", '["x",null]', 500, "Broken JSON encoding.\n"],
      ["numbers and objects", "[1,{}]", 500, "Broken JSON encoding.\n"],
      ["null", "null", 500, "Payload expected.\n"],
      ["a broken array behind what is right", '["x", "y', 500, "Broken JSON encoding.\n"],
      ["far more blanks than messages", `[${" ".repeat(200_000)}"y"]`, 500, "Payload expected.\n"],
    ];
    for (const [what, body, status, text] of bodies) {
      it(`answers ${status} to ${what}, and the session lives`, async () => {
        const port = await stage.poll();
        const answer = await post(port, "/ws/000/s1/xhr_send", body);

        expect([answer.status, answer.text]).to.deep.equal([status, text]);
        expect((await post(port, "/ws/000/s1/xhr_send", '["fine"]')).status).to.equal(204);
        expect(receivedText(await stage.host.nth(0))).to.equal("fine");
      });
    }

    it("ends the session if it has taken the beginning of it", async () => {
      const port = await stage.poll();
      const answer = await post(port, "/ws/000/s1/xhr_send", `["${"x".repeat(200_000)}", 1]`);
      expect([answer.status, answer.text]).to.deep.equal([500, "Broken JSON encoding.\n"]);
      const opened = await stage.host.nth(0);
      expect(await closing(opened)).to.deep.equal({ code: 1007, reason: "Broken JSON encoding." });
      // The first answer brings the echo.
      await post(port, "/ws/000/s1/xhr");
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('c[1007,"Broken JSON encoding."]\n');
    });

    it("ends the session when a body breaks off after it has taken the beginning", async () => {
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
      const line = connect(port, "127.0.0.1");
      line.write(`${head("s1", 300_000)}["${"x".repeat(200_000)}`);
      await (opened.received.length > 0 || once(opened.events, "data"));
      line.destroy();
      expect(await closing(opened)).to.deep.equal({
        code: 1002,
        reason: "A request with messages broke off.",
      });
    });

    it("drops a body that breaks off", async () => {
      const port = await stage.poll();
      const line = connect(port, "127.0.0.1");
      const reached = once(stage.host.server, "request");
      line.write(`${head("s1", 100)}["half"]`);
      const [req] = (await reached) as [import("node:http").IncomingMessage];
      const left = new Promise((resolve) => req.once("close", resolve));
      line.destroy();
      await left;

      await post(port, "/ws/000/s1/xhr_send", '["whole"]');
      expect(receivedText(await stage.host.nth(0))).to.equal("whole");
    });

    it("joins the halves of a surrogate pair that a client has cut", async () => {
      const port = await stage.poll();
      await post(port, "/ws/000/s1/xhr_send", '["a\\ud83d"]');
      await post(port, "/ws/000/s1/xhr_send", '["\\ude00","b"]');
      expect(receivedText(await stage.host.nth(0))).to.equal("a😀b");
    });
  });

  describe("when one request brings all that has waited at the client", () => {
    const TEXTS = Array.from({ length: 100 }, (_, i) => `${i} `.repeat(25_000));

    for (const announced of [true, false]) {
      it(`reads it as the session does, its length ${announced ? "announced" : "unknown"}`, async () => {
        stage.host = new SocketHost({ echo: false });
        const port = await stage.poll();
        const opened = await stage.host.nth(0);
        listenTo(opened, () => opened.socket.pause());
        const connected = once(stage.host.server, "connection");
        const headers: Record<string, string> = announced ? {} : { "Transfer-Encoding": "chunked" };
        const sent = post(port, "/ws/000/s1/xhr_send", JSON.stringify(TEXTS), { headers });
        const [line] = (await connected) as [TcpSocket];
        await once(opened.events, "data");
        for (let turns = 0; turns < 5; turns++) await http(port, "/ws/info");
        expect(line.bytesRead).to.be.below(400_000);

        opened.events.on("data", () => setImmediate(() => opened.socket.resume()));
        opened.socket.resume();
        expect((await sent).status).to.equal(204);
        expect(receivedText(opened)).to.equal(TEXTS.join(""));
      });
    }

    it("reads it in front of what comes meanwhile", async () => {
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
      listenTo(opened);
      const line = connect(port, "127.0.0.1");
      const body = JSON.stringify(TEXTS);
      line.write(head("s1", body.length) + body.slice(0, 100_000));
      await (opened.received.length > 0 || once(opened.events, "data"));
      const reached = once(stage.host.server, "request");
      const second = post(port, "/ws/000/s1/xhr_send", '["second"]');
      await reached;
      line.write(body.slice(100_000));
      await second;
      expect(receivedText(opened)).to.equal(`${TEXTS.join("")}second`);
      line.destroy();
    });

    it("skips the rest when the session has ended, and takes the next request on the line", async () => {
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
      listenTo(opened, () => opened.socket.close(1001, "enough"));
      const body = JSON.stringify(TEXTS);
      const next = "GET /ws/info HTTP/1.1\r\nHost: x\r\n\r\n";
      const answers = await converseUntil(port, head("s1", body.length) + body + next, /entropy/);
      expect(answers.match(/^HTTP\/1\.1 \d+/gm)).to.deep.equal(["HTTP/1.1 204", "HTTP/1.1 200"]);
      expect(receivedText(opened).length).to.be.below(400_000);
    });

    it("takes it from a client that asks first", async () => {
      const port = await stage.poll();
      const line = connect(port, "127.0.0.1");
      line.write(head("s1", 7, "Expect: 100-continue\r\n"));
      const [first] = (await once(line, "data")) as [Buffer];
      expect(first.toString()).to.equal("HTTP/1.1 100 Continue\r\n\r\n");
      line.write('["one"]');
      const [second] = (await once(line, "data")) as [Buffer];
      expect(second.toString()).to.match(/^HTTP\/1\.1 204 /);
      expect(receivedText(await stage.host.nth(0))).to.equal("one");
      line.destroy();
    });
  });

  describe("when a request stands behind a stream on its line", () => {
    const open = (session: string) =>
      `POST /ws/000/${session}/xhr_streaming HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`;

    it("begins no session that nobody would end", async () => {
      const port = await stage.listen();
      const line = connect(port, "127.0.0.1");
      line.write(open("s1") + open("s2"));
      const first = await stage.host.nth(0);
      expect((await post(port, "/ws/000/s2/xhr_send", '["x"]')).status).to.equal(404);
      line.destroy();
      await closing(first);
      expect((await post(port, "/ws/000/s2/xhr_send", '["x"]')).status).to.equal(404);
      expect(stage.host.opened).to.have.length(1);
    });

    it("begins when that one is over", async () => {
      const port = await stage.listen({ streamBytesLimit: 10 });
      const line = connect(port, "127.0.0.1");
      line.write(open("s1") + open("s2"));
      (await stage.host.nth(0)).socket.send(Buffer.from("long enough"), false);
      const second = await stage.host.nth(1);
      line.destroy();
      expect(await closing(second)).to.deep.equal({ code: 1006, reason: "" });
    });
  });

  describe("when the socket is paused", () => {
    it("holds what the client sends until it is resumed", async () => {
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
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
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
      const reached = once(stage.host.server, "request");
      const sent = post(port, "/ws/000/s1/xhr_send", JSON.stringify(["x".repeat(200_000)]));
      const [req] = (await reached) as [import("node:http").IncomingMessage];
      await http(port, "/ws/info");
      expect(req.readableDidRead).to.equal(false);

      listenTo(opened);
      expect((await sent).status).to.equal(204);
    });

    it("loses nothing that comes before it is listened to", async () => {
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
      const reached = once(stage.host.server, "request");
      const send = post(port, "/ws/000/s1/xhr_send", '["early"]');
      await reached;
      listenTo(opened);
      await send;
      expect(receivedText(opened)).to.equal("early");
    });

    it("counts requests whose bodies have begun to come among those", async () => {
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      listenTo(await stage.host.nth(0));
      const lines = Array.from({ length: 17 }, () => connect(port, "127.0.0.1"));
      for (const line of lines) line.write(`${head("s1", 100)}["half"`);
      const [answered] = (await Promise.race(lines.map((line) => once(line, "data")))) as [Buffer];
      expect(answered.toString()).to.match(/^HTTP\/1.1 503 /);
      for (const line of lines) line.destroy();
    });

    it("lets only so many requests wait", async () => {
      stage.host = new SocketHost({ echo: false });
      const port = await stage.poll();
      const opened = await stage.host.nth(0);
      const sends = Array.from({ length: 17 }, () => post(port, "/ws/000/s1/xhr_send", '["x"]'));
      expect((await Promise.race(sends)).status).to.equal(503);

      opened.socket.close(1001, "");
      const statuses = (await Promise.all(sends)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 204)).to.have.length(16);
    });
  });
});
