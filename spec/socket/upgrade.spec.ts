import { EventEmitter, once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { connect, type Socket as TcpSocket } from "node:net";
import { expect } from "chai";
import express from "express";
import session from "express-session";
import { attach } from "#lib/socket/upgrade.js";
import {
  closing,
  converse,
  converseUntil,
  handshakeText,
  openWebSocket,
  receivedText,
  SocketHost,
} from "../support/socket-host.js";

/** A masked text frame, with a mask of zeros. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

describe("attach", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost();
  });

  afterEach(async () => {
    await host.close();
  });

  describe("when the application answers a handshake itself", () => {
    it("sends a 401 as HTTP and hangs up", async () => {
      host.app.use((_req, res) => void res.status(401).set("WWW-Authenticate", "Basic").send("log in first"));
      host.endpoint();
      const answer = await converse(await host.listen(), handshakeText("/ws"));

      expect(answer).to.match(/^HTTP\/1\.1 401 Unauthorized\r\n/);
      expect(answer).to.match(/\r\nWWW-Authenticate: Basic\r\n/);
      expect(answer).to.match(/\r\nConnection: close\r\n/);
      expect(answer).to.match(/\r\n\r\nlog in first$/);
    });

    it("sends a redirect", async () => {
      host.app.use((_req, res) => res.redirect("/login"));
      host.endpoint();
      const answer = await converse(await host.listen(), handshakeText("/ws"));

      expect(answer).to.match(/^HTTP\/1\.1 302 Found\r\n[\s\S]*Location: \/login\r\n/);
    });

    it("sends 404 for a path nobody serves", async () => {
      host.endpoint();
      const answer = await converse(await host.listen(), handshakeText("/elsewhere"));

      expect(answer).to.match(/^HTTP\/1\.1 404 Not Found\r\n/);
      expect(answer).to.contain("Cannot GET /elsewhere");
    });

    it("sends the error middleware's 500", async () => {
      host.app.use(async () => {
        await Promise.reject(new Error("no database"));
      });
      host.endpoint();
      const onError: express.ErrorRequestHandler = (error, _req, res, _next) => {
        res.status(500).send(`failed: ${(error as Error).message}`);
      };
      host.app.use(onError);
      const answer = await converse(await host.listen(), handshakeText("/ws"));

      expect(answer).to.match(/^HTTP\/1\.1 500 [\s\S]*failed: no database$/);
    });

    it("sends a body that is streamed in pieces, and all of a long one", async () => {
      const long = "x".repeat(3_000_000);
      host.app.use("/pieces", async (_req, res) => {
        res.write("one ");
        await new Promise((resolve) => setImmediate(resolve));
        res.end("two");
      });
      host.app.use("/long", (_req, res) => void res.send(long));
      const port = await host.listen();

      expect(await converse(port, handshakeText("/pieces"))).to.match(
        /Transfer-Encoding: chunked\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n$/,
      );
      const answer = await converse(port, handshakeText("/long"));
      expect(answer.slice(answer.indexOf("\r\n\r\n") + 4)).to.equal(long);
    });

    it("sends all of it though the client has sent frames already, and hangs up soon", async function () {
      this.timeout(1500);
      host.app.use((_req, res) => void res.status(403).send("no"));
      const early = Buffer.concat(Array.from({ length: 2000 }, () => frame("x".repeat(100))));
      const connected = once(host.server, "connection") as Promise<[TcpSocket]>;
      const bytes = Buffer.concat([Buffer.from(handshakeText("/ws")), early]);

      expect(await converse(await host.listen(), bytes)).to.match(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nno$/);
      const [accepted] = await connected;
      if (!accepted.destroyed) await once(accepted, "close");
    });

    it("cuts a response that the application destroys", async () => {
      host.app.use((_req, res) => void res.destroy());

      expect(await converse(await host.listen(), handshakeText("/ws"))).to.equal("");
    });
  });

  describe("when middleware stands in front of the endpoint", () => {
    it("shows the request as middleware left it, and saves the session", async () => {
      const store = new session.MemoryStore();
      host.app.use(session({ secret: "s", store, resave: false, saveUninitialized: true }));
      host.app.use((req, _res, next) => {
        Object.assign(req, { user: { name: "ann" } });
        next();
      });
      host.endpoint();
      const client = await openWebSocket(await host.listen(), "/ws");
      const { handshake, request } = await host.nth(0);

      expect(handshake.user?.name).to.equal("ann");
      expect(request.sessionID).to.be.a("string");
      const sessions = await new Promise((resolve) => store.all((_error, all) => resolve(all)));
      expect(Object.keys(sessions as object)).to.deep.equal([request.sessionID]);
      client.ws.terminate();
    });

    it("copies its cookies to the 101, those included that wait for the headers", async () => {
      host.app.use(session({ secret: "s", resave: false, saveUninitialized: true }));
      host.app.use((_req, res, next) => {
        res.cookie("a", "1");
        res.cookie("b", "2");
        next();
      });
      host.endpoint();
      const answer = await converseUntil(await host.listen(), handshakeText("/ws"), /\r\n\r\n/);

      expect(answer).to.match(/^HTTP\/1\.1 101 /);
      expect(answer.match(/Set-Cookie: [^=]+/g)).to.have.members([
        "Set-Cookie: a",
        "Set-Cookie: b",
        "Set-Cookie: connect.sid",
      ]);
    });

    it("keeps frames that come while it is at work", async () => {
      const gate = new EventEmitter();
      host.app.use(async (_req, _res, next) => {
        gate.emit("reached");
        await once(gate, "go");
        next();
      });
      host.endpoint();
      const port = await host.listen();
      const line = connect(port, "127.0.0.1");
      const reached = once(gate, "reached");
      line.write(Buffer.concat([Buffer.from(handshakeText("/ws")), frame("one ")]));
      await reached;
      await new Promise<void>((resolve) => line.write(frame("two "), () => resolve()));
      gate.emit("go");
      await once(line, "data");
      line.write(frame("three"));

      const opened = await host.nth(0);
      while (receivedText(opened) !== "one two three") await once(opened.events, "data");
      line.destroy();
      expect((await closing(opened)).code).to.equal(1006);
    });

    it("answers 503 when it never answers", async () => {
      host.app.use(() => {});
      host.endpoint();
      const answer = await converse(await host.listen({ handshakeTimeout: 30 }), handshakeText("/ws"));

      expect(answer).to.match(
        /^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*did not answer the handshake in time/,
      );
    });

    it("cuts a client that takes nothing of a long answer", async () => {
      host.app.use((_req, res) => void res.send("x".repeat(30_000_000)));
      const port = await host.listen({ handshakeTimeout: 50 });
      const line = connect(port, "127.0.0.1");
      line.pause();
      line.on("error", () => {});
      const [accepted] = (await once(host.server, "connection")) as [TcpSocket];
      line.write(handshakeText("/ws"));
      await once(accepted, "close");

      expect(accepted.destroyed).to.equal(true);
      line.destroy();
    });

    it("answers 503 in its place when it is detached meanwhile", async () => {
      host.app.use(() => gate.emit("reached"));
      const gate = new EventEmitter();
      const reached = once(gate, "reached");
      const answer = converse(await host.listen(), handshakeText("/ws"));
      await reached;

      host.detach();

      expect(await answer).to.match(/^HTTP\/1\.1 503 /);
    });

    it("tells it when the client leaves", async () => {
      const left = new EventEmitter();
      host.app.use((_req, res) => void res.once("close", () => left.emit("close")));
      const port = await host.listen();
      const line = connect(port, "127.0.0.1");
      const [accepted] = (await once(host.server, "connection")) as [TcpSocket];
      line.write(handshakeText("/ws"));
      await once(host.server, "request");
      const closed = once(left, "close");
      accepted.destroy(new Error("reset"));

      await closed;
      line.destroy();
    });
  });

  describe("when it is called again", () => {
    it("runs a handshake once, and none after the last detach", async () => {
      let runs = 0;
      host.app.use((_req, res) => {
        runs++;
        res.status(401).end();
      });
      const port = await host.listen();
      const detachSecond = attach(host.server);
      await converse(port, handshakeText("/ws"));
      expect(runs).to.equal(1);

      host.detach();
      host.detach();
      expect(host.server.listenerCount("upgrade")).to.equal(1);
      detachSecond();
      expect(host.server.listenerCount("upgrade")).to.equal(0);
    });

    it("serves endpoints of several messagings", async () => {
      host.endpoint({ path: "/a" });
      host.endpoint({ path: "/b" });
      const port = await host.listen();
      attach(host.server);

      for (const path of ["/a", "/b"]) {
        const client = await openWebSocket(port, path);
        client.ws.send("hi");
        expect(await client.next()).to.equal("hi");
        client.ws.terminate();
      }
    });
  });

  describe("when an upgrade is not to WebSocket", () => {
    it("serves it as an ordinary request", async () => {
      host.app.get("/page", (_req, res) => void res.send("page"));
      const answer = await converse(await host.listen(), handshakeText("/page", { Upgrade: "h2c" }));

      expect(answer).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*page$/);
    });

    it("serves one with a body where Node can be asked to, and refuses it rather than losing the body", async () => {
      host.app.post(
        "/page",
        express.text({ type: () => true }),
        (req, res) => void res.send(`got ${req.body}`),
      );
      const headers = { Upgrade: "h2c", "Content-Length": "4" };
      const answer = await converse(await host.listen(), `${handshakeText("/page", headers, "POST")}body`);

      const served = "shouldUpgradeCallback" in host.server;
      expect(answer).to.match(
        served
          ? /^HTTP\/1\.1 200 OK\r\n[\s\S]*got body/
          : /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*cannot have a body/,
      );
    });

    it("asks newer versions of Node to make no upgrade of it, as long as nobody else listens", () => {
      const asking = createServer() as Server & { shouldUpgradeCallback: (req: unknown) => boolean };
      const before = () => true;
      asking.shouldUpgradeCallback = before;
      const detach = attach(asking);
      const h2c = { headers: { upgrade: "h2c" } };
      const webSocket = { headers: { upgrade: "WebSocket" } };

      expect(asking.shouldUpgradeCallback(h2c)).to.equal(false);
      expect(asking.shouldUpgradeCallback(webSocket)).to.equal(true);
      asking.on("upgrade", () => {});
      expect(asking.shouldUpgradeCallback(h2c)).to.equal(true);
      detach();
      expect(asking.shouldUpgradeCallback).to.equal(before);
      host.server.listen(0);
    });
  });

  it("leaves ordinary requests alone, on the same connection too", async () => {
    host.app.use(express.json());
    host.app.post("/page", (req, res) => void res.json(req.body));
    const port = await host.listen();
    const req = request({
      port,
      host: "127.0.0.1",
      path: "/page",
      method: "POST",
      headers: { "content-type": "application/json" },
    });
    req.end('{"a":1}');
    const [res] = (await once(req, "response")) as [import("node:http").IncomingMessage];
    const [body] = (await once(res, "data")) as [Buffer];

    expect(body.toString()).to.equal('{"a":1}');
  });
});
