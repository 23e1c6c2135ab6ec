import { once } from "node:events";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { expect } from "chai";
import { sockJsStage } from "../../support/sock-js-stage.js";
import { listenTo, receivedText, SocketHost } from "../../support/socket-host.js";
import { http, post } from "../../support/sockjs-http.js";

describe("SockJsService", () => {
  const stage = sockJsStage();

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
        const port = await stage.poll();
        const answer = await post(port, "/ws/000/s1/xhr_send", body);

        expect([answer.status, answer.text]).to.deep.equal([status, text]);
        expect((await post(port, "/ws/000/s1/xhr_send", '["fine"]')).status).to.equal(204);
        expect(receivedText(await stage.host.nth(0))).to.equal("fine");
      });
    }

    for (const announced of [true, false]) {
      it(`answers 413 to a body that is too long, its length ${announced ? "announced" : "unknown"}`, async () => {
        const port = await stage.poll();
        const body = JSON.stringify(["x".repeat(8_000_000)]);
        const headers: Record<string, string> = announced ? {} : { "Transfer-Encoding": "chunked" };
        const before = performance.eventLoopUtilization();
        const answer = await post(port, "/ws/000/s1/xhr_send", body, { headers });

        expect(answer.status).to.equal(413);
        expect(performance.eventLoopUtilization(before).active).to.be.below(1000);
        expect((await stage.host.nth(0)).received).to.deep.equal([]);
      });
    }

    it("drops a body that breaks off", async () => {
      const port = await stage.poll();
      const line = connect(port, "127.0.0.1");
      const reached = once(stage.host.server, "request");
      line.write('POST /ws/000/s1/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n["half"]');
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
