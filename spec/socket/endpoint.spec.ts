import { expect } from "chai";
import express from "express";
import { ConfigurationError } from "express-stomp";
import { Endpoint, type EndpointContext, type EndpointOptions } from "#lib/socket/endpoint.js";
import { converse, converseUntil, handshakeText, openWebSocket, SocketHost } from "../support/socket-host.js";

describe("Endpoint", () => {
  let host: SocketHost;

  beforeEach(() => {
    host = new SocketHost();
  });

  afterEach(async () => {
    await host.close();
  });

  describe("when a client shakes hands", () => {
    it("opens a socket that carries text and binary both ways", async () => {
      host.endpoint();
      const client = await openWebSocket(await host.listen(), "/ws");
      client.ws.send("text ");
      client.ws.send(Buffer.from("bytes"));

      expect(await client.next()).to.equal("text ");
      expect(await client.next()).to.equal("bytes");
      expect((await host.nth(0)).socket.transport).to.equal("websocket");
    });

    it("chooses among the offered sub-protocols, and accepts none", async () => {
      host.endpoint();
      const port = await host.listen();
      const client = await openWebSocket(port, "/ws", { protocols: ["v10.stomp", "v12.stomp", "v11.stomp"] });
      expect(client.ws.protocol).to.equal("v12.stomp");
      expect((await openWebSocket(port, "/ws")).ws.protocol).to.equal("");
    });

    it("negotiates no compression", async () => {
      host.endpoint();
      const headers = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
      const answer = await converseUntil(await host.listen(), handshakeText("/ws", headers), /\r\n\r\n/);

      expect(answer)
        .to.match(/^HTTP\/1\.1 101 /)
        .and.not.match(/Extensions/i);
    });

    it("finds it below a mount and a router, with a query and a slash at the end", async () => {
      const router = express.Router();
      host.endpoint({ path: "/ws" }, "/mounted");
      const endpoint = host.endpoint({ path: "/채팅" }, "/unused");
      router.use((req, res, next) => void (endpoint.handle(req, res, next) || next()));
      host.app.use("/routed", router);
      const port = await host.listen();

      for (const path of ["/mounted/ws", "/mounted/ws/", "/mounted/ws?a=b", "/routed/%EC%B1%84%ED%8C%85"]) {
        (await openWebSocket(port, path)).ws.terminate();
      }
    });

    it("passes on what is not at its path", async () => {
      host.endpoint({ path: "/ws" });
      host.endpoint({ path: "/sock", sockJS: true });
      const port = await host.listen();

      for (const path of [
        "/",
        "/w",
        "/wsx",
        "/ws/websocket",
        "/ws/info",
        "/WS",
        "//ws",
        "/sockx",
        "/sockx/info",
      ]) {
        expect(await converse(port, handshakeText(path)), path).to.match(/^HTTP\/1\.1 404 /);
      }
    });

    it("may be the mount itself", async () => {
      host.endpoint({ path: "/" }, "/ws");
      const port = await host.listen();
      (await openWebSocket(port, "/ws")).ws.terminate();
      (await openWebSocket(port, "/ws/")).ws.terminate();
      expect(await converse(port, handshakeText("/ws/x"))).to.match(/^HTTP\/1\.1 404 /);
    });
  });

  describe("when a handshake is none", () => {
    const cases: [what: string, bytes: string, answer: RegExp][] = [
      [
        "an older version",
        handshakeText("/ws", { "Sec-WebSocket-Version": "8" }),
        /^HTTP\/1\.1 426 [\s\S]*Sec-WebSocket-Version: 13\r\n/,
      ],
      [
        "no version",
        handshakeText("/ws", { "Sec-WebSocket-Version": null }),
        /^HTTP\/1\.1 426 [\s\S]*Sec-WebSocket-Version: 13\r\n/,
      ],
      [
        "no key",
        handshakeText("/ws", { "Sec-WebSocket-Key": null }),
        /^HTTP\/1\.1 400 [\s\S]*Sec-WebSocket-Key/,
      ],
      [
        "a bad key",
        handshakeText("/ws", { "Sec-WebSocket-Key": "short" }),
        /^HTTP\/1\.1 400 [\s\S]*Sec-WebSocket-Key/,
      ],
      ["a POST", handshakeText("/ws", {}, "POST"), /^HTTP\/1\.1 405 [\s\S]*Allow: GET\r\n/],
      [
        "sub-protocols without a comma",
        handshakeText("/ws", { "Sec-WebSocket-Protocol": "a b" }),
        /^HTTP\/1\.1 400 /,
      ],
      [
        "a Connection that upgrades nothing",
        handshakeText("/ws", { Connection: "close" }),
        /^HTTP\/1\.1 400 [\s\S]*"Connection" must be "upgrade"/,
      ],
      [
        "no upgrade",
        handshakeText("/ws", { Connection: "close", Upgrade: null }),
        /^HTTP\/1\.1 426 [\s\S]*Upgrade: websocket\r\n/,
      ],
      [
        "a POST without upgrade",
        handshakeText("/ws", { Connection: "close", Upgrade: null }, "POST"),
        /^HTTP\/1\.1 405 [\s\S]*Allow: GET\r\n/,
      ],
    ];
    for (const [what, bytes, answer] of cases) {
      it(`answers ${what} in HTTP`, async () => {
        host.endpoint();
        expect(await converse(await host.listen(), bytes)).to.match(answer);
        expect(host.opened).to.deep.equal([]);
      });
    }

    it("survives odd headers", async () => {
      host.endpoint();
      const port = await host.listen();
      for (const headers of [
        { "Sec-WebSocket-Extensions": "constructor" },
        { "Sec-WebSocket-Protocol": `a${" ".repeat(10_000)}b` },
        { Origin: "https://[" },
        { Host: "a/b?c#d@e", Origin: "https://a" },
      ]) {
        expect(await converseUntil(port, handshakeText("/ws", headers), /\r\n\r\n/)).to.match(
          /^HTTP\/1\.1 (101|400|403) /,
        );
      }
    });
  });

  describe("when the server was not attached", () => {
    it("answers 426 and says so, and in the log once", async () => {
      host.endpoint();
      const port = await host.listen({ attach: false });
      for (let i = 0; i < 2; i++) {
        const answer = await converse(port, handshakeText("/ws", { Connection: "Upgrade, close" }));
        expect(answer).to.match(
          /^HTTP\/1\.1 426 [\s\S]*Upgrade: websocket\r\n[\s\S]*messaging\.attach\(server\)/,
        );
      }

      expect(host.log).to.have.length(1);
      expect(host.log[0]).to.contain("messaging.attach(server)");
    });
  });

  describe("when a page of another origin connects", () => {
    it("answers 403 without opening a socket", async () => {
      host.endpoint({ allowedOrigins: ["https://good.com"] });
      const port = await host.listen();
      const answer = await converse(
        port,
        handshakeText("/ws", { Origin: "https://evil.com", Cookie: "secret=1" }),
      );

      expect(answer)
        .to.match(/^HTTP\/1\.1 403 Forbidden\r\n/)
        .and.not.match(/access-control|secret/i);
      expect(host.opened).to.deep.equal([]);
      (await openWebSocket(port, "/ws", { origin: "https://good.com" })).ws.terminate();
    });

    it("takes the server's own origin from the proxy only if the application trusts it", async () => {
      host.endpoint();
      const port = await host.listen();
      const headers = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example" };
      const bytes = handshakeText("/ws", { ...headers, Origin: "https://chat.example" });
      expect(await converse(port, bytes)).to.match(/^HTTP\/1\.1 403 /);

      host.app.set("trust proxy", true);
      expect(await converseUntil(port, bytes, /\r\n\r\n/)).to.match(/^HTTP\/1\.1 101 /);
    });
  });

  describe("when it looks for the user", () => {
    const withUser = (user: unknown) => {
      host.app.use((req, _res, next) => {
        Object.assign(req, { user });
        next();
      });
    };

    it("takes req.user by its name", async () => {
      const user = { name: "ann" };
      withUser(user);
      host.endpoint();
      await openWebSocket(await host.listen(), "/ws");
      expect((await host.nth(0)).handshake.user).to.equal(user);
    });

    it("takes req.user by its username, and keeps all else of it", async () => {
      withUser({ username: "bob", name: "", id: 7 });
      host.endpoint();
      await openWebSocket(await host.listen(), "/ws");
      expect((await host.nth(0)).handshake.user).to.include({ name: "bob", username: "bob", id: 7 });
    });

    for (const user of [undefined, null]) {
      it(`opens a socket of nobody when req.user is ${user}`, async () => {
        withUser(user);
        host.endpoint();
        await openWebSocket(await host.listen(), "/ws");
        expect((await host.nth(0)).handshake.user).to.equal(undefined);
      });
    }

    it("answers 500 and names the option when req.user has no name", async () => {
      withUser({ id: 7 });
      host.endpoint();
      expect(await converse(await host.listen(), handshakeText("/ws"))).to.match(/^HTTP\/1\.1 500 /);
      expect(host.log).to.have.length(1);
      expect(host.log[0]).to.contain("user(req)");
    });

    it("asks the endpoint's own finder", async () => {
      host.endpoint({ user: async (req) => (req.query.name ? { name: String(req.query.name) } : null) });
      const port = await host.listen();
      await openWebSocket(port, "/ws?name=cho");
      await openWebSocket(port, "/ws");
      expect((await host.nth(0)).handshake.user).to.deep.equal({ name: "cho" });
      expect((await host.nth(1)).handshake.user).to.equal(undefined);
    });

    it("gives the finder's errors to the application's error middleware", async () => {
      host.endpoint({ path: "/async", user: async () => Promise.reject(new Error("no database")) });
      host.endpoint({
        path: "/sync",
        user: () => {
          throw new Error("no database");
        },
      });
      const onError: express.ErrorRequestHandler = (error, _req, res, _next) => {
        res.status(500).send(`sorry: ${(error as Error).message}`);
      };
      host.app.use(onError);
      const port = await host.listen();
      for (const path of ["/async", "/sync"]) {
        expect(await converse(port, handshakeText(path))).to.match(
          /^HTTP\/1\.1 500 [\s\S]*sorry: no database$/,
        );
      }
    });

    it("answers 500 when the finder gives somebody without a name", async () => {
      host.endpoint({ user: () => ({ name: "" }) });
      expect(await converse(await host.listen(), handshakeText("/ws"))).to.match(/^HTTP\/1\.1 500 /);
      expect(host.log[0]).to.contain("user(req)");
    });
  });

  describe("when it is closed", () => {
    it("answers 503 to handshakes, and lets open sockets live", async () => {
      const endpoint = host.endpoint();
      const port = await host.listen();
      const client = await openWebSocket(port, "/ws");
      endpoint.close();

      expect(await converse(port, handshakeText("/ws"))).to.match(/^HTTP\/1\.1 503 /);
      client.ws.send("still here");
      expect(await client.next()).to.equal("still here");
    });

    it("answers 503 to a handshake whose user was being looked for", async () => {
      const endpoint = host.endpoint({
        user: async () => {
          endpoint.close();
          return null;
        },
      });
      expect(await converse(await host.listen(), handshakeText("/ws"))).to.match(/^HTTP\/1\.1 503 /);
    });
  });
});

describe("Endpoint's options", () => {
  const cases: [options: unknown, option: string][] = [
    [{ path: "ws" }, "path"],
    [{ path: "/ws?x" }, "path"],
    [{ path: undefined }, "path"],
    [{ path: "/ws", user: "ann" }, "user"],
    [{ path: "/ws", handshakeInterceptors: { beforeHandshake: true } }, "handshakeInterceptors"],
    [{ path: "/ws", handshakeInterceptors: [{}] }, "handshakeInterceptors[0]"],
    [{ path: "/ws", allowedOrigins: ["example.com"] }, "allowedOrigins"],
    [{ path: "/ws", sockJS: true, allowedOrigins: ["*"] }, "allowedOriginPatterns"],
    [{ path: "/ws", sockJS: "yes" }, "sockJS"],
    [{ path: "/ws", sockJS: { heartbeatTime: 0 } }, "sockJS.heartbeatTime"],
    [{ path: "/ws", sockJS: { disconnectDelay: "5s" } }, "sockJS.disconnectDelay"],
    [{ path: "/ws", sockJS: { streamBytesLimit: 1.5 } }, "sockJS.streamBytesLimit"],
    [{ path: "/ws", sockJS: { webSocketEnabled: 1 } }, "sockJS.webSocketEnabled"],
    [{ path: "/ws", sockJS: { httpMessageCache: 100 } }, "sockJS.httpMessageCache"],
    [{ path: "/ws", sockJS: { sessionLimit: Number.POSITIVE_INFINITY } }, "sockJS.sessionLimit"],
    [{ path: "/ws", sockJS: { suppressCors: "yes" } }, "sockJS.suppressCors"],
    [{ path: "/ws", sockJS: { transportHandlers: [] } }, "sockJS.transportHandlers"],
    [{ path: "/ws", sockJS: { transportHandlers: ["xhr", "xhr_send"] } }, "sockJS.transportHandlers"],
    [{ path: "/ws", sockJS: { clientLibraryUrl: "sockjs.js" } }, "sockJS.clientLibraryUrl"],
    [{ path: "/ws", sockJS: { clientLibraryUrl: "//evil.com/sockjs.js" } }, "sockJS.clientLibraryUrl"],
    [{ path: "/ws", sockJS: { clientLibraryUrl: "javascript:alert(1)" } }, "sockJS.clientLibraryUrl"],
    [{ path: "/ws", sockJS: { clientLibraryUrl: 1 } }, "sockJS.clientLibraryUrl"],
    [
      { path: "/ws", sockJS: { clientLibraryUrl: "/sockjs.js" }, allowedOrigins: ["https://good.com"] },
      "sockJS.clientLibraryUrl",
    ],
    [
      {
        path: "/ws",
        sockJS: { transportHandlers: ["jsonp"] },
        allowedOriginPatterns: ["https://*.good.com"],
      },
      "sockJS.transportHandlers",
    ],
  ];
  for (const [options, option] of cases) {
    it(`fail for ${JSON.stringify(options)} with the name of ${option}`, () => {
      const context = { messageSizeLimit: 1024 } as EndpointContext;
      expect(() => new Endpoint(options as EndpointOptions, context)).to.throw(ConfigurationError, option);
    });
  }
});
