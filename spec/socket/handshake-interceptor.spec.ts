import { once } from "node:events";
import { expect } from "chai";
import type { ErrorRequestHandler, Request, Response } from "express";
import type { HandshakeInterceptor } from "express-stomp";
import { converse, handshakeText, openWebSocket, SocketHost } from "../support/socket-host.js";
import { post } from "../support/sockjs-http.js";

describe("HandshakeInterceptor", () => {
  let host: SocketHost;
  let told: string[];

  beforeEach(() => {
    host = new SocketHost();
    told = [];
  });

  afterEach(async () => {
    await host.close();
  });

  /** Notes what it is asked and told under a name; lets pass whatever `before` lets pass. */
  function noting(name: string, before: HandshakeInterceptor["beforeHandshake"] = () => true) {
    return {
      beforeHandshake(request: Request, response: Response, attributes: Map<string, unknown>) {
        told.push(`${name} before`);
        return before(request, response, attributes);
      },
      afterHandshake(_request: Request, _response: Response, error: Error | undefined) {
        told.push(error ? `${name} after: ${error.message}` : `${name} after`);
      },
    };
  }

  const ways = [
    ["/ws", "WebSocket"],
    ["/ws/websocket", "WebSocket beside SockJS"],
    ["/ws/000/s1/websocket", "SockJS's WebSocket"],
  ] as const;
  for (const [path, way] of ways) {
    describe(`at a handshake of ${way}`, () => {
      it("lets pass in order, fills attributes, and hears of the connection in reverse", async () => {
        const one = noting("one", (_request, _response, attributes) => {
          attributes.set("one", 1);
          return true;
        });
        const two = noting("two", async (request, _response, attributes) => {
          attributes.set("two", `${attributes.get("one")} ${request.query.q}`);
          return true;
        });
        host.endpoint({ sockJS: true, handshakeInterceptors: [one, two] });

        await openWebSocket(await host.listen(), `${path}?q=x`);

        const { handshake } = await host.nth(0);
        expect([...(handshake.attributes ?? [])]).to.deep.equal([
          ["one", 1],
          ["two", "1 x"],
        ]);
        expect(told).to.deep.equal(["one before", "two before", "two after", "one after"]);
      });

      it("refuses in its own words, and later ones are not asked", async () => {
        const refusing = noting("two", async (_request, response) => {
          response.status(401).set("WWW-Authenticate", "Bearer").json({ why: "no token" });
          return false;
        });
        host.endpoint({
          sockJS: true,
          handshakeInterceptors: [noting("one"), refusing, noting("three")],
        });

        expect(await converse(await host.listen(), handshakeText(path)))
          .to.match(/^HTTP\/1\.1 401 [\s\S]*WWW-Authenticate: Bearer\r\n/)
          .and.match(/\{"why":"no token"\}$/);
        expect(host.opened).to.deep.equal([]);
        expect(told).to.deep.equal([
          "one before",
          "two before",
          "one after: An interceptor refused the handshake",
        ]);
      });
    });
  }

  describe("when it refuses", () => {
    const refusals = [
      ["is 403 without a word", () => false, 403],
      [
        "is the status that it has set",
        (_request: Request, response: Response) => {
          response.status(402);
          return false;
        },
        402,
      ],
    ] as const;
    for (const [what, before, status] of refusals) {
      it(what, async () => {
        host.endpoint({ sockJS: true, handshakeInterceptors: [noting("one", before)] });
        const port = await host.listen();

        expect(await converse(port, handshakeText("/ws"))).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect((await post(port, "/ws/000/s1/xhr")).status).to.equal(status);
        expect(host.opened).to.deep.equal([]);
      });
    }

    it("connects nobody after an answer of its own, whatever it returns", async () => {
      const before = (_request: Request, response: Response) => {
        response.status(418).send("tea");
        return true;
      };
      host.endpoint({ sockJS: true, handshakeInterceptors: [noting("one", before)] });
      const port = await host.listen();

      expect(await converse(port, handshakeText("/ws"))).to.match(/^HTTP\/1\.1 418 [\s\S]*tea$/);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal("tea");
      expect(host.opened).to.deep.equal([]);
      expect(told.filter((line) => line.includes("after"))).to.deep.equal([
        "one after: No connection came of the handshake",
        "one after: No connection came of the handshake",
      ]);
    });
  });

  describe("when it fails", () => {
    const failures: [what: string, before: () => Promise<boolean>][] = [
      ["rejects", async () => Promise.reject(Object.assign(new Error("no database"), { status: 502 }))],
      [
        "throws",
        () => {
          throw Object.assign(new Error("no database"), { status: 502 });
        },
      ],
    ];
    for (const [what, before] of failures) {
      it(`lets the application's error middleware answer when it ${what}`, async () => {
        host.endpoint({ sockJS: true, handshakeInterceptors: [noting("one"), noting("two", before)] });
        const onError: ErrorRequestHandler = (error, _req, res, _next) => {
          res.status((error as { status: number }).status).send("sorry");
        };
        host.app.use(onError);
        const port = await host.listen();

        expect(await converse(port, handshakeText("/ws"))).to.match(/^HTTP\/1\.1 502 [\s\S]*sorry$/);
        expect((await post(port, "/ws/000/s1/xhr")).text).to.equal("sorry");
        expect(host.opened).to.deep.equal([]);
        const once = ["one before", "two before", "one after: no database"];
        expect(told).to.deep.equal([...once, ...once]);
      });
    }

    it("answers 500 and says so in the log when it forgets to return", async () => {
      class Forgetful {
        beforeHandshake() {}
      }
      host.endpoint({ handshakeInterceptors: [new Forgetful() as object] });

      expect(await converse(await host.listen(), handshakeText("/ws"))).to.match(/^HTTP\/1\.1 500 /);
      expect(host.log).to.deep.equal(["beforeHandshake of Forgetful returned neither true nor false"]);
    });

    it("is logged after the handshake, and the others hear of it all the same", async () => {
      const failing = { afterHandshake: () => Promise.reject(new Error("no database")) };
      host.endpoint({ handshakeInterceptors: [noting("one"), failing] });

      const client = await openWebSocket(await host.listen(), "/ws");
      client.ws.send("still here");

      expect(await client.next()).to.equal("still here");
      expect(told).to.deep.equal(["one before", "one after"]);
      expect(host.log).to.deep.equal(["afterHandshake failed"]);
    });

    it("hears of a user that is not found", async () => {
      host.endpoint({ handshakeInterceptors: [noting("one")], user: () => ({ name: "" }) });
      expect(await converse(await host.listen(), handshakeText("/ws"))).to.match(/^HTTP\/1\.1 500 /);
      expect(told.at(-1)).to.contain("one after: The endpoint's option user(req)");
    });
  });

  describe("when the endpoint closes meanwhile", () => {
    it("hears that no connection came of it", async () => {
      const endpoint = host.endpoint({
        sockJS: true,
        handshakeInterceptors: [
          noting("one", async () => {
            endpoint.close();
            return true;
          }),
        ],
      });

      expect(await converse(await host.listen(), handshakeText("/ws"))).to.match(/^HTTP\/1\.1 503 /);
      expect(told).to.deep.equal(["one before", "one after: No connection came of the handshake"]);
    });
  });

  describe("at SockJS over HTTP", () => {
    it("is asked once for a session, not for each request", async () => {
      const interceptor = noting("one", (_request, _response, attributes) => {
        attributes.set("n", told.length);
        return true;
      });
      host.endpoint({ sockJS: true, handshakeInterceptors: [interceptor] });
      const port = await host.listen();

      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal("o\n");
      expect((await post(port, "/ws/000/s1/xhr_send", '["hi"]')).status).to.equal(204);
      expect((await post(port, "/ws/000/s1/xhr")).text).to.equal('a["hi"]\n');
      expect((await post(port, "/ws/info")).status).to.equal(405);

      expect(told).to.deep.equal(["one before", "one after"]);
      expect((await host.nth(0)).handshake.attributes?.get("n")).to.equal(1);
    });

    it("is asked again for a session that ended while a request for it waited", async () => {
      let found = () => {};
      let waits = false;
      const user = () => (waits ? new Promise<null>((resolve) => (found = () => resolve(null))) : null);
      let refuses = false;
      host.endpoint({
        sockJS: { disconnectDelay: 50 },
        user,
        handshakeInterceptors: [noting("one", () => !refuses)],
      });
      const port = await host.listen();
      await post(port, "/ws/000/s1/xhr");
      const closed = once((await host.nth(0)).events, "close");

      waits = refuses = true;
      const poll = post(port, "/ws/000/s1/xhr");
      await once(host.server, "request");
      await closed;
      found();

      expect((await poll).status).to.equal(403);
      expect(host.opened).to.have.length(1);
    });

    it("lets one of two requests begin a session, and the other join it", async () => {
      const waiting: (() => void)[] = [];
      const slow = noting("slow", () => new Promise((resolve) => waiting.push(() => resolve(true))));
      host.endpoint({ sockJS: true, handshakeInterceptors: [slow] });
      const port = await host.listen();
      const polls = [];
      for (let i = 0; i < 2; i++) {
        polls.push(post(port, "/ws/000/s1/xhr"));
        await once(host.server, "request");
      }
      for (const go of waiting) go();
      expect((await polls[0])?.text).to.equal("o\n");
      (await host.nth(0)).socket.send(Buffer.from("hi"), false);

      expect((await polls[1])?.text).to.equal('a["hi"]\n');
      expect(host.opened).to.have.length(1);
      expect(told.filter((line) => line.includes("after"))).to.have.members([
        "slow after",
        "slow after: No connection came of the handshake",
      ]);
    });
  });

  describe("when a page of another origin connects", () => {
    it("is not asked", async () => {
      host.endpoint({ handshakeInterceptors: [noting("one")] });
      const bytes = handshakeText("/ws", { Origin: "https://evil.example" });
      expect(await converse(await host.listen(), bytes)).to.match(/^HTTP\/1\.1 403 /);
      expect(told).to.deep.equal([]);
    });
  });
});
