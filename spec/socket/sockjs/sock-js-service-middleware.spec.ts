import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import express from "express";
import session from "express-session";
import { sockJsStage } from "../../support/sock-js-stage.js";
import { closing, receivedText } from "../../support/socket-host.js";
import { post } from "../../support/sockjs-http.js";

describe("SockJsService", () => {
  const stage = sockJsStage();

  describe("when middleware stands in front", () => {
    it("leaves the request of express-session alone, and the user who logs in again keeps the session", async () => {
      stage.host.app.use(session({ secret: "s", resave: false, saveUninitialized: true }));
      stage.host.app.use((req, _res, next) => {
        Object.assign(req.session, { visits: 1 });
        Object.assign(req, { user: { username: "ann" } });
        next();
      });
      const port = await stage.listen();
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
      expect((await stage.host.nth(0)).request.session).to.have.property("visits", 1);
    });

    const parsers: [name: string, parser: express.RequestHandler, type: string][] = [
      ["express.json()", express.json(), "application/json"],
      ["express.text()", express.text(), "text/plain"],
      ["express.raw()", express.raw({ type: "*/*" }), "text/plain"],
      ["express.json() that does not read it", express.json(), "text/plain;charset=UTF-8"],
    ];
    for (const [name, parser, type] of parsers) {
      it(`takes the body from ${name}`, async () => {
        stage.host.app.use(parser);
        const port = await stage.poll();
        const answer = await post(port, "/ws/000/s1/xhr_send", '["한글 ","two"]', {
          headers: { "Content-Type": type },
        });

        expect(answer.status).to.equal(204);
        expect(receivedText(await stage.host.nth(0))).to.equal("한글 two");
      });
    }

    it("ends a session whose response it has ended", async () => {
      let endResponse = () => {};
      stage.host.app.use("/ws/000/s1/xhr_streaming", (_req, res, next) => {
        endResponse = () => void res.end();
        next();
      });
      const port = await stage.listen();
      const line = connect(port, "127.0.0.1");
      line.write("POST /ws/000/s1/xhr_streaming HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      const opened = await stage.host.nth(0);
      endResponse();
      opened.socket.send(Buffer.from("lost"), false);

      expect(await closing(opened)).to.deep.equal({ code: 1006, reason: "" });
      line.destroy();
    });

    it("starts no session for a request that it has answered meanwhile", async () => {
      let found: (() => void) | undefined;
      let answerIt = () => {};
      stage.host.app.use((_req, res, next) => {
        answerIt = () => void res.status(503).end("Too late.");
        next();
      });
      const user = () => (found ? null : new Promise<null>((resolve) => (found = () => resolve(null))));
      stage.host.endpoint({ sockJS: { sessionLimit: 1 }, user });
      const port = await stage.host.listen();
      const reached = once(stage.host.server, "request");
      const poll = post(port, "/ws/000/s1/xhr");
      await reached;
      answerIt();
      found?.();
      expect((await poll).text).to.equal("Too late.");
      expect(stage.host.opened).to.deep.equal([]);
      expect((await post(port, "/ws/000/s2/xhr")).text).to.equal("o\n");
    });

    it("says nothing more to a sender that it has answered meanwhile", async () => {
      const failures: unknown[] = [];
      let answerIt = () => {};
      let found = () => {};
      stage.host.app.use((_req, res, next) => {
        answerIt = () => void res.status(503).end("Too late.");
        next();
      });
      const asked = new Promise<void>((resolve) => {
        stage.host.endpoint({
          sockJS: true,
          user: () =>
            new Promise<null>((resolveUser) => {
              found = () => resolveUser(null);
              resolve();
            }),
        });
      });
      const onError: express.ErrorRequestHandler = (error, _req, _res, next) => {
        failures.push(error);
        next();
      };
      stage.host.app.use(onError);
      const sent = post(await stage.host.listen(), "/ws/000/unknown/xhr_send", '["x"]');
      await asked;
      answerIt();
      found();

      expect((await sent).text).to.equal("Too late.");
      expect(failures).to.deep.equal([]);
    });

    it("refuses what express.urlencoded() has made of a body", async () => {
      stage.host.app.use(express.urlencoded({ extended: true }));
      const port = await stage.poll();
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      expect((await post(port, "/ws/000/s1/xhr_send", '["x"]', { headers })).status).to.equal(500);
      expect((await post(port, "/ws/000/s1/xhr_send", "", { headers })).status).to.equal(500);
    });
  });
});
